"""The desk's time: the wall clock's, but never slower than time itself passes."""

from phalanx.domain.time import Clock, Nanoseconds


class SteadyClock:
    """A wall clock whose steps back are ignored: time goes on from where it was, by the other clock.

    So events never go back in time, not even behind ``latest`` (the journal's last), and what
    expires in thirty seconds expires then, whatever somebody does to the machine's clock.
    """

    __slots__ = ("_clock", "_latest", "_monotonic")

    def __init__(self, clock: Clock, latest: Nanoseconds) -> None:
        self._clock = clock
        self._latest = latest
        self._monotonic = clock.monotonic()

    def now(self) -> Nanoseconds:
        """UTC nanoseconds since 1970; may step forward, never back, and never stands still."""
        monotonic = self._clock.monotonic()
        passed = self._latest + monotonic - self._monotonic
        self._monotonic = monotonic
        self._latest = max(self._clock.now(), passed)
        return self._latest

    def monotonic(self) -> Nanoseconds:
        """The same as the machine's."""
        return self._clock.monotonic()
