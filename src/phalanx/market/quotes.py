"""The latest price of every instrument: fed, from the last close, or made up for paper."""

import hashlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from phalanx.domain.instruments import (
    LIVE_SOURCES,
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import Price, Quantity, round_down, round_up, whole
from phalanx.domain.time import DAY, SECOND, Nanoseconds, trading_day
from phalanx.market.price_rows import CLOSE_OF_DAY, listed, nearest, read_day, read_symbol
from phalanx.market.table import Row, read_rows

QuoteListener: TypeAlias = Callable[[InstrumentKey, Quote], None]
InstrumentFinder: TypeAlias = Callable[[InstrumentKey], Instrument | None]
"""Finds an instrument by key, local ones included."""

SYNTHETIC_LOW: Price = whole(50)
SYNTHETIC_HIGH: Price = whole(5_000)

ZONE_OFFSET_S = 19_800
_LASTING = LIVE_SOURCES | {QuoteSource.SIMULATED}
"""Prices that a close does not replace."""


class DayRange(msgspec.Struct, frozen=True, gc=False):
    """What one instrument did on one trading day, as far as quotes told.

    ``close`` is the reference close, the one before this day; ``volume`` what was traded on it.
    """

    day: int
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity = 0


class QuoteBoard:
    """The latest quote per instrument, and who wants to know of changes.

    One of the ``instruments`` that nobody has a price for gets a synthetic quote on first ask: its
    price comes from ``seed`` and its key alone, so it is the same in every process and after every
    restart, and its time is zero, because nobody saw it. Beside the latest quote there is the range
    of its day, by the exchange's calendar. Bounded by the instruments there are.
    """

    __slots__ = ("_days", "_instruments", "_listeners", "_quotes", "_seed")

    def __init__(self, instruments: InstrumentFinder, seed: int = 0) -> None:
        self._instruments = instruments
        self._seed = seed
        self._quotes: dict[InstrumentKey, Quote] = {}
        self._days: dict[InstrumentKey, DayRange] = {}
        self._listeners: list[QuoteListener] = []

    def __len__(self) -> int:
        return len(self._quotes)

    def get(self, key: InstrumentKey) -> Quote | None:
        """The latest quote; None only for a key that is no instrument."""
        quote = self._quotes.get(key)
        return quote if quote is not None else self._make_up(key)

    def quoted(self) -> Iterator[InstrumentKey]:
        """The instruments that have a quote, in the order in which they got their first."""
        return iter(self._quotes)

    def day(self, key: InstrumentKey) -> DayRange | None:
        """The day of the latest quote; None only for a key that is no instrument."""
        quote = self.get(key)
        return None if quote is None else self._days.get(key) or _first_of_day(quote)

    def put(
        self, key: InstrumentKey, quote: Quote, traded: Quantity = 0, day: DayRange | None = None
    ) -> bool:
        """Take a newer quote; False when it is what we have, or older than what its source said.

        ``traded``: what was traded since the one before. ``day``: the whole day as its source tells it;
        without it the day is what the quotes were. Listeners are called before this returns. Raises
        ValueError for a price that is not above zero: a feed must not bring one.
        """
        if quote.last <= 0 or quote.reference_close <= 0:
            raise ValueError(f"{key}: a price must be above zero")
        known = self._quotes.get(key)
        if known is not None:
            late = quote.source == known.source and quote.time < known.time
            if late or (quote == known and day in (None, self._days.get(key))):
                return False
        self._quotes[key] = quote
        self._days[key] = day or _after(self._days.get(key), quote, traded)
        for listener in tuple(self._listeners):
            listener(key, quote)
        return True

    def listen(self, listener: QuoteListener) -> Callable[[], None]:
        """Call ``listener`` at every change from now on; returns how to stop that."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def load_closes(self, content: bytes, index: InstrumentIndex) -> int:
        """Take last closes from a CSV ``symbol,date,close``; returns how many instruments got one.

        The close is rounded to the nearest tick and is last price and reference at once. Symbols
        that the index does not have are passed over; a price that moves is never replaced by a close.
        Raises ImportFault, and then nothing was taken.
        """
        closes = [_close(row, index) for row in read_rows(content, ("symbol", "date", "close"))]
        taken = [found for found in closes if found is not None]
        for key, quote in taken:
            known = self._quotes.get(key)
            if known is None or known.source not in _LASTING:
                self.put(key, quote)
        return len(taken)

    def _make_up(self, key: InstrumentKey) -> Quote | None:
        """Fill in the synthetic quote of an instrument that has no other."""
        instrument = self._instruments(key)
        if instrument is None:
            return None
        price = synthetic_price(instrument, self._seed)
        quote = Quote(price, price, 0, QuoteSource.SYNTHETIC)
        self._quotes[key] = quote
        return quote


def is_stale(quote: Quote, now: Nanoseconds, stale_after_s: int) -> bool:
    """Whether a live price is older than orders may go by. One that never was live is not called so."""
    return quote.source in LIVE_SOURCES and (now - quote.time) // SECOND > stale_after_s


def synthetic_price(instrument: Instrument, seed: int) -> Price:
    """A price from ``seed`` and the key: a whole number of ticks between 50 and 5,000.

    Inside the instrument's price band where it has one, because outside nothing could trade.
    """
    low, high = SYNTHETIC_LOW, SYNTHETIC_HIGH
    if instrument.band_low and instrument.band_high:
        low, high = instrument.band_low, instrument.band_high
    tick = instrument.tick_size
    lowest = round_up(low, tick)
    steps = (round_down(high, tick) - lowest) // tick
    if steps <= 0:
        # No tick, or a single one, fits between: the nearest price there is.
        return lowest
    digest = hashlib.sha256(f"{seed}/{instrument.key}".encode()).digest()
    return lowest + int.from_bytes(digest[:8], "big") % (steps + 1) * tick


def _first_of_day(quote: Quote, traded: Quantity = 0) -> DayRange:
    day, last = trading_day(quote.time, ZONE_OFFSET_S), quote.last
    return DayRange(day, last, last, last, quote.reference_close, traded)


def _after(known: DayRange | None, quote: Quote, traded: Quantity) -> DayRange:
    """The range after one more quote."""
    if known is None or known.day != trading_day(quote.time, ZONE_OFFSET_S):
        return _first_of_day(quote, traded)
    return DayRange(
        known.day,
        known.open,
        max(known.high, quote.last),
        min(known.low, quote.last),
        quote.reference_close,
        known.volume + traded,
    )


def _close(row: Row, index: InstrumentIndex) -> tuple[InstrumentKey, Quote] | None:
    """One row's quote, or None when the index has no such symbol. Raises ImportFault."""
    symbol, day, price = read_symbol(row), read_day(row), row.positive("close")
    instrument = listed(index, symbol)
    if instrument is None:
        return None
    price = nearest(price, instrument.tick_size)
    return instrument.key, Quote(price, price, day * DAY + CLOSE_OF_DAY, QuoteSource.CLOSE)
