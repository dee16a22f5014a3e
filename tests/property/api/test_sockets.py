"""Whatever comes at ``/ws``, it is answered as ASGI says, nobody stays behind, and others go on reading.

First in this process, message by message; then over a real port, byte by byte.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import pytest
import uvicorn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from phalanx.api import create_app
from phalanx.api.bodies import Message
from phalanx.api.front import Front
from phalanx.api.protocol import DirectProtocol
from phalanx.api.sockets import QUERY_BYTES_MAX
from phalanx.bootstrap import System, build
from phalanx.config import Settings
from tests.unit.api.test_sockets import Hall, Peer

CLOSES: Final = {1_001, 1_008, 1_013, 4_401, 4_404}
DENIALS: Final = {
    *("LOOPBACK_ONLY", "HOST_NOT_ALLOWED", "ORIGIN_NOT_ALLOWED", "UNAUTHENTICATED", "NOT_FOUND"),
    "TEXT_TOO_LONG",
}

words = st.sampled_from(
    (b"topics", b"ticket", b"=", b"&", b"orders", b"desk", b",", b"%00", b"%ff", b";")
)
queries = st.one_of(
    st.binary(max_size=40),
    st.lists(words, max_size=12).map(b"".join),
    st.integers(QUERY_BYTES_MAX - 20, QUERY_BYTES_MAX + 20).map(
        lambda size: b"topics=" + size * b"a"
    ),
    st.just(b""),
)
paths = st.one_of(
    st.just("/ws"),
    st.sampled_from(("/ws/", "/ws/1", "/ws/" + 20 * "9", "/ws/²", "/ws/1/2", "/ws/-1", "/wss", "")),
    st.text(max_size=8).map(lambda part: f"/ws/{part}"),
)
headers = st.dictionaries(
    st.sampled_from(("origin", "host", "authorization", "x-request-id", "sec-websocket-protocol")),
    st.one_of(
        st.text("".join(map(chr, range(32, 127))), max_size=30),
        st.sampled_from(("http://127.0.0.1", "http://[", "null", "Bearer x", "127.0.0.1")),
    ),
    max_size=3,
)
frames: st.SearchStrategy[Message] = st.one_of(
    st.text(max_size=40).map(lambda text: {"type": "websocket.receive", "text": text}),
    st.binary(max_size=40).map(lambda data: {"type": "websocket.receive", "bytes": data}),
    st.just({"type": "websocket.receive"}),
    st.just({"type": "websocket.receive", "text": 100_000 * "[", "bytes": None}),
)


def check_conversation(sent: list[Message]) -> None:
    """What a server may send to one socket, in the order in which it may."""
    kinds = [message["type"] for message in sent]
    if kinds[0] == "websocket.accept":
        assert set(kinds[1:-1]) <= {"websocket.send"}
        assert kinds[-1] in {"websocket.accept", "websocket.send", "websocket.close"}
        for message in sent[1:]:
            if message["type"] == "websocket.send":
                assert msgspec.json.decode(message["text"])["type"] in {"snapshot", "delta"}
    elif kinds[0] == "websocket.http.response.start":
        assert kinds == ["websocket.http.response.start", "websocket.http.response.body"]
        problem = msgspec.json.decode(sent[1]["body"])
        assert problem["code"] in DENIALS
        assert sent[0]["status"] == problem["status"] < 500
    else:
        assert kinds == ["websocket.close"]
    assert all(one["code"] in CLOSES for one in sent if one["type"] == "websocket.close")


async def converse(peers: list[Peer], said: list[list[Message]]) -> None:
    """Many sockets at once: each says something, others hear of a change, and all of them leave."""
    hall = Hall()
    # No client is known to a stream of two topics.
    hall.desk.state = type("State", (), {"clients": {}})
    try:
        tasks = [hall.serve(peer) for peer in peers]
        for peer, messages in zip(peers, said, strict=True):
            for message in messages:
                peer.say(message)
        await asyncio.sleep(0)
        hall.publish("orders", "C1")
        for peer in peers:
            peer.leave()
            peer.leave()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks)
        assert hall.stream.reader_count == 0
    finally:
        await hall.sockets.close()
    for peer in peers:
        check_conversation(peer.sent)


@st.composite
def sockets(draw: st.DrawFn) -> tuple[Peer, list[Message]]:
    peer = Peer(draw(queries), draw(paths), **draw(headers))
    if draw(st.booleans()):
        del peer.scope["extensions"]
    return peer, draw(st.lists(frames, max_size=4))


@given(st.lists(sockets(), min_size=1, max_size=6))
@settings(max_examples=150)
def test_whatever_is_asked_and_said_a_socket_ends_well(
    drawn: list[tuple[Peer, list[Message]]],
) -> None:
    peers = [peer for peer, _ in drawn]

    asyncio.run(converse(peers, [said for _, said in drawn]))


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Wire"]:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        opened = serve(tmp_path_factory.mktemp("wire") / "data")
        found = Wire(loop, *loop.run_until_complete(opened.__aenter__()))
        logging.getLogger().addHandler(found.complaints)
        try:
            yield found
        finally:
            logging.getLogger().removeHandler(found.complaints)
            loop.run_until_complete(opened.__aexit__(None, None, None))


@asynccontextmanager
async def serve(data: Path) -> AsyncIterator[tuple[System, int]]:
    """A real server on a free port, with our protocol and a small bound for messages."""
    system = build(Settings(data=data))
    await system.start()
    app: Front = create_app(system)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=DirectProtocol,
        ws="websockets-sansio",
        ws_max_size=65_536,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    try:
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
                await asyncio.sleep(0.005)
        yield system, listener.getsockname()[1]
    finally:
        await system.stop()
        server.should_exit = True
        await running
        await app.sockets.close()
        listener.close()


CALLERS_FAULT = "Invalid UTF-8 sequence received from client."
"""Uvicorn says so as an error, and ends the connection as it should: 1007."""


class Complaints(logging.Handler):
    """What a server logs as an error: that an application raised, or a task."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, unless it is about what the caller sent."""
        if record.getMessage() != CALLERS_FAULT:
            self.said.append(record.getMessage())


class Wire:
    """A server with a loop of its own, and raw connections to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, system: System, port: int) -> None:
        self._loop = loop
        self._system = system
        self._port = port
        self.complaints = Complaints()

    def send(self, connections: list[list[bytes]], *, polite: bool) -> list[bytes]:
        """What each of these connections was answered. ``polite``: they end what they send, then read to
        the end; else they are gone at once.
        """

        async def all_of_them() -> list[bytes]:
            async with asyncio.timeout(20):
                found = await asyncio.gather(*(self._one(one, polite) for one in connections))
                await self._check_well()
                return found

        return self._loop.run_until_complete(all_of_them())

    def hold(self, halves: list[bytes]) -> None:
        """Begin so many connections and leave them as they are, while somebody else comes and reads."""

        async def all_of_them() -> None:
            async with asyncio.timeout(20):
                opened = [await asyncio.open_connection("127.0.0.1", self._port) for _ in halves]
                for half, (_, writer) in zip(halves, opened, strict=True):
                    writer.write(half)
                await self._check_well()
                assert not any(reader.at_eof() for reader, _ in opened)
                for _, writer in opened:
                    writer.transport.abort()

        self._loop.run_until_complete(all_of_them())

    async def _one(self, chunks: list[bytes], polite: bool) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        answer = b""
        with suppress(OSError):
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0)
            if polite:
                writer.write_eof()
                answer = await reader.read()
        writer.transport.abort()
        return answer

    async def _check_well(self) -> None:
        """Nobody stays behind, and whoever comes now reads."""
        await self._until_nobody_reads()
        url = f"ws://127.0.0.1:{self._port}/ws?topics=desk"
        async with connect(url, compression=None, proxy=None) as well:
            assert msgspec.json.decode(await well.recv())["type"] == "snapshot"
        await self._until_nobody_reads()

    async def _until_nobody_reads(self) -> None:
        while self._system.desk.stream.reader_count:  # noqa: ASYNC110  nothing tells of the last one
            await asyncio.sleep(0.002)


HELLO: Final = (
    b"GET /ws?topics=desk HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@st.composite
def wire_frames(draw: st.DrawFn) -> bytes:
    """A frame of RFC 6455, or nearly: reserved bits and opcodes, no mask, a length that is a lie."""
    first = draw(
        st.one_of(st.sampled_from((0x81, 0x82, 0x89, 0x8A, 0x01, 0x80, 0x88)), st.integers(0, 255))
    )
    content = draw(st.binary(max_size=130))
    masked = draw(st.sampled_from((0x80, 0x80, 0x80, 0)))
    length = draw(st.one_of(st.none(), st.none(), st.integers(0, 2**64 - 1)))
    if length is not None:
        size = bytes([masked | 127]) + struct.pack("!Q", length)
    elif len(content) < 126:
        size = bytes([masked | len(content)])
    else:
        size = bytes([masked | 126]) + struct.pack("!H", len(content))
    return bytes([first]) + size + (bytes(4) if masked else b"") + content


heads = st.one_of(
    st.just(HELLO),
    st.just(HELLO),
    st.integers(1, len(HELLO) - 1).map(lambda size: HELLO[:size]),
    st.tuples(st.integers(0, len(HELLO)), st.binary(min_size=1, max_size=6)).map(
        lambda put: HELLO[: put[0]] + put[1] + HELLO[put[0] :]
    ),
    st.sampled_from(
        (
            HELLO.replace(b"13", b"12"),
            HELLO.replace(b"dGhl", b"!!!!"),
            HELLO.replace(b"websocket", b"h2c"),
            HELLO.replace(b"?topics=desk", b"?topics=" + 2_000 * b"a"),
            HELLO.replace(b"/ws", b"/w%FFs"),
            HELLO.replace(b"Host", b"Origin: http://a.example\r\nHost"),
        )
    ),
)
connections = st.builds(
    lambda head, said: [head, *said],
    heads,
    st.lists(wire_frames() | st.binary(max_size=60), max_size=4),
)


@given(st.lists(connections, min_size=1, max_size=5), st.booleans())
@example([[HELLO, b"\x82\xff" + struct.pack("!Q", 2**40) + bytes(4) + bytes(70_000)]], True)
@example([[HELLO, b"\x81\xfe\xff\xff" + bytes(4) + 40 * bytes(65_535)]], False)
@settings(max_examples=40)
def test_whatever_bytes_come_the_server_goes_on(
    wire: Wire, drawn: list[list[bytes]], polite: bool
) -> None:
    for answer in wire.send(drawn, polite=polite):
        assert b"HTTP/1.1 500" not in answer
        assert answer[:9] in {b"", b"HTTP/1.1 "}
    assert wire.complaints.said == []


def test_many_that_never_finish_their_handshake_are_in_nobodys_way(wire: Wire) -> None:
    wire.hold([HELLO[: 1 + number % (len(HELLO) - 1)] for number in range(150)])
