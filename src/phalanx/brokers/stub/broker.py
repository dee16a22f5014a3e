"""The stub broker's module: the `Broker` port over the wire. It maps and decides nothing."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from http import HTTPStatus

import msgspec

from phalanx.brokers.outcome import Reply, outcome_of
from phalanx.brokers.placing import unsupported
from phalanx.brokers.port import (
    CancelRequest,
    NeverWritten,
    Outcome,
    PlaceRequest,
    ReplaceRequest,
    ReportListener,
    SessionListener,
    Ticket,
    Unknown,
)
from phalanx.brokers.stub.messages import ANSWERING, CANCEL, PLACE, REPLACE
from phalanx.brokers.stub.session import Session
from phalanx.brokers.wire import UNREACHABLE, Answer, Dialer, Pool, RequestHead
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.orders import ExecutionReport
from phalanx.domain.time import SECOND, Nanoseconds

WARM_AT_ONCE_MAX = 32
"""So many connections are being opened at a time before the first order."""


class StubBroker:
    """A dealer login: one session serves every account, each has connections of its own.

    ``accounts`` are those that are traded through it, whenever it is asked.
    """

    def __init__(
        self,
        dialer: Dialer,
        capabilities: Capabilities,
        accounts: Callable[[], Iterable[AccountId]],
    ) -> None:
        self.capabilities = capabilities
        self._dialer = dialer
        self._accounts = accounts
        self._session = Session(dialer, self._hear, self._changed)
        self._encode_into = msgspec.json.Encoder().encode_into
        self._body = bytearray()
        self._pools: dict[AccountId, Pool] = {}
        self._heads: dict[str, RequestHead] = {}
        self._read: Callable[[Answer], Outcome]
        self._report: ReportListener = lambda _report: None
        self._tell: SessionListener = lambda _account, _why: None
        self._is_closed = False

    def listen(
        self, listener: ReportListener, sessions: SessionListener = lambda _account, _why: None
    ) -> None:
        """See `Broker.listen`."""
        self._report = listener
        self._tell = sessions

    async def connect(self) -> None:
        """Log in and open every account's connection. Raises OSError; may be tried again.

        From then on it logs in again by itself; a connection that could not be opened now is opened
        with the account's first request.
        """
        await self._session.open()
        self._prepare()
        turns = asyncio.Semaphore(WARM_AT_ONCE_MAX)

        async def warm(account: AccountId) -> None:
            async with turns:
                with suppress(OSError):
                    await self._pool(account).warm()

        await asyncio.gather(*map(warm, tuple(self._accounts())))

    async def close(self) -> None:
        """Stop. What is not answered by now is Unknown before this returns; after it, nothing."""
        self._is_closed = True
        self._heads = {}
        for pool in self._pools.values():
            pool.close()
        await self._session.close()

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """See `Broker.place`."""
        reason = unsupported(request, self.capabilities)
        if reason is not None:
            ticket.done(NeverWritten(reason))
        else:
            self._send(PLACE, request, ticket, urgent=request.reduce_only)

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """See `Broker.cancel`."""
        self._send(CANCEL, request, ticket, urgent=True)

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """See `Broker.replace`."""
        self._send(REPLACE, request, ticket)

    def put_off(self, *, wait: bool) -> None:
        """See `PutsAnswersOff.put_off`."""
        self._dialer.unread_answers.wait = wait

    @property
    def behind_ns(self) -> Nanoseconds:
        """See `TellsLate.behind_ns`."""
        return round(self._dialer.unread_answers.behind_s * SECOND)

    async def book(self, account: AccountId) -> BrokerBook:
        """See `Broker.book`."""
        return await self._session.book(account)

    # --- inside ------------------------------------------------------------------------------------

    def _send(
        self,
        path: str,
        request: PlaceRequest | CancelRequest | ReplaceRequest,
        ticket: Ticket,
        *,
        urgent: bool = False,
    ) -> None:
        head = self._heads.get(path)
        if head is None:
            ticket.done(UNREACHABLE)
            return
        # Into the same place each time: to make room for a new one costs half as much again.
        self._encode_into(request, self._body)
        prebuilt = head.request(self._body)
        account = request.account
        pool = self._pools.get(account) or self._pool(account)
        pool.send(prebuilt, ticket, self._read, urgent=urgent)

    def _outcome(self, answer: Answer, token: str) -> Outcome:
        """What a complete answer says, where it is the broker's own, to a request under this token."""
        if answer.status not in ANSWERING:
            return Unknown(f"HTTP {answer.status}")
        try:
            reply = msgspec.json.decode(answer.body, type=Reply)
        except msgspec.DecodeError:
            return Unknown(f"HTTP {answer.status} with something that is not the broker's")
        if reply.accepted and (answer.status != HTTPStatus.OK or not reply.order_id):
            return Unknown(f"HTTP {answer.status} with an acceptance that cannot be one")
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._session.expire(token)
            if not self._session.token:
                self._hold()
        return outcome_of(reply, self.capabilities)

    def _pool(self, account: AccountId) -> Pool:
        return self._pools.setdefault(account, Pool(self._dialer))

    def _prepare(self) -> None:
        """Every request of this session begins like this."""
        token = self._session.token
        headers = {"Authorization": f"Bearer {token}"}
        self._heads = {
            path: RequestHead(self._dialer.address, path, headers)
            for path in (PLACE, CANCEL, REPLACE)
        }
        self._read = partial(self._outcome, token=token)

    def _hold(self) -> None:
        """Without a session nothing is written, what waits for a connection neither."""
        self._heads = {}
        for pool in self._pools.values():
            pool.give_up()

    def _hear(self, report: ExecutionReport) -> None:
        if not self._is_closed:
            self._report(report)

    def _changed(self, why: str) -> None:
        """The session went down, with why, or it is up again."""
        if self._is_closed:
            return
        if why:
            self._hold()
        else:
            self._prepare()
        for account in tuple(self._accounts()):
            self._tell(account, why)
