"""The end of the trading day: no order of paper's works on after it."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from phalanx.brokers.paper.agenda import Agenda
from phalanx.brokers.paper.book import PaperBook
from phalanx.brokers.paper.orders import PaperOrder
from phalanx.domain.time import DAY, HOUR, SECOND, Clock, Nanoseconds, trading_day

LOOK_NS_MAX: Nanoseconds = HOUR
"""The clock is looked at this often while orders work: it may have jumped to another day."""


def day_end(time: Nanoseconds, zone_offset_s: int) -> Nanoseconds:
    """When the trading day of that moment is over (UTC)."""
    return (trading_day(time, zone_offset_s) + 1) * DAY - zone_offset_s * SECOND


ClosesAt: TypeAlias = Callable[[Nanoseconds], Nanoseconds | None]
"""When the market of that moment closes; None where no orders are held to that."""


class Days:
    """Has ``expire`` called, from the agenda, for every order whose day is over. ``watches``: a look at
    the clock is due.
    """

    __slots__ = (
        "_agenda",
        "_book",
        "_clock",
        "_closes_at",
        "_ends_at",
        "_expire",
        "_zone",
        "_zone_offset_s",
        "watches",
    )

    def __init__(
        self,
        book: PaperBook,
        agenda: Agenda,
        clock: Clock,
        zone_offset_s: Callable[[], int],
        closes_at: ClosesAt,
        expire: Callable[[PaperOrder], None],
    ) -> None:
        self._book = book
        self._agenda = agenda
        self._clock = clock
        self._zone_offset_s = zone_offset_s
        self._closes_at = closes_at
        self._expire = expire
        self.watches = False
        self._zone = 0
        self._ends_at: Nanoseconds = 0

    def end_of(self, time: Nanoseconds) -> Nanoseconds:
        """When the trading day of that moment is over (UTC): at the close, else at midnight."""
        closes_at = self._closes_at(time)
        if closes_at is not None:
            return closes_at
        zone_offset_s = self._zone_offset_s()
        if self._zone != zone_offset_s or not self._ends_at - DAY <= time < self._ends_at:
            # Nearly all are of the day of the one before.
            self._zone = zone_offset_s
            self._ends_at = day_end(time, zone_offset_s)
        return self._ends_at

    def watch(self, delay_ns: Nanoseconds | None = None) -> None:
        """If any order works, look when the day is over, or after that delay."""
        if self.watches or not self._book.working:
            return
        now = self._clock.now()
        if delay_ns is None:
            delay_ns = min(LOOK_NS_MAX, self.end_of(now) - now)
        self.watches = True
        self._agenda.add(delay_ns, self._look)

    def _look(self) -> None:
        self.watches = False
        now = self._clock.now()
        for order in self._book.working.values():
            if order.is_accepted and now >= order.ends_at:
                self._agenda.add(0, partial(self._expire, order))
        self.watch()
