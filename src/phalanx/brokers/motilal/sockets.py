"""The socket for order and trade frames: texts in, texts out, and OSError for everything that breaks."""

import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.brokers.wire.tls import tls_context

OPEN_S_MAX = 10.0
PING_S = 20.0
"""A socket that does not answer a ping within so long is dead, however quiet its day is."""

FRAME_BYTES_MAX = 64 << 10
FRAMES_WAITING_MAX = 1_024


def _silent() -> logging.Logger:
    """The library shows frames in its debug log, and the first one has the session's token in it."""
    logger = logging.getLogger("phalanx.brokers.motilal.frames")
    logger.disabled = True
    return logger


class Channel(Protocol):
    """One open socket. All raise OSError when it broke."""

    async def send(self, text: str) -> None:
        """Write one frame."""
        ...

    async def receive(self) -> str | bytes:
        """The next frame."""
        ...

    async def close(self) -> None:
        """Drop it."""
        ...


OpenChannel: TypeAlias = Callable[[], Awaitable[Channel]]


class WebSocketChannel:
    """A `Channel` over a WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        """See `Channel.send`."""
        try:
            await self._connection.send(text)
        except WebSocketException as error:
            raise ConnectionError(f"the socket closed: {error}") from error

    async def receive(self) -> str | bytes:
        """See `Channel.receive`."""
        try:
            return await self._connection.recv()
        except WebSocketException as error:
            raise ConnectionError(f"the socket closed: {error}") from error

    async def close(self) -> None:
        """See `Channel.close`."""
        self._connection.transport.abort()


def opener(settings: LoginSettings) -> OpenChannel:
    """Opens channels of a login, from its own address. Raises OSError for a file without certificates."""
    context: ssl.SSLContext | None = None
    if urlsplit(settings.socket).scheme == "wss":
        context = tls_context(settings.ca)

    async def open_channel() -> Channel:
        try:
            connection = await connect(
                settings.socket,
                ssl=context,
                local_addr=(settings.source, 0) if settings.source else None,
                open_timeout=OPEN_S_MAX,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                max_size=FRAME_BYTES_MAX,
                max_queue=FRAMES_WAITING_MAX,
                compression=None,
                proxy=None,
                logger=_silent(),
            )
        except WebSocketException as error:
            raise ConnectionError(f"{settings.socket}: {error}") from error
        return WebSocketChannel(connection)

    return open_channel
