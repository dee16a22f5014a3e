"""``WS /ws``: the event stream to browsers and the CLI, and ``WS /ws/{client}``, on raw ASGI.

A socket has one task that sends and one that listens for its end. A reader is cut off when its
backlog overflows, or when one message has not gone out for ``STALL_S``: the stream never waits.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import parse_qs

from phalanx.access.errors import AccessError, unauthenticated
from phalanx.api.bodies import Receive, Send
from phalanx.api.exchange import name_request, refuse, reply
from phalanx.api.facts import tell_refused
from phalanx.api.head import Head, Scope, read_head
from phalanx.api.house import House
from phalanx.api.platform.client_streams import ClientStreams
from phalanx.api.policy import READ, READ_OWN, Policy
from phalanx.api.problems import Problem, as_problem
from phalanx.api.system import System
from phalanx.desk.showing.stream import SLOW_READER, Reader, Stream, TooManyReaders
from phalanx.domain.access import NO_FENCE, Principal

PATH = "/ws"
QUERY_BYTES_MAX = 1_024
SWEEP_S = 1.0
STALL_S = 5.0
CLOSE_TIMEOUT_S = 10.0

POLICY_VIOLATION = 1_008
GOING_AWAY = 1_001
TRY_AGAIN_LATER = 1_013
SIGNED_OUT = 4_401
SESSION_ENDED = "SESSION_ENDED"
NO_SUCH_CLIENT = 4_404
UNKNOWN_CLIENT = "UNKNOWN_CLIENT"

_CODES = {SLOW_READER: TRY_AGAIN_LATER, SESSION_ENDED: SIGNED_OUT}

_CLIENT = re.compile(rf"{PATH}/([^/]+)")
_ID = re.compile(r"[0-9]{1,16}", re.ASCII)


class _Socket:
    """One reader's connection, and who reads under which policy. ``sending`` and ``sent`` tell the sweep
    whether it moves.
    """

    __slots__ = (
        "client_id",
        "policy",
        "principal",
        "pump",
        "reader",
        "sending",
        "sent",
        "stalled_s",
        "swept",
    )

    def __init__(self, reader: Reader, principal: Principal, policy: Policy) -> None:
        self.reader = reader
        self.principal = principal
        self.policy = policy
        self.client_id: int | None = None
        self.pump: asyncio.Task[None] | None = None
        self.sending = False
        self.sent = 0
        self.swept = -1
        self.stalled_s = 0.0


class Sockets:
    """All open sockets of one application; the stream bounds how many there are."""

    def __init__(
        self,
        house: House,
        sweep_s: float = SWEEP_S,
        stall_s: float = STALL_S,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
    ) -> None:
        self._house = house
        self._sweep_s = sweep_s
        self._stall_s = stall_s
        self._close_timeout_s = close_timeout_s
        self._clients = ClientStreams()
        self._open: dict[_Socket, None] = {}
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def sweeping(self) -> bool:
        """Whether anybody's progress is watched."""
        return self._sweeper is not None and not self._sweeper.done()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until one side closes it."""
        head = read_head(scope["headers"])
        await receive()
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        client = _CLIENT.fullmatch(path)
        policy = READ if client is None else READ_OWN
        try:
            query = _query(scope["query_string"])
            principal = self._admit(scope, head, policy, query.get("ticket"))
            system = self._system(path if client is None else PATH)
            stream = system.desk.stream
            topics = () if client is not None else _topics(query, stream)
            reader = None if topics is None else _join(stream, topics)
        except (Problem, AccessError) as problem:
            await self._deny(as_problem(problem), scope, send, head)
            await self._until_gone(receive)
            return
        await send({"type": "websocket.accept"})
        if reader is None:
            await _close(send, POLICY_VIOLATION, "UNKNOWN_TOPIC")
            return
        try:
            socket = _Socket(reader, principal, policy)
            if client is None:
                await self._run(socket, receive, send)
            else:
                await self._follow(system, client[1], socket, receive, send)
        finally:
            stream.leave(reader)

    async def close(self) -> None:
        """Stop sweeping and feeding, at the end."""
        await self._clients.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
            self._sweeper = None

    async def _follow(
        self, system: System, client: str, socket: _Socket, receive: Receive, send: Send
    ) -> None:
        """Tell a reader of one client, for as long as both are there. A fenced key is told of nobody's: the
        stream is of all that a client has.
        """
        client_id = int(client) if _ID.fullmatch(client) else 0
        socket.client_id = client_id
        is_theirs = _sees(socket.principal, client_id)
        if client_id not in system.desk.state.clients or not is_theirs:
            await _close(send, NO_SUCH_CLIENT, UNKNOWN_CLIENT)
            return
        self._clients.join(system, client_id, socket.reader)
        try:
            await self._run(socket, receive, send)
        finally:
            self._clients.leave(client_id, socket.reader)

    def _admit(
        self, scope: Scope, head: Head, policy: Policy, tickets: Sequence[str] | None
    ) -> Principal:
        """Who reads, within their rates. Raises Problem, AccessError."""
        edges = self._house.edges
        try:
            principal = self._identify(scope, head, policy, tickets)
        except (Problem, AccessError) as error:
            tell_refused(self._house.facts, error, scope, head.request_id())
            raise edges.refused(as_problem(error), scope) from None
        edges.admit(principal, scope)
        return principal

    def _identify(
        self, scope: Scope, head: Head, policy: Policy, tickets: Sequence[str] | None
    ) -> Principal:
        """By a ticket in the query, or as at every other door."""
        guard = self._house.guard
        if tickets is None:
            return guard.admit(scope, head, policy)
        guard.check_place(scope, head)
        now = self._house.open_system().desk.clock.monotonic()
        principal = self._house.tickets.take(tickets[0], now)
        if principal is None:
            raise unauthenticated()
        return guard.check(guard.principal_now(principal), policy)

    def _still_may(self, socket: _Socket) -> bool:
        """Whether whoever reads would be let in again now."""
        guard = self._house.guard
        try:
            now = guard.check(guard.principal_now(socket.principal), socket.policy)
        except (Problem, AccessError):
            return False
        return socket.client_id is None or _sees(now, socket.client_id)

    def _system(self, path: str) -> System:
        if path != PATH:
            raise Problem("NOT_FOUND", f"no stream is at {path}")
        system = self._house.open_system()
        if system.desk.stopped is not None:
            raise Problem("DESK_STOPPED", system.desk.stopped)
        return system

    async def _run(self, socket: _Socket, receive: Receive, send: Send) -> None:
        self._open[socket] = None
        if not self.sweeping:
            self._sweeper = asyncio.create_task(self._sweep(), name="stream sweep")
        socket.pump = asyncio.create_task(_pump(socket, send), name="stream reader")
        ear = asyncio.create_task(_listen(receive), name="stream listener")
        try:
            await asyncio.wait((socket.pump, ear), return_when=asyncio.FIRST_COMPLETED)
            if not ear.done():
                await self._cut(socket.reader.closed_reason, send)
        finally:
            del self._open[socket]
            for task in (socket.pump, ear):
                task.cancel()
            # Whatever ended them, a peer that vanished mostly, the socket is over.
            await asyncio.gather(socket.pump, ear, return_exceptions=True)

    async def _cut(self, reason: str, send: Send) -> None:
        code = _CODES.get(reason, GOING_AWAY)
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(self._close_timeout_s):
                await _close(send, code, reason)

    async def _sweep(self) -> None:
        """Cut off sockets that stand still: cut off already, or one message stuck for too long; and those
        of readers who may not read any more.
        """
        while self._open:
            await asyncio.sleep(self._sweep_s)
            for socket in list(self._open):
                moved = not socket.sending or socket.sent != socket.swept
                socket.stalled_s = 0.0 if moved else socket.stalled_s + self._sweep_s
                socket.swept = socket.sent
                if not socket.reader.closed_reason and not self._still_may(socket):
                    socket.reader.close(SESSION_ENDED)
                if socket.stalled_s >= self._stall_s and not socket.reader.closed_reason:
                    socket.reader.close(SLOW_READER)
                if socket.sending and socket.reader.closed_reason and socket.pump is not None:
                    socket.pump.cancel()

    async def _deny(self, problem: Problem, scope: Scope, send: Send, head: Head) -> None:
        """Answer the handshake with a problem document, or with 403 where the server cannot."""
        if "websocket.http.response" not in scope.get("extensions", {}):
            await _close(send, POLICY_VIOLATION, problem.code)
            return
        request_id = name_request(self._house, head)
        answer = reply(refuse(problem, request_id), request_id, self._house.edges.cors(head))
        start = {"status": answer.status, "headers": answer.headers}
        await send({"type": "websocket.http.response.start", **start})
        await send({"type": "websocket.http.response.body", "body": answer.body})

    async def _until_gone(self, receive: Receive) -> None:
        """A server that is left before a denied connection is closed takes that for a mistake of ours.

        It says "disconnect" once when the denial is written, and again when the connection is gone.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._close_timeout_s):
                await _listen(receive)
                await _listen(receive)


def _sees(principal: Principal, client_id: int) -> bool:
    """Whether all that a client has is theirs to see."""
    return principal.sees_client(client_id) and principal.fence == NO_FENCE


def _query(query: bytes) -> Mapping[str, Sequence[str]]:
    if len(query) > QUERY_BYTES_MAX:
        raise Problem("TEXT_TOO_LONG", f"a query string has at most {QUERY_BYTES_MAX} bytes")
    return parse_qs(query.decode("latin-1"))


def _topics(query: Mapping[str, Sequence[str]], stream: Stream) -> Sequence[str] | None:
    """The topics asked for, each once; all of them when none is named, None when one is unknown."""
    asked = query.get("topics")
    if asked is None:
        return list(stream.topics)
    names = list(dict.fromkeys(",".join(asked).split(",")))
    return names if stream.topics.keys() >= set(names) else None


def _join(stream: Stream, topics: Sequence[str]) -> Reader:
    try:
        return stream.join(topics)
    except TooManyReaders:
        raise Problem("TOO_MANY_READERS", "the stream serves no more readers now") from None


async def _pump(socket: _Socket, send: Send) -> None:
    async for message in socket.reader:
        socket.sending = True
        await send({"type": "websocket.send", "text": message.decode()})
        socket.sending = False
        socket.sent += 1


async def _listen(receive: Receive) -> None:
    """Until the peer goes; what it says meanwhile means nothing."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _close(send: Send, code: int, reason: str) -> None:
    await send({"type": "websocket.close", "code": code, "reason": reason})
