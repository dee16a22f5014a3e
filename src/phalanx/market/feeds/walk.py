"""Quotes that walk from the real closes: seeded, exact, without drift."""

import hashlib
from itertools import islice

from phalanx.domain.instruments import (
    LIVE_SOURCES,
    Instrument,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import BASIS_POINTS, Price, round_down, round_up
from phalanx.domain.time import Clock
from phalanx.market.price_rows import nearest
from phalanx.market.quotes import InstrumentFinder, QuoteBoard

STEP_MAX = 400
"""The most a price moves in one step, in millionths of itself; every smaller move is as likely."""

RANGE_BPS = 1_000
"""A walk stays so near to the reference close, and inside the price band where there is one."""

WALKED_AT_ONCE_MAX = 250
"""Most instruments that one step moves; with more of them they take turns."""

_MILLION = 1_000_000


def move(seed: int, key: InstrumentKey, number: int) -> int:
    """The ``number``-th move of an instrument, in millionths: what its arguments say, for ever."""
    digest = hashlib.blake2b(f"{seed}/{key}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % (2 * STEP_MAX + 1) - STEP_MAX


def walked(price: Price, millionths: int, low: Price, high: Price) -> Price:
    """The price after a move, turned back at the ends of its range. Up and down are alike to the last
    decimal, so a walk goes nowhere by itself.
    """
    way = price * abs(millionths) // _MILLION
    price += way if millionths > 0 else -way
    if price > high:
        price = 2 * high - price
    elif price < low:
        price = 2 * low - price
    return min(max(price, low), high)


def walking_range(instrument: Instrument, close: Price) -> tuple[Price, Price]:
    """How low and how high an instrument walks, on its ticks."""
    tick = instrument.tick_size
    low = round_up(close * (BASIS_POINTS - RANGE_BPS) // BASIS_POINTS, tick)
    high = round_down(close * (BASIS_POINTS + RANGE_BPS) // BASIS_POINTS, tick)
    low = max(low, instrument.band_low, tick)
    return low, max(low, min(high, instrument.band_high or high))


class Walk:
    """Moves every instrument of a board that has a quote and no feed, a step at a time.

    The price after n of its steps comes from the seed, the key, n and where it began; it is kept
    finer than the tick, so that cheap instruments move too.
    """

    __slots__ = ("_board", "_clock", "_instruments", "_keys", "_next", "_paths", "_seed")

    def __init__(
        self, board: QuoteBoard, instruments: InstrumentFinder, seed: int, clock: Clock
    ) -> None:
        self._board = board
        self._instruments = instruments
        self._seed = seed
        self._clock = clock
        self._keys: list[InstrumentKey] = []
        self._next = 0
        self._paths: dict[InstrumentKey, tuple[Price, int]] = {}

    def step(self) -> bool:
        """Move those whose turn it is; there always is a next step."""
        if self._next >= len(self._keys):
            self._keys += islice(self._board.quoted(), len(self._keys), None)
            self._next = 0
        now = self._clock.now()
        for key in self._keys[self._next : self._next + WALKED_AT_ONCE_MAX]:
            quote, instrument = self._board.get(key), self._instruments(key)
            if quote is None or instrument is None or quote.source in LIVE_SOURCES:
                continue
            last = nearest(self._walk(instrument, quote), instrument.tick_size)
            if last != quote.last:
                close = quote.reference_close
                self._board.put(key, Quote(last, close, now, QuoteSource.SIMULATED))
        self._next += WALKED_AT_ONCE_MAX
        return True

    def _walk(self, instrument: Instrument, quote: Quote) -> Price:
        key = instrument.key
        price, steps = self._paths.get(key) or (quote.last, 0)
        low, high = walking_range(instrument, quote.reference_close)
        price = walked(price, move(self._seed, key, steps), low, high)
        self._paths[key] = (price, steps + 1)
        return price
