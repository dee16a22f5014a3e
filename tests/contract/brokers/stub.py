"""The stub broker's harness: its server with a real socket, and a market that moves when it is told."""

import asyncio

from phalanx.bootstrap import SystemClock
from phalanx.brokers.port import PlaceRequest
from phalanx.brokers.stub import StubBroker, stub_capabilities
from phalanx.brokers.wire import Address, Dialer
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.simulation.exchange import StubExchange, StubOrder
from phalanx.simulation.stub_server import StubServer
from tests.contract.brokers.harness import Behaviour, Trouble
from tests.fakes.desk import Reports
from tests.fakes.wire_peer import CA, server_context

ACCOUNTS = tuple(behaviour.name for behaviour in Behaviour)
SLOW_S = 30.0
"""Nobody waits for it: a slow order is one that is under way when the cards close the session."""


class StubHarness:
    def __init__(self, kind: BrokerKind, *, tls: bool = False) -> None:
        self._exchange = StubExchange("stub", kind, SystemClock())
        self._server = StubServer(self._exchange, _delay_s)
        self.reports = Reports()
        self.told: list[tuple[str, str]] = []
        self._heard = 0
        self._tags = 0
        self._kind = kind
        self._tls = tls
        for behaviour in Behaviour:
            if behaviour is not Behaviour.REJECTS:
                self._exchange.open(behaviour.name, whole(1_000_000))

    async def start(self) -> None:
        port = await self._server.start(tls=server_context() if self._tls else None)
        dialer = Dialer(Address("127.0.0.1", port, self._tls), ca=CA)
        self.broker = StubBroker(dialer, stub_capabilities(self._kind), lambda: ACCOUNTS)
        self.broker.listen(
            self.reports.append, lambda account, why: self.told.append((account, why))
        )
        self._exchange.listeners.append(self._count)

    async def stop(self) -> None:
        await self.broker.close()
        await self._server.close()

    def order(
        self,
        behaviour: Behaviour,
        *,
        side: Side = Side.BUY,
        ord_type: OrdType = OrdType.LIMIT,
        product: Product = Product.DELIVERY,
        time_in_force: TimeInForce = TimeInForce.DAY,
        tag: str = "",
    ) -> PlaceRequest:
        self._tags += 1
        return PlaceRequest(
            tag or f"AA{self._tags:08}",
            behaviour.name,
            "NSE:1",
            side,
            product,
            ord_type,
            time_in_force,
            whole(10),
            parse_fixed("101" if side is Side.BUY else "99"),
        )

    async def upset(self, trouble: Trouble) -> bool:
        return False

    async def part(self) -> None:
        await self._quiet()
        for order in self._exchange.working():
            if order.account == Behaviour.FILLS_IN_PARTS.name:
                self._fill(order, whole(2))
        await self._quiet()

    async def reach(self, request: PlaceRequest) -> None:
        raise AssertionError("it declares no stops")

    async def settle(self) -> None:
        await self._quiet()
        for order in self._exchange.working():
            if order.account == Behaviour.FILLS.name:
                self._fill(order, order.leaves_quantity)
            elif order.account == Behaviour.FILLS_IN_PARTS.name:
                while order.leaves_quantity > whole(2):
                    self._fill(order, whole(2))
                self._fill(order, order.leaves_quantity)
        await self._quiet()

    def _fill(self, order: StubOrder, quantity: int) -> None:
        self._exchange.fill(order.order_id, quantity, whole(100))

    def _count(self, _: object) -> None:
        self._heard += 1

    async def _quiet(self) -> None:
        """Until nothing has moved for a while; a loopback is quicker than that."""
        before = None
        while before != (
            now := (len(self.reports), self._heard, sum(self._server.requests.values()))
        ):
            before = now
            await asyncio.sleep(0.03)


def _delay_s(account: str) -> float:
    return SLOW_S if account == Behaviour.IS_SLOW.name else 0
