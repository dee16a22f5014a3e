"""A broker that does what a test tells it to, and remembers everything it was asked."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from phalanx.brokers.port import (
    Accepted,
    BrokerBook,
    CancelRequest,
    NeverWritten,
    Outcome,
    PlaceRequest,
    ReplaceRequest,
    ReportListener,
    SessionListener,
    Ticket,
)
from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.broker_books import BrokerOrder, BrokerPosition, BrokerTrade
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.numbers import whole
from phalanx.domain.orders import (
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Nanoseconds

Request: TypeAlias = PlaceRequest | CancelRequest | ReplaceRequest
Reading: TypeAlias = Callable[[AccountId], Awaitable[BrokerBook]]
Behaviour: TypeAlias = Callable[[Request, Ticket], None]

DEFINITE = frozenset({"1", "3", "9", "17"})
"""The codes with which these brokers refuse for certain."""

UNREACHABLE = Reason(ReasonCode.BROKER_UNREACHABLE)


def write(request: Request, ticket: Ticket) -> None:
    """Ask the gate, write, and leave the answer to the test."""
    reason = ticket.admit()
    if reason is not None:
        ticket.done(NeverWritten(reason))
    else:
        ticket.written()


def accept(request: Request, ticket: Ticket) -> None:
    """Answer before ``place`` returns, which the port does not forbid."""
    if ticket.admit() is None:
        ticket.written()
        ticket.done(Accepted(f"B{request.cl_ord_id}"))


def unreachable(request: Request, ticket: Ticket) -> None:
    """No connection: not a byte leaves, try again."""
    ticket.done(NeverWritten(UNREACHABLE, again=True))


def keep(request: Request, ticket: Ticket) -> None:
    """Take the request and do nothing at all, as a session that waits for a connection."""


def answer(outcome: Outcome) -> Behaviour:
    """Write, and answer so at once."""

    def behave(request: Request, ticket: Ticket) -> None:
        write(request, ticket)
        ticket.done(outcome)

    return behave


def fail(request: Request, ticket: Ticket) -> None:
    """Break the port's word."""
    raise RuntimeError("a bug in a broker module")


class ScriptedBroker:
    """Behaves as ``script`` says, request by request, then as ``usual``; a reading of its book shows
    ``orders`` and ``trades``, unless ``readings`` says otherwise, one after the other.

    ``late_ms`` is long, so that what is in doubt stays so in a test that is about something else.
    """

    def __init__(self, name: str = "script", usual: Behaviour = write) -> None:
        self.capabilities = Capabilities(
            name=name,
            kind=BrokerKind.LOOK_UP,
            modes=frozenset(Mode),
            ord_types=frozenset(OrdType),
            products=frozenset(Product),
            times_in_force=frozenset(TimeInForce),
            market_orders=True,
            replace=True,
            tag_length_max=10,
            definite_codes=DEFINITE,
            streaming=True,
            late_ms=180_000,
        )
        self.usual = usual
        self.script: deque[Behaviour] = deque()
        self.asked: list[Request] = []
        self.tickets: dict[str, Ticket] = {}
        self.orders: dict[str, BrokerOrder] = {}
        self.trades: list[BrokerTrade] = []
        self.positions: tuple[BrokerPosition, ...] | None = None
        self.readings: deque[Reading] = deque()
        self.read: list[AccountId] = []
        self.unreadable: set[AccountId] = set()
        self.now: Callable[[], Nanoseconds] = lambda: 0
        self.connections: deque[Callable[[], Awaitable[None]]] = deque()
        self.closed = 0
        self.on_close: Callable[[], object] = lambda: None
        self._listener: ReportListener | None = None
        self._sessions: SessionListener | None = None
        self._executions = 0

    # --- the port --------------------------------------------------------------------------------

    def listen(
        self, listener: ReportListener, sessions: SessionListener = lambda _account, _why: None
    ) -> None:
        self._listener, self._sessions = listener, sessions

    async def connect(self) -> None:
        assert self._listener is not None
        if self.connections:
            await self.connections.popleft()()

    async def close(self) -> None:
        self.closed += 1
        self.on_close()

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        self._behave(request.cl_ord_id, request, ticket)

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        self._behave(request.request_id, request, ticket)

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        self._behave(request.request_id, request, ticket)

    async def book(self, account: AccountId) -> BrokerBook:
        self.read.append(account)
        if self.readings:
            return await self.readings.popleft()(account)
        return self.shown(account)

    # --- what tests do ---------------------------------------------------------------------------

    def shown(self, account: AccountId) -> BrokerBook:
        """The whole book as it is."""
        if account in self.unreadable:
            raise ConnectionError("no session")
        orders = tuple(order for order in self.orders.values() if order.account == account)
        trades = tuple(trade for trade in self.trades if trade.account == account)
        return BrokerBook(account, self.now(), orders, trades, self.positions)

    def declare(self, **terms: object) -> None:
        """Other capabilities, for the next process."""
        self.capabilities = msgspec.structs.replace(self.capabilities, **terms)

    def prove_at_once(self) -> None:
        """Nothing arrives late here, and one look proves: from the next process on."""
        self.declare(late_ms=None, looks_to_prove=1)

    def show(
        self,
        cl_ord_id: ClOrdId,
        status: OrdStatus = OrdStatus.NEW,
        filled: int = 0,
        *,
        quantity: int = 10,
        account: AccountId = "A1",
        tagged: bool = True,
        side: Side = Side.BUY,
    ) -> str:
        """Have the book show an order of INFY, with its fills so far as one execution; its order id."""
        order_id, tag = f"B{cl_ord_id}", cl_ord_id if tagged else ""
        what = (account, "NSE:1", side, Product.DELIVERY)
        self.orders[order_id] = BrokerOrder(
            order_id, *what, whole(quantity), whole(filled), status, tag, time=self.now()
        )
        if filled:
            self.trades.append(
                BrokerTrade(
                    f"E{order_id}-{filled}",
                    order_id,
                    *what,
                    whole(filled),
                    whole(100),
                    time=self.now(),
                    cl_ord_id=tag,
                )
            )
        return order_id

    def session(self, account: AccountId, why: str = "") -> None:
        """Tell that the account's session is down, with why, or up again."""
        assert self._sessions is not None
        self._sessions(account, why)

    @property
    def placed(self) -> list[ClOrdId]:
        """The orders that came, written or not."""
        return [r.cl_ord_id for r in self.asked if isinstance(r, PlaceRequest)]

    @property
    def cancels(self) -> list[CancelRequest]:
        return [r for r in self.asked if isinstance(r, CancelRequest)]

    @property
    def replaces(self) -> list[ReplaceRequest]:
        return [r for r in self.asked if isinstance(r, ReplaceRequest)]

    def say(self, report: ExecutionReport) -> None:
        assert self._listener is not None
        self._listener(report)

    def fill(
        self, cl_ord_id: ClOrdId, last: int, cum: int | None = None, price: int = 100 * 10**8
    ) -> ExecutionReport:
        """Report a fill of ``last``; ``cum`` is the total, if it is not the first."""
        self._executions += 1
        report = ExecutionReport(
            cl_ord_id,
            ExecType.TRADE,
            f"B{cl_ord_id}",
            f"E{self._executions}",
            last if cum is None else cum,
            last,
            price,
        )
        self.say(report)
        return report

    def end(self, cl_ord_id: ClOrdId, exec_type: ExecType = ExecType.CANCELED) -> None:
        self.say(ExecutionReport(cl_ord_id, exec_type, f"B{cl_ord_id}"))

    def _behave(self, key: str, request: Request, ticket: Ticket) -> None:
        self.asked.append(request)
        self.tickets[key] = ticket
        behave = self.script.popleft() if self.script else self.usual
        behave(request, ticket)
