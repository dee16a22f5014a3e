"""The stream's topic ``quotes``: the latest quote of what matters, told at a pace of its own.

The other topics tell of durable events; a quote is no event. Between two tellings only the last one
counts, and ``seq`` is the event up to which the rest of the stream is true.
"""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import msgspec

from phalanx.desk.showing.stream import Stream, Topic
from phalanx.domain.instruments import Instrument, InstrumentKey, Quote
from phalanx.domain.numbers import format_fixed
from phalanx.domain.time import Nanoseconds
from phalanx.market.quotes import DayRange, InstrumentFinder, QuoteBoard, is_stale

SHOWN_MAX: Final = 500
TOLD_MS: Final = 250
"""The pace at which it is to be told."""
TOLD_AT_ONCE_MAX: Final = 100
"""Rows of one telling; the others wait for the next one, so that no order waits for them."""


class QuoteMessage(msgspec.Struct, frozen=True, gc=False):
    """A quote as a screen shows it. Null: not known.

    ``close`` is that of the day before, ``volume`` what was traded since prices come in. ``time_ns``: when
    it was so at the market; ``is_stale``: that is longer ago than orders may go by.
    """

    instrument: str
    symbol: str
    last: str
    bid: str | None
    ask: str | None
    open: str
    high: str
    low: str
    close: str
    volume: str
    circuit_low: str | None
    circuit_high: str | None
    source: str
    is_stale: bool
    time_ns: int


class QuoteRow(msgspec.Struct, frozen=True, gc=False):
    """What the topic remembers of an instrument."""

    instrument: Instrument
    quote: Quote
    day: DayRange
    is_stale: bool

    def message(self) -> QuoteMessage:
        """The row for a screen."""
        instrument, quote, day = self.instrument, self.quote, self.day
        return QuoteMessage(
            instrument.key,
            instrument.symbol,
            format_fixed(quote.last),
            _known(quote.bid),
            _known(quote.ask),
            format_fixed(day.open),
            format_fixed(day.high),
            format_fixed(day.low),
            format_fixed(day.close),
            format_fixed(day.volume),
            _known(quote.circuit_low),
            _known(quote.circuit_high),
            quote.source.name,
            self.is_stale,
            quote.time,
        )


class QuoteTopic:
    """Keeps the rows of at most 500 instruments. ``tell`` is called by whoever sets the pace."""

    def __init__(
        self,
        stream: Stream,
        board: QuoteBoard,
        instruments: InstrumentFinder,
        now: Callable[[], Nanoseconds],
        stale_after_s: Callable[[], int],
    ) -> None:
        self._stream = stream
        self._board = board
        self._instruments = instruments
        self._now = now
        self._stale_after_s = stale_after_s
        self._changed: dict[InstrumentKey, None] = {}
        self._shown: frozenset[InstrumentKey] = frozenset()
        self._topic = Topic("quotes", QuoteRow.message)
        stream.add(self._topic)
        board.listen(self._heard)

    @property
    def stale(self) -> int:
        """How many of its quotes were stale when it last told."""
        return sum(row.is_stale for row in self._topic.rows.values())

    def show(self, keys: Sequence[InstrumentKey]) -> None:
        """Tell of these from now on, the first of many, and of no others."""
        shown = frozenset(keys[:SHOWN_MAX])
        new = shown - self._shown
        self._changed.update(dict.fromkeys(key for key in keys if key in new))
        self._shown = shown

    def tell(self) -> None:
        """Publish what changed, became stale or is not shown any more."""
        rows = self._topic.rows
        now, stale_after_s = self._now(), self._stale_after_s()
        gone = tuple(key for key in rows if key not in self._shown)
        for key, row in rows.items():
            if not row.is_stale and is_stale(row.quote, now, stale_after_s):
                self._changed[key] = None
        due = list(islice(self._changed, TOLD_AT_ONCE_MAX))
        told = [key for key in due if self._update(key, now, stale_after_s)]
        for key in due:
            del self._changed[key]
        if told or gone:
            self._topic.publish(self._stream.seq, told, gone)

    def _heard(self, key: InstrumentKey, _: Quote) -> None:
        """Somebody listens for every price: it must cost next to nothing where nobody is shown it."""
        if key in self._shown:
            self._changed[key] = None

    def _update(self, key: InstrumentKey, now: Nanoseconds, stale_after_s: int) -> bool:
        """Whether there is something to tell of it."""
        instrument = self._instruments(key)
        quote, day = self._board.get(key), self._board.day(key)
        if key not in self._shown or instrument is None or quote is None or day is None:
            return False
        stale = is_stale(quote, now, stale_after_s)
        self._topic.rows[key] = QuoteRow(instrument, quote, day, stale)
        return True


def _known(value: int) -> str | None:
    return format_fixed(value) if value else None
