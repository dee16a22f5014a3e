"""The broadcast feed: who is logged in to it, what they registered, and what is pushed to them."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.simulation.motilal import packets
from phalanx.simulation.motilal.outbox import Outbox
from phalanx.simulation.motilal.packets import Frame, FrameReader
from phalanx.simulation.motilal.prices import Prices
from phalanx.simulation.motilal.scrips import ScripKey, ScripTable

SCRIPS_DEFAULT: Final = 200
"""What a limit of 0 means."""

UNANSWERED_MAX: Final = 3
READ_BYTES: Final = 4_096


class Subscriber:
    """One connection, over either transport. ``client``: empty until it logged in."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self.client = ""
        self.scrips: dict[ScripKey, None] = {}
        self.unanswered = 0
        self.reader = FrameReader()
        self.outbox = Outbox(send)


class Broadcast:
    """All connections of the feed. It says nothing of what it ignores: a registration without a login, of an
    unknown scrip, or above the limit.
    """

    def __init__(
        self,
        table: ScripTable,
        prices: Prices,
        now: Callable[[], Nanoseconds],
        scrips_max: int,
        heartbeat_s: int,
    ) -> None:
        self._table = table
        self._prices = prices
        self._now = now
        self._scrips_max = scrips_max or SCRIPS_DEFAULT
        self._heartbeat_ns = heartbeat_s * SECOND
        self._beaten = now()
        self._subscribers: dict[Subscriber, None] = {}
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._tcp: asyncio.Server | None = None

    def __len__(self) -> int:
        return len(self._subscribers)

    # --- what is pushed ----------------------------------------------------------------------------

    def step(self) -> None:
        """Push what changed to those who asked for it, every index to all, and a heartbeat when it is time."""
        now = self._now()
        changed = {
            key: packets.update(self._prices.of(*key), now)
            for key in self._prices.take_changed()
            if any(key in one.scrips for one in self._subscribers)
        }
        indices = b"".join(packets.index(one, now) for one in self._prices.indices.values())
        is_due = now - self._beaten >= self._heartbeat_ns
        if is_due:
            self._beaten = now
        for one in list(self._subscribers):
            if not one.client:
                continue
            told = b"".join(changed[key] for key in one.scrips if key in changed) + indices
            if told:
                one.outbox.put(told)
            if is_due:
                self._beat(one, now)

    def _beat(self, one: Subscriber, now: Nanoseconds) -> None:
        one.unanswered += 1
        if one.unanswered > UNANSWERED_MAX:
            one.outbox.finish()
        else:
            one.outbox.put(packets.heartbeat(now))

    # --- what clients send -------------------------------------------------------------------------

    def hear(self, one: Subscriber, data: bytes) -> None:
        """Bytes of a client. Raises ValueError for what is none of its frames."""
        for frame in one.reader.feed(data):
            self._hear_frame(one, frame)

    def _hear_frame(self, one: Subscriber, frame: Frame) -> None:
        if frame.type in packets.LOGIN:
            one.client = packets.client_of(frame.body)
        elif frame.type == packets.HEARTBEAT:
            one.unanswered = 0
        elif one.client:
            self._register(one, packets.registration_of(frame.body))

    def _register(self, one: Subscriber, asked: packets.Registration) -> None:
        scrip = self._table.on_feed(asked.letter, asked.kind, asked.code)
        if scrip is None:
            return
        if not asked.is_wanted:
            one.scrips.pop(scrip.key, None)
        elif scrip.key in one.scrips or len(one.scrips) < self._scrips_max:
            one.scrips[scrip.key] = None
            one.outbox.put(packets.snapshot(self._prices.of(*scrip.key), self._now()))

    # --- transports --------------------------------------------------------------------------------

    async def start_tcp(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen on TCP; returns the port. Raises OSError."""
        self._tcp = await asyncio.start_server(self._serve_tcp, host, port, ssl=tls)
        found: int = self._tcp.sockets[0].getsockname()[1]
        return found

    async def close_tcp(self) -> None:
        """Stop listening on TCP and end its connections."""
        if self._tcp is None:
            return
        self._tcp.close()
        for task, writer in self._tasks.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tcp.wait_closed()
        self._tcp = None

    async def serve_websocket(self, connection: ServerConnection) -> None:
        """One WebSocket: a message is any number of packets one behind the other."""

        async def send(data: bytes) -> None:
            try:
                await connection.send(data)
            except ConnectionClosed as closed:
                raise EOFError from closed

        async def read() -> None:
            try:
                async for message in connection:
                    self.hear(one, message if isinstance(message, bytes) else message.encode())
            except (ConnectionClosed, ValueError):
                pass  # gone, or it speaks something else

        one = Subscriber(send)
        await self._serve(one, read())

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of plain TCP, or of TLS."""

        async def send(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        async def read() -> None:
            try:
                while data := await reader.read(READ_BYTES):
                    self.hear(one, data)
            except (OSError, ValueError):
                pass  # gone, or it speaks something else

        one = Subscriber(send)
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = writer
        try:
            await self._serve(one, read())
        except asyncio.CancelledError:
            pass  # the simulator closes
        finally:
            del self._tasks[task]
            writer.close()

    async def _serve(self, one: Subscriber, reading: Coroutine[Any, Any, None]) -> None:
        self._subscribers[one] = None
        try:
            await one.outbox.serve(reading)
        finally:
            del self._subscribers[one]
