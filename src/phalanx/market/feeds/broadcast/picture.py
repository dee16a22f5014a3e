"""What the broadcast has said of one instrument today, and the quote that this comes to."""

from collections import Counter
from enum import Enum
from typing import Final

import msgspec

from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import FIXED_MAX, SCALE, Price, Quantity, round_down, round_up, whole
from phalanx.domain.time import SECOND, Nanoseconds, trading_day
from phalanx.market.feeds.broadcast.codec import (
    Circuit,
    DayRates,
    Depth,
    IndexRate,
    Packet,
    Trade,
)
from phalanx.market.price_rows import nearest
from phalanx.market.quotes import ZONE_OFFSET_S, DayRange

COARSE_ABOVE: Final = 131_072.0
"""2^17: a rate of 24 bits that is greater does not tell every paisa from the next."""

_PAISA: Final = SCALE // 100
_RATE_MAX: Final = float(FIXED_MAX // SCALE)
_TOP: Final = b"B"
_SOME_TIME: Final[Nanoseconds] = 347_155_200 * SECOND
"""1981-01-01 UTC: what is before is a counter that does not count."""


class Dropped(Enum):
    """Why something that came told us nothing."""

    UNKNOWN_TYPE = "unknown_type"
    NOT_REGISTERED = "not_registered"
    BAD_RATE = "bad_rate"
    LATE = "late"


class Counts(msgspec.Struct, gc=False):
    """What a broadcast feed met with since it was made. ``coarse``: rates that were put on a tick."""

    packets: int = 0
    heartbeats: int = 0
    coarse: int = 0
    skipped_bytes: int = 0
    connections: int = 0
    dropped: Counter[Dropped] = msgspec.field(default_factory=Counter)

    @property
    def reconnects(self) -> int:
        """Connections after the first."""
        return max(0, self.connections - 1)


def price_of(rate: float) -> Price:
    """A rate of 32 bits in rupees as the price that it stands for, to the paisa; 0 for what is no price:
    not a number, not finite, not above zero, too large. Exact: the product has at most 31 bits.
    """
    return round(rate * 100) * _PAISA if 0 < rate <= _RATE_MAX else 0


class Picture:
    """Folds the packets of one instrument, one trading day at a time.

    A packet older than the one before of its kind is late and dropped, one with a rate that is no price is
    dropped whole; both are counted. A time that is none, or ahead of ours, is the time it came.
    """

    __slots__ = (
        *("_ask", "_bid", "_circuit", "_close", "_counts", "_day", "_high", "_last", "_low"),
        *("_open", "_tick", "_touched_at", "_traded_at", "_volume"),
    )

    def __init__(self, tick_size: Price, counts: Counts) -> None:
        self._tick = tick_size
        self._counts = counts
        self._begin(0)

    @property
    def day(self) -> int:
        """The trading day that it is of; 0 before the first packet."""
        return self._day

    def take(self, packet: Packet, now: Nanoseconds) -> bool:
        """Whether the packet, which came ``now``, may have changed anything."""
        time = packet.time if _SOME_TIME < packet.time < now else now
        day = trading_day(time, ZONE_OFFSET_S)
        if day > self._day:
            self._begin(day)
        elif day < self._day:
            return self._drop(Dropped.LATE)
        match packet.body:
            case Trade(rate=rate, volume=volume):
                return self._take_last(rate, max(volume, 0), time)
            case IndexRate(rate=rate):
                return self._take_last(rate, 0, time)
            case Depth() if packet.type == _TOP:
                return self._take_touch(packet.body, time)
            case DayRates():
                return self._take_day(packet.body)
            case Circuit():
                return self._take_circuit(packet.body)
            case None:
                return self._drop(Dropped.UNKNOWN_TYPE)
            case _:
                return False

    def quote(self, known_close: Price) -> tuple[Quote, DayRange] | None:
        """The quote and its day; None while there is no last price, or no close to measure it by.

        ``known_close``: the one to go by while the broadcast has told none. The quote is as old as the
        newer of its last trade and its touch.
        """
        close, last = self._close or known_close, self._last
        if not last or not close:
            return None
        time = max(self._traded_at, self._touched_at)
        low, high = self._circuit
        day = DayRange(self._day, self._open, self._high, self._low, close, self._volume)
        return Quote(last, close, time, QuoteSource.FEED, self._bid, self._ask, low, high), day

    def _begin(self, day: int) -> None:
        self._day = day
        self._last: Price = 0
        self._bid: Price = 0
        self._ask: Price = 0
        self._open: Price = 0
        self._high: Price = 0
        self._low: Price = 0
        self._close: Price = 0
        self._circuit: tuple[Price, Price] = (0, 0)
        self._volume: Quantity = 0
        self._traded_at: Nanoseconds = 0
        self._touched_at: Nanoseconds = 0

    def _take_last(self, rate: float, volume: int, time: Nanoseconds) -> bool:
        last = self._price(rate)
        if not last:
            return self._drop(Dropped.BAD_RATE)
        if time < self._traded_at:
            return self._drop(Dropped.LATE)
        self._last, self._traded_at = last, time
        self._open = self._open or last
        self._high = max(self._high, last)
        self._low = min(self._low or last, last)
        self._volume = max(self._volume, whole(volume))
        return True

    def _take_touch(self, depth: Depth, time: Nanoseconds) -> bool:
        bid, ask = self._price(depth.bid), self._price(depth.ask)
        # A side on which nobody stands is 0; anything else that is no price is a fault.
        if (not bid and depth.bid) or (not ask and depth.ask):
            return self._drop(Dropped.BAD_RATE)
        if time < self._touched_at:
            return self._drop(Dropped.LATE)
        self._bid, self._ask, self._touched_at = bid, ask, time
        return True

    def _take_day(self, rates: DayRates) -> bool:
        """Before the open the close stands alone."""
        close = self._price(rates.previous_close)
        open_, high, low = (self._price(rate) for rate in (rates.open, rates.high, rates.low))
        is_whole = 0 < low <= open_ <= high
        if close:
            self._close = close
        if is_whole:
            self._open, self._high, self._low = open_, high, low
        if not close and not is_whole:
            return self._drop(Dropped.BAD_RATE)
        return True

    def _take_circuit(self, circuit: Circuit) -> bool:
        # A price must be on a tick as well: the nearest ones inside.
        low = round_up(self._price(circuit.low), self._tick)
        high = round_down(self._price(circuit.high), self._tick)
        if not 0 < low <= high:
            return self._drop(Dropped.BAD_RATE)
        self._circuit = (low, high)
        return True

    def _price(self, rate: float) -> Price:
        price = price_of(rate)
        if price and rate > COARSE_ABOVE:
            self._counts.coarse += 1
            price = nearest(price, self._tick)
        return price

    def _drop(self, why: Dropped) -> bool:
        self._counts.dropped[why] += 1
        return False
