"""The pace of one login's questions: the broker's documents allow two in a second."""

from phalanx.domain.time import MILLISECOND, Clock, Nanoseconds, Timer

APART: Nanoseconds = 510 * MILLISECOND
"""A little more than half a second: the broker counts when they arrive."""


class Pace:
    """Turns in the order in which they were asked for, each so long after the one before it."""

    def __init__(self, clock: Clock, timer: Timer, apart: Nanoseconds = APART) -> None:
        self._clock = clock
        self._timer = timer
        self._apart = apart
        self._next: Nanoseconds = 0

    async def turn(self) -> None:
        """Return when the question may be asked. A turn that is given up is lost, nobody moves up."""
        now = self._clock.monotonic()
        mine = max(now, self._next)
        self._next = mine + self._apart
        if mine > now:
            await self._timer.sleep(mine - now)
