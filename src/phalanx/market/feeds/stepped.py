"""A feed that moves quotes step by step: a walk, or past days again."""

from collections.abc import Callable, Iterable

from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.time import Appointment, Nanoseconds, Timer
from phalanx.market.feeds.port import FeedState


class SteppedFeed:
    """Calls ``step`` at every interval until it says that it was the last one, or until ``stop``.

    A step moves whatever it has prices for, whoever subscribes to what.
    """

    __slots__ = ("_appointment", "_interval_ns", "_step", "_timer")

    def __init__(self, step: Callable[[], bool], timer: Timer, interval_ns: Nanoseconds) -> None:
        self._step = step
        self._timer = timer
        self._interval_ns = interval_ns
        self._appointment: Appointment | None = None

    @property
    def state(self) -> FeedState:
        """UP while there is a next step."""
        return FeedState.STOPPED if self._appointment is None else FeedState.UP

    def start(self) -> None:
        """The first step comes after the first interval."""
        if self._appointment is None:
            self._next()

    async def stop(self) -> None:
        """No more steps."""
        self._end()

    def subscribe(self, keys: Iterable[InstrumentKey]) -> tuple[InstrumentKey, ...]:
        """All are told of."""
        del keys
        return ()

    def unsubscribe(self, keys: Iterable[InstrumentKey]) -> None:
        """They are told of nevertheless."""

    def _next(self) -> None:
        self._appointment = self._timer.call_later(self._interval_ns, self._turn)

    def _turn(self) -> None:
        # First, so that a step that fails is not the end of all others.
        self._next()
        if not self._step():
            self._end()

    def _end(self) -> None:
        if self._appointment is not None:
            self._appointment.cancel()
            self._appointment = None
