"""Who is told of by the feed, and who takes over where it is not heard."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from phalanx.domain.instruments import InstrumentKey, Quote, QuoteSource
from phalanx.domain.time import SECOND, Timer, trading_day
from phalanx.market.feeds.last_prices import LastPrice, LastPrices
from phalanx.market.feeds.port import Feed, FeedState
from phalanx.market.quotes import ZONE_OFFSET_S, QuoteBoard

KEPT_FRESH_S: Final = 10
"""Only so many are asked for that each has its turn within so long: the rest would be stale anyway."""
READ_TIMEOUT_S: Final = 10.0
PAUSE_DOUBLINGS_MAX: Final = 5
"""After so many failures in a row the pause is 31 turns, and no longer."""

_log = logging.getLogger(__name__)


class FailoverCounts(msgspec.Struct, gc=False):
    """What the failover did since it was made. ``unpriced``: how many it has nobody to ask about now."""

    asked: int = 0
    answered: int = 0
    failed: int = 0
    unpriced: int = 0


class Failover:
    """Subscribes a feed to what matters most, and asks a broker for what the feed does not tell.

    While the feed is up that is what it has no word or place for; otherwise it is everything. Asking
    is at most ``a_second`` instruments a second, the most important first and in turn, with a pause that
    doubles after failures. A price that was asked for is marked REST; the feed's next one replaces it.
    """

    def __init__(
        self,
        feed: Feed,
        prices: LastPrices | None,
        board: QuoteBoard,
        timer: Timer,
        *,
        limit: int,
        a_second: int,
    ) -> None:
        self._feed = feed
        self._prices = prices
        self._board = board
        self._timer = timer
        self._limit = limit
        self._a_second = a_second
        self._wanted: tuple[InstrumentKey, ...] = ()
        self._told: frozenset[InstrumentKey] = frozenset()
        self._refused: set[InstrumentKey] = set()
        self._turn_of = 0
        self._paused_turns = self._failures = 0
        self.counts = FailoverCounts()

    def use(self, keys: Sequence[InstrumentKey]) -> None:
        """What matters from now on, the most important first.

        What the feed refuses gives its place to others at the next call, for as long as it matters.
        """
        self._refused.intersection_update(keys)
        first = [key for key in keys if key not in self._refused][: self._limit]
        self._feed.unsubscribe(self._told.difference(first))
        refused = self._feed.subscribe(first)
        self._refused.update(refused)
        self._wanted = tuple(keys)
        self._told = frozenset(first).difference(refused)

    async def run(self) -> None:
        """A turn every second, until it is cancelled."""
        while True:
            await self.turn()
            await self._timer.sleep(SECOND)

    async def turn(self) -> None:
        """Ask for those whose turn it is. What the broker's module raises is counted and goes no further."""
        silent = self._silent()
        most = 0 if self._prices is None else self._a_second * KEPT_FRESH_S
        self.counts.unpriced = max(0, len(silent) - most)
        if self._prices is None or not silent:
            return
        if self._paused_turns:
            self._paused_turns -= 1
            return
        keys = self._next(silent[:most])
        self.counts.asked += len(keys)
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                found = await self._prices.read(keys)
            self._take(found.items())
        except Exception as failure:  # noqa: BLE001  a broker's module: prices get old, the desk goes on
            self._fail(failure)
        else:
            if self._failures:
                _log.info("last prices can be asked for again")
            self._failures = 0

    def _silent(self) -> tuple[InstrumentKey, ...]:
        """What the feed does not tell of now, the most important first."""
        if self._feed.state is not FeedState.UP:
            return self._wanted
        return tuple(key for key in self._wanted if key not in self._told)

    def _next(self, keys: Sequence[InstrumentKey]) -> list[InstrumentKey]:
        """The next of them, round and round."""
        start = self._turn_of % len(keys)
        count = min(self._a_second, len(keys))
        self._turn_of = (start + count) % len(keys)
        return [keys[(start + number) % len(keys)] for number in range(count)]

    def _take(self, found: Iterable[tuple[InstrumentKey, LastPrice]]) -> None:
        # The feed may have come back while we waited: what it says is newer.
        silent = frozenset(self._silent())
        for key, price in found:
            if key in silent and price.quote.last > 0 and price.quote.reference_close > 0:
                self._board.put(key, _marked(price.quote, self._board.get(key)), day=price.day)
                self.counts.answered += 1

    def _fail(self, failure: Exception) -> None:
        self.counts.failed += 1
        if not self._failures:
            _log.warning("no last prices: %s", str(failure) or type(failure).__name__)
        self._failures = min(self._failures + 1, PAUSE_DOUBLINGS_MAX)
        self._paused_turns = 2**self._failures - 1


def _marked(quote: Quote, known: Quote | None) -> Quote:
    """The quote as one that was asked for; the circuit of its day, where the feed told one, still holds."""
    low, high = quote.circuit_low, quote.circuit_high
    if known is not None and not high and _day(known) == _day(quote):
        low, high = known.circuit_low, known.circuit_high
    source = QuoteSource.REST
    return msgspec.structs.replace(quote, source=source, circuit_low=low, circuit_high=high)


def _day(quote: Quote) -> int:
    return trading_day(quote.time, ZONE_OFFSET_S)
