"""When the time of the intraday square-off comes, its exits are fired: by the desk, past whoever waits."""

from collections.abc import Callable, Container

from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.sessions import Calendar, SessionClass
from phalanx.domain.time import SECOND, Clock, Nanoseconds, Timer
from phalanx.engine.commands import Command
from phalanx.engine.day.square_off import exits_due, is_due
from phalanx.engine.state import State

LOOK_NS: Nanoseconds = SECOND


class SquareOff:
    """Looks at the clock every second, and at the books once a day for each class of stocks; once more
    when an account opens that was ``closed`` then.

    ``handle`` takes the exits. What was fired is known by its key in the journal: a process that starts
    after the time fires what is missing.
    """

    def __init__(
        self,
        state: State,
        calendar: Calendar,
        clock: Clock,
        timer: Timer,
        instruments: Callable[[], InstrumentIndex],
        closed: Container[AccountId],
        handle: Callable[[Command], None],
    ) -> None:
        self._state = state
        self._calendar = calendar
        self._clock = clock
        self._timer = timer
        self._instruments = instruments
        self._closed = closed
        self._handle = handle
        self._done: dict[SessionClass, int] = {}
        self._waiting: dict[SessionClass, frozenset[AccountId]] = {}

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            for session_class in SessionClass:
                await self._look(session_class)
            await self._timer.sleep(LOOK_NS)

    async def _look(self, session_class: SessionClass) -> None:
        state, calendar = self._state, self._calendar
        if self._done.get(session_class) == state.day and not self._has_opened(session_class):
            return
        if not is_due(state, calendar, session_class, self._clock.now()):
            return
        due = exits_due(state, calendar, self._instruments(), self._closed, session_class)
        self._done[session_class], self._waiting[session_class] = state.day, due.waiting
        for one in due.exits:
            self._handle(one)
            # Each is a plan over many books: orders and answers come in between.
            await self._timer.sleep(0)

    def _has_opened(self, session_class: SessionClass) -> bool:
        """Whether somebody who waited is open now."""
        waiting = self._waiting.get(session_class, frozenset())
        return any(account not in self._closed for account in waiting)
