"""The stub brokers' session: the `Broker` port over a simulated network. It maps and decides nothing."""

import asyncio
from functools import partial
from typing import TypeVar

from phalanx.brokers.outcome import Reply, outcome_of
from phalanx.brokers.port import (
    CancelRequest,
    NeverWritten,
    PlaceRequest,
    ReplaceRequest,
    ReportListener,
    SessionListener,
    Ticket,
    Unknown,
)
from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.orders import ExecutionReport, OrdType, Product, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds
from phalanx.simulation.exchange import Code
from phalanx.simulation.loop import Process, VirtualLoop
from phalanx.simulation.network import LIMITED, UNAUTHORIZED, Network, Request

T = TypeVar("T")

ANSWER_NS_MAX: Nanoseconds = 5 * SECOND
"""Who has not answered a request by then is not waited for."""

READING_NS_MAX: Nanoseconds = 15 * SECOND
"""The same for a reading."""

RECONNECT_NS: Nanoseconds = 200 * MILLISECOND

LATE_MS = 20_000
"""A late request is up to 19 seconds late, and then there is the usual way."""

DEFINITE = frozenset(
    {
        Code.REJECTED,
        Code.UNKNOWN_ACCOUNT,
        Code.UNKNOWN_ORDER,
        Code.TOO_LATE,
        LIMITED,
        UNAUTHORIZED,
    }
)
"""Not `DUPLICATE_TAG`: that says that the tag was taken before."""


def stub_name(kind: BrokerKind) -> str:
    """What the stub broker of this kind is called."""
    return f"stub-{kind}"


def stub_capabilities(kind: BrokerKind) -> Capabilities:
    """The capability table of the stub broker of this kind."""
    return Capabilities(
        name=stub_name(kind),
        kind=kind,
        modes=frozenset(Mode),
        ord_types=frozenset({OrdType.MARKET, OrdType.LIMIT}),
        products=frozenset(Product),
        times_in_force=frozenset({TimeInForce.DAY}),
        market_orders=True,
        replace=True,
        tag_length_max=0 if kind is BrokerKind.NO_TAG else 10,
        definite_codes=DEFINITE,
        streaming=True,
        late_ms=LATE_MS,
        looks_to_prove=3,
    )


class SimulatedBroker:
    """One process's session at a stub exchange. It connects again by itself when it was cut off."""

    def __init__(self, network: Network, process: Process) -> None:
        self.process = process
        self.token = 0
        self.capabilities = stub_capabilities(network.exchange.kind)
        self._network = network
        self._loop: VirtualLoop = process.loop
        self._is_up = False
        self._is_closed = False
        self._logging_in = False
        self._cut_early = False
        self._read: set[AccountId] = set()
        self._requests = 0
        self._unanswered: dict[int, Ticket] = {}
        self._readings: dict[asyncio.Future[BrokerBook], None] = {}
        self._connected: asyncio.Future[None] | None = None
        self._report: ReportListener = lambda _report: None
        self._tell: SessionListener = lambda _account, _why: None

    # --- the port --------------------------------------------------------------------------------

    def listen(
        self, listener: ReportListener, sessions: SessionListener = lambda _account, _why: None
    ) -> None:
        """See `Broker.listen`."""
        self._report = listener
        self._tell = sessions

    async def connect(self) -> None:
        """Log in. Raises ConnectionError where nobody answers; once it was connected, it sees to it by
        itself that it is again.
        """
        connected = self._connected = self._loop.create_future()
        self._log_in()
        await connected

    async def close(self) -> None:
        """See `Broker.close`: what is not answered by now is not known."""
        self._is_closed = True
        self._network.leave(self)
        self._go_down("closed")

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """See `Broker.place`."""
        self._pass(request, ticket)

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """See `Broker.cancel`."""
        self._pass(request, ticket)

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """See `Broker.replace`."""
        self._pass(request, ticket)

    async def book(self, account: AccountId) -> BrokerBook:
        """See `Broker.book`."""
        if not self._is_up:
            raise ConnectionError("there is no session")
        reading: asyncio.Future[BrokerBook] = self._loop.create_future()
        self._readings[reading] = None
        self._network.read(self, account, partial(_settle, reading))
        self._later(READING_NS_MAX, _settle, reading, TimeoutError("no answer to a reading"))
        try:
            book = await reading
        except PermissionError:
            self._log_in_again()
            raise
        finally:
            self._readings.pop(reading, None)
        self._read.add(account)
        return book

    # --- what the network says -------------------------------------------------------------------

    def hear(self, report: ExecutionReport) -> None:
        """A report arrives; on a connection that was cut nothing does."""
        if self._is_up:
            self._report(report)

    def cut(self, why: str) -> None:
        """The connection is gone, perhaps before the answer to the login has come."""
        self._cut_early = self._logging_in
        if self._is_up and not self._is_closed:
            self._go_down(why)
            self._later(RECONNECT_NS, self._log_in)

    def has_read(self, account: AccountId) -> bool:
        """See `Session.has_read`."""
        return account in self._read

    # --- inside ----------------------------------------------------------------------------------

    def _pass(self, request: Request, ticket: Ticket) -> None:
        if not self._is_up or not self._network.connects():
            ticket.done(NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE), again=True))
            return
        reason = ticket.admit()
        if reason is not None:
            ticket.done(NeverWritten(reason))
            return
        if not self.process.alive:
            return
        self._requests += 1
        number = self._requests
        self._unanswered[number] = ticket
        self._network.send(self, request, partial(self._answered, number))
        if self.process.alive:
            ticket.written()
            self._later(ANSWER_NS_MAX, self._overdue, number)

    def _answered(self, number: int, reply: Reply | None) -> None:
        ticket = self._unanswered.pop(number, None)
        if ticket is None:
            return
        if reply is None:
            ticket.done(Unknown("an answer that nobody can read"))
            return
        ticket.done(outcome_of(reply, self.capabilities))
        if reply.code == UNAUTHORIZED:
            self._log_in_again()

    def _overdue(self, number: int) -> None:
        ticket = self._unanswered.pop(number, None)
        if ticket is not None:
            ticket.done(Unknown("no answer"))

    def _log_in_again(self) -> None:
        """The token is not valid any more."""
        self._network.leave(self)
        self.cut("logged out by the broker")

    def _log_in(self) -> None:
        """Once at a time, whoever finds out first that it has to."""
        if not (self._logging_in or self._is_up or self._is_closed):
            self._logging_in = True
            self._network.login(self, self._logged_in)

    def _logged_in(self, token: int | None) -> None:
        self._logging_in = False
        first, self._connected = self._connected, None
        cut_early, self._cut_early = self._cut_early, False
        if token is not None and not (cut_early or self._is_closed):
            self.token = token
            self._is_up = True
        if first is not None:
            _settle(first, None if self._is_up else ConnectionError("the broker does not answer"))
        elif self._is_up:
            self._tell_all("")
        else:
            self._later(RECONNECT_NS, self._log_in)

    def _go_down(self, why: str) -> None:
        """Nobody will answer what was asked."""
        self._is_up = False
        self._read.clear()
        unanswered, self._unanswered = self._unanswered, {}
        for ticket in unanswered.values():
            ticket.done(Unknown(f"{why} before the answer"))
        for reading in tuple(self._readings):
            _settle(reading, ConnectionError(why))
        self._tell_all(why)

    def _tell_all(self, why: str) -> None:
        if not self._is_closed:
            for account in tuple(self._network.exchange.accounts):
                self._tell(account, why)

    def _later(self, delay_ns: Nanoseconds, call: object, *what: object) -> None:
        assert callable(call)
        when_ns = self._loop.elapsed_ns + delay_ns
        self._loop.at(when_ns, call, *what, context=self.process.context)


def _settle(waiting: "asyncio.Future[T]", found: T | OSError) -> None:
    if waiting.done():
        return
    if isinstance(found, OSError):
        waiting.set_exception(found)
    else:
        waiting.set_result(found)
