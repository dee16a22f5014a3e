"""The stub broker's server: HTTP around a stub exchange. `phalanx.brokers.stub` is its client."""

import asyncio
import itertools
import ssl
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec

from phalanx.brokers.outcome import Reply
from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.brokers.stub import messages
from phalanx.brokers.stub.messages import LoggedIn, ReportsPage
from phalanx.brokers.stub.terms import Code
from phalanx.domain.accounts import AccountId
from phalanx.domain.orders import ExecutionReport
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.http_messages import (
    HEAD_BYTES_MAX,
    HttpMessage,
    answer_bytes,
    read_message,
)

REPORTS_KEPT = 10_000
"""Whoever asks for reports before these is told that some are missed."""

REPORTS_AT_ONCE_MAX = 1_000

Parts: TypeAlias = tuple[HTTPStatus, object]
Query: TypeAlias = dict[str, str]


class StubServer:
    """Serves one exchange. ``requests`` counts what reached it, by path; ``delay_s``: so long an order
    is looked at before it is taken (by account).
    """

    def __init__(
        self, exchange: StubExchange, delay_s: Callable[[AccountId], float] = lambda _account: 0
    ) -> None:
        self.exchange = exchange
        self.requests: Counter[str] = Counter()
        self._delay_s = delay_s
        self._tokens: set[str] = set()
        self._logins = itertools.count(1)
        self._reports: deque[ExecutionReport] = deque(maxlen=REPORTS_KEPT)
        self._position = 0
        self._news = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._doors: dict[str, Callable[[HttpMessage, Query], Awaitable[Parts]]] = {
            f"POST {messages.PLACE}": self._place,
            f"POST {messages.CANCEL}": self._cancel,
            f"POST {messages.REPLACE}": self._replace,
            f"GET {messages.BOOK}": self._book,
            f"GET {messages.REPORTS}": self._tell,
        }
        exchange.listeners.append(self._hear)

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, over TLS where a context with a certificate is given; returns the port. Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=HEAD_BYTES_MAX, ssl=tls
        )
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Stop listening and drop every connection; ``start`` may follow."""
        if self._server is None:
            return
        self._server.close()
        await self.drop_connections()
        await self._server.wait_closed()
        self._server = None

    async def drop_connections(self) -> None:
        """Every connection ends at once; tokens stay good."""
        for task, writer in self._serving.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def expire_tokens(self) -> None:
        """Every session ends: whoever is logged in has to log in again."""
        self._tokens.clear()
        self._wake()

    # --- connections -------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        try:
            while (message := await read_message(reader)) is not None:
                status, told = await self._answer(message)
                writer.write(answer_bytes(status, msgspec.json.encode(told)))
                await writer.drain()
        except (OSError, EOFError, ValueError, asyncio.CancelledError):
            pass  # whoever it was has gone, speaks something else, or was dropped
        finally:
            del self._serving[task]
            writer.close()

    async def _answer(self, message: HttpMessage) -> Parts:
        method, target, *_ = message.line.split(" ")
        path = urlsplit(target).path
        self.requests[path] += 1
        if path == messages.LOGIN:
            return self._log_in()
        if not self._is_logged_in(message):
            return HTTPStatus.UNAUTHORIZED, Reply(accepted=False, code=Code.UNAUTHORIZED)
        door = self._doors.get(f"{method} {path}")
        if door is None:
            return HTTPStatus.NOT_FOUND, {"detail": "no such path"}
        query = {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}
        try:
            return await door(message, query)
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            return HTTPStatus.BAD_REQUEST, {"detail": repr(error)}

    def _log_in(self) -> Parts:
        token = f"T{next(self._logins)}"
        self._tokens.add(token)
        return HTTPStatus.OK, LoggedIn(token, self._position)

    def _is_logged_in(self, message: HttpMessage) -> bool:
        return message.headers.get("authorization", "").removeprefix("Bearer ") in self._tokens

    # --- doors -------------------------------------------------------------------------------------

    async def _place(self, message: HttpMessage, _: Query) -> Parts:
        request = msgspec.json.decode(message.body, type=PlaceRequest)
        delay_s = self._delay_s(request.account)
        if delay_s:
            await asyncio.sleep(delay_s)
        return HTTPStatus.OK, self.exchange.place(request)

    async def _cancel(self, message: HttpMessage, _: Query) -> Parts:
        request = msgspec.json.decode(message.body, type=CancelRequest)
        return HTTPStatus.OK, self.exchange.cancel(request)

    async def _replace(self, message: HttpMessage, _: Query) -> Parts:
        request = msgspec.json.decode(message.body, type=ReplaceRequest)
        return HTTPStatus.OK, self.exchange.replace(request)

    async def _book(self, _: HttpMessage, query: Query) -> Parts:
        return HTTPStatus.OK, self.exchange.book(query["account"])

    async def _tell(self, message: HttpMessage, query: Query) -> Parts:
        """Reports after a position: at once where there are any, otherwise as soon as there is one."""
        position = int(query["position"])
        if position >= self._position:
            try:
                async with asyncio.timeout(messages.POLL_S):
                    await self._news.wait()
            except TimeoutError:
                return HTTPStatus.OK, ReportsPage((), self._position)
        if not self._is_logged_in(message):
            return HTTPStatus.UNAUTHORIZED, Reply(accepted=False, code=Code.UNAUTHORIZED)
        oldest = self._position - len(self._reports)
        start = max(position, oldest)
        end = min(start + REPORTS_AT_ONCE_MAX, self._position)
        told = tuple(itertools.islice(self._reports, start - oldest, end - oldest))
        return HTTPStatus.OK, ReportsPage(told, end, position < oldest)

    def _hear(self, report: ExecutionReport) -> None:
        self._reports.append(report)
        self._position += 1
        self._wake()

    def _wake(self) -> None:
        """Whoever waits for reports looks again; the next one waits anew."""
        self._news.set()
        self._news = asyncio.Event()
