"""A few connections of one account, opened before they are needed, and the requests that wait for one."""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from phalanx.brokers.port import Outcome, Ticket, Unknown
from phalanx.brokers.wire.answer import Answer
from phalanx.brokers.wire.connection import UNREACHABLE, Connection, NoAnswer, Result
from phalanx.brokers.wire.dialer import Dialer

CONNECTIONS_MAX = 4
"""Of one account: one is kept open, more are opened when requests have to wait."""

WAITING_MAX = 256
"""Requests that wait for a connection, urgent ones and others each; what is too much is not written, and
the desk tries again later."""

REOPEN_S_MIN = 0.1
REOPEN_S_MAX = 5.0
"""How long until a lost connection is opened again; the pause doubles while that fails."""


class _Call(msgspec.Struct, gc=False):
    request: bytes
    ticket: Ticket
    read: Callable[[Answer], Outcome]


class Pool:
    """Sends requests, each at most once, each on a connection that was well when it was written."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._idle: list[Connection] = []
        self._busy: dict[Connection, _Call] = {}
        self._urgent: deque[_Call] = deque()
        self._normal: deque[_Call] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._reopen_s = REOPEN_S_MIN
        self._reopening: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def warm(self) -> None:
        """Open the connection that is kept. Raises OSError."""
        if not self._count:
            self._idle.append(await self._dialer.connect(self))

    def send(
        self,
        request: bytes,
        ticket: Ticket,
        read: Callable[[Answer], Outcome],
        *,
        urgent: bool = False,
    ) -> None:
        """Write the request at once where a connection is free, otherwise as soon as one is; ``urgent``
        ones before the others.

        ``read`` makes an outcome of a complete answer; the ticket is done exactly once, and only
        with what was never written before this returns.
        """
        call = _Call(request, ticket, read)
        if not (self._urgent or self._normal or self._is_closed):
            connection = self._take()
            if connection is not None:
                self._write(connection, call)
                return
        waiting = self._urgent if urgent else self._normal
        if self._is_closed or len(waiting) >= WAITING_MAX:
            ticket.done(UNREACHABLE)
            return
        waiting.append(call)
        self._move()

    def give_up(self) -> None:
        """What waits for a connection was never written."""
        waiting = (*self._urgent, *self._normal)
        self._urgent.clear()
        self._normal.clear()
        for call in waiting:
            call.ticket.done(UNREACHABLE)

    def close(self) -> None:
        """Drop everything. What is under way is Unknown, what waits was never written."""
        self._is_closed = True
        if self._reopening is not None:
            self._reopening.cancel()
        for task in self._opening:
            task.cancel()
        for connection in (*self._idle, *self._busy):
            connection.close("closed before the answer")
        self.give_up()

    @property
    def _count(self) -> int:
        return len(self._idle) + len(self._busy) + len(self._opening)

    def _move(self) -> None:
        """Write what waits, as far as there are connections; open one more where there are too few."""
        while waiting := self._urgent or self._normal:
            connection = self._take()
            if connection is None:
                wanted = len(self._urgent) + len(self._normal)
                if len(self._opening) < wanted and self._count < CONNECTIONS_MAX:
                    self._open()
                return
            self._write(connection, waiting.popleft())

    def _write(self, connection: Connection, call: _Call) -> None:
        self._busy[connection] = call
        refused = connection.send(call.request, call.ticket)
        if refused is not None:
            self._free(connection)
            call.ticket.done(refused)

    def _take(self) -> Connection | None:
        """The connection used last of those that are well; the others are dropped."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.close("stale")
        return None

    def _free(self, connection: Connection) -> None:
        self._busy.pop(connection, None)
        if connection.is_open:
            self._idle.append(connection)

    # --- what connections tell (`Owner`) -------------------------------------------------------------

    def told(self, connection: Connection, result: Result) -> None:
        """The request on this connection was answered, or will not be; the next one may have it."""
        call = self._busy[connection]
        self._free(connection)
        if isinstance(result, NoAnswer):
            call.ticket.done(Unknown(result.why))
        else:
            call.ticket.done(call.read(result))
        if not self._is_closed:
            self._move()

    def lost(self, connection: Connection) -> None:
        """Another one is opened, unless there are others."""
        if connection in self._idle:
            self._idle.remove(connection)
        self._busy.pop(connection, None)
        if not (self._is_closed or self._count):
            self._open_later()

    # --- opening -----------------------------------------------------------------------------------

    def _open(self) -> None:
        task = asyncio.create_task(self._connect(), name="connection")
        self._opening.add(task)
        task.add_done_callback(self._opened)

    async def _connect(self) -> None:
        connection = await self._dialer.connect(self)
        if self._is_closed:
            connection.close("closed")
        else:
            self._idle.append(connection)

    def _opened(self, task: "asyncio.Task[None]") -> None:
        self._opening.discard(task)
        if self._is_closed or task.cancelled():
            return
        failure = task.exception()
        if failure is None:
            self._reopen_s = REOPEN_S_MIN
            self._move()
            return
        if not isinstance(failure, OSError):
            context = {"message": "a connection could not be made", "exception": failure}
            asyncio.get_running_loop().call_exception_handler(context)
        if not self._count:
            self.give_up()
            self._open_later()

    def _open_later(self) -> None:
        """Have one connection ready again, before it is needed."""
        if self._reopening is None:
            later = asyncio.get_running_loop().call_later
            self._reopening = later(self._reopen_s, self._reopen)
            self._reopen_s = min(2 * self._reopen_s, REOPEN_S_MAX)

    def _reopen(self) -> None:
        self._reopening = None
        if not self._count:
            self._open()
