"""Undo windows: an appointment for the one that ends first, and the release of its orders when it does."""

from collections.abc import Callable
from heapq import heappop, heappush

from phalanx.domain.instructions import InstructionId
from phalanx.domain.time import SECOND, Appointment, Clock, Nanoseconds, Timer
from phalanx.engine.commands import Command, ReleaseOrders
from phalanx.engine.state import State

AT_ONCE_MAX = 64
"""So many windows end in one turn of the loop; cancels and kills come in between."""

LOOK_AGAIN_NS: Nanoseconds = SECOND
"""The wall clock may step forward while we wait by the other one: no wait is longer than this."""


class UndoWindows:
    """Ends the windows, in the order of their times. ``handle`` takes the ReleaseOrders."""

    def __init__(
        self, state: State, clock: Clock, timer: Timer, handle: Callable[[Command], None]
    ) -> None:
        self._state = state
        self._clock = clock
        self._timer = timer
        self._handle = handle
        self._due: list[tuple[Nanoseconds, InstructionId]] = []
        self._appointment: Appointment | None = None
        self._closed = True

    def open(self) -> None:
        """Begin, with the windows that the state has; those that are over end at once."""
        self._closed = False
        for instruction_id, window in self._state.undo.items():
            heappush(self._due, (window.until, instruction_id))
        self._appoint()

    def add(self, until: Nanoseconds, instruction_id: InstructionId) -> None:
        """A window is durable: it ends then."""
        if self._closed:
            return
        heappush(self._due, (until, instruction_id))
        if self._due[0][1] == instruction_id:
            self._appoint()

    def close(self) -> None:
        """No window ends any more; those that are open stay for the next start."""
        self._closed = True
        if self._appointment is not None:
            self._appointment.cancel()

    def _appoint(self) -> None:
        if self._appointment is not None:
            self._appointment.cancel()
            self._appointment = None
        if self._due and not self._closed:
            delay = max(self._due[0][0] - self._clock.now(), 0)
            self._appointment = self._timer.call_later(min(delay, LOOK_AGAIN_NS), self._come)

    def _come(self) -> None:
        self._appointment = None
        try:
            for _ in range(AT_ONCE_MAX):
                if not self._due or self._due[0][0] > self._clock.now():
                    break
                self._handle(ReleaseOrders(heappop(self._due)[1]))
        finally:
            self._appoint()
