"""Files of the trading calendar: days that are not what their weekday says, stocks with a closing auction.

A CSV ``date,phase,from,to,note``. A line is a whole day, ``HOLIDAY`` or ``NORMAL``, without times; or one
window of a special day, with the phase's name and its times in the exchange's zone. Such a day has as
many lines as it has windows, and nothing outside of them.
"""

import re

from phalanx.domain.sessions import (
    CHANGES_MAX,
    NOTE_MAX,
    WINDOWS_MAX,
    Calendar,
    DayChange,
    DayKind,
    Phase,
    PhaseWindow,
    clock_s,
)
from phalanx.market.cells import restored
from phalanx.market.price_rows import read_day, read_symbol
from phalanx.market.shipped import CLOSING_AUCTION, DAYS, shipped_file
from phalanx.market.table import ImportCode, Row, read_rows, shown

COLUMNS = ("date", "phase", "from", "to")
OPTIONAL = ("note",)
STOCK_ROWS_MAX = 5_000

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_WHOLE = {kind.name: kind for kind in (DayKind.HOLIDAY, DayKind.NORMAL)}
_PHASES = {phase.name: phase for phase in Phase if phase is not Phase.CLOSED}


def shipped_calendar() -> Calendar:
    """The exchange's holidays and the closing auction's stocks that come with Phalanx."""
    days = read_days(shipped_file(DAYS).read_bytes())
    return Calendar(days, read_stocks(shipped_file(CLOSING_AUCTION).read_bytes()))


def read_days(content: bytes) -> tuple[DayChange, ...]:
    """The days of a file, the first first.

    Raises ImportFault with its line, also for a day that is there twice (DUPLICATE_KEY), for times that are
    in no order or over one another (BAD_RANGE) and for more than ``CHANGES_MAX`` days (TOO_MANY_ROWS).
    """
    rows = read_rows(content, COLUMNS, OPTIONAL, rows_max=CHANGES_MAX * WINDOWS_MAX)
    days: dict[int, DayChange] = {}
    for row in rows:
        day = read_day(row)
        days[day] = _with(days.get(day), day, row)
        if len(days) > CHANGES_MAX:
            raise row.fault(ImportCode.TOO_MANY_ROWS, "date", f"more than {CHANGES_MAX} days")
    return tuple(days[day] for day in sorted(days))


def read_stocks(content: bytes) -> tuple[str, ...]:
    """The symbols of a CSV ``symbol``, as they stand there. Raises ImportFault, also DUPLICATE_KEY."""
    lines: dict[str, int] = {}
    for row in read_rows(content, ("symbol",), rows_max=STOCK_ROWS_MAX):
        symbol = restored(read_symbol(row))
        first = lines.setdefault(symbol, row.line)
        if first != row.line:
            raise row.fault(ImportCode.DUPLICATE_KEY, "symbol", f"on line {first} already")
    return tuple(lines)


def _with(before: DayChange | None, day: int, row: Row) -> DayChange:
    """A day with one more line of it."""
    named, note = row.given("phase"), _note(row)
    whole = _WHOLE.get(named)
    if before is not None and (whole is not None or before.kind is not DayKind.SPECIAL):
        raise row.fault(ImportCode.DUPLICATE_KEY, "date", "the day is named on a line before")
    if whole is not None:
        for column in ("from", "to"):
            if row.given(column):
                raise row.fault(ImportCode.BAD_TEXT, column, f"{named} has no times")
        return DayChange(day, whole, note=note)
    window = _window(row, named)
    windows = () if before is None else before.windows
    if len(windows) == WINDOWS_MAX:
        raise row.fault(ImportCode.TOO_MANY_ROWS, "date", f"more than {WINDOWS_MAX} windows")
    if windows and window.begins_s < windows[-1].ends_s:
        raise row.fault(
            ImportCode.BAD_RANGE, "from", "before the window of the line before is over"
        )
    kept = note if before is None else before.note or note
    return DayChange(day, DayKind.SPECIAL, (*windows, window), kept)


def _window(row: Row, named: str) -> PhaseWindow:
    phase = _PHASES.get(named)
    if phase is None:
        if not named:
            raise row.fault(ImportCode.EMPTY_FIELD, "phase")
        known = ", ".join((*_WHOLE, *_PHASES))
        raise row.fault(ImportCode.BAD_TEXT, "phase", f"{shown(named)} is not one of {known}")
    begins_s, ends_s = _time(row, "from"), _time(row, "to")
    if begins_s >= ends_s:
        raise row.fault(ImportCode.BAD_RANGE, "to", "not after from")
    return PhaseWindow(phase, begins_s, ends_s)


def _time(row: Row, column: str) -> int:
    """Seconds since midnight of an ``HH:MM``."""
    text = row.given(column)
    if not text:
        raise row.fault(ImportCode.EMPTY_FIELD, column)
    found = _TIME.fullmatch(text)
    if found is None:
        raise row.fault(ImportCode.BAD_TEXT, column, f"{shown(text)} is no time such as 09:15")
    return clock_s(int(found[1]), int(found[2]))


def _note(row: Row) -> str:
    """Any printable text of bounded length; empty where there is none."""
    if not row.given("note"):
        return ""
    note = restored(row.name("note"))
    if len(note) > NOTE_MAX:
        raise row.fault(ImportCode.FIELD_TOO_LONG, "note", f"at most {NOTE_MAX} characters")
    return note
