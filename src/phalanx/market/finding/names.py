"""Instruments by a whole name, in any case: symbol, alias, token, ``EXCHANGE:TOKEN`` or ISIN."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from phalanx.domain.instruments import Instrument, split_key
from phalanx.market.finding.vocabulary import NONE, Things

Names: TypeAlias = Callable[[Instrument], str]


class WholeNames:
    """Of instruments in a row, which have a name. It keeps their order by each name, and no text twice."""

    __slots__ = ("_aliases", "_isins", "_symbols", "_tokens")

    def __init__(self, instruments: Sequence[Instrument], aliases: Mapping[str, str]) -> None:
        self._symbols = _Sorted(instruments, lambda one: one.symbol)
        self._tokens = _Sorted(instruments, lambda one: one.token)
        self._isins = _Sorted(instruments, lambda one: one.isin)
        self._aliases: dict[str, list[str]] = {}
        for alias, symbol in aliases.items():
            self._aliases.setdefault(alias.casefold(), []).append(symbol)

    def symbols(self, name: str) -> Things:
        """Those with this symbol."""
        return _set(self._symbols.named(name.casefold()))

    def others(self, name: str) -> Things:
        """Those with this alias, token, key or ISIN."""
        folded = name.casefold()
        found = _set(self._tokens.named(folded)) | _set(self._isins.named(folded))
        for symbol in self._aliases.get(folded, ()):
            # An alias means the symbol as it is written.
            found |= _set(self._symbols.named(symbol.casefold(), symbol))
        exchange, token = split_key(folded)
        return found | _set(self._tokens.listed(exchange, token))


class _Sorted:
    """The instruments by one of their names, which is empty where they have none."""

    __slots__ = ("_instruments", "_name", "_order")

    def __init__(self, instruments: Sequence[Instrument], name: Names) -> None:
        self._instruments = instruments
        self._name = name
        named = [at for at, one in enumerate(instruments) if name(one)]
        named.sort(key=self._folded)
        self._order = array("I", named)

    def named(self, folded: str, exactly: str = "") -> Iterator[int]:
        """Those whose name is this in any case, or ``exactly`` this."""
        first = bisect_left(self._order, folded, key=self._folded)
        end = bisect_right(self._order, folded, lo=first, key=self._folded)
        for at in self._order[first:end]:
            if not exactly or self._name(self._instruments[at]) == exactly:
                yield at

    def listed(self, exchange: str, folded: str) -> Iterator[int]:
        """Those named so that are of this exchange."""
        for at in self.named(folded):
            if self._instruments[at].exchange.casefold() == exchange:
                yield at

    def _folded(self, at: int) -> str:
        return self._name(self._instruments[at]).casefold()


def _set(things: Iterator[int]) -> Things:
    found = NONE
    for thing in things:
        found |= 1 << thing
    return found
