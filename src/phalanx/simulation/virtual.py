"""Virtual time for the ports: clocks, timers and chance on a virtual loop, and how a story is run on one."""

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from phalanx.domain.time import MINUTE, SECOND, Appointment, Nanoseconds
from phalanx.simulation.loop import Deadlock, Killed, Livelock, Process, VirtualLoop

__all__ = [
    "MONDAY_0915_IST",
    "Deadlock",
    "Killed",
    "Livelock",
    "Process",
    "ProcessTimer",
    "SeededRandom",
    "VirtualClock",
    "VirtualLoop",
    "VirtualTimer",
    "simulate",
]

T = TypeVar("T")

MONDAY_0915_IST: Nanoseconds = 1_767_584_700 * SECOND
"""Where a world's wall clock begins unless told otherwise: Monday 2026-01-05, 09:15 in India."""


MIDNIGHT_IST: Nanoseconds = MONDAY_0915_IST + (14 * 60 + 45) * MINUTE
"""The end of that day."""


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
    """Waiting on a virtual loop takes no time at all. Who waits is whoever calls."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        """Return after ``duration_ns`` of virtual time."""
        return _sleep(self._loop, duration_ns, None)

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> Appointment:
        """Call once after ``delay_ns`` of virtual time."""
        return self._loop.at(self._loop.elapsed_ns + delay_ns, call)


class ProcessTimer:
    """The timer of one process, whoever uses it: nothing that it was asked for outlives the process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._loop = process.loop

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        """Return after ``duration_ns`` of virtual time, in a process that still lives."""
        return _sleep(self._loop, duration_ns, self._process)

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> Appointment:
        """Call once after ``delay_ns`` of virtual time, in a process that still lives."""
        when_ns = self._loop.elapsed_ns + delay_ns
        return self._loop.at(when_ns, call, context=self._process.context)


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


def simulate(story: Callable[[VirtualLoop], Coroutine[Any, Any, T]], seed: int = 0) -> T:
    """Run a story on a virtual loop of its own and clear up behind it.

    Raises what the story raises, Deadlock, Livelock, and an AssertionError of anything outside.
    Meanwhile nobody looks for cycles: that takes a quarter of the time, and comes when it likes.
    """
    collects = gc.isenabled()
    gc.disable()
    loop = VirtualLoop(seed)
    try:
        return loop.run_until_complete(story(loop))
    finally:
        loop.close()
        if collects:
            gc.enable()


async def _sleep(loop: VirtualLoop, duration_ns: Nanoseconds, process: Process | None) -> None:
    if duration_ns <= 0:
        await asyncio.sleep(0)
        return
    waiting: asyncio.Future[None] = loop.create_future()
    loop.wake(loop.elapsed_ns + duration_ns, waiting, process)
    await waiting
