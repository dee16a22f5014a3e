"""A stub broker's server and a module that is logged in there, over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from phalanx.bootstrap import SystemClock
from phalanx.brokers.port import Accepted, PlaceRequest
from phalanx.brokers.stub import StubBroker, stub_capabilities
from phalanx.brokers.wire import Address, Dialer
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.stub_server import StubServer
from tests.fakes.desk import RecordingTicket, Reports
from tests.fakes.wire_peer import CA, server_context, until

__all__ = ["ACCOUNTS", "Stage", "stage", "until"]

ACCOUNTS = ("A", "B")


class Stage:
    """``tls``: over TLS, with this certificate of the tests. ``source``: where the module comes from."""

    def __init__(self, tls: str = "", source: str = "") -> None:
        self._tls = server_context(tls) if tls else None
        self._source = source
        self.exchange = StubExchange("stub", BrokerKind.LOOK_UP, SystemClock())
        self.server = StubServer(self.exchange, lambda _account: self.delay_s)
        self.delay_s = 0.0
        self.reports = Reports()
        self.sessions: list[tuple[str, str]] = []
        self.port = 0
        self.broker: StubBroker
        self._tags = 0
        for account in ACCOUNTS:
            self.exchange.open(account, whole(1_000_000))

    async def listen(self) -> None:
        """Start the server, on the same port as before if it had one."""
        self.port = await self.server.start(port=self.port, tls=self._tls)

    def module(self) -> StubBroker:
        address = Address("127.0.0.1", self.port, self._tls is not None)
        dialer = Dialer(address, self._source, CA if self._tls else None)
        made = StubBroker(dialer, stub_capabilities(), lambda: ACCOUNTS)
        made.listen(self.reports.append, lambda account, why: self.sessions.append((account, why)))
        return made

    def place(self, account: str = "A", *, reduce_only: bool = False) -> RecordingTicket:
        self._tags += 1
        ticket = RecordingTicket()
        request = PlaceRequest(
            f"AA{self._tags:08}",
            account,
            "NSE:1",
            Side.BUY,
            Product.DELIVERY,
            OrdType.LIMIT,
            TimeInForce.DAY,
            whole(10),
            whole(100),
            reduce_only=reduce_only,
        )
        self.broker.place(request, ticket)
        return ticket

    def trade_outside(self) -> None:
        """Somebody trades past us."""
        terms = (Side.BUY, Product.DELIVERY, whole(1), whole(100))
        self.exchange.trade("A", "NSE:1", *terms)

    async def accepted(self, account: str = "A") -> str:
        """A new order; the broker's id."""
        ticket = self.place(account)
        await until(lambda: ticket.outcomes)
        assert isinstance(ticket.outcome, Accepted)
        return ticket.outcome.order_id


@asynccontextmanager
async def stage(tls: str = "", source: str = "") -> AsyncIterator[Stage]:
    made = Stage(tls, source)
    await made.listen()
    made.broker = made.module()
    try:
        await made.broker.connect()
        yield made
    finally:
        await made.broker.close()
        await made.server.close()
