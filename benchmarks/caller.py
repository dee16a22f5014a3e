"""The caller: one keep-alive connection to a server, one request at a time, and when it was sent."""

import asyncio
import time
from typing import Any, cast

import httptools
import msgspec


class Unexpected(Exception):
    """An answer that a benchmark has no use for."""


class Caller(asyncio.Protocol):
    """``sent_at``: the monotonic instant just before the first byte of the last request. ``is_closed``:
    the server closed it, as it does with connections that nobody has used for long.
    """

    def __init__(self) -> None:
        self.sent_at = 0
        self.is_closed = False
        self._transport: asyncio.Transport
        self._parser: Any = None
        self._body: list[bytes] = []
        self._answered: asyncio.Future[bytes]

    @classmethod
    async def connect(cls, port: int) -> "Caller":
        """A caller of the server on this port."""
        loop = asyncio.get_running_loop()
        _, caller = await loop.create_connection(cls, "127.0.0.1", port)
        return caller

    async def get(self, path: str) -> bytes:
        """The body of what is there. Raises Unexpected for anything but 2xx, ConnectionError."""
        return await self._ask(_request("GET", path, b""))

    async def post(self, path: str, body: object) -> bytes:
        """The same, for a body as JSON."""
        return await self._ask(_request("POST", path, msgspec.json.encode(body)))

    async def patch(self, path: str, body: object) -> bytes:
        """The same again."""
        return await self._ask(_request("PATCH", path, msgspec.json.encode(body)))

    def send(self, request: bytes) -> "asyncio.Future[bytes]":
        """Send a request of `post_request` at once; done with the body of its answer."""
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        self._answered = asyncio.get_running_loop().create_future()
        self.sent_at = time.monotonic_ns()
        self._transport.write(request)
        return self._answered

    def close(self) -> None:
        """Ask no more."""
        self._transport.close()

    async def _ask(self, request: bytes) -> bytes:
        return await self.send(request)

    # --- the transport's and the parser's callbacks ------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_closed = True
        if self._parser is not None and not self._answered.done():
            self._answered.set_exception(error or ConnectionError("the server closed"))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        status = self._parser.get_status_code()
        if status // 100 == 2:
            self._answered.set_result(body)
        else:
            self._answered.set_exception(Unexpected(f"{status}: {body.decode()[:500]}"))


def post_request(path: str, body: object) -> bytes:
    """The bytes of a request, made before the clock starts."""
    return _request("POST", path, msgspec.json.encode(body))


def _request(method: str, path: str, body: bytes) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
