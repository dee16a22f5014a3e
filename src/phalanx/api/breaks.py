"""Breaks: what differs from a broker's books and nobody could explain; who has it, and that it is settled."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import reconciliation_examples as examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import name, note
from phalanx.api.instruction_shapes import Moment
from phalanx.api.lists import Skip, ViewLimit
from phalanx.api.new_instructions import moment
from phalanx.api.policy import READ, TRADE
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone, gently, read_views
from phalanx.api.shapes import Note
from phalanx.api.tables import FormatName, csv_answer, struct_rows
from phalanx.domain.breaks import BreakKind
from phalanx.domain.events import BreakClosed, BreakTaken
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.names import NOTE_CHARACTERS_MAX
from phalanx.domain.time import DAY, Nanoseconds
from phalanx.engine.commands import CloseBreak, TakeBreak
from phalanx.views.break_list import BreakFilters
from phalanx.views.queries import Views
from phalanx.views.rows import BreakRow

PATH = "/api/v1/breaks"
DEADLINE_DAYS_MAX = 365
_encode = msgspec.json.Encoder().encode

KindName: TypeAlias = Literal[
    "ORDER_IN_DOUBT",
    "ORDER_MISSING",
    "ORDER_UNKNOWN",
    "ORDER_DIFFERS",
    "FILLED_LESS",
    "FILL_UNBOOKABLE",
    "POSITION",
    "CASH",
    "BOOK_UNREADABLE",
]
OwnerName: TypeAlias = Note
"""A name, or nothing: nobody has it."""


class BreakChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who has the break from now on (an empty text: nobody), a remark, until when it is to be settled; what
    is absent stays.
    """

    owner: OwnerName | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    deadline: Moment | UnsetType = UNSET


class BreakClosing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it was settled, in a few words."""

    note: Note


class BreakAnswer(msgspec.Struct, frozen=True, gc=False):
    """A break. ``subject``: an order, an execution, a position, or empty; ``ours`` and ``theirs`` are the
    two values that differ. ``ended``: MATCHED (a later reading agrees) or SETTLED (``closed_by`` says
    so); null while it is open, and then it may be ``overdue``.
    """

    id: str
    account: str
    client: str
    client_id: int
    kind: str
    subject: str
    ours: str
    theirs: str
    reason: str
    owner: str
    note: str
    filed_at: str
    deadline: str
    overdue: bool
    ended: str | None
    ended_at: str | None
    closed_by: str | None
    closing_note: str | None
    updated_at: str
    seq: int


class BreakList(msgspec.Struct, frozen=True):
    """Breaks, newest first."""

    items: list[BreakAnswer]
    total: int
    as_of: int


class BreakTakenAnswer(msgspec.Struct, frozen=True):
    """Who has the break now."""

    id: str
    owner: str
    note: str
    deadline: str


class BreakClosedAnswer(msgspec.Struct, frozen=True):
    """That it is settled, and who says so."""

    id: str
    ended: str
    ended_at: str
    closed_by: str
    closing_note: str


class BreakQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which breaks; filters are combined with "and". ``overdue``: open, and past their deadline."""

    status: Literal["open", "closed", "all"] = "open"
    account: str | None = None
    kind: KindName | None = None
    owner: str | None = None
    overdue: bool = False
    skip: Skip = 0
    limit: ViewLimit = 100
    format: FormatName = "json"


async def list_breaks(call: Call) -> Answer:
    """Breaks, the open ones unless others are asked for."""
    query = call.query(BreakQuery)
    now = call.desk.clock.now()
    filters = BreakFilters(
        query.account,
        None if query.kind is None else BreakKind(query.kind),
        query.owner,
        {"open": True, "closed": False, "all": None}[query.status],
        now if query.overdue else None,
    )
    shown = _shower(call, now)

    def work(views: Views) -> Answer:
        found = views.breaks(filters, skip=query.skip, limit=query.limit)
        items = [shown(row) for row in gently(found.items)]
        if query.format == "csv":
            columns = BreakAnswer.__struct_fields__
            return csv_answer("breaks", columns, struct_rows(columns, items), found.total)
        return Answer(200, _encode(BreakList(items, found.total, found.as_of)), (NO_STORE,))

    return await read_views(call, work)


async def get_break(call: Call) -> Answer:
    """One break, as it was filed last."""
    break_id = call.path("break_id")
    shown = _shower(call, call.desk.clock.now())

    def work(views: Views) -> bytes | None:
        row = views.one_break(break_id)
        return None if row is None else _encode(shown(row))

    content = await read_views(call, work)
    if content is None:
        raise Problem("NO_SUCH_BREAK", f"no break {break_id}")
    return Answer(200, content, (NO_STORE,))


async def take_break(call: Call) -> Answer:
    """Say who has it, until when, and what there is to know."""
    break_id = call.path("break_id")
    asked = _asked(call.decode(_change))
    origin = call.origin(DoorName.BREAKS, "take", break_id, asked)
    if not call.is_repeat(origin):
        _check_deadline(asked.deadline, call.desk.clock.now())
    command = TakeBreak(origin, break_id, asked.owner, asked.note, asked.deadline)
    executed = await call.desk.execute(command)
    event = executed.events[0]
    assert isinstance(event, BreakTaken), f"{type(event).__name__} takes no break"
    until = Zone(call).at(event.deadline)
    answer = BreakTakenAnswer(event.break_id, event.owner, event.note, until)
    return answer_json(200, answer, executed)


async def close_break(call: Call) -> Answer:
    """Say that it is settled. The account's book is read soon: what still differs then, otherwise than
    it did, is filed again.
    """
    break_id = call.path("break_id")
    remark = said(call.decode(_closing).note)
    origin = call.origin(DoorName.BREAKS, "close", break_id, remark)
    desk = call.desk
    found = desk.state.breaks.get(break_id)
    executed = await desk.execute(CloseBreak(origin, break_id, remark))
    if found is not None:
        desk.reconciler.read_soon(found.account)
    event = executed.events[0]
    assert isinstance(event, BreakClosed), f"{type(event).__name__} closes no break"
    answer = BreakClosedAnswer(
        event.break_id, event.end.value, Zone(call).at(event.time), event.origin.actor, event.note
    )
    return answer_json(200, answer, executed)


def said(remark: str) -> str:
    """A remark that must be there. Raises Problem ``EMPTY_TEXT``, and as ``note`` does."""
    if not remark.strip():
        raise Problem("EMPTY_TEXT", "say in a few words why", field="note")
    return note(remark)


class _Asked(msgspec.Struct, frozen=True):
    """A change, read; None keeps what is there."""

    owner: str | None
    note: str | None
    deadline: Nanoseconds | None


def _asked(body: BreakChange) -> _Asked:
    """Raises Problem ``NOTHING_TO_CHANGE``, ``INVALID_TIME``, and as ``name`` and ``note`` do."""
    owner = None if body.owner is UNSET else body.owner and name(body.owner, "owner")
    remark = None if body.note is UNSET else note(body.note)
    deadline = None if body.deadline is UNSET else moment(body.deadline, "deadline")
    if owner is None and remark is None and deadline is None:
        raise Problem("NOTHING_TO_CHANGE", "name owner, note, deadline or several of them")
    return _Asked(owner, remark, deadline)


def _check_deadline(deadline: Nanoseconds | None, now: Nanoseconds) -> None:
    if deadline is None:
        return
    if deadline <= now:
        raise Problem("DEADLINE_PAST", "this time is over", field="deadline")
    if deadline > now + DEADLINE_DAYS_MAX * DAY:
        detail = f"more than {DEADLINE_DAYS_MAX} days away"
        raise Problem("DEADLINE_TOO_FAR", detail, field="deadline")


def _shower(call: Call, now: Nanoseconds) -> Callable[[BreakRow], BreakAnswer]:
    """A row as it is shown now."""
    zone = Zone(call)

    def shown(row: BreakRow) -> BreakAnswer:
        return BreakAnswer(
            row.id,
            row.account,
            row.client_name,
            row.client_id,
            row.kind.value,
            row.subject,
            row.ours,
            row.theirs,
            row.reason,
            row.owner,
            row.note,
            zone.at(row.filed_at_ns),
            zone.at(row.deadline_ns),
            row.ending is None and row.deadline_ns < now,
            None if row.ending is None else row.ending.value,
            zone.maybe(row.ended_at_ns),
            row.closed_by or None,
            row.closing_note or None,
            zone.at(row.updated_at_ns),
            row.seq,
        )

    return shown


_change: Body[BreakChange] = Body(BreakChange)
_closing: Body[BreakClosing] = Body(BreakClosing)
_VIEWS = ("VIEWS_UNAVAILABLE", "QUERY_TOO_LONG")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_breaks,
        "Breaks",
        BreakList,
        policy=READ,
        tag="reconciliation",
        about="What differs between our books and a broker's, stood so in two readings, and could not be "
        "explained. `status` is `open` unless it is said to be `closed` or `all`.",
        query=BreakQuery,
        problems=_VIEWS,
    ),
    Door(
        "GET",
        f"{PATH}/{{break_id}}",
        get_break,
        "One break",
        BreakAnswer,
        policy=READ,
        tag="reconciliation",
        about="Its id is made of what differs: the same difference found again is the same break, and "
        "this is the last time that it was filed.",
        problems=("NO_SUCH_BREAK", *_VIEWS),
    ),
    Door(
        "PATCH",
        f"{PATH}/{{break_id}}",
        take_break,
        "Take a break, or change its note or deadline",
        BreakTakenAnswer,
        policy=TRADE,
        tag="reconciliation",
        about=f"A deadline is at most {DEADLINE_DAYS_MAX} days away. An empty owner gives it back.",
        body=BreakChange,
        examples=examples.BREAK_CHANGE,
        problems=(
            *("NO_SUCH_BREAK", "NOTHING_TO_CHANGE", "INVALID_TIME", "DEADLINE_PAST"),
            *("DEADLINE_TOO_FAR", "TEXT_TOO_LONG", "INVALID_TEXT"),
        ),
        keyed=True,
    ),
    Door(
        "POST",
        f"{PATH}/{{break_id}}/close",
        close_break,
        "Settle a break",
        BreakClosedAnswer,
        policy=TRADE,
        tag="reconciliation",
        about="What was settled is filed again today only when it differs otherwise, and tomorrow when it "
        "still does; that of a doubt ends with a verdict about the order. The note has 1 to "
        f"{NOTE_CHARACTERS_MAX} characters.",
        body=BreakClosing,
        examples=examples.BREAK_CLOSING,
        problems=(
            *("NO_SUCH_BREAK", "SETTLE_THE_ORDER"),
            *("EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT"),
        ),
        keyed=True,
    ),
)
