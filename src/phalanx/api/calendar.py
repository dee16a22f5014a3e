"""The calendar: days that are not what their weekday says, and the stocks with a closing auction."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from phalanx.api import reference_examples as examples
from phalanx.api.day import PATH, day_text
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.policy import MANAGE, READ_MARKET
from phalanx.api.tables import file_problem
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.sessions import Calendar, DayChange, Windows, year_of
from phalanx.domain.time import trading_day
from phalanx.engine.commands import PutCalendar, PutClosingAuction
from phalanx.market.days import read_days, read_stocks
from phalanx.market.table import ImportFault

BODY_MAX = 1024 * 1024


class WindowAnswer(msgspec.Struct, frozen=True):
    """A phase of a special day; the times are in the exchange's zone."""

    phase: str
    from_: str = msgspec.field(name="from")
    to: str


class DayChangeAnswer(msgspec.Struct, frozen=True):
    """A day that is not what its weekday says. ``overlay``: somebody put it; otherwise it was published."""

    date: str
    kind: str
    windows: list[WindowAnswer]
    note: str
    overlay: bool


class CalendarAnswer(msgspec.Struct, frozen=True):
    """The days of a year that differ. ``known``: its holidays were published or put. ``closing_auction``:
    the symbols of the stocks whose day ends in one, ``shipped`` where nobody put others.
    """

    year: int
    known: bool
    days: list[DayChangeAnswer]
    closing_auction: list[str]
    shipped: bool
    as_of: int


class CalendarQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which year; without one this one."""

    year: Annotated[int, Meta(ge=1970, le=9999)] | None = None


class CalendarReport(msgspec.Struct, frozen=True):
    """So many days are put over the published calendar now."""

    days: int


class ClosingAuctionReport(msgspec.Struct, frozen=True):
    """So many stocks are named now; 0: those of the shipped list have a closing auction."""

    stocks: int


async def get_calendar(call: Call) -> Answer:
    """A year's holidays and special sessions."""
    desk = call.desk
    state, calendar = desk.state, desk.calendar or Calendar()
    today = trading_day(desk.clock.now(), state.settings.zone_offset_s)
    year = call.query(CalendarQuery).year or year_of(today)
    days = [_day(one, state.calendar.get(one.day) is one) for one in _changed(call, year)]
    stocks = state.closing_auction or calendar.closing_auction
    is_known = calendar.knows(year, state.calendar)
    return await call.as_of(
        lambda seq: CalendarAnswer(
            year, is_known, days, sorted(stocks), not state.closing_auction, seq
        )
    )


async def put_calendar(call: Call) -> Answer:
    """Put a file's days over the published calendar, in the place of those of the file before."""
    try:
        days = await asyncio.to_thread(read_days, call.body)
    except ImportFault as fault:
        raise file_problem(fault) from None
    return await _put_days(call, days)


async def remove_calendar(call: Call) -> Answer:
    """Every day is as it was published."""
    return await _put_days(call, ())


async def _put_days(call: Call, days: tuple[DayChange, ...]) -> Answer:
    origin = call.origin(DoorName.IMPORT, "calendar", days)
    executed = await call.desk.execute(PutCalendar(origin, days))
    return answer_json(200, CalendarReport(len(days)), executed)


async def put_closing_auction(call: Call) -> Answer:
    """Name the stocks whose day ends in an auction, in the place of those named before."""
    try:
        symbols = await asyncio.to_thread(read_stocks, call.body)
    except ImportFault as fault:
        raise file_problem(fault) from None
    return await _put_stocks(call, symbols)


async def remove_closing_auction(call: Call) -> Answer:
    """The stocks of the shipped list have a closing auction."""
    return await _put_stocks(call, ())


async def _put_stocks(call: Call, symbols: tuple[str, ...]) -> Answer:
    origin = call.origin(DoorName.IMPORT, "closing auction", symbols)
    executed = await call.desk.execute(PutClosingAuction(origin, symbols))
    return answer_json(200, ClosingAuctionReport(len(symbols)), executed)


def _changed(call: Call, year: int) -> Iterator[DayChange]:
    desk = call.desk
    yield from (desk.calendar or Calendar()).changed(year, desk.state.calendar)


def _day(change: DayChange, overlay: bool) -> DayChangeAnswer:  # noqa: FBT001  one caller
    windows = [WindowAnswer(phase, begin, end) for phase, begin, end in _shown(change.windows)]
    return DayChangeAnswer(day_text(change.day), change.kind.name, windows, change.note, overlay)


def _shown(windows: Windows) -> Iterator[tuple[str, str, str]]:
    for window in windows:
        yield window.phase.name, _time(window.begins_s), _time(window.ends_s)


def _time(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"


_FILE = ("EMPTY_FILE", "TOO_MANY_ROWS", "MISSING_COLUMN", "UNKNOWN_COLUMN", "DUPLICATE_KEY")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        f"{PATH}/calendar",
        get_calendar,
        "Holidays and special sessions",
        CalendarAnswer,
        policy=READ_MARKET,
        tag="day",
        query=CalendarQuery,
    ),
    Door(
        "PUT",
        f"{PATH}/calendar",
        put_calendar,
        "Put days over the calendar",
        CalendarReport,
        policy=MANAGE,
        tag="day",
        about="A CSV with the columns date, phase, from and to, and note if wanted. A line is a HOLIDAY or "
        "a NORMAL trading day, without times, or one window of a special session: a phase with its "
        "times in the exchange's zone, a line for each. The file is all of the overlay: what it does not "
        "name is as it was published.",
        body=bytes,
        body_max=BODY_MAX,
        media_type="text/csv",
        examples={"a Muhurat session and a holiday": examples.CALENDAR_CSV},
        problems=(*_FILE, "BAD_DATE", "BAD_RANGE", "BAD_TEXT", "EMPTY_FIELD"),
        keyed=True,
    ),
    Door(
        "DELETE",
        f"{PATH}/calendar",
        remove_calendar,
        "Take those days away",
        CalendarReport,
        policy=MANAGE,
        tag="day",
        about="Every day is as it was published.",
        keyed=True,
    ),
    Door(
        "PUT",
        f"{PATH}/closing-auction",
        put_closing_auction,
        "Name the stocks with a closing auction",
        ClosingAuctionReport,
        policy=MANAGE,
        tag="day",
        about="A CSV with the column symbol: the stocks that derivatives are traded on. They take the place "
        "of those named before.",
        body=bytes,
        body_max=BODY_MAX,
        media_type="text/csv",
        examples={"two stocks": examples.CLOSING_AUCTION_CSV},
        problems=(*_FILE, "BAD_TEXT", "FIELD_TOO_LONG"),
        keyed=True,
    ),
    Door(
        "DELETE",
        f"{PATH}/closing-auction",
        remove_closing_auction,
        "Bring the shipped list back",
        ClosingAuctionReport,
        policy=MANAGE,
        tag="day",
        keyed=True,
    ),
)
