"""The link between a desk and its paper broker: it remembers what was written, and may treat it badly."""

import random
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import msgspec

from phalanx.brokers.port import (
    Broker,
    BrokerBook,
    CancelRequest,
    FillsByHand,
    NeverWritten,
    Outcome,
    PlaceRequest,
    ReplaceRequest,
    ReportListener,
    SessionListener,
    TellsLate,
    Ticket,
    Unknown,
)
from phalanx.domain.accounts import AccountId
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.numbers import BASIS_POINTS, Price, Quantity
from phalanx.domain.orders import ClOrdId, ExecutionReport
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Nanoseconds

Request: TypeAlias = PlaceRequest | CancelRequest | ReplaceRequest


class FaultPlan(msgspec.Struct, frozen=True):
    """How often, in basis points, something goes wrong between a desk and a broker that is well."""

    unreachable_bps: int = 0
    """Not a byte of the request left; it may be tried again."""
    lost_answer_bps: int = 0
    """The broker took the request and its answer never came."""
    repeated_report_bps: int = 0
    """A report comes twice."""


class PaperLink:
    """One process's way to a broker, as a broker itself. ``written`` hears of every request, once the
    kernel took it.
    """

    def __init__(
        self,
        broker: Broker,
        written: Callable[[Request], None],
        plan: FaultPlan,
        chance: random.Random,
    ) -> None:
        self._broker = broker
        self._written = written
        self._plan = plan
        self._chance = chance

    @property
    def capabilities(self) -> Capabilities:
        """The broker's."""
        return self._broker.capabilities

    @property
    def behind_ns(self) -> Nanoseconds:
        """The broker's, if it tells late at all."""
        return self._broker.behind_ns if isinstance(self._broker, TellsLate) else 0

    def listen(
        self, listener: ReportListener, sessions: SessionListener = lambda _account, _why: None
    ) -> None:
        """Hear the broker's reports, some of them twice."""

        def hear(report: ExecutionReport) -> None:
            listener(report)
            if self._happens(self._plan.repeated_report_bps):
                listener(report)

        self._broker.listen(hear, sessions)

    async def connect(self) -> None:
        """See `Broker.connect`."""
        await self._broker.connect()

    async def close(self) -> None:
        """See `Broker.close`."""
        await self._broker.close()

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """See `Broker.place`."""
        self._pass(request, ticket, partial(self._broker.place, request))

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """See `Broker.cancel`."""
        self._pass(request, ticket, partial(self._broker.cancel, request))

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """See `Broker.replace`."""
        self._pass(request, ticket, partial(self._broker.replace, request))

    def fill_by_hand(
        self,
        cl_ord_id: ClOrdId,
        quantity: Quantity,
        price: Price,
        exec_id: str,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """See `FillsByHand.fill_by_hand`: nothing goes over a wire, so nothing is lost on it."""
        assert isinstance(self._broker, FillsByHand)
        self._broker.fill_by_hand(cl_ord_id, quantity, price, exec_id, refused)

    async def book(self, account: AccountId) -> BrokerBook:
        """See `Broker.book`."""
        return await self._broker.book(account)

    def _pass(self, request: Request, ticket: Ticket, send: Callable[[Ticket], None]) -> None:
        if self._happens(self._plan.unreachable_bps):
            reason = Reason(ReasonCode.BROKER_UNREACHABLE)
            ticket.done(NeverWritten(reason, again=True))
            return
        loses = self._happens(self._plan.lost_answer_bps)
        send(_LinkTicket(ticket, partial(self._written, request), loses=loses))

    def _happens(self, share_bps: int) -> bool:
        return share_bps > 0 and self._chance.randrange(BASIS_POINTS) < share_bps


class _LinkTicket:
    """A ticket that says when the bytes left, and whose answer may be lost."""

    def __init__(self, ticket: Ticket, written: Callable[[], None], *, loses: bool) -> None:
        self._ticket = ticket
        self._written = written
        self._loses = loses

    def admit(self) -> Reason | None:
        return self._ticket.admit()

    def written(self) -> None:
        self._written()
        self._ticket.written()

    def done(self, outcome: Outcome) -> None:
        if self._loses and not isinstance(outcome, NeverWritten):
            outcome = Unknown("the answer was lost")
        self._ticket.done(outcome)
