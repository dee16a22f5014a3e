"""Instructions that wait for their time, for an approval, or for the end of their undo window: an
appointment for the earliest, and what is to be done when it comes.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from phalanx.desk.intake import Intake
from phalanx.desk.undo import UndoWindows
from phalanx.domain.events import (
    ApprovalAsked,
    Event,
    InstructionApproved,
    InstructionHeld,
    InstructionPlanned,
)
from phalanx.domain.instructions import InstructionId
from phalanx.domain.time import SECOND, Appointment, Clock, Nanoseconds, Timer
from phalanx.engine.commands import Command, Release
from phalanx.engine.state import State

LOOK_AGAIN_NS: Nanoseconds = 10 * SECOND
"""The wall clock may step forward while we wait by the other one: no wait is longer than this."""


_HELD = frozenset({InstructionHeld, ApprovalAsked, InstructionApproved})


class HeldInstructions:
    """Releases what is held, one instruction a turn of the loop, so that orders flow in between; what
    nobody approved in time ends. The orders of a plan go when their undo window is over.

    ``handle`` takes the Release. ``intake`` says when more can be planned.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        timer: Timer,
        handle: Callable[[Command], None],
        intake: Intake,
    ) -> None:
        self._state = state
        self._clock = clock
        self._timer = timer
        self._handle = handle
        self._intake = intake
        self._undo = UndoWindows(state, clock, timer, handle)
        self._due: list[tuple[Nanoseconds, InstructionId]] = []
        self._appointment: Appointment | None = None
        self._asks = False
        self._closed = True

    def open(self) -> None:
        """Begin, with what the state holds; what is late goes at once, or ends."""
        self._closed = False
        for held in self._state.held.values():
            heappush(self._due, (held.due, held.id))
        self._appoint()
        self._undo.open()

    def released(self, events: Iterable[Event]) -> None:
        """These events are durable: what they hold has its appointment from here on."""
        if self._closed:
            return
        for event in events:
            if type(event) is InstructionPlanned:
                if event.undo_until:
                    self._undo.add(event.undo_until, event.instruction_id)
            elif type(event) in _HELD:
                held = self._state.held.get(event.instruction_id)  # type: ignore[union-attr]
                if held is not None:
                    heappush(self._due, (held.due, held.id))
                    self._appoint()

    def close(self) -> None:
        """Nothing is released any more; what is held stays for the next start."""
        self._closed = True
        self._undo.close()
        if self._appointment is not None:
            self._appointment.cancel()

    def _appoint(self) -> None:
        if self._appointment is not None:
            self._appointment.cancel()
            self._appointment = None
        if self._due and not (self._closed or self._asks):
            delay = max(self._due[0][0] - self._clock.now(), 0)
            self._appointment = self._timer.call_later(min(delay, LOOK_AGAIN_NS), self._come)

    def _come(self) -> None:
        self._appointment = None
        if self._due[0][0] <= self._clock.now():
            self._asks = True
            self._intake.before_others(self._release)
        else:
            self._appoint()

    def _release(self) -> None:
        """Its turn has come. Nothing leaves the heap but here, so its earliest is still due."""
        self._asks = False
        try:
            self._handle(Release(heappop(self._due)[1]))
        finally:
            self._appoint()
