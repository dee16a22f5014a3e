"""A clock that stands still until a test moves it, and the timer that goes by it."""

import asyncio
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush

from phalanx.domain.time import Nanoseconds

START: Nanoseconds = 1_700_000_000_000_000_000


class ManualAppointment:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class ManualClock:
    """Clock and Timer in one. Calls happen only inside ``settle`` and ``advance``, in due order."""

    def __init__(self, start: Nanoseconds = START) -> None:
        self._start = start
        self._elapsed: Nanoseconds = 0
        self._number = 0
        self._due: list[tuple[Nanoseconds, int, ManualAppointment]] = []

    def now(self) -> Nanoseconds:
        return self._start + self._elapsed

    def monotonic(self) -> Nanoseconds:
        return self._elapsed

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> ManualAppointment:
        assert delay_ns >= 0
        appointment = ManualAppointment(call)
        self._number += 1
        heappush(self._due, (self._elapsed + delay_ns, self._number, appointment))
        return appointment

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        self.call_later(duration_ns, wake)
        return future

    def jump(self, duration_ns: Nanoseconds) -> None:
        """Set the wall clock on, or back; what is due stays as far away as it was."""
        self._start += duration_ns

    @property
    def waiting(self) -> int:
        """How many appointments stand."""
        return sum(appointment.call is not None for _, _, appointment in self._due)

    def settle(self) -> None:
        """Do what is due now, and what comes due of it."""
        self.advance(0)

    def turn(self) -> None:
        """One turn of a loop: what is due now, without what that adds."""
        last = self._number
        while self._due and self._due[0][0] <= self._elapsed and self._due[0][1] <= last:
            self._call_next()

    def advance(self, duration_ns: Nanoseconds) -> None:
        """Move on, stopping at every appointment on the way."""
        end = self._elapsed + duration_ns
        while self._due and self._due[0][0] <= end:
            self._elapsed = max(self._elapsed, self._due[0][0])
            self._call_next()
        self._elapsed = end

    def _call_next(self) -> None:
        call = heappop(self._due)[2].call
        if call is not None:
            call()
