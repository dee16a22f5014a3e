"""The daily master: a broker's file takes the place of what is known of the exchanges it speaks of."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from phalanx.domain.instruments import Instrument, InstrumentIndex, InstrumentKey
from phalanx.market.flaws import Flaws
from phalanx.market.master import SYMBOL_CHARACTERS_MAX, content_hash, diff, read_instruments
from phalanx.market.motilal_master import read_master
from phalanx.market.table import ImportCode, ImportFault
from phalanx.market.upsert import Upserted, check_together, write_instruments

LEFT_OUT_MAX: Final = 20
"""So many rows may be no instruments, and one in a hundred of a larger file."""
FEWER_MAX: Final = 3
"""An exchange may lose a third of its instruments from one day to the next: expired series go, and others
come on the same day.
"""
FIRST_EXCHANGES: Final = ("NSE", "BSE")
"""A symbol that several exchanges list means that of the first."""
SHORTENED: Final = SYMBOL_CHARACTERS_MAX - 8
"""What of a symbol is left where a number comes behind it."""
Reader: TypeAlias = Callable[[bytes, Flaws], list[Instrument]]


class MasterSource(StrEnum):
    """Whose file it is."""

    MOTILAL = "motilal"
    PHALANX = "phalanx"


class DailyMaster(msgspec.Struct, frozen=True):
    """What a broker's file says, read whole, and what was wrong with rows of it."""

    instruments: list[Instrument]
    flaws: Flaws


def read_daily(content: bytes, source: MasterSource) -> DailyMaster:
    """A broker's file. Raises ImportFault, among them MASTER_REFUSED where too many rows are no instruments."""
    flaws = Flaws()
    instruments = _READERS[source](content, flaws)
    rows = len(instruments) + flaws.left_out
    if not instruments:
        raise ImportFault(ImportCode.EMPTY_FILE, 0, "", f"no instruments in {rows} rows")
    if flaws.left_out > max(LEFT_OUT_MAX, rows // 100):
        first = flaws.first_left_out
        detail = f"{flaws.left_out} of {rows} rows are no instruments; the first: {first}"
        raise ImportFault(ImportCode.MASTER_REFUSED, 0, "", detail)
    return DailyMaster(instruments, flaws)


def replaced(
    before: InstrumentIndex,
    today: Iterable[Instrument],
    aliases: Mapping[str, str],
    held: Collection[InstrumentKey] = (),
    *,
    accept_fewer: bool = False,
) -> Upserted:
    """The master after ``today`` took the place of the instruments of its exchanges; others stay.

    What is gone and ``held`` stays too, not tradable, and leaves its symbol to whoever has it now. The
    order is by exchange and token, so the same instruments are the same file. Raises ImportFault:
    MASTER_REFUSED where an exchange lost more than a third, unless that is accepted; TOO_MANY_ROWS,
    TOO_MANY_EXCHANGES and FILE_TOO_LARGE as an import does.
    """
    news = {one.key: one for one in today}
    exchanges = {one.exchange for one in news.values()}
    if not accept_fewer:
        _refuse_fewer(before, news.values(), exchanges)
    symbols = {(one.exchange, one.symbol) for one in news.values()}
    merged = dict(news)
    for one in before:
        if one.exchange not in exchanges:
            merged[one.key] = one
        elif one.key not in news and one.key in held:
            merged[one.key] = _gone(one, symbols)
    check_together(merged.values())
    after = sorted(merged.values(), key=_file_place)
    report = diff(before, InstrumentIndex(after))
    if not (report.added or report.changed or report.removed):
        return Upserted(None, before, report)
    content = write_instruments(after)
    return Upserted(content, InstrumentIndex(after, aliases, content_hash(content)), report)


def _refuse_fewer(
    before: InstrumentIndex, today: Iterable[Instrument], exchanges: Collection[str]
) -> None:
    known = Counter(one.exchange for one in before)
    now = Counter(one.exchange for one in today)
    for exchange in sorted(exchanges):
        if now[exchange] * FEWER_MAX < known[exchange] * (FEWER_MAX - 1):
            detail = (
                f"{now[exchange]} instruments of {exchange}, and {known[exchange]} are in force"
            )
            raise ImportFault(ImportCode.MASTER_REFUSED, 0, "", detail)


def _gone(one: Instrument, symbols: set[tuple[str, str]]) -> Instrument:
    """An instrument that its exchange lists no more, and somebody still has."""
    symbol, number = one.symbol, 1
    while (one.exchange, symbol) in symbols:
        number += 1
        symbol = f"{one.symbol[:SHORTENED]} {number}"
    symbols.add((one.exchange, symbol))
    return msgspec.structs.replace(one, symbol=symbol, tradable=False)


def _file_place(one: Instrument) -> tuple[int, str, int, str]:
    exchange = one.exchange
    first = FIRST_EXCHANGES.index(exchange) if exchange in FIRST_EXCHANGES else len(FIRST_EXCHANGES)
    return first, exchange, len(one.token), one.token


def _read_own(content: bytes, _: Flaws) -> list[Instrument]:
    """Our own form is exact: one flaw refuses the file."""
    return read_instruments(content)


_READERS: Final[Mapping[MasterSource, Reader]] = {
    MasterSource.MOTILAL: read_master,
    MasterSource.PHALANX: _read_own,
}
