"""uvicorn's HTTP protocol, with the short way that the hot doors take (`direct`)."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from phalanx.api.direct import EXTENSION, Takes


class DirectProtocol(HttpToolsProtocol):
    """One connection. Parsing, limits, pipelining and the end of connections are all uvicorn's."""

    def connection_made(  # type: ignore[override]  # as uvicorn's own
        self, transport: asyncio.Transport
    ) -> None:
        """The application is the same for all requests of a connection."""
        super().connection_made(transport)
        self._taker = self.app if isinstance(self.app, Takes) else None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        direct = CycleDirect(cycle)
        begin = partial(self._begin, cycle, direct)
        taker = self._taker if app is self.app else None
        if taker is None or not taker.take(cycle.scope, direct, begin):
            begin(app)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be parsed. Behind a request that is not answered yet it would be taken for that
        one's answer, and it may be carried out: then the connection ends, and says nothing.
        """
        # uvicorn's annotation leaves out that there is none before the first request.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _begin(
        self, cycle: RequestResponseCycle, direct: "CycleDirect", app: ASGI3Application
    ) -> None:
        cycle.scope["extensions"] = {EXTENSION: {"request": direct}}
        super()._start_asgi_task(cycle, app)


class CycleDirect:
    """The short way of one request, beside uvicorn's own: see ``phalanx.api.direct.Direct``.

    What it leaves behind is what ``RequestResponseCycle.receive`` and ``send`` would.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def whole_body(self) -> bytes | None:
        """The body, if all of it came with the head and the caller is still there."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.response_started:
            return None
        return bytes(cycle.body)

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Head and body in one write. Not for a caller that reads too slowly: that has to be waited for."""
        cycle = self._cycle
        if cycle.transport.is_closing():
            # Of a caller that has gone uvicorn tells the newest of its requests only.
            cycle.disconnected = True
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
            return False
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            if name == b"connection" and value == b"close":
                cycle.keep_alive = False
            else:
                parts += name, b": ", value, b"\r\n"
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        parts.append(body)
        cycle.transport.write(b"".join(parts))
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True
