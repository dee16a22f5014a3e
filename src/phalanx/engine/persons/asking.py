"""A command that would loosen a bound is asked instead of done, while ``two_persons`` is on."""

import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from phalanx.domain.changes import (
    AskedChange,
    Change,
    GroupsChange,
    KillLift,
    LimitsChange,
    SettingsChange,
    parts_of,
)
from phalanx.domain.events import ChangeAsked, Event
from phalanx.domain.limits import LimitLevel
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND
from phalanx.engine.commands import LiftKill, PutGroups, PutLimits, PutReference
from phalanx.engine.context import Context
from phalanx.engine.ids import new_change_id
from phalanx.engine.persons.describing import describe
from phalanx.engine.persons.loosening import loosens, settings_changed
from phalanx.engine.refused import Refused
from phalanx.engine.state import State, limit_key

PARTS_MAX = 200_000
"""Most limits, settings, instruments and members that all waiting changes name together."""

_C = TypeVar("_C", LiftKill, PutLimits, PutGroups, PutReference)
_encode = msgspec.msgpack.Encoder().encode


def with_second_person(
    decider: Callable[[State, _C, Context], list[Event]],
) -> Callable[[State, _C, Context], list[Event]]:
    """The decider, but what loosens a bound waits for another person, as a whole.

    Everything is decided first, so that what could not be done anyway is refused at once. Raises
    Refused as ``decider`` does, ``TOO_MANY_CHANGES``, ``SETTINGS_ALONE``.
    """

    def decide(state: State, command: _C, context: Context) -> list[Event]:
        events = decider(state, command, context)
        if not state.settings.two_persons or not loosens(state, events):
            return events
        return [_ask(state, command, context)]

    return decide


def stood(state: State, change: Change) -> bytes:
    """A digest of what stands now of all that the change would make otherwise."""
    return hashlib.blake2b(_encode(_standing(state, change)), digest_size=16).digest()


def settings_with(settings: RiskSettings, change: SettingsChange) -> RiskSettings:
    """The settings as the change makes them."""
    return msgspec.structs.replace(settings, **dict(change.fields))


def _ask(
    state: State, command: LiftKill | PutLimits | PutGroups | PutReference, context: Context
) -> ChangeAsked:
    change = _change(state, command)
    settings = state.settings
    if len(state.changes) >= settings.changes_max:
        detail = f"{len(state.changes):,} changes wait for another person already"
        raise Refused("TOO_MANY_CHANGES", detail)
    waiting = sum(parts_of(asked.change) for asked in state.changes.values())
    if waiting + parts_of(change) > PARTS_MAX:
        detail = f"all changes that wait may name {PARTS_MAX:,} things, and this is one too large"
        raise Refused("TOO_MANY_CHANGES", detail)
    now = context.now
    asked = AskedChange(
        new_change_id(state.desk_id, state.shard, state.next_change),
        command.origin,
        change,
        now,
        now + settings.change_expires_s * SECOND,
        describe(state, change),
        stood(state, change),
    )
    return ChangeAsked(now, asked)


def _change(state: State, command: LiftKill | PutLimits | PutGroups | PutReference) -> Change:
    match command:
        case LiftKill():
            return KillLift(command.scope, command.note)
        case PutLimits():
            return LimitsChange(command.limits, command.removed)
        case PutGroups():
            return GroupsChange(command.groups, command.removed)
        case PutReference():
            return _settings_change(state, command)


def _settings_change(state: State, command: PutReference) -> SettingsChange:
    """Only what differs: another field that is changed meanwhile must not be changed back by it."""
    assert command.settings is not None, "only settings loosen anything here"
    others = (
        *(command.clients, command.accounts, command.strategies),
        *(command.subscriptions, command.cash),
    )
    if any(others):
        detail = "settings that wait for another person are changed by themselves"
        raise Refused("SETTINGS_ALONE", detail)
    changed = settings_changed(state.settings, command.settings)
    return SettingsChange(tuple((name, after) for name, _, after in changed))


def _standing(state: State, change: Change) -> object:
    match change:
        case KillLift(scope=scope):
            return state.kills.get(scope.key)
        case LimitsChange():
            named = [(limit.level, limit.name) for limit in change.limits]
            return [state.limits.get(limit_key(*one)) for one in (*named, *change.removed)]
        case SettingsChange(fields=fields):
            return [getattr(state.settings, name) for name, _ in fields]
        case GroupsChange():
            names = (*(group.name for group in change.groups), *change.removed)
            return [
                (state.groups.get(name), state.limits.get(limit_key(LimitLevel.GROUP, name)))
                for name in names
            ]
