import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from phalanx.access.errors import session_ended
from phalanx.api.bodies import Message
from phalanx.api.guard import Guard
from phalanx.api.house import House
from phalanx.api.policy import Policy
from phalanx.api.sockets import Sockets
from phalanx.api.system import System
from phalanx.desk.showing.stream import Stream, Topic
from phalanx.domain.access import LOCAL, Principal


class Row(msgspec.Struct):
    id: str


class Peer:
    """The other end of a socket, and the server between: what was sent, and what is to be received.

    ``stuck``: its messages do not go out until it is let go.
    """

    def __init__(self, query: bytes = b"", path: str = "/ws", **headers: str) -> None:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": path,
            "query_string": query,
            "headers": pairs,
            "client": ("127.0.0.1", 1),
            "extensions": {"websocket.http.response": {}},
        }
        self.sent: list[Message] = []
        self.stuck = False
        self._let_go = asyncio.Event()
        self._coming: asyncio.Queue[Message] = asyncio.Queue()
        self._coming.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Message:
        return await self._coming.get()

    async def send(self, message: Message) -> None:
        if self.stuck:
            await self._let_go.wait()
        self.sent.append(message)
        if message["type"] == "websocket.http.response.body" or not self.accepted:
            # As the server does: the denial is written, then the connection is gone.
            self.leave()
            self.leave()

    @property
    def accepted(self) -> bool:
        return bool(self.sent[0]["type"] != "websocket.close")

    def say(self, message: Message) -> None:
        self._coming.put_nowait(message)

    def leave(self) -> None:
        self.say({"type": "websocket.disconnect", "code": 1005})

    def let_go(self) -> None:
        self.stuck = False
        self._let_go.set()

    def read(self) -> list[dict[str, Any]]:
        return [
            msgspec.json.decode(message["text"])
            for message in self.sent
            if message["type"] == "websocket.send"
        ]


class Hall:
    """Sockets over a stream of two topics."""

    def __init__(self, close_timeout_s: float = 1.0) -> None:
        self.topics = {name: Topic(name, lambda row: row) for name in ("orders", "desk")}
        self.stream = Stream(self.topics.values(), 0)
        clock = SimpleNamespace(monotonic=lambda: 7)
        self.desk = SimpleNamespace(stream=self.stream, stopped=None, clock=clock)
        self.house = House()
        self.house.system = cast("System", SimpleNamespace(desk=self.desk))
        self.sockets = Sockets(self.house, 0.005, 0.02, close_timeout_s)

    def serve(self, peer: Peer) -> asyncio.Task[None]:
        return asyncio.create_task(self.sockets.serve(peer.scope, peer.receive, peer.send))

    def publish(self, topic: str, row: str) -> None:
        self.topics[topic].rows[row] = Row(row)
        self.topics[topic].publish(7, [row])


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    found = Hall()
    yield found
    await found.sockets.close()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_snapshot_then_deltas(hall: Hall) -> None:
    peer = Peer(b"topics=orders")
    serving = hall.serve(peer)
    await settle()
    hall.publish("orders", "O1")
    hall.publish("desk", "term")
    await settle()
    peer.leave()
    await serving

    assert peer.sent[0] == {"type": "websocket.accept"}
    assert [(m["topic"], m["type"], m["n"]) for m in peer.read()] == [
        ("orders", "snapshot", 0),
        ("orders", "delta", 1),
    ]
    assert hall.stream.reader_count == 0


@pytest.mark.parametrize(
    ("query", "topics"),
    [
        (b"", ["orders", "desk"]),
        (b"topics=desk,orders", ["desk", "orders"]),
        (b"topics=desk&topics=desk", ["desk"]),
        (b"other=1", ["orders", "desk"]),
    ],
)
async def test_topics_are_joined_once_each(hall: Hall, query: bytes, topics: list[str]) -> None:
    peer = Peer(query)
    serving = hall.serve(peer)
    await settle()
    peer.leave()
    await serving

    assert [message["topic"] for message in peer.read()] == topics


@pytest.mark.parametrize("query", [b"topics=quotes", b"topics=orders,", b"topics=orders,%ff"])
async def test_an_unknown_topic_ends_the_socket(hall: Hall, query: bytes) -> None:
    peer = Peer(query)
    await hall.serve(peer)

    assert peer.sent[-1] == {"type": "websocket.close", "code": 1008, "reason": "UNKNOWN_TOPIC"}
    assert hall.stream.reader_count == 0


async def test_what_a_reader_says_means_nothing(hall: Hall) -> None:
    peer = Peer()
    serving = hall.serve(peer)
    peer.say({"type": "websocket.receive", "text": "hello"})
    await settle()
    hall.publish("desk", "term")
    await settle()
    peer.leave()
    await serving

    assert peer.read()[-1]["type"] == "delta"


@pytest.mark.parametrize(
    ("peer", "status", "code"),
    [
        (lambda: Peer(path="/other"), 404, "NOT_FOUND"),
        (lambda: Peer(host="evil.example"), 403, "HOST_NOT_ALLOWED"),
        (lambda: Peer(origin="https://evil.example"), 403, "ORIGIN_NOT_ALLOWED"),
        (lambda: Peer(b"topics=" + b"x" * 2_000), 422, "TEXT_TOO_LONG"),
    ],
    ids=["path", "host", "page", "query"],
)
async def test_a_handshake_is_denied_with_a_problem(
    hall: Hall, peer: Callable[[], Peer], status: int, code: str
) -> None:
    found = peer()
    await hall.serve(found)

    start, body = found.sent
    assert (start["status"], msgspec.json.decode(body["body"])["code"]) == (status, code)


async def test_a_server_without_denials_closes(hall: Hall) -> None:
    peer = Peer(origin="null")
    peer.scope["extensions"] = {}
    await hall.serve(peer)

    assert peer.sent == [{"type": "websocket.close", "code": 1008, "reason": "ORIGIN_NOT_ALLOWED"}]


async def test_a_desk_that_stopped_has_no_stream(hall: Hall) -> None:
    hall.desk.stopped = "journal failed"
    peer = Peer()
    await hall.serve(peer)

    assert msgspec.json.decode(peer.sent[-1]["body"])["code"] == "DESK_STOPPED"


async def test_too_many_readers(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phalanx.desk.showing.stream.READERS_MAX", 0)
    peer = Peer()
    await hall.serve(peer)

    assert msgspec.json.decode(peer.sent[-1]["body"])["code"] == "TOO_MANY_READERS"


async def test_the_end_of_the_stream_is_said(hall: Hall) -> None:
    peer = Peer()
    serving = hall.serve(peer)
    await settle()
    hall.stream.close()
    await serving

    assert peer.sent[-1] == {"type": "websocket.close", "code": 1001, "reason": "STREAM_CLOSED"}


async def test_a_reader_that_stands_still_is_cut_off(hall: Hall) -> None:
    slow, quick = Peer(), Peer()
    serving = [hall.serve(slow), hall.serve(quick)]
    await settle()
    slow.stuck = True
    hall.publish("orders", "O1")
    await asyncio.sleep(0.1)
    slow.let_go()
    await serving[0]

    assert slow.sent[-1] == {"type": "websocket.close", "code": 1013, "reason": "SLOW_READER"}
    assert quick.read()[-1]["type"] == "delta"
    quick.leave()
    await serving[1]
    assert hall.stream.reader_count == 0


async def test_a_reader_whose_backlog_overflows_is_cut_off(hall: Hall) -> None:
    peer = Peer(b"topics=desk")
    serving = hall.serve(peer)
    await settle()
    for number in range(2_000):
        hall.publish("desk", f"row {number}")
    await serving

    assert peer.sent[-1] == {"type": "websocket.close", "code": 1013, "reason": "SLOW_READER"}


async def test_a_peer_that_takes_not_even_its_end_is_left_alone() -> None:
    hall = Hall(close_timeout_s=0.01)
    peer = Peer()
    serving = hall.serve(peer)
    await settle()
    peer.stuck = True
    hall.publish("orders", "O1")
    await asyncio.wait_for(serving, 5)

    assert peer.sent[-1]["type"] == "websocket.send"
    assert hall.stream.reader_count == 0
    await hall.sockets.close()


async def test_a_peer_that_vanishes_ends_quietly(hall: Hall) -> None:
    class Vanished(Peer):
        async def send(self, message: Message) -> None:
            if message["type"] == "websocket.send":
                raise ConnectionResetError
            await super().send(message)

    peer = Vanished()
    serving = hall.serve(peer)
    await settle()
    peer.leave()
    await serving

    assert hall.stream.reader_count == 0


async def test_the_sweep_ends_with_the_last_socket_and_begins_with_the_next(hall: Hall) -> None:
    for _ in range(2):
        peer = Peer()
        serving = hall.serve(peer)
        await settle()
        assert hall.sockets.sweeping
        peer.leave()
        await serving
        await asyncio.sleep(0.05)
        assert not hall.sockets.sweeping


class Gate:
    """A guard that lets in until it is told otherwise."""

    def __init__(self) -> None:
        self.is_open = True

    def admit(self, *_: object) -> Principal:
        return LOCAL

    def check_place(self, *_: object) -> None: ...

    def principal_now(self, principal: Principal) -> Principal:
        if not self.is_open:
            raise session_ended()
        return principal

    def check(self, principal: Principal, _: Policy) -> Principal:
        return principal


async def test_a_reader_whose_session_ends_is_cut_off(hall: Hall) -> None:
    gate = Gate()
    hall.house.guard = cast("Guard", gate)
    peer = Peer()
    served = hall.serve(peer)
    await settle()
    gate.is_open = False

    await served
    assert peer.sent[-1] == {"type": "websocket.close", "code": 4401, "reason": "SESSION_ENDED"}
    assert hall.stream.reader_count == 0


async def test_a_ticket_opens_one_socket(hall: Hall) -> None:
    ticket = hall.house.tickets.give(LOCAL, hall.desk.clock.monotonic()).reveal()
    first, second = Peer(f"ticket={ticket}".encode()), Peer(f"ticket={ticket}".encode())

    serving = hall.serve(first)
    await settle()
    await hall.serve(second)

    assert first.accepted
    assert (second.sent[0]["type"], second.sent[0]["status"]) == (
        "websocket.http.response.start",
        401,
    )
    first.leave()
    await serving
