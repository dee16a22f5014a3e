"""uvicorn's HTTP protocol, with the short way that the hot doors take (`direct`)."""

import asyncio
from collections.abc import Sequence
from functools import partial
from secrets import token_hex
from typing import cast

import httptools
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from phalanx.api.bodies import Receive, Send
from phalanx.api.direct import EXTENSION, Takes
from phalanx.api.edges.heads import (
    HEAD_BYTES_MAX,
    HEAD_TIMEOUT_S,
    HEADERS_MAX,
    is_malformed,
    is_too_large,
    without_upgrade,
)
from phalanx.api.exchange import refuse, reply, send_reply
from phalanx.api.head import Scope
from phalanx.api.problems import Problem


class DirectProtocol(HttpToolsProtocol):
    """One connection. Parsing, pipelining and the end of connections are all uvicorn's; what it has no
    bounds for is a head that is large, or never complete.
    """

    def connection_made(  # type: ignore[override]  # as uvicorn's own
        self, transport: asyncio.Transport
    ) -> None:
        """The application is the same for all requests of a connection."""
        super().connection_made(transport)
        self._taker = self.app if isinstance(self.app, Takes) else None
        self._fed = 0
        self._problem: Problem | None = None
        self._late: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn's, except that another protocol that is offered (h2c) is not taken, and the request
        served: some clients offer it with every request.
        """
        self._unset_keepalive_if_required()
        self._fed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.logger.debug("what came is no HTTP")
            self.send_400_response("")
        except httptools.HttpParserUpgrade as upgrade:
            if self._wants_stream():
                self._head_came()
                self.handle_websocket_upgrade()
            elif self.parser.get_method() != b"CONNECT":
                self._serve_without_upgrade(data[upgrade.args[0] :])
        else:
            self._watch_head()

    def on_headers_complete(self) -> None:
        """A head is whole. Raises Problem, which ends the parsing, for one that is too large or malformed."""
        headers = self.headers
        if (len(headers) > HEADERS_MAX or self._fed > HEAD_BYTES_MAX) and is_too_large(
            self.url, headers
        ):
            self._problem = _too_large()
            raise self._problem
        if is_malformed(headers, self.parser.get_http_version()):
            self._problem = _malformed()
            raise self._problem
        super().on_headers_complete()

    def _should_upgrade(self) -> bool:
        """Whether the parser is to leave what follows the head alone: always when it stops there."""
        return self.parser.get_method() != b"CONNECT"

    def _wants_stream(self) -> bool:
        if self.scope["method"] != "GET" or self._get_upgrade() != b"websocket":
            return False
        return self.ws_protocol_class is not None

    def _serve_without_upgrade(self, rest: bytes) -> None:
        """Take the request again, from the head without its offer on."""
        version = self.parser.get_http_version().encode("ascii")
        request = [b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)]
        request += [b"%b: %b\r\n" % line for line in without_upgrade(self.headers)]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"%b\r\n%b" % (b"".join(request), rest))

    def _watch_head(self) -> None:
        """After each piece that came: is a head begun and not whole?"""
        # uvicorn's annotations leave out that there is neither before the first request.
        scope = cast("HTTPScope | None", self.scope)
        cycle = cast("RequestResponseCycle | None", self.cycle)
        has_begun = scope is not None and "method" not in scope
        if not has_begun:
            self._fed = 0
        elif self._fed > HEAD_BYTES_MAX:
            self._problem = _too_large()
            self.send_400_response("")
            return
        # Empty lines between two requests begin none, and end the wait of a connection that is kept.
        is_idle = cycle is None or (
            cycle.response_complete and self.timeout_keep_alive_task is None
        )
        if not has_begun and not is_idle:
            self._head_came()
        elif self._late is None:
            self._await_head()

    def _await_head(self) -> None:
        self._late = self.loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def _head_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _head_is_late(self) -> None:
        self._late = None
        if self.flow.read_paused:
            # We do not read on until what came before is answered.
            self._await_head()
        elif self._fed:
            self._problem = Problem("HEAD_TIMEOUT", "the head did not arrive in time")
            self.send_400_response("")
        else:
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        direct = CycleDirect(cycle)
        begin = partial(self._begin, cycle, direct)
        is_ours = app is self.app
        taker = self._taker if is_ours else None
        if not is_ours:
            # uvicorn's own application, for one connection too many.
            begin(cast("ASGI3Application", _refuse_connection))
        elif taker is None or not taker.take(cycle.scope, direct, begin):
            begin(app)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's
        """Refuse what cannot be parsed. Behind a request that is not answered yet it would be taken for that
        one's answer, and it may be carried out: then the connection ends, and says nothing.
        """
        # uvicorn's annotation leaves out that there is none before the first request.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            problem = self._problem or _malformed()
            request_id = token_hex(8)
            said = reply(refuse(problem, request_id), request_id)
            parts = [STATUS_LINE[said.status]]
            for name, value in (*self.server_state.default_headers, *said.headers):
                parts += name, b": ", value, b"\r\n"
            self.transport.write(b"".join([*parts, b"connection: close\r\n\r\n", said.body]))
        self.transport.close()

    def _begin(
        self, cycle: RequestResponseCycle, direct: "CycleDirect", app: ASGI3Application
    ) -> None:
        cycle.scope["extensions"] = {EXTENSION: {"request": direct}}
        super()._start_asgi_task(cycle, app)


async def _refuse_connection(scope: Scope, receive: Receive, send: Send) -> None:
    again, last = (b"retry-after", b"1"), (b"connection", b"close")
    problem = Problem("OVERLOADED", "too many connections are open", headers=(again, last))
    request_id = token_hex(8)
    await send_reply(reply(refuse(problem, request_id), request_id), scope, receive, send)


def _malformed() -> Problem:
    return Problem("MALFORMED_REQUEST", "this is no HTTP request")


def _too_large() -> Problem:
    detail = f"a head has at most {HEADERS_MAX} lines and {HEAD_BYTES_MAX} bytes"
    return Problem("HEAD_TOO_LARGE", detail)


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
