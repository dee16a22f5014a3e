"""One connection to a broadcast server: TCP, or a WebSocket that carries the same bytes."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

READ_BYTES: Final = 8_192
MESSAGE_BYTES_MAX: Final = 1 << 20
OPEN_TIMEOUT_S: Final = 10.0


class Link(Protocol):
    """Bytes both ways. Only ``read`` and ``write`` wait; what goes wrong is an OSError."""

    async def read(self) -> bytes:
        """What came, at least a byte; ``b""`` when the other side ended it. Raises OSError."""
        ...

    async def write(self, commands: Sequence[bytes]) -> None:
        """Send them in this order. Raises OSError."""
        ...

    def abort(self) -> None:
        """End it at once: whoever reads or writes is told. Safe to call twice."""
        ...


Dial: TypeAlias = Callable[[], Awaitable[Link]]
"""A new connection, within ``OPEN_TIMEOUT_S``. Raises OSError."""


def dialer(url: str, ca: Path | None = None) -> Dial:
    """How to reach ``tcp://HOST:PORT``, ``ws://…`` or ``wss://…``.

    Over wss the certificate must be signed by an authority in ``ca``, by default one that the system
    trusts. Raises ValueError for another URL, OSError for a file without authorities.
    """
    parts = urlsplit(url)
    if parts.hostname and parts.scheme == "tcp" and parts.port:
        host, port = parts.hostname, parts.port
        return lambda: _dial_tcp(host, port)
    if not parts.hostname or parts.scheme not in ("ws", "wss"):
        raise ValueError(f"{url!r} is none of tcp://HOST:PORT, ws://HOST and wss://HOST")
    tls = ssl.create_default_context(cafile=ca) if parts.scheme == "wss" else None
    return lambda: _dial_websocket(url, tls)


async def _dial_tcp(host: str, port: int) -> Link:
    async with asyncio.timeout(OPEN_TIMEOUT_S):
        return _TcpLink(*await asyncio.open_connection(host, port))


async def _dial_websocket(url: str, tls: ssl.SSLContext | None) -> Link:
    try:
        connection = await connect(
            url,
            ssl=tls,
            proxy=None,
            compression=None,
            max_size=MESSAGE_BYTES_MAX,
            open_timeout=OPEN_TIMEOUT_S,
            # Silence is judged by packets, and not every server answers pings.
            ping_interval=None,
        )
    except WebSocketException as error:
        raise ConnectionError(f"no WebSocket: {error}") from error
    return _WebSocketLink(connection)


class _TcpLink:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(READ_BYTES)

    async def write(self, commands: Sequence[bytes]) -> None:
        self._writer.write(b"".join(commands))
        await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()


class _WebSocketLink:
    """Texts mean nothing here. A message may be long: it is handed on as a whole."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def read(self) -> bytes:
        try:
            while True:
                message = await self._connection.recv()
                if isinstance(message, bytes) and message:
                    return message
        except ConnectionClosed:
            return b""

    async def write(self, commands: Sequence[bytes]) -> None:
        try:
            for command in commands:
                await self._connection.send(command)
        except ConnectionClosed as closed:
            raise ConnectionError(str(closed)) from closed

    def abort(self) -> None:
        self._connection.transport.abort()
