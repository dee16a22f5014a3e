"""Commands become events: decided, applied, and handed to the group commit as one piece."""

from collections.abc import Callable

from phalanx.desk.commit import GroupCommit, encoded
from phalanx.desk.errors import Stopped
from phalanx.desk.firing.firing import Firing
from phalanx.desk.reconciling.order_ids import OrderIds
from phalanx.domain.events import Event, encode_event
from phalanx.engine.apply import apply
from phalanx.engine.commands import Command
from phalanx.engine.context import Context
from phalanx.engine.decide import decide
from phalanx.engine.state import State


class Decisions:
    """``context``: what a command is decided in. ``die``: the state says what the journal never will.

    ``order_ids`` are the brokers' ids of the orders in memory.
    """

    def __init__(
        self,
        state: State,
        firing: Firing,
        commit: GroupCommit,
        context: Callable[[Command], Context],
        die: Callable[[BaseException], None],
    ) -> None:
        self.order_ids = OrderIds(state)
        self._state = state
        self._firing = firing
        self._commit = commit
        self._context = context
        self._die = die

    def decide(self, command: Command, context: Context | None = None) -> list[Event]:
        """Decide, apply, and decide what follows at once: all of it goes into one record.

        Until something is applied, an exception leaves everything as it was. After that there is
        no way back: the state would say what the journal never will, so the desk stops.
        """
        first_seq = self._state.seq + 1
        decided = decide(self._state, command, context or self._context(command))
        blobs = encoded(decided)
        try:
            todo = self._take(command, decided)
            for following in todo:
                events = decide(self._state, following, self._context(following))
                blobs += map(encode_event, events)
                decided += events
                todo += self._take(following, events)
        except Exception as failure:
            self._die(failure)
            raise Stopped(str(failure) or repr(failure)) from failure
        if decided:
            self._commit.add(first_seq, decided, blobs)
        return decided

    def _take(self, command: Command, events: list[Event]) -> list[Command]:
        """Apply what was decided; what follows from it at once."""
        for event in events:
            apply(self._state, event)
        self.order_ids.learn(events)
        return self._firing.after(command, events)
