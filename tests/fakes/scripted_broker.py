"""A broker that does what a test tells it to, and remembers everything it was asked."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeAlias

from phalanx.brokers.port import (
    Accepted,
    BrokerOrder,
    CancelRequest,
    NeverWritten,
    Outcome,
    PlaceRequest,
    ReplaceRequest,
    ReportListener,
    Ticket,
)
from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.orders import (
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrdType,
    Product,
    TimeInForce,
)
from phalanx.domain.reasons import Reason, ReasonCode

Request: TypeAlias = PlaceRequest | CancelRequest | ReplaceRequest
Behaviour: TypeAlias = Callable[[Request, Ticket], None]

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
    """Behaves as ``script`` says, request by request, then as ``usual``."""

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
            definite_codes=frozenset(),
            streaming=True,
        )
        self.usual = usual
        self.script: deque[Behaviour] = deque()
        self.asked: list[Request] = []
        self.tickets: dict[str, Ticket] = {}
        self.book: dict[ClOrdId, BrokerOrder] = {}
        self.looked_up: list[ClOrdId] = []
        self.unreadable: set[AccountId] = set()
        self.closed = 0
        self.on_close: Callable[[], object] = lambda: None
        self._listener: ReportListener | None = None
        self._executions = 0

    # --- the port --------------------------------------------------------------------------------

    def listen(self, listener: ReportListener) -> None:
        self._listener = listener

    async def connect(self) -> None:
        assert self._listener is not None

    async def close(self) -> None:
        self.closed += 1
        self.on_close()

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        self._behave(request.cl_ord_id, request, ticket)

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        self._behave(request.request_id, request, ticket)

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        self._behave(request.request_id, request, ticket)

    async def find(
        self, account: AccountId, cl_ord_ids: Sequence[ClOrdId]
    ) -> Sequence[BrokerOrder]:
        self.looked_up += cl_ord_ids
        if account in self.unreadable:
            raise ConnectionError("no session")
        return [self.book[key] for key in cl_ord_ids if key in self.book]

    # --- what tests do ---------------------------------------------------------------------------

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
