"""One row of a scrip master as an instrument."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from phalanx.domain.instruments import LOCAL_EXCHANGE, Instrument, instrument_key
from phalanx.domain.numbers import Price, format_fixed, parse_fixed
from phalanx.market.flaws import Flaws, RemarkCode
from phalanx.market.master import (
    COMPANY_CHARACTERS_MAX,
    SERIES_CHARACTERS_MAX,
    SYMBOL_CHARACTERS_MAX,
)
from phalanx.market.patterns import COMPANY, EXCHANGE, ISIN, NAME, TOKEN, WORD
from phalanx.market.table import ImportCode, Row, shown

DEFAULT_TICK: Final[Price] = parse_fixed("0.05")
"""Some 1,600 rows of NSECD have a tick of 0.000."""
CASH: Final = "EQ"
"""The type of what is no derivative: its ``instrumentname`` is blank."""
_EPOCH: Final = datetime(1980, 1, 1, tzinfo=UTC)
_SECONDS_MAX: Final = 4_102_444_800
# Of a derivative, its ``optiontype`` where it is no option; some rows of cash have it too.
_NO_RIGHT: Final = frozenset({"", "XX", "FF"})
_RIGHTS: Final = frozenset({"CE", "PE"})
# The BSE's own abbreviations, as its derivatives are listed.
_UNDERLYINGS: Final = {"BSX": "SENSEX", "BKX": "BANKEX", "SX50": "SENSEX50"}
_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_DATE_IN_NAME: Final = re.compile(r"\b([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\b", re.ASCII)
_SECONDS: Final = re.compile(r"[0-9]{1,11}(?:\.0*)?", re.ASCII)
_FLAG: Final = re.compile(r"[YN]", re.ASCII)
_SUFFIX: Final = re.compile(r"[A-Z0-9]{2}", re.ASCII)
_KIND: Final = re.compile(r"[A-Z]+", re.ASCII)


def read_contract(row: Row, flaws: Flaws) -> Instrument:
    """The instrument of a row; that of a cash row has its short name as symbol, whatever its series is.

    Raises ImportFault where it is none.
    """
    kind = row.optional("instrumentname", _KIND, 16)
    if kind.startswith(("FUT", "OPT")):
        return _derivative(row, kind, flaws)
    series = row.given("optiontype") or _suffix(row)
    if series in _NO_RIGHT:
        series = ""
    elif WORD.fullmatch(series) is None or len(series) > SERIES_CHARACTERS_MAX:
        raise row.fault(ImportCode.BAD_TEXT, "optiontype", shown(series))
    return _instrument(row, flaws, _short(row), kind or CASH, series=series)


def _derivative(row: Row, kind: str, flaws: Flaws) -> Instrument:
    """A future or an option, named by its underlying and what it is: ``NIFTY 24-DEC-2026 17000 CE``."""
    underlying = _short(row)
    if row.given("exchangename") == "BSEFO":
        underlying = _UNDERLYINGS.get(underlying, underlying)
    expiry = _expiry(row, flaws)
    day = f"{expiry:%d}-{_MONTHS[expiry.month - 1]}-{expiry.year:04d}"
    right, strike, last_word = "", 0, "FUT"
    if kind.startswith("OPT"):
        right = row.given("optiontype")
        if right not in _RIGHTS:
            raise row.fault(ImportCode.BAD_TEXT, "optiontype", shown(right))
        strike = row.positive("strikeprice")
        last_word = f"{format_fixed(strike)} {right}"
    # A future's strike is -1, and whatever it is it is none.
    symbol = f"{underlying} {day} {last_word}"
    if len(symbol) > SYMBOL_CHARACTERS_MAX:
        raise row.fault(ImportCode.FIELD_TOO_LONG, "strikeprice", shown(symbol))
    return _instrument(
        row, flaws, symbol, kind, expiry=expiry.isoformat(), strike=strike, right=right
    )


def _instrument(  # noqa: PLR0913  what only derivatives have, or only cash has
    row: Row,
    flaws: Flaws,
    symbol: str,
    kind: str,
    *,
    series: str = "",
    expiry: str = "",
    strike: Price = 0,
    right: str = "",
) -> Instrument:
    exchange = row.text("exchangename", EXCHANGE, 16)
    if exchange == LOCAL_EXCHANGE:
        raise row.fault(ImportCode.RESERVED_EXCHANGE, "exchangename", LOCAL_EXCHANGE)
    token = row.text("scripcode", TOKEN, 64)
    low, high = row.amount("lowercircuitprice"), row.amount("uppercircuitprice")
    if high and low > high:
        raise row.fault(ImportCode.BAD_BAND, "lowercircuitprice", "above uppercircuitprice")
    is_suspended, is_banned = _flag(row, "issuspended"), _flag(row, "isbanscrip")
    return Instrument(
        key=instrument_key(exchange, token),
        exchange=exchange,
        token=token,
        symbol=symbol,
        instrument_type=kind,
        lot_size=row.positive("marketlot"),
        tick_size=_tick(row, flaws),
        # That of a derivative is its underlying's, which is another instrument.
        isin="" if expiry else _isin(row, flaws),
        freeze_quantity=row.amount("maxqtyperorder"),
        band_low=low,
        band_high=high,
        tradable=not is_suspended,
        series=series,
        expiry=expiry,
        strike=strike,
        right=right,
        name="" if expiry else _company(row, flaws),
        # A stock whose derivatives are banned is traded as ever.
        banned=is_banned and bool(expiry),
    )


def _short(row: Row) -> str:
    return row.text("scripshortname", NAME, 40)


def _suffix(row: Row) -> str:
    """The series at the end of the name of an NSE stock: ``INFY EQ``, ``X BE``."""
    if row.given("exchangename") != "NSE":
        return ""
    rest = row.given("scripname").removeprefix(row.given("scripshortname")).strip()
    return rest if _SUFFIX.fullmatch(rest) else ""


def _expiry(row: Row, flaws: Flaws) -> date:
    """The day in the row's name, such as ``BANKNIFTY 03-Feb-2022 PE 32300``; else that of ``expirydate``.

    That is in seconds since 1980-01-01 UTC, and its day is UTC's: MCX rows are stamped 23:59:59, which
    is the next day in India.
    """
    stamped = _stamped(row)
    named = _DATE_IN_NAME.search(row.given("scripname"))
    if named is None:
        if stamped is None:
            raise row.fault(ImportCode.BAD_DATE, "expirydate", shown(row.given("expirydate")))
        return stamped
    day = _day(*named.groups())
    if day is None:
        raise row.fault(ImportCode.BAD_DATE, "scripname", shown(named.group()))
    if stamped is not None and stamped != day:
        detail = f"{day}, and not {stamped}"
        flaws.remark(row.line, RemarkCode.EXPIRY_BY_NAME, "expirydate", detail)
    return day


def _stamped(row: Row) -> date | None:
    text = row.given("expirydate")
    if _SECONDS.fullmatch(text) is None:
        return None
    seconds = int(text.partition(".")[0])
    if not 0 < seconds <= _SECONDS_MAX:
        return None
    return (_EPOCH + timedelta(seconds=seconds)).date()


@lru_cache(4_096)
def _day(day: str, month: str, year: str) -> date | None:
    try:
        return date(int(year), _MONTHS.index(month.upper()) + 1, int(day))
    except ValueError:
        return None


def _tick(row: Row, flaws: Flaws) -> Price:
    tick = row.amount("ticksize")
    if tick:
        return tick
    detail = f"{format_fixed(DEFAULT_TICK)} taken"
    flaws.remark(row.line, RemarkCode.DEFAULT_TICK, "ticksize", detail)
    return DEFAULT_TICK


def _isin(row: Row, flaws: Flaws) -> str:
    isin = row.given("scripisinno")
    if not isin or ISIN.fullmatch(isin):
        return isin
    flaws.remark(row.line, RemarkCode.ISIN_LEFT_OUT, "scripisinno", shown(isin))
    return ""


def _company(row: Row, flaws: Flaws) -> str:
    name = row.given("scripfullname")
    if not name or (COMPANY.fullmatch(name) and len(name) <= COMPANY_CHARACTERS_MAX):
        return name
    flaws.remark(row.line, RemarkCode.NAME_LEFT_OUT, "scripfullname", shown(name))
    return ""


def _flag(row: Row, column: str) -> bool:
    return row.optional(column, _FLAG, 1) == "Y"
