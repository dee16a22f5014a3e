"""Another person decides: a change is approved and done in one record, or declined; or its time is over."""

import msgspec

from phalanx.domain.changes import (
    AskedChange,
    Change,
    GroupsChange,
    KillLift,
    LimitsChange,
    SettingsChange,
)
from phalanx.domain.events import ChangeApproved, ChangeDeclined, ChangesExpired, Event
from phalanx.domain.instructions import Origin
from phalanx.engine import groups, kills, limits, reference
from phalanx.engine.commands import LiftKill, PutGroups, PutLimits, PutReference
from phalanx.engine.context import Context
from phalanx.engine.persons.asking import settings_with, stood
from phalanx.engine.persons.commands import ApproveChange, DeclineChange
from phalanx.engine.persons.person import check_person
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

_ALONE = (
    " With --open-localhost everybody is `local`, and there is no other person: nothing is loosened "
    "while two_persons is on"
)


def approve_change(state: State, command: ApproveChange, context: Context) -> list[Event]:
    """Decide the change anew, against what stands now, and do it in this record.

    What is refused then ends the change with why. Raises Refused ``PERSON_NEEDED``,
    ``NO_SUCH_CHANGE``, ``CHANGE_EXPIRED``, ``SAME_PERSON``.
    """
    asked = _waiting(state, command, context, "approving a change")
    origin = command.origin
    if origin.actor in {asked.origin.actor, asked.origin.sponsor}:
        detail = f"{origin.actor} asked for it; another person has to approve."
        raise Refused("SAME_PERSON", detail + (_ALONE if origin.actor == "local" else ""))
    try:
        events = _decide(state, asked, context)
    except Refused as refused:
        return [
            ChangeApproved(
                context.now, origin, asked.id, 0, command.note, refused.code, refused.detail
            )
        ]
    return [ChangeApproved(context.now, origin, asked.id, len(events), command.note), *events]


def decline_change(state: State, command: DeclineChange, context: Context) -> list[Event]:
    """Nothing is changed. Who asked may take it back so: that loosens nothing.

    Raises Refused ``PERSON_NEEDED``, ``NO_SUCH_CHANGE``, ``CHANGE_EXPIRED``.
    """
    asked = _waiting(state, command, context, "declining a change")
    return [ChangeDeclined(context.now, command.origin, asked.id, command.note)]


def expire_changes(state: State, context: Context) -> list[Event]:
    """Those that nobody decided about in time."""
    now = context.now
    expired = tuple(asked.id for asked in state.changes.values() if asked.expires_at <= now)
    return [ChangesExpired(now, expired)] if expired else []


def _waiting(
    state: State, command: ApproveChange | DeclineChange, context: Context, what: str
) -> AskedChange:
    check_person(command.origin, what)
    asked = state.changes.get(command.change_id)
    if asked is None:
        raise Refused("NO_SUCH_CHANGE", f"no change {command.change_id} waits")
    if asked.expires_at <= context.now:
        raise Refused("CHANGE_EXPIRED", f"nobody decided about {asked.id} in time")
    return asked


def _decide(state: State, asked: AskedChange, context: Context) -> list[Event]:
    """The events of the change, by who asked for it. Raises Refused ``CHANGE_MOVED``, and as what it does."""
    if stood(state, asked.change) != asked.stood:
        detail = "what it would change is not as it was when it was asked for; ask again"
        raise Refused("CHANGE_MOVED", detail)
    # The key was used by the asking, and must not lead to what came of it.
    origin = msgspec.structs.replace(asked.origin, idempotency_key="", fingerprint=b"")
    return _events(state, asked.change, origin, context)


def _events(state: State, change: Change, origin: Origin, context: Context) -> list[Event]:
    match change:
        case KillLift():
            return kills.lift_kill(state, LiftKill(origin, change.scope, change.note), context)
        case LimitsChange():
            command = PutLimits(origin, change.limits, change.removed)
            return limits.put_limits(state, command, context)
        case SettingsChange():
            settings = settings_with(state.settings, change)
            return reference.put_reference(state, PutReference(origin, settings=settings), context)
        case GroupsChange():
            put = PutGroups(origin, change.groups, change.removed)
            return groups.put_groups(state, put, context)
