"""HTTP/1.1 messages of the simple kind, as a server and a proxy of ours read and write them."""

import asyncio
from http import HTTPStatus

import msgspec

HEAD_BYTES_MAX = 64 << 10
BODY_BYTES_MAX = 64 << 20


class HttpMessage(msgspec.Struct, frozen=True, gc=False):
    """A request or an answer. ``line``: its first line; header names are in small letters."""

    line: str
    headers: dict[str, str]
    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """As it came."""
        return self.head + self.body


async def read_message(reader: asyncio.StreamReader) -> HttpMessage | None:
    """The next message; None at the end of the connection.

    Raises ValueError for what is none, EOFError and OSError for one that was cut.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as cut:
        if cut.partial:
            raise
        return None
    except asyncio.LimitOverrunError as error:
        raise ValueError("a head that is too long") from error
    line, *lines = head.decode("latin-1").split("\r\n")
    named = (header.partition(":") for header in lines if header)
    headers = {name.strip().lower(): value.strip() for name, _, value in named}
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= BODY_BYTES_MAX:
        raise ValueError(f"a body of {length} bytes")
    return HttpMessage(line, headers, head, await reader.readexactly(length))


def answer_bytes(status: int, body: bytes, content_type: str = "application/json") -> bytes:
    """An answer, of JSON unless told otherwise, that leaves the connection open."""
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body
