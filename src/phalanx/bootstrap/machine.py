"""The machine underneath: its clocks, the event loop's timers, chance."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable

from phalanx.domain.time import SECOND, Appointment, Nanoseconds


class SystemClock:
    """The machine's clocks, themselves: they are read with every write."""

    now = staticmethod(time.time_ns)
    monotonic = staticmethod(time.monotonic_ns)


class LoopTimer:
    """Waiting on the running event loop, whichever it is."""

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        """Return after ``duration_ns``."""
        return asyncio.sleep(duration_ns / SECOND)

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> Appointment:
        """Call once after ``delay_ns``; at the next turn of the loop when there is no delay."""
        loop = asyncio.get_running_loop()
        if delay_ns <= 0:
            return loop.call_soon(call)
        return loop.call_later(delay_ns / SECOND, call)


class SystemRandom:
    """Chance: tokens from the operating system, bits (one draw an instruction) from a seeded generator."""

    def __init__(self) -> None:
        self._bits = random.Random(secrets.randbits(64))

    def bits(self, count: int) -> int:
        """An integer of ``count`` random bits."""
        return self._bits.getrandbits(count)

    def token(self, count: int) -> bytes:
        """``count`` random bytes."""
        return secrets.token_bytes(count)
