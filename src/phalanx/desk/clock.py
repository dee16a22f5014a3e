"""The desk's time: the wall clock's, but never slower than time itself passes."""

from phalanx.domain.time import Clock, Nanoseconds


class SteadyClock:
    """A wall clock whose steps back are ignored: time goes on from where it was, by the other clock.

    So events never go back in time, not even behind ``latest`` (the journal's last), and what
    expires in thirty seconds expires then, whatever somebody does to the machine's clock.
    ``monotonic`` is the machine's own: it is read with every write.
    """

    __slots__ = ("_ahead", "_wall", "monotonic")

    def __init__(self, clock: Clock, latest: Nanoseconds) -> None:
        self.monotonic = clock.monotonic
        self._wall = clock.now
        self._ahead = latest - self.monotonic()

    def now(self) -> Nanoseconds:
        """UTC nanoseconds since 1970; may step forward, never back, and never stands still."""
        monotonic = self.monotonic()
        wall = self._wall()
        passed = monotonic + self._ahead
        if wall <= passed:
            return passed
        self._ahead = wall - monotonic
        return wall
