"""The trading day: what the market takes now, and whether the desk is ready for it."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import Literal, TypeAlias

import msgspec

from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.lists import symbol_of
from phalanx.api.policy import READ
from phalanx.api.reading import Zone
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import Mode, split_book
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import OrdStatus
from phalanx.domain.sessions import TAKEN, Calendar, SessionClass, SessionDay, phase_at, year_of
from phalanx.domain.time import Nanoseconds
from phalanx.engine.day.phases import session_day
from phalanx.engine.state import Order

PATH = "/api/v1/day"
OPEN_MAX = 200
"""So many open orders are listed."""
NAMED_MAX = 20
"""So many accounts of a fact are named."""

_EPOCH = date(1970, 1, 1).toordinal()

KindName: TypeAlias = Literal["HOLIDAY", "NORMAL", "SPECIAL"]
CheckName: TypeAlias = Literal["calendar", "kills", "accounts", "breaks", "doubt", "arming"]


class PhaseAnswer(msgspec.Struct, frozen=True):
    """What the stocks of a class are in now, until when, and what the phase takes. ``class_``:
    CLOSING_AUCTION for stocks whose day ends in one, EQUITY for all others.
    """

    class_: str = msgspec.field(name="class")
    phase: str
    since: str | None
    until: str
    then: str
    ord_types: list[str]
    times_in_force: list[str]
    products: list[str]


class CheckAnswer(msgspec.Struct, frozen=True):
    """A fact to look at before, and during, the day."""

    check: CheckName
    ok: bool
    detail: str


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that has not ended: what is not filled when the day ends is on this list."""

    order_id: str
    instruction_id: str
    account: str
    symbol: str
    side: str
    product: str
    status: str
    quantity: str
    filled: str


class DayAnswer(msgspec.Struct, frozen=True):
    """The day in the exchange's zone. ``known``: a calendar of its year is there; otherwise a weekday is
    taken for a trading day. ``open`` has at most 200 of ``open_total`` orders, the oldest first.
    """

    date: str
    now: str
    kind: KindName
    known: bool
    note: str
    next_trading_day: str | None
    paper_keeps_sessions: bool
    sessions: list[PhaseAnswer]
    checklist: list[CheckAnswer]
    held_instructions: int
    open_total: int
    open: list[OpenOrder]
    as_of: int


def day_text(day: int) -> str:
    """A day number as a date."""
    return date.fromordinal(_EPOCH + day).isoformat()


async def get_day(call: Call) -> Answer:
    """Today, as it is now."""
    desk = call.desk
    calendar = desk.calendar or Calendar()
    now = desk.clock.now()
    today = session_day(desk.state, calendar, now)
    following = calendar.next_trading_day(today.day, desk.state.calendar)
    zone = Zone(call)
    return await call.as_of(
        lambda seq: DayAnswer(
            day_text(today.day),
            zone.at(now),
            today.kind.name,  # type: ignore[arg-type]
            calendar.knows(year_of(today.day), desk.state.calendar),
            today.note,
            None if following is None else day_text(following.day),
            desk.state.settings.paper_keeps_sessions,
            [_session(desk, zone, today, one, now) for one in SessionClass],
            list(_checklist(desk, today, now)),
            len(desk.state.held),
            sum(book.open_orders for book in desk.state.books.values()),
            [_open(desk, order) for order in islice(desk.state.open_orders(), OPEN_MAX)],
            seq,
        )
    )


def _session(
    desk: Desk, zone: Zone, today: SessionDay, session_class: SessionClass, now: Nanoseconds
) -> PhaseAnswer:
    found = phase_at(today, session_class, now, desk.state.settings.zone_offset_s)
    taken = TAKEN[found.phase]
    return PhaseAnswer(
        session_class.name,
        found.phase.name,
        zone.maybe(found.since),
        zone.at(found.until),
        found.then.name,
        [one.name for one in sorted(taken.ord_types)],
        [one.name for one in sorted(taken.times_in_force)],
        [one.name for one in sorted(taken.products)],
    )


def _checklist(desk: Desk, today: SessionDay, now: Nanoseconds) -> Iterator[CheckAnswer]:
    state = desk.state
    is_known = (desk.calendar or Calendar()).knows(year_of(today.day), state.calendar)
    said = "known" if is_known else "no calendar of this year: weekdays count as trading days"
    yield CheckAnswer("calendar", is_known, said)
    yield CheckAnswer("kills", not state.kills, f"{len(state.kills)} standing")
    closed = [one for one in desk.closed if state.accounts[one].enabled]
    yield CheckAnswer("accounts", not closed, _counted(closed, "not open"))
    yield CheckAnswer("breaks", not state.breaks, f"{len(state.breaks)} open")
    doubtful = sum(len(book.doubts) for book in state.books.values())
    yield CheckAnswer("doubt", not doubtful, f"{doubtful} instruments with orders in doubt")
    unarmed = [
        one.id
        for one in state.accounts.values()
        if one.mode is Mode.LIVE and one.enabled and not _is_armed(desk, one.id, now)
    ]
    yield CheckAnswer("arming", not unarmed, _counted(unarmed, "live and not armed"))


def _is_armed(desk: Desk, account: str, now: Nanoseconds) -> bool:
    armed = desk.state.armed.get(account)
    return armed is not None and now < armed.until


def _counted(accounts: Iterable[str], what: str) -> str:
    """``2 not open: A1, A2``."""
    names = list(accounts)
    said = f"{len(names)} {what}"
    if not names:
        return said
    more = len(names) - NAMED_MAX
    return f"{said}: {', '.join(names[:NAMED_MAX])}{f' and {more} more' if more > 0 else ''}"


def _open(desk: Desk, order: Order) -> OpenOrder:
    draft = order.draft
    status: OrdStatus = order.status
    return OpenOrder(
        draft.cl_ord_id,
        order.instruction_id,
        split_book(draft.book)[0],
        symbol_of(desk, draft.instrument),
        draft.side.name,
        draft.product.name,
        status.name,
        format_fixed(order.quantity),
        format_fixed(order.cum_quantity),
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        get_day,
        "The trading day",
        DayAnswer,
        policy=READ,
        tag="day",
        about="Which phase the market is in, for stocks with a closing auction and for all others, what "
        "that phase takes, and a checklist: nothing of it stops anything by itself.",
    ),
)
