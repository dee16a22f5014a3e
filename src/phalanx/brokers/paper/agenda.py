"""What the paper broker does next, and when."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from phalanx.domain.time import Appointment, Clock, Nanoseconds, Timer

STEPS_PER_TURN_MAX = 250
"""After so many steps the loop gets a turn; the rest follows in the next one."""

_STALE_MIN = 64


class Agenda:
    """Steps by due time; those of equal time in the order they were added.

    Nothing runs inside ``add``: steps run when the timer calls, a whole batch in one turn of the
    loop, with a single appointment for the earliest. A step that is added by a running one waits
    for the next turn, even without a delay, so a chain of them cannot hold the loop.
    """

    __slots__ = ("_appointed", "_appointment", "_clock", "_due", "_number", "_steps", "_timer")

    def __init__(self, timer: Timer, clock: Clock) -> None:
        self._timer = timer
        self._clock = clock
        self._due: list[tuple[Nanoseconds, int]] = []
        self._steps: dict[int, Callable[[], None]] = {}
        self._number = 0
        self._appointment: Appointment | None = None
        self._appointed: Nanoseconds = 0

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def behind_ns(self) -> Nanoseconds:
        """How long the earliest step is overdue; 0 when it is not, or there is none."""
        return max(0, self._clock.monotonic() - self._due[0][0]) if self._due else 0

    def add(self, delay_ns: Nanoseconds, step: Callable[[], None]) -> int:
        """Run ``step`` after ``delay_ns``; the number that comes back is for ``drop``."""
        self._number = number = self._number + 1
        due = self._clock.monotonic() + delay_ns
        self._steps[number] = step
        heappush(self._due, (due, number))
        if self._appointment is None or due < self._appointed:
            self._appoint(due, delay_ns)
        return number

    def drop(self, number: int) -> None:
        """Do not run that step; nothing happens if it has run."""
        if self._steps.pop(number, None) is None:
            return
        # What is dropped stays in the heap until it is due; not when most of the heap is that.
        if len(self._due) > 2 * len(self._steps) + _STALE_MIN:
            self._due = [entry for entry in self._due if entry[1] in self._steps]
            heapify(self._due)

    def close(self) -> None:
        """Forget everything; nothing runs any more."""
        if self._appointment is not None:
            self._appointment.cancel()
            self._appointment = None
        self._due.clear()
        self._steps.clear()

    def _run(self) -> None:
        self._appointment = None
        now = self._clock.monotonic()
        last = self._number
        try:
            for _ in range(STEPS_PER_TURN_MAX):
                if not self._due or self._due[0][0] > now or self._due[0][1] > last:
                    break
                step = self._steps.pop(heappop(self._due)[1], None)
                if step is not None:
                    step()
        finally:
            # Also after a step that failed: the others are not its business.
            self._appoint_next(now)

    def _appoint_next(self, now: Nanoseconds) -> None:
        if not self._due:
            return
        due = self._due[0][0]
        if self._appointment is None or due < self._appointed:
            self._appoint(due, max(0, due - now))

    def _appoint(self, due: Nanoseconds, delay_ns: Nanoseconds) -> None:
        if self._appointment is not None:
            self._appointment.cancel()
        self._appointed = due
        self._appointment = self._timer.call_later(delay_ns, self._run)
