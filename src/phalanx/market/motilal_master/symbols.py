"""Symbols that mean one instrument of an exchange each, where a stock is listed in several series."""

from collections.abc import Iterable
from operator import itemgetter
from typing import TypeAlias

import msgspec

from phalanx.domain.instruments import Instrument
from phalanx.market.flaws import Flaws
from phalanx.market.table import ImportCode, ImportFault, shown

Lined: TypeAlias = tuple[int, Instrument]
"""An instrument and the line it is on."""

_FIRST_SERIES = ("EQ", "BE", "BZ", "SM", "ST", "SZ", "")


def distinct(listed: Iterable[Lined], flaws: Flaws) -> list[Instrument]:
    """The instruments, no two of an exchange with one symbol.

    Of a stock's series the first of EQ, BE, BZ, SM, ST and SZ, else by the alphabet, has the short name;
    another one is called ``CHOLAFIN-D1``. Who would still be the second is left out: DUPLICATE_SYMBOL.
    """
    stocks: dict[tuple[str, str], list[Lined]] = {}
    for lined in listed:
        stocks.setdefault((lined[1].exchange, lined[1].symbol), []).append(lined)
    kept = [min(same, key=_preference) for same in stocks.values()]
    taken = {(one.exchange, one.symbol): line for line, one in kept}
    for same in stocks.values():
        for line, one in sorted(same, key=_preference)[1:]:
            symbol = f"{one.symbol}-{one.series}" if one.series else one.symbol
            first = taken.setdefault((one.exchange, symbol), line)
            if first == line:
                kept.append((line, msgspec.structs.replace(one, symbol=symbol)))
                continue
            detail = f"{shown(symbol)} of {one.exchange} is on line {first} already"
            code = ImportCode.DUPLICATE_SYMBOL
            flaws.leave_out(ImportFault(code, line, "scripshortname", detail))
    kept.sort(key=itemgetter(0))
    return [one for _, one in kept]


def _preference(lined: Lined) -> tuple[int, str, int, str]:
    one = lined[1]
    known = one.series in _FIRST_SERIES
    place = _FIRST_SERIES.index(one.series) if known else len(_FIRST_SERIES)
    return place, one.series, len(one.token), one.token
