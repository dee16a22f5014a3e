"""A broadcast server on loopback, and the packets that it sends."""

import asyncio
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from phalanx.domain.time import SECOND, Nanoseconds

EPOCH_S = 315_513_000
"""1980-01-01 00:00 in India, in seconds since 1970 UTC."""
LOGIN_BYTES = 114
COMMAND_BYTES = {b"Q": 114, b"q": 114, b"D": 10, b"1": 3}


def packet(
    kind: bytes,
    body: bytes = b"",
    *,
    scrip: int = 2885,
    exchange: bytes = b"N",
    at: Nanoseconds = 0,
) -> bytes:
    """30 bytes. ``at``: UTC ns, 0 for a packet without a time."""
    seconds = at // SECOND - EPOCH_S if at else 0
    return struct.pack("=ciic20s", exchange, scrip, seconds, kind, body)


def trade(rate: float, volume: int = 0, *, at: Nanoseconds = 0, scrip: int = 2885) -> bytes:
    return packet(b"A", struct.pack("=fiifi", rate, 1, volume, rate, 0), at=at, scrip=scrip)


def touch(bid: float, ask: float, *, at: Nanoseconds = 0) -> bytes:
    return packet(b"B", struct.pack("=fihfih", bid, 10, 1, ask, 20, 2), at=at)


def day(open_: float, high: float, low: float, close: float, *, at: Nanoseconds = 0) -> bytes:
    return packet(b"G", struct.pack("=ffff", open_, high, low, close), at=at)


def circuit(high: float, low: float, *, at: Nanoseconds = 0) -> bytes:
    return packet(b"W", struct.pack("=ff", high, low), at=at)


HEARTBEAT = packet(b"1", exchange=b"\0", scrip=0)


def commands(data: bytes) -> list[bytes]:
    """What a client said, command by command."""
    found = []
    while data:
        size = COMMAND_BYTES[data[:1]]
        found.append(data[:size])
        data = data[size:]
    return found


class BroadcastServer:
    """Takes connections and remembers what each said; sends only what a test tells it to."""

    def __init__(self, *, web: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self._web = web
        self._tls = tls
        self.heard: list[bytearray] = []
        self._send: Callable[[bytes], object] = lambda _: None
        self._cut: Callable[[], object] = lambda: None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        if self._web:
            self._websockets = await serve(self._talk, "127.0.0.1", 0, ssl=self._tls)
            sockets = self._websockets.sockets
        else:
            self._streams = await asyncio.start_server(self._take, "127.0.0.1", 0)
            sockets = self._streams.sockets
        (self.port,) = {one.getsockname()[1] for one in sockets}
        self.url = f"{'ws' if self._web else 'tcp'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cut()
        server = self._websockets if self._web else self._streams
        server.close()
        await server.wait_closed()

    def send(self, data: bytes) -> None:
        """To the last one that connected."""
        self._send(data)

    def cut(self) -> None:
        """Drop the last connection."""
        self._cut()

    async def said(self, count: int) -> list[bytes]:
        """The commands of the last connection, once there are so many."""
        while not self.heard or len(commands(bytes(self.heard[-1]))) < count:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 30)
        return commands(bytes(self.heard[-1]))

    async def told(self, command: bytes) -> None:
        """Once the last connection said it."""
        while not self.heard or command not in commands(bytes(self.heard[-1])):
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 30)

    async def connected(self, count: int) -> None:
        """Once so many connections came."""
        while len(self.heard) < count:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 30)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = self._begin(writer.write, writer.transport.abort)
        try:
            while data := await reader.read(4_096):
                self._hear(said, data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async def _talk(self, connection: ServerConnection) -> None:
        tasks: list[asyncio.Task[None]] = []

        def send(data: bytes) -> None:
            tasks.append(asyncio.create_task(connection.send(data)))

        said = self._begin(send, connection.transport.abort)
        with suppress(ConnectionClosed):
            async for message in connection:
                assert isinstance(message, bytes)
                self._hear(said, message)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, send: Callable[[bytes], object], cut: Callable[[], object]) -> bytearray:
        self._send, self._cut = send, cut
        said = bytearray()
        self.heard.append(said)
        self._news.set()
        return said

    def _hear(self, said: bytearray, data: bytes) -> None:
        said += data
        self._news.set()
