"""The instrument master: from a CSV file to an index, what changes between two, finding names."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from heapq import nsmallest
from itertools import chain, islice
from operator import itemgetter
from typing import TypeAlias

import msgspec

from phalanx.domain.instruments import (
    LOCAL_EXCHANGE,
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    instrument_key,
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
)
EXCHANGES_MAX = 64

_EXCHANGE = re.compile(r"[A-Z]+", re.ASCII)
_TOKEN = re.compile(r"[!-9;-~]+", re.ASCII)  # printable, no blank; a colon would split the key
# Begins with a letter or digit, so that no spreadsheet takes it for a formula; a colon would look
# like a key and could name another instrument.
_NAME = re.compile(r"[A-Za-z0-9](?:[ -9;-~]*[!-9;-~])?", re.ASCII)
_WORD = re.compile(r"[A-Z0-9_-]+", re.ASCII)
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3,5}", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)
_FLAG = re.compile(r"true|false", re.ASCII)


_Rank: TypeAlias = tuple[int, int, str]


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

    Columns: REQUIRED, and any of OPTIONAL (``expiry`` as YYYY-MM-DD, ``tradable`` as true or
    false); an empty optional field means "none". ``token_id`` becomes the token, a text. The
    exchange is kept as given. Raises ImportFault.
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
        alias = row.text("alias", _NAME, 64)
        if alias in aliases:
            raise row.fault(ImportCode.DUPLICATE_KEY, "alias", shown(alias))
        aliases[alias] = row.text("symbol", _NAME, 64)
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


def search(
    index: InstrumentIndex, query: str, limit: int, local: Sequence[Instrument] = ()
) -> list[Instrument]:
    """At most ``limit`` instruments, ``local`` ones among them, whose symbol, alias or token has ``query``
    in it, in any case.

    Whole matches come first, the symbol's before the others; then prefixes, then the rest, short
    names first and then by the alphabet. An empty query finds the first ``limit``.
    """
    if limit <= 0:
        return []
    wanted = query.casefold()
    if not wanted:
        return list(islice(chain(index, local), limit))
    names: dict[str, list[str]] = {}
    for alias, symbol in index.aliases.items():
        names.setdefault(symbol, []).append(alias.casefold())
    found: list[tuple[_Rank, Instrument]] = []
    for instrument in chain(index, local):
        symbol = instrument.symbol
        others = names.get(symbol, ())
        ranks = [
            _rank(wanted, name, is_symbol=not at)
            for at, name in enumerate((symbol.casefold(), instrument.token.casefold(), *others))
            if wanted in name
        ]
        if ranks:
            found.append((min(ranks), instrument))
    return [one for _, one in nsmallest(limit, found, key=itemgetter(0))]


def _rank(wanted: str, name: str, *, is_symbol: bool) -> _Rank:
    """How well a name that has ``wanted`` in it matches: the lowest is the best."""
    if name == wanted:
        return 0, not is_symbol, name
    return (1 if name.startswith(wanted) else 2), len(name), name


def _instrument(row: Row) -> Instrument:
    """One row as an instrument. Raises ImportFault."""
    exchange = row.text("exchange", _EXCHANGE, 16)
    if exchange == LOCAL_EXCHANGE:
        # These are made up one by one and live in the journal, not in files.
        raise row.fault(ImportCode.RESERVED_EXCHANGE, "exchange", LOCAL_EXCHANGE)
    token = row.text("token_id", _TOKEN, 64)
    band_low, band_high = row.amount("band_low"), row.amount("band_high")
    if band_high and band_low > band_high:
        raise row.fault(ImportCode.BAD_BAND, "band_low", "above band_high")
    return Instrument(
        key=instrument_key(exchange, token),
        exchange=exchange,
        token=token,
        symbol=row.text("symbol", _NAME, 64),
        instrument_type=row.text("instrument_type", _WORD, 16),
        lot_size=row.positive("lot_size"),
        tick_size=row.positive("tick_size"),
        isin=row.optional("isin", _ISIN, 12),
        currency=row.optional("currency", _CURRENCY, 5) or "INR",
        freeze_quantity=row.amount("freeze_quantity"),
        band_low=band_low,
        band_high=band_high,
        tradable=row.optional("tradable", _FLAG, 5) != "false",
        series=row.optional("series", _WORD, 16),
        expiry=row.optional("expiry", _DATE, 10),
        strike=row.amount("strike"),
        right=row.optional("right", _WORD, 8),
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
