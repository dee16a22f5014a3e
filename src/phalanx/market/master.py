"""The instrument master: from a CSV file to an index, what changes between two."""

import hashlib
from collections.abc import Mapping

import msgspec

from phalanx.domain.instruments import (
    LOCAL_EXCHANGE,
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    instrument_key,
)
from phalanx.market.patterns import (
    COMPANY,
    CURRENCY,
    DATE,
    EXCHANGE,
    FLAG,
    ISIN,
    NAME,
    TOKEN,
    WORD,
)
from phalanx.market.table import ImportCode, Row, read_rows, shown

REQUIRED = ("symbol", "token_id", "exchange", "instrument_type", "lot_size", "tick_size")
OPTIONAL = (
    "isin",
    "currency",
    "series",
    "expiry",
    "strike",
    "right",
    "freeze_quantity",
    "band_low",
    "band_high",
    "tradable",
    "name",
    "banned",
)
SYMBOL_CHARACTERS_MAX = 64
SERIES_CHARACTERS_MAX = 16
COMPANY_CHARACTERS_MAX = 128
EXCHANGES_MAX = 64


class MasterDiff(msgspec.Struct, frozen=True):
    """What a new master changes. ``changed`` holds pairs of (before, after) with the same key."""

    added: tuple[Instrument, ...]
    changed: tuple[tuple[Instrument, Instrument], ...]
    removed: tuple[Instrument, ...]


def content_hash(content: bytes) -> str:
    """The SHA-256 of a file's bytes, 64 lower-case hexadecimal digits: its version."""
    return hashlib.sha256(content).hexdigest()


def read_index(content: bytes, aliases: Mapping[str, str] | None = None) -> InstrumentIndex:
    """An index over an instruments CSV, identified by the hash of its bytes.

    Raises ImportFault as ``read_instruments`` does.
    """
    return InstrumentIndex(read_instruments(content), aliases, content_hash(content))


def read_instruments(content: bytes) -> list[Instrument]:
    """The instruments of a CSV, in its order. Quantities and prices are plain decimals in units.

    Columns: REQUIRED, and any of OPTIONAL (``expiry`` as YYYY-MM-DD, ``tradable`` and ``banned`` as
    true or false); an empty optional field means "none". ``token_id`` becomes the token, a text.
    The exchange is kept as given. Raises ImportFault.
    """
    found: list[Instrument] = []
    keys: dict[InstrumentKey, int] = {}
    symbols: dict[tuple[str, str], int] = {}
    exchanges: set[str] = set()
    for row in read_rows(content, REQUIRED, OPTIONAL):
        instrument = _instrument(row)
        _check_new(row, instrument, keys, symbols)
        exchanges.add(instrument.exchange)
        if len(exchanges) > EXCHANGES_MAX:
            detail = f"more than {EXCHANGES_MAX}"
            raise row.fault(ImportCode.TOO_MANY_EXCHANGES, "exchange", detail)
        found.append(instrument)
    return found


def read_aliases(content: bytes) -> dict[str, str]:
    """Alias → symbol, from a CSV ``alias,symbol``.

    Whether the symbol exists is not asked: aliases outlive masters. Raises ImportFault, an alias
    that is given twice included.
    """
    aliases: dict[str, str] = {}
    for row in read_rows(content, ("alias", "symbol")):
        alias = row.text("alias", NAME, 64)
        if alias in aliases:
            raise row.fault(ImportCode.DUPLICATE_KEY, "alias", shown(alias))
        aliases[alias] = row.text("symbol", NAME, 64)
    return aliases


def diff(before: InstrumentIndex, after: InstrumentIndex) -> MasterDiff:
    """What changes when ``after`` replaces ``before``; instruments are matched by key."""
    added: list[Instrument] = []
    changed: list[tuple[Instrument, Instrument]] = []
    for instrument in after:
        known = before.get(instrument.key)
        if known is None:
            added.append(instrument)
        elif known != instrument:
            changed.append((known, instrument))
    removed = tuple(instrument for instrument in before if after.get(instrument.key) is None)
    return MasterDiff(tuple(added), tuple(changed), removed)


def _instrument(row: Row) -> Instrument:
    """One row as an instrument. Raises ImportFault."""
    exchange = row.text("exchange", EXCHANGE, 16)
    if exchange == LOCAL_EXCHANGE:
        # These are made up one by one and live in the journal, not in files.
        raise row.fault(ImportCode.RESERVED_EXCHANGE, "exchange", LOCAL_EXCHANGE)
    token = row.text("token_id", TOKEN, 64)
    band_low, band_high = row.amount("band_low"), row.amount("band_high")
    if band_high and band_low > band_high:
        raise row.fault(ImportCode.BAD_BAND, "band_low", "above band_high")
    return Instrument(
        key=instrument_key(exchange, token),
        exchange=exchange,
        token=token,
        symbol=row.text("symbol", NAME, SYMBOL_CHARACTERS_MAX),
        instrument_type=row.text("instrument_type", WORD, 16),
        lot_size=row.positive("lot_size"),
        tick_size=row.positive("tick_size"),
        isin=row.optional("isin", ISIN, 12),
        currency=row.optional("currency", CURRENCY, 5) or "INR",
        freeze_quantity=row.amount("freeze_quantity"),
        band_low=band_low,
        band_high=band_high,
        tradable=row.optional("tradable", FLAG, 5) != "false",
        series=row.optional("series", WORD, SERIES_CHARACTERS_MAX),
        expiry=row.optional("expiry", DATE, 10),
        strike=row.amount("strike"),
        right=row.optional("right", WORD, 8),
        name=row.optional("name", COMPANY, COMPANY_CHARACTERS_MAX),
        banned=row.optional("banned", FLAG, 5) == "true",
    )


def _check_new(
    row: Row,
    instrument: Instrument,
    keys: dict[InstrumentKey, int],
    symbols: dict[tuple[str, str], int],
) -> None:
    """Remember where this one stands. Raises ImportFault when it stands somewhere already."""
    first = keys.setdefault(instrument.key, row.line)
    if first != row.line:
        detail = f"{instrument.key} is on line {first} already"
        raise row.fault(ImportCode.DUPLICATE_KEY, "token_id", detail)
    first = symbols.setdefault((instrument.exchange, instrument.symbol), row.line)
    if first != row.line:
        detail = f"{shown(instrument.symbol)} of {instrument.exchange} is on line {first} already"
        raise row.fault(ImportCode.DUPLICATE_SYMBOL, "symbol", detail)
