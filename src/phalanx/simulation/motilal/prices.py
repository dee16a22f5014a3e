"""Where prices stand, and how they move: a seeded walk between the circuits, or as somebody sets them."""

import random
from typing import Final

import msgspec

from phalanx.domain.numbers import Money, Price, round_down
from phalanx.simulation.motilal.scrips import Index, Scrip, ScripKey, ScripTable

WALKED_AT_ONCE_MAX: Final = 250
"""Most scrips that one step moves; with more of them they take turns."""

STEP_MAX: Final = 1_000
"""The most a price moves in one step, in millionths of itself."""

DEPTH: Final = 5
_MILLION: Final = 1_000_000


class Quote(msgspec.Struct, kw_only=True):
    """One scrip's day. ``is_held``: does not walk. ``turnover``: all of the day's trades, in money."""

    scrip: Scrip
    open: Price
    high: Price
    low: Price
    ltp: Price
    volume: int = 0
    last_quantity: int = 0
    turnover: Money = 0
    is_held: bool = False

    @property
    def bid(self) -> Price:
        """A tick below the last price."""
        return max(self.ltp - self.scrip.tick, self.scrip.lowest)

    @property
    def ask(self) -> Price:
        """A tick above it."""
        return min(self.ltp + self.scrip.tick, self.scrip.highest)

    @property
    def average(self) -> Price:
        """Of the day, by volume."""
        return self.turnover // self.volume if self.volume else self.ltp


class IndexQuote(msgspec.Struct, kw_only=True):
    """One index's day."""

    index: Index
    open: Price
    high: Price
    low: Price
    ltp: Price


class Prices:
    """Every scrip's quote, by exchange and code. ``changed`` has those that moved since it was last taken."""

    def __init__(self, table: ScripTable, chance: random.Random, *, walk: bool) -> None:
        self._chance = chance
        self._walk = walk
        self._quotes = {key: _opened(scrip) for key, scrip in table.scrips.items()}
        self._keys = list(self._quotes)
        self._next = 0
        self._changed: dict[ScripKey, None] = {}
        self.indices = {
            key: IndexQuote(index=one, open=one.close, high=one.close, low=one.close, ltp=one.close)
            for key, one in table.indices.items()
        }

    def of(self, exchange: str, code: int) -> Quote:
        """Raises KeyError for a scrip that is not listed."""
        return self._quotes[exchange, code]

    def set(self, exchange: str, code: int, price: Price, *, held: bool = True) -> None:
        """The last price is this one, wherever it was; it stays there unless ``held`` is false.

        Raises KeyError for a scrip that is not listed, ValueError for a price that is not above zero.
        """
        if price <= 0:
            raise ValueError("a price has to be above zero")
        quote = self._quotes[exchange, code]
        quote.is_held = held
        self._move(quote, price)

    def trade(self, scrip: Scrip, price: Price, quantity: int) -> None:
        """A trade of so many shares happened there: it counts in the day's volume."""
        quote = self._quotes[scrip.key]
        quote.volume += quantity
        quote.last_quantity = quantity
        quote.turnover += price * quantity
        self._changed[scrip.key] = None

    def step(self) -> None:
        """Move those whose turn it is, and every index."""
        if not self._walk:
            return
        if self._next >= len(self._keys):
            self._next = 0
        for key in self._keys[self._next : self._next + WALKED_AT_ONCE_MAX]:
            quote = self._quotes[key]
            if not quote.is_held:
                self._walk_on(quote)
        self._next += WALKED_AT_ONCE_MAX
        for index in self.indices.values():
            index.ltp += index.ltp * self._chance.randint(-STEP_MAX, STEP_MAX) // (4 * _MILLION)
            index.high, index.low = max(index.high, index.ltp), min(index.low, index.ltp)

    def take_changed(self) -> tuple[ScripKey, ...]:
        """Those that moved or traded since the last call, each once."""
        changed = tuple(self._changed)
        self._changed.clear()
        return changed

    def _walk_on(self, quote: Quote) -> None:
        """By less than a tick it moves too: then by one, or not at all, as chance has it."""
        scrip = quote.scrip
        far = quote.ltp * self._chance.randint(-STEP_MAX, STEP_MAX) // _MILLION
        ticks = far // scrip.tick
        if self._chance.randrange(scrip.tick) < far % scrip.tick:
            ticks += 1
        price = min(max(quote.ltp + ticks * scrip.tick, scrip.lowest), scrip.highest)
        lots = self._chance.randint(1, 50)
        self._move(quote, price)
        self.trade(scrip, price, lots * scrip.lot)

    def _move(self, quote: Quote, price: Price) -> None:
        quote.ltp = price
        quote.high, quote.low = max(quote.high, price), min(quote.low, price)
        self._changed[quote.scrip.key] = None


def _opened(scrip: Scrip) -> Quote:
    start = max(round_down(scrip.close, scrip.tick), scrip.tick)
    return Quote(scrip=scrip, open=start, high=start, low=start, ltp=start)
