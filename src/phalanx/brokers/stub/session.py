"""The stub broker's session: one login, its token, the reports, and books. Nothing here fires orders."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import TypeVar

import httpx
import msgspec

from phalanx.brokers.stub.messages import BOOK, LOGIN, POLL_S, REPORTS, LoggedIn, ReportsPage
from phalanx.brokers.wire import Dialer
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.orders import ExecutionReport

T = TypeVar("T")

BODY_BYTES_MAX = 64 << 20
"""The book of an account with a hundred thousand orders and trades is smaller."""

CONNECTIONS_MAX = 16
TIMEOUT_S = 10.0
RETRY_S_MIN = 0.2
RETRY_S_MAX = 10.0
"""How long until the next login after one that failed; the pause doubles while they fail."""


class Session:
    """Logs in once and stays logged in: one task hears reports, finds out that the session is dead,
    and logs in again, so nobody else ever does.

    ``changed`` hears why the session is down, or, with an empty text, that it is up again.
    """

    def __init__(
        self,
        dialer: Dialer,
        heard: Callable[[ExecutionReport], None],
        changed: Callable[[str], None],
    ) -> None:
        self.token = ""
        self._heard = heard
        self._changed = changed
        self._position = 0
        self._task: asyncio.Task[None] | None = None
        self._expired: asyncio.Future[None] | None = None
        self._from = f" from {dialer.source}" if dialer.source else ""
        self._http = httpx.AsyncClient(
            base_url=dialer.address.url,
            timeout=httpx.Timeout(TIMEOUT_S, read=POLL_S + TIMEOUT_S),
            transport=httpx.AsyncHTTPTransport(
                verify=dialer.tls or True,
                limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
                local_address=dialer.source or None,
                trust_env=False,
            ),
            trust_env=False,
        )

    async def open(self) -> None:
        """Log in and begin to hear reports. Raises OSError when it cannot; may be tried again."""
        if self._task is None:
            await self._log_in()
            self._task = asyncio.create_task(self._run(), name="stub session")

    async def close(self) -> None:
        """Stop; nothing is heard afterwards."""
        self.token = ""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._http.aclose()

    def expire(self, token: str) -> None:
        """The broker does not know this token any more: log in again, unless that was done since."""
        if token == self.token and self._expired is not None and not self._expired.done():
            self.token = ""
            self._expired.set_result(None)

    async def book(self, account: AccountId) -> BrokerBook:
        """Raises OSError when it could not be read, as a whole, from this session."""
        if not self.token:
            raise ConnectionError("there is no session")
        book = await self._ask("GET", BOOK, BrokerBook, {"account": account})
        if book.account != account:
            raise ConnectionError(f"a book of {book.account} for one of {account}")
        return book

    # --- inside ------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            why = await self._listen()
            self.token = ""
            self._changed(why)
            await self._log_in_again()
            self._changed("")

    async def _listen(self) -> str:
        """Hear reports until the session is dead; returns why."""
        self._expired = asyncio.get_running_loop().create_future()
        hearing = asyncio.create_task(self._hear_for_ever(), name="stub reports")
        try:
            await asyncio.wait({self._expired, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        if self._expired.done():
            return "logged out by the broker"
        return f"no reports: {hearing.exception()}"

    async def _hear_for_ever(self) -> None:
        while True:
            page = await self._ask("GET", REPORTS, ReportsPage, {"position": str(self._position)})
            self._position = page.position
            for report in page.reports:
                self._heard(report)
            if page.missed:
                # To whoever listens that is a session that was down and is up again.
                self._changed("")

    async def _log_in_again(self) -> None:
        pause_s = RETRY_S_MIN
        while True:
            try:
                await self._log_in()
            except OSError:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_S_MAX)
            else:
                return

    async def _log_in(self) -> None:
        session = await self._ask("POST", LOGIN, LoggedIn, {})
        self.token, self._position = session.token, session.position

    async def _ask(self, method: str, path: str, kind: type[T], query: Mapping[str, str]) -> T:
        """Raises OSError for every answer that is not whole and the broker's own."""
        token = self.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = bytearray()
        try:
            asked = self._http.stream(method, path, params=query, headers=headers)
            async with asked as answer:
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > BODY_BYTES_MAX:
                        raise ConnectionError(f"{path}: the answer is too long")
        except httpx.HTTPError as error:
            raise ConnectionError(f"{path}{self._from}: {_cause(error)}") from error
        if answer.status_code == HTTPStatus.UNAUTHORIZED and token:
            self.expire(token)
        if answer.status_code != HTTPStatus.OK:
            raise ConnectionError(f"{path}: HTTP {answer.status_code}")
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise ConnectionError(f"{path}: {error}") from error


def _cause(error: BaseException) -> str:
    """What was wrong at the bottom of it: an address, a certificate. Libraries above it say only that."""
    found = error
    while (below := found.__cause__ or found.__context__) is not None:
        found = below.exceptions[0] if isinstance(below, BaseExceptionGroup) else below
    return str(found) or repr(error)
