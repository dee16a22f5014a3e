"""A virtual event loop: time is a number that jumps to the next timer, so a day takes a moment.

Nothing in it reads the machine's clock. A world that waits for something no timer will bring is
found at once instead of hanging.
"""

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from phalanx.domain.time import SECOND, Appointment, Nanoseconds

T = TypeVar("T")

MONDAY_0915_IST: Nanoseconds = 1_767_584_700 * SECOND
"""Where a world's wall clock begins unless told otherwise: Monday 2026-01-05, 09:15 in India."""


class Deadlock(Exception):
    """Everybody waits and no timer is set."""


class _TimelessSelector(selectors.SelectSelector):
    """Never waits: it moves the clock by what the loop wanted to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed_ns: Nanoseconds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise Deadlock("everybody waits and no timer is set")
        # One nanosecond more than asked, so that rounding never wakes a timer early.
        self.elapsed_ns += int(timeout * SECOND) + 1
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time is virtual."""

    def __init__(self) -> None:
        self._timeless = _TimelessSelector()
        super().__init__(self._timeless)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._timeless.elapsed_ns / SECOND

    @property
    def elapsed_ns(self) -> Nanoseconds:
        """Virtual nanoseconds since the loop was made."""
        return self._timeless.elapsed_ns


class VirtualClock:
    """Both clocks, driven by a virtual loop. ``skew`` sets the wall clock forward or back."""

    def __init__(self, loop: VirtualLoop, start: Nanoseconds = MONDAY_0915_IST) -> None:
        self._loop = loop
        self._start = start
        self.skew: Nanoseconds = 0

    def now(self) -> Nanoseconds:
        """Wall time, UTC."""
        return self._start + self._loop.elapsed_ns + self.skew

    def monotonic(self) -> Nanoseconds:
        """Never goes back."""
        return self._loop.elapsed_ns


class VirtualTimer:
    """Waiting on a virtual loop takes no time at all."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        """Return after ``duration_ns`` of virtual time."""
        return asyncio.sleep(duration_ns / SECOND)

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> Appointment:
        """Call once after ``delay_ns`` of virtual time."""
        return self._loop.call_later(max(0, delay_ns) / SECOND, call)


class ProcessTimer:
    """The timer of one process. Once that is killed, nothing it waited for happens any more."""

    def __init__(self, timer: VirtualTimer) -> None:
        self._timer = timer
        self._killed = False

    async def sleep(self, duration_ns: Nanoseconds) -> None:
        """Return after ``duration_ns`` of virtual time, in a process that still lives."""
        await self._timer.sleep(duration_ns)
        if self._killed:
            await asyncio.get_running_loop().create_future()

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> Appointment:
        """Call once after ``delay_ns`` of virtual time, in a process that still lives."""
        return self._timer.call_later(delay_ns, lambda: None if self._killed else call())

    def kill(self) -> None:
        """No more."""
        self._killed = True


class SeededRandom:
    """Chance that repeats."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def bits(self, count: int) -> int:
        """An integer of ``count`` bits."""
        return self._random.getrandbits(count)

    def token(self, count: int) -> bytes:
        """``count`` bytes."""
        return self._random.randbytes(count)


def simulate(story: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a story on a virtual loop of its own and clear up behind it."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(story(loop))
