"""One login's way to the broker: its session, its connections, the heads of its requests."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

from phalanx.brokers.motilal.credentials import Credentials
from phalanx.brokers.motilal.egress import Egress
from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.headers import headers_of
from phalanx.brokers.motilal.login import Tokens
from phalanx.brokers.motilal.outcomes import Judged, judge
from phalanx.brokers.motilal.session import Session
from phalanx.brokers.motilal.settings import LoginSettings
from phalanx.brokers.port import NeverWritten, Outcome, Ticket
from phalanx.brokers.wire import UNREACHABLE, Answer, Dialer, Pool, RequestHead
from phalanx.domain.accounts import AccountId
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Clock

WARM_AT_ONCE_MAX = 32
"""So many connections are being opened at a time before the first order."""

_FIRING = (Path.PLACE, Path.MODIFY, Path.CANCEL)


class Line:
    """``judged`` of a request is told what its answer says, before its ticket is done."""

    def __init__(
        self,
        settings: LoginSettings,
        dialer: Dialer,
        session: Session,
        capabilities: Capabilities,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.dialer = dialer
        self.session = session
        self.egress = Egress(settings, dialer, clock)
        self.reading = asyncio.Lock()
        self._capabilities = capabilities
        self._pools: dict[AccountId, Pool] = {}
        self._heads: Mapping[Path, RequestHead] = {}
        self._tokens: Tokens | None = None

    async def warm(self, accounts: Iterable[AccountId]) -> None:
        """Open every account's connection; what cannot be opened now is opened with its first request."""
        turns = asyncio.Semaphore(WARM_AT_ONCE_MAX)

        async def warm(account: AccountId) -> None:
            async with turns:
                with suppress(OSError):
                    await self._pool(account).warm()

        await asyncio.gather(*map(warm, accounts))

    def send(
        self,
        path: Path,
        body: bytes,
        account: AccountId,
        ticket: Ticket,
        judged: Callable[[Judged], None],
        *,
        order_id: str = "",
        urgent: bool = False,
    ) -> None:
        """Write a request about this order, a new one where it has no id, or say that it was not.

        A new order is not written from an address that the broker does not take orders from; what calls
        orders back is, and its answer may say that the address is good again.
        """
        if path is Path.PLACE and self.egress.is_shut():
            ticket.done(NeverWritten(Reason(ReasonCode.EGRESS_NOT_REGISTERED, (account,))))
            return
        head, tokens = self._heads.get(path), self._tokens
        if head is None or tokens is None or tokens is not self.session.tokens:
            ticket.done(UNREACHABLE)
            return
        read = partial(self._outcome, tokens, order_id, judged)
        self._pool(account).send(head.request(body), ticket, read, urgent=urgent)

    def changed(self) -> None:
        """The session is another one, or there is none: nothing is written then, what waits for a
        connection neither.
        """
        self._tokens = self.session.tokens
        if self._tokens is None or self.session.credentials is None:
            self._hold()
            return
        headers = self._headers(self.session.credentials, self._tokens)
        self._heads = {path: RequestHead(self.dialer.address, path, headers) for path in _FIRING}

    def close(self) -> None:
        """Drop the connections. What is not answered by now is Unknown."""
        self._heads = {}
        for pool in self._pools.values():
            pool.close()

    # --- inside ------------------------------------------------------------------------------------

    def _outcome(
        self, tokens: Tokens, order_id: str, judged: Callable[[Judged], None], answer: Answer
    ) -> Outcome:
        found = judge(answer, self._capabilities, order_id)
        if found.is_session_over:
            self.session.expire(tokens)
            if self.session.tokens is None:
                self._hold()
        self.egress.judged(found)
        judged(found)
        return found.outcome

    def _headers(self, credentials: Credentials, tokens: Tokens) -> dict[str, str]:
        return headers_of(self.settings, credentials, tokens.auth, tokens.access)

    def _hold(self) -> None:
        self._heads = {}
        for pool in self._pools.values():
            pool.give_up()

    def _pool(self, account: AccountId) -> Pool:
        found = self._pools.get(account)
        if found is None:
            found = self._pools[account] = Pool(self.dialer)
        return found
