"""The latest price of every instrument: fed, from the last close, or made up for paper."""

import hashlib
import re
from collections.abc import Callable
from datetime import date
from typing import TypeAlias

from phalanx.domain.instruments import (
    AmbiguousName,
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import Price, round_down, round_up, whole
from phalanx.domain.time import DAY, HOUR, Nanoseconds
from phalanx.market.table import ImportCode, Row, read_rows, shown

QuoteListener: TypeAlias = Callable[[InstrumentKey, Quote], None]

SYNTHETIC_LOW: Price = whole(50)
SYNTHETIC_HIGH: Price = whole(5_000)

_SYMBOL = re.compile(r"\S(?:.*\S)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_EPOCH = date(1970, 1, 1)
_CLOSE_OF_DAY: Nanoseconds = 10 * HOUR
"""15:30 in India, the end of NSE's normal market, in UTC."""


class QuoteBoard:
    """The latest quote per instrument, and who wants to know of changes.

    ``instruments`` finds an instrument by key, local ones included. One nobody has a price for gets
    a synthetic quote on first ask: its price comes from ``seed`` and its key alone, so it is the
    same in every process and after every restart, and its time is zero, because nobody saw it.
    Bounded by the instruments there are.
    """

    __slots__ = ("_instruments", "_listeners", "_quotes", "_seed")

    def __init__(
        self, instruments: Callable[[InstrumentKey], Instrument | None], seed: int = 0
    ) -> None:
        self._instruments = instruments
        self._seed = seed
        self._quotes: dict[InstrumentKey, Quote] = {}
        self._listeners: list[QuoteListener] = []

    def __len__(self) -> int:
        return len(self._quotes)

    def get(self, key: InstrumentKey) -> Quote | None:
        """The latest quote; None only for a key that is no instrument."""
        quote = self._quotes.get(key)
        return quote if quote is not None else self._make_up(key)

    def put(self, key: InstrumentKey, quote: Quote) -> bool:
        """Take a newer quote; False when it is what we have, or older than what its source said.

        Listeners are called before this returns. Raises ValueError for a price that is not above
        zero: a feed must not bring one.
        """
        if quote.last <= 0 or quote.reference_close <= 0:
            raise ValueError(f"{key}: a price must be above zero")
        known = self._quotes.get(key)
        if known is not None:
            late = quote.source == known.source and quote.time < known.time
            if late or quote == known:
                return False
        self._quotes[key] = quote
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
        that the index does not have are passed over; a fed price is never replaced by a close.
        Raises ImportFault, and then nothing was taken.
        """
        closes = [_close(row, index) for row in read_rows(content, ("symbol", "date", "close"))]
        taken = [found for found in closes if found is not None]
        for key, quote in taken:
            known = self._quotes.get(key)
            if known is None or known.source != QuoteSource.FEED:
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


def _close(row: Row, index: InstrumentIndex) -> tuple[InstrumentKey, Quote] | None:
    """One row's quote, or None when the index has no such symbol. Raises ImportFault."""
    symbol = row.text("symbol", _SYMBOL, 64)
    text = row.text("date", _DATE, 10)
    price = row.positive("close")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise row.fault(ImportCode.BAD_TEXT, "date", shown(text)) from None
    try:
        instrument = index.resolve(symbol)
    except AmbiguousName:
        return None
    if instrument is None or instrument.symbol != symbol:
        return None
    tick = instrument.tick_size
    price = max(tick, round_down(price + tick // 2, tick))
    time = (day - _EPOCH).days * DAY + _CLOSE_OF_DAY
    return instrument.key, Quote(price, price, time, QuoteSource.CLOSE)
