"""What keeps quotes moving: a step of a walk or a replay at every interval."""

from collections.abc import Callable

from phalanx.domain.time import Appointment, Nanoseconds, Timer


class QuoteDriver:
    """Calls ``step`` at every interval until it says that it was the last one, or until ``stop``."""

    __slots__ = ("_appointment", "_interval_ns", "_step", "_timer")

    def __init__(self, step: Callable[[], bool], timer: Timer, interval_ns: Nanoseconds) -> None:
        self._step = step
        self._timer = timer
        self._interval_ns = interval_ns
        self._appointment: Appointment | None = None

    def start(self) -> None:
        """The first step comes after the first interval."""
        self._appointment = self._timer.call_later(self._interval_ns, self._turn)

    def stop(self) -> None:
        """No more steps. Safe to call twice, and before the start."""
        if self._appointment is not None:
            self._appointment.cancel()
            self._appointment = None

    def _turn(self) -> None:
        # First, so that a step that fails is not the end of all others.
        self.start()
        if not self._step():
            self.stop()
