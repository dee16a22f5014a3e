"""The intake: what is decided now, what waits a little for its turn, and what is turned away.

Everything an instruction causes is work on the desk's one loop: its plan, its record, its writes, its
answers. So new risk is let in only as fast as that work gets done; cancels, exits and kills go past
whoever waits.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import msgspec

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
    rows_of,
)
from phalanx.domain.orders import Side
from phalanx.domain.time import Timer
from phalanx.engine import commands as c
from phalanx.engine.persons.commands import DeclineChange, DisarmAccounts
from phalanx.engine.reconciliation.commands import CloseBreak, JudgeDoubt, TakeBreak


class _Turn:
    """One command's place in the queue; ``weight`` is what it keeps in memory. ``leads``: it was the first
    of those that were let in together.
    """

    __slots__ = ("future", "leads", "weight")

    def __init__(self, weight: int) -> None:
        self.weight = weight
        self.leads = False
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Intake:
    """Turns for commands, first come first served, a few small ones or one large in a turn of the loop.

    Who has been given a turn keeps his place in the queue until he takes it, so nobody goes past him.
    ``brokers`` that tell late are asked how late.
    """

    def __init__(
        self, commit: GroupCommit, brokers: Iterable[object], timer: Timer, pace: Pace
    ) -> None:
        self._commit = commit
        self._brokers = [broker for broker in brokers if isinstance(broker, TellsLate)]
        self._timer = timer
        self._pace = pace
        self._queue: dict[_Turn, None] = {}
        self._weight = 0
        self._own: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        """How many commands wait for their turn."""
        return len(self._queue)

    def is_at_ease(self) -> bool:
        """Whether what was let in before is done with, or nearly."""
        if self._commit.waiting_bytes >= self._pace.easy_bytes:
            return False
        behind_ns = self._pace.behind_ns
        # Asked for every order: a loop is quicker than `all` and its generator.
        for broker in self._brokers:  # noqa: SIM110
            if broker.behind_ns >= behind_ns:
                return False
        return True

    def passes(self, command: c.Command) -> bool:
        """Whether the command may be decided just now. Raises Overloaded."""
        if only_lessens_risk(command):
            is_full = self._commit.waiting_bytes >= self._pace.urgent_bytes_max
            if is_full and not isinstance(command, c.PutKill):
                raise Overloaded
            return True
        return not self._queue and not self._own and self.is_at_ease()

    async def turn(self, command: c.Command) -> bool:
        """Return when the command may be decided, which the caller then does without awaiting anything;
        whether it had to wait. Raises Overloaded, and Stopped when the desk stops meanwhile.
        """
        if self.passes(command):
            return False
        await self._wait(_weight(command))
        return True

    def before_others(self, call: Callable[[], None]) -> None:
        """Something of the desk's own that plans: called with the next ease, before anybody who waits."""
        self._own.append(call)
        self.look_soon()

    def look(self) -> None:
        """Give the next ones their turn, if there is ease for it and nobody has one."""
        head = next(iter(self._queue), None)
        if head is not None and head.future.done():
            return
        if not self.is_at_ease():
            return
        if self._own:
            self.look_soon()
            self._own.popleft()()
        else:
            self._let_in()

    def look_soon(self) -> None:
        """The same in the next turn of the loop."""
        self._timer.call_later(0, self.look)

    def close(self, why: str) -> None:
        """Nobody who waits will have a turn."""
        self._own.clear()
        for turn in self._queue:
            if not turn.future.done():
                turn.future.set_exception(Stopped(why))

    def _let_in(self) -> None:
        room = self._pace.turn_weight
        for at, turn in enumerate(self._queue):
            room -= turn.weight
            if at and room < 0:
                return
            turn.leads = not at
            # Further back somebody may just have gone, and is not out of the queue yet.
            if not turn.future.done():
                turn.future.set_result(None)

    async def _wait(self, weight: int) -> None:
        pace = self._pace
        if len(self._queue) >= pace.waiting_max or self._weight + weight > pace.waiting_weight_max:
            raise Overloaded
        turn = _Turn(weight)
        self._queue[turn] = None
        self._weight += weight
        patience = self._timer.call_later(pace.wait_ns, lambda: _turn_away(turn.future))
        try:
            await turn.future
            while not (turn.leads or self.is_at_ease()):
                # Those before it, let in together with it, came to more than they said.
                turn.future = asyncio.get_running_loop().create_future()
                await turn.future
        finally:
            patience.cancel()
            del self._queue[turn]
            self._weight -= weight
            # The next is looked at when this one is decided, or has gone without using its turn;
            # reports, cancels and kills come in between.
            self.look_soon()


def only_lessens_risk(command: c.Command) -> bool:
    """Cancels, exits, kills, and what a person settles: they pass when new risk is turned away."""
    match command:
        case (
            c.CancelOrder() | c.PutKill() | c.Decline() | TakeBreak() | CloseBreak() | JudgeDoubt()
        ):
            return True
        case DisarmAccounts() | DeclineChange():
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


def _weight(command: c.Command) -> int:
    """Rows, names and quantities that a command says."""
    if isinstance(command, c.Submit):
        return 1 + rows_of(command.request)
    said = msgspec.structs.astuple(command)
    return 1 + sum(len(part) for part in said if isinstance(part, tuple | dict))


def _turn_away(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_exception(Overloaded())
