"""A small HTTP server on the loopback: what comes to it is kept, what it answers is scripted by path."""

import asyncio
import ssl
from collections.abc import Mapping

import msgspec


class Came(msgspec.Struct, frozen=True):
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: str


class OrderDoor:
    """``answers`` by path: status and body, None for no answer at all; the last is for ever. ``date`` is its
    Date header, nothing where it is empty.
    """

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.answers: dict[str, list[tuple[int, bytes] | None]] = {}
        self.date = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def paths(self) -> list[str]:
        return [one.path for one in self.came]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        names = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(names.get("content-length", "0")))
        path, peer = head[0].split()[1], str(writer.get_extra_info("peername")[0])
        self.came.append(Came(path, names, body, peer))
        script = self.answers[path]
        said = script.pop(0) if len(script) > 1 else script[0]
        if said is None:
            return
        status, text = said
        date = f"Date: {self.date}\r\n" if self.date else ""
        writer.write(
            f"HTTP/1.1 {status} X\r\n{date}Content-Length: {len(text)}\r\n\r\n".encode() + text
        )
