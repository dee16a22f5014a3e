"""Changes that loosen a bound: those that wait for another person, and what became of the others."""

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import reference_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import note
from phalanx.api.lists import Skip, ViewLimit
from phalanx.api.policy import APPROVE, READ
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone, gently, read_views
from phalanx.api.shapes import Note
from phalanx.domain.changes import ChangeStatus
from phalanx.domain.events import ChangeApproved, ChangeDeclined
from phalanx.domain.instructions import Door as DoorName
from phalanx.engine.commands import ApproveChange, DeclineChange
from phalanx.views.change_list import ChangeRow
from phalanx.views.queries import Views

PATH = "/api/v1/changes"
_encode = msgspec.json.Encoder().encode


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, in a few words."""

    note: Note | UnsetType = UNSET


class ChangeAnswer(msgspec.Struct, frozen=True, gc=False):
    """A change. ``kind``: kill, limits, settings or groups; ``details``: what it would do, the first of many.
    ``status``: WAITING, APPROVED, DECLINED, EXPIRED, or REFUSED: approved, and not possible any more, as
    ``refusal`` says, a code, with its sentence.
    """

    change: str
    kind: str
    status: str
    details: tuple[str, ...]
    asked_by: str
    asked_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    note: str | None
    refusal: str | None
    refusal_text: str | None
    seq: int


class ChangeList(msgspec.Struct, frozen=True):
    """Changes, newest first."""

    items: list[ChangeAnswer]
    total: int
    as_of: int


class ChangeDecided(msgspec.Struct, frozen=True):
    """What became of a change: APPROVED and done, REFUSED (with why) or DECLINED."""

    change: str
    status: str
    decided_by: str
    decided_at: str
    note: str
    refusal: str | None = None
    refusal_text: str | None = None


class ChangeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which changes."""

    status: Literal["waiting", "approved", "refused", "declined", "expired", "all"] = "waiting"
    skip: Skip = 0
    limit: ViewLimit = 100


async def list_changes(call: Call) -> Answer:
    """Changes, those that wait unless others are asked for."""
    query = call.query(ChangeQuery)
    status = None if query.status == "all" else ChangeStatus(query.status.upper())
    shown = _shower(call)

    def work(views: Views) -> Answer:
        found = views.changes(status, skip=query.skip, limit=query.limit)
        items = [shown(row) for row in gently(found.items)]
        return Answer(200, _encode(ChangeList(items, found.total, found.as_of)), (NO_STORE,))

    return await read_views(call, work)


async def get_change(call: Call) -> Answer:
    """One change."""
    change_id = call.path("change_id")
    shown = _shower(call)

    def work(views: Views) -> bytes | None:
        row = views.one_change(change_id)
        return None if row is None else _encode(shown(row))

    content = await read_views(call, work)
    if content is None:
        raise Problem("NO_SUCH_CHANGE", f"no change {change_id}")
    return Answer(200, content, (NO_STORE,))


async def approve_change(call: Call) -> Answer:
    """Approve what another person asked for: it is decided anew and done at once."""
    change_id, remark = call.path("change_id"), _remark(call)
    origin = call.origin(DoorName.CHANGES, "approve", change_id, remark)
    executed = await call.desk.execute(ApproveChange(origin, change_id, remark))
    event = executed.events[0]
    assert isinstance(event, ChangeApproved), f"{type(event).__name__} approves no change"
    answer = ChangeDecided(
        event.change_id,
        (ChangeStatus.REFUSED if event.refusal else ChangeStatus.APPROVED).value,
        event.origin.actor,
        Zone(call).at(event.time),
        event.note,
        event.refusal or None,
        event.detail or None,
    )
    return answer_json(200, answer, executed)


async def decline_change(call: Call) -> Answer:
    """Decline a change, or take back what one asked for oneself."""
    change_id, remark = call.path("change_id"), _remark(call)
    origin = call.origin(DoorName.CHANGES, "decline", change_id, remark)
    executed = await call.desk.execute(DeclineChange(origin, change_id, remark))
    event = executed.events[0]
    assert isinstance(event, ChangeDeclined), f"{type(event).__name__} declines no change"
    answer = ChangeDecided(
        event.change_id,
        ChangeStatus.DECLINED.value,
        event.origin.actor,
        Zone(call).at(event.time),
        event.note,
    )
    return answer_json(200, answer, executed)


def _remark(call: Call) -> str:
    said = call.decode(_decision).note
    return "" if said is UNSET else note(said)


def _shower(call: Call) -> Callable[[ChangeRow], ChangeAnswer]:
    """A row as it is shown."""
    zone = Zone(call)

    def shown(row: ChangeRow) -> ChangeAnswer:
        is_over = row.status is not ChangeStatus.WAITING
        return ChangeAnswer(
            row.id,
            row.kind,
            row.status.value,
            row.details,
            row.actor,
            zone.at(row.asked_at_ns),
            zone.at(row.expires_at_ns),
            row.decided_by or None,
            zone.maybe(row.ended_at_ns),
            row.decision_note if is_over else None,
            row.refusal or None,
            row.refusal_text or None,
            row.seq,
        )

    return shown


_decision: Body[Decision] = Body(Decision)
_VIEWS = ("VIEWS_UNAVAILABLE", "QUERY_TOO_LONG")
_DECIDED = ("NO_SUCH_CHANGE", "CHANGE_EXPIRED", "PERSON_NEEDED", "TEXT_TOO_LONG", "INVALID_TEXT")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_changes,
        "Changes that wait for another person",
        ChangeList,
        policy=READ,
        tag="changes",
        about="With the setting `two_persons`, lifting a kill, loosening a limit or a setting, and taking "
        "accounts out of a group that has limits are asked for first. `status` is `waiting` unless "
        "it is said to be another one, or `all`.",
        query=ChangeQuery,
        problems=_VIEWS,
    ),
    Door(
        "GET",
        f"{PATH}/{{change_id}}",
        get_change,
        "One change",
        ChangeAnswer,
        policy=READ,
        tag="changes",
        problems=("NO_SUCH_CHANGE", *_VIEWS),
    ),
    Door(
        "POST",
        f"{PATH}/{{change_id}}/approve",
        approve_change,
        "Approve a change",
        ChangeDecided,
        policy=APPROVE,
        tag="changes",
        about="By another person than who asked, never by a machine key or a webhook. The change is decided "
        "anew, against what stands now; what it would change must be as it was when it was asked for. "
        "Where it is not, or it is not possible any more, the change ends as REFUSED and nothing is "
        "done. With `--open-localhost` everybody is `local`: nobody can approve.",
        body=Decision,
        body_optional=True,
        examples=examples.DECISION,
        problems=(*_DECIDED, "SAME_PERSON"),
        keyed=True,
    ),
    Door(
        "POST",
        f"{PATH}/{{change_id}}/decline",
        decline_change,
        "Decline a change",
        ChangeDecided,
        policy=APPROVE,
        tag="changes",
        about="By any person, also by who asked, who takes it back so. Nothing is changed.",
        body=Decision,
        body_optional=True,
        examples=examples.DECISION,
        problems=_DECIDED,
        keyed=True,
    ),
)
