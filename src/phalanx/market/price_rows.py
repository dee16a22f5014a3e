"""The rows of price files: whose price, of which day, on which tick."""

import re
from datetime import date

from phalanx.domain.instruments import AmbiguousName, Instrument, InstrumentIndex
from phalanx.domain.numbers import Price, round_down
from phalanx.domain.time import HOUR, Nanoseconds
from phalanx.market.table import ImportCode, Row, shown

CLOSE_OF_DAY: Nanoseconds = 10 * HOUR
"""15:30 in India, the end of NSE's normal market, in UTC."""

_SYMBOL = re.compile(r"\S(?:.*\S)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_BEFORE, _EPOCH = date(1969, 12, 31), date(1970, 1, 1)


def read_symbol(row: Row) -> str:
    """A row's ``symbol``. Raises ImportFault."""
    return row.text("symbol", _SYMBOL, 64)


def listed(index: InstrumentIndex, symbol: str) -> Instrument | None:
    """The instrument with exactly this symbol; an alias or a token is none."""
    try:
        instrument = index.resolve(symbol)
    except AmbiguousName:
        return None
    return instrument if instrument is not None and instrument.symbol == symbol else None


def nearest(price: Price, tick_size: Price) -> Price:
    """The price on the nearest tick, never zero."""
    return max(tick_size, round_down(price + tick_size // 2, tick_size))


def read_day(row: Row) -> int:
    """The day number of a row's ``date``: days since 1970. Raises ImportFault EMPTY_FIELD, BAD_DATE."""
    text = row.given("date")
    if not text:
        raise row.fault(ImportCode.EMPTY_FIELD, "date")
    try:
        # Other ways to write a date are taken by the library, not by us.
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else _BEFORE
    except ValueError:
        day = _BEFORE
    if day < _EPOCH:
        detail = f"{shown(text)} is not a day such as 2025-06-13"
        raise row.fault(ImportCode.BAD_DATE, "date", detail)
    return (day - _EPOCH).days
