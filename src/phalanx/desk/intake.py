"""The intake: what is decided now, what waits a little for its turn, and what is turned away.

Everything an instruction causes is work on the desk's one loop: its plan, its record, its writes, its
answers. So new risk is let in only as fast as that work gets done; cancels, exits and kills go past
whoever waits.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from phalanx.brokers.port import TellsLate
from phalanx.desk.commit import GroupCommit
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.pace import Pace
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    InstructionRequest,
    OrderRequest,
    SignalRequest,
)
from phalanx.domain.orders import Side
from phalanx.domain.time import Timer
from phalanx.engine import commands as c
from phalanx.engine.reconciliation.commands import CloseBreak, JudgeDoubt, TakeBreak


class _Turn:
    """One command's place in the queue."""

    __slots__ = ("future", "rows")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Intake:
    """Turns for commands, first come first served. ``brokers`` that tell late are asked how late."""

    def __init__(
        self, commit: GroupCommit, brokers: Iterable[object], timer: Timer, pace: Pace
    ) -> None:
        self._commit = commit
        self._brokers = [broker for broker in brokers if isinstance(broker, TellsLate)]
        self._timer = timer
        self._pace = pace
        self._queue: deque[_Turn] = deque()
        self._rows = 0

    def __len__(self) -> int:
        """How many commands wait for their turn."""
        return len(self._queue)

    def is_at_ease(self) -> bool:
        """Whether what was let in before is done with, or nearly."""
        if self._commit.waiting_bytes >= self._pace.easy_bytes:
            return False
        return all(broker.behind_ns < self._pace.behind_ns for broker in self._brokers)

    async def turn(self, command: c.Command) -> bool:
        """Return when the command may be decided, which the caller then does without awaiting anything;
        whether it had to wait. Raises Overloaded, and Stopped when the desk stops meanwhile.
        """
        if only_lessens_risk(command):
            if self._commit.waiting_bytes >= self._pace.urgent_bytes_max:
                raise Overloaded
            return False
        if not self._queue and self.is_at_ease():
            return False
        await self._wait(_rows(command))
        return True

    def look(self) -> None:
        """Give the first who waits its turn, if there is ease for it now."""
        while self._queue and self.is_at_ease():
            future = self._leave().future
            if not future.done():
                future.set_result(None)
                return

    def close(self, why: str) -> None:
        """Nobody who waits will have a turn."""
        while self._queue:
            future = self._leave().future
            if not future.done():
                future.set_exception(Stopped(why))

    async def _wait(self, rows: int) -> None:
        if (
            len(self._queue) >= self._pace.waiting_max
            or self._rows + rows > self._pace.waiting_rows_max
        ):
            raise Overloaded
        turn = _Turn(rows)
        self._queue.append(turn)
        self._rows += rows
        patience = self._timer.call_later(self._pace.wait_ns, lambda: _turn_away(turn.future))
        try:
            await turn.future
        finally:
            patience.cancel()
            # One a turn of the loop: the next is looked at when this one is decided, and reports,
            # cancels and kills come in between. Also for one that left without using its turn.
            self._timer.call_later(0, self.look)

    def _leave(self) -> _Turn:
        turn = self._queue.popleft()
        self._rows -= turn.rows
        return turn


def only_lessens_risk(command: c.Command) -> bool:
    """Cancels, exits, kills, and what a person settles: they pass when new risk is turned away."""
    match command:
        case c.CancelOrder() | c.PutKill() | TakeBreak() | CloseBreak() | JudgeDoubt():
            return True
        case c.Submit(request=request):
            return _only_sells(request)
        case _:
            return False


def _only_sells(request: InstructionRequest) -> bool:
    match request:
        case SignalRequest() | OrderRequest() | AllocatedRequest():
            return request.side is Side.SELL
        case BatchRequest():
            return all(row.side is Side.SELL for row in request.rows)
        case ExitRequest() | CancelRestRequest() | CancelOpenRequest():
            return True
        case _:
            return False


def _rows(command: c.Command) -> int:
    match command:
        case c.Submit(request=BatchRequest(rows=rows)):
            return len(rows)
        case _:
            return 1


def _turn_away(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_exception(Overloaded())
