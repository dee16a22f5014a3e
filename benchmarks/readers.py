"""Readers of the stream: they count messages, and keep up."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import cast

import msgspec

from benchmarks.load import Load, Orders
from benchmarks.slow_readers import HANDSHAKE
from benchmarks.worker import Sample, Take, freeze

END_OF_HEAD = b"\r\n\r\n"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MASKED = 0x80
TOPICS = 5
"""Each of them begins with a snapshot."""
QUIET_S = 0.3
"""After the last message: so long nothing else may come."""
COME_S_MAX = 120


class Audience:
    """All readers in this process. ``messages`` and ``size`` (bytes): of all of them together;
    ``frames``: what one of them received since it was emptied.
    """

    def __init__(self) -> None:
        self.messages = 0
        self.size = 0
        self.last_at = 0.0
        self.frames: list[bytes] = []
        self.readers: list[Reader] = []

    async def open(self, port: int, count: int) -> None:
        """So many readers, each with its snapshots if the server has any."""
        loop = asyncio.get_running_loop()
        for number in range(count):
            make = partial(Reader, self, records=not number)
            _, reader = await loop.create_connection(make, "127.0.0.1", port)
            self.readers.append(reader)

    async def rest(self) -> None:
        """Until nothing has come for a while."""
        self.last_at = time.perf_counter()
        while (left_s := self.last_at + QUIET_S - time.perf_counter()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left_s)

    async def hear(self, messages: int) -> None:
        """Until so many have come to all of them together. Raises TimeoutError."""
        async with asyncio.timeout(COME_S_MAX):
            while self.messages < messages:  # noqa: ASYNC110  counted in the hottest of paths
                await asyncio.sleep(0.002)

    def close(self) -> None:
        """No more readers."""
        for reader in self.readers:
            reader.transport.abort()


class Reader(asyncio.Protocol):
    """One WebSocket connection; ``messages``: how many it received."""

    def __init__(self, audience: Audience, *, records: bool) -> None:
        self.transport: asyncio.Transport
        self.messages = 0
        self._audience = audience
        self._records = records
        self._received = b""
        self._has_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        if not self._has_head:
            head, end, received = received.partition(END_OF_HEAD)
            if not end:
                self._received = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head.decode()
            self._has_head = True
        self._received = self._read(received)

    def _read(self, data: bytes) -> bytes:
        """Count the frames in there; returns what is no whole one."""
        start, length, count = 0, len(data), 0
        while (end := frame_end(data, start)) and end <= length:
            kind = data[start] & 0x0F
            if kind == TEXT:
                count += 1
                if self._records:
                    self._audience.frames.append(data[start:end])
            elif kind == PING:
                payload = data[start + 2 : end]
                mask = bytes(4)
                self.transport.write(bytes((0x80 | PONG, MASKED | len(payload))) + mask + payload)
            else:
                raise AssertionError(f"a reader was cut off: {data[start:end]!r}")
            start = end
        if count:
            self.messages += count
            self._audience.messages += count
            self._audience.size += start
            self._audience.last_at = time.perf_counter()
        return data[start:]


def frame_end(data: bytes, start: int) -> int:
    """Where the frame that begins there ends; 0 when that is not known yet."""
    if len(data) < start + 2:
        return 0
    length = data[start + 1]
    if length < 126:
        return start + 2 + length
    size = 2 if length == 126 else 8
    if len(data) < start + 2 + size:
        return 0
    return start + 2 + size + int.from_bytes(data[start + 2 : start + 2 + size])


class Show(msgspec.Struct, frozen=True):
    """So many ``readers`` of the server on ``port``. ``frames``: a file with what one of them hears."""

    port: int
    readers: int
    frames: Path


@asynccontextmanager
async def ours(show: Show, orders: Orders) -> AsyncIterator[Take]:
    """Readers, and orders that give them something to read; a sample is of so many orders."""
    audience = Audience()
    await audience.open(show.port, show.readers)
    await audience.hear(TOPICS * show.readers)
    load = Load(orders)
    await load.connect()
    freeze()

    async def take() -> Sample:
        audience.frames.clear()
        before, size, begun = audience.messages, audience.size, time.perf_counter()
        sent = await load.send(orders.count)
        await audience.rest()
        messages = audience.messages - before
        assert len({reader.messages for reader in audience.readers}) == 1, "some heard more"
        show.frames.write_bytes(msgspec.msgpack.encode(audience.frames))
        return {
            "messages/s": messages / (audience.last_at - begun),
            "messages": messages / show.readers,
            "bytes": (audience.size - size) / messages,
            "orders/s": sent["orders/s"],
        }

    yield take
    audience.close()


@asynccontextmanager
async def floor(show: Show) -> AsyncIterator[Take]:
    """Readers of the bare loop; a sample is what it has to say once."""
    audience = Audience()
    await audience.open(show.port, show.readers)
    _, control = await asyncio.open_connection("127.0.0.1", show.port)
    expected = show.readers * len(msgspec.msgpack.decode(show.frames.read_bytes()))
    freeze()

    async def take() -> Sample:
        audience.frames.clear()
        before, begun = audience.messages, time.perf_counter()
        control.write(b"GO\n")
        await audience.hear(before + expected)
        return {"messages/s": expected / (audience.last_at - begun)}

    yield take
    control.close()
    audience.close()
