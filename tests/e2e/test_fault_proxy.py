"""A lying network between the real server and a stub broker: no order twice, none lost, none misreported."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx
import msgspec
import pytest

from phalanx.bootstrap import SystemClock, build, verify_folder
from phalanx.brokers.port import PlaceRequest
from phalanx.brokers.stub.messages import CANCEL, PLACE
from phalanx.config import Settings
from phalanx.domain.accounts import Account
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import format_fixed, whole
from phalanx.domain.orders import TERMINAL, OrdStatus, Product
from phalanx.engine.state import State
from phalanx.simulation.exchange import StubExchange, StubOrder
from phalanx.simulation.http_messages import HttpMessage
from phalanx.simulation.stub_server import StubServer
from tests.e2e.checks import everything
from tests.e2e.load import Json
from tests.e2e.server import Server
from tests.fakes.fault_proxy import LATE_S, NEVER_REACHES, Fault, FaultProxy

FAULTS = tuple(Fault)
ACCOUNTS = {f"PAPER-{number}": number for number in range(1, len(FAULTS) + 1)}
CASH = whole(1_000_000)
LATE_MS = 1_500
"""More than the proxy's late requests need."""
SETTLE_S_MAX = 45.0


class _Lies:
    """One fault for each account, another one in each round; ``met``: the path and the tag of every
    request that met one.
    """

    def __init__(self) -> None:
        self.round = 0
        self.met: dict[tuple[str, str], Fault] = {}
        self._ended = False

    def treat(self, request: HttpMessage) -> Fault:
        path = request.line.split(" ")[1]
        if path not in {PLACE, CANCEL} or self._ended:
            return Fault.NONE
        body = msgspec.json.decode(request.body)
        fault = FAULTS[(ACCOUNTS[body["account"]] + self.round) % len(FAULTS)]
        self.met[path, body["cl_ord_id"]] = fault
        return fault

    def end(self) -> None:
        self._ended = True


class _Stage:
    """The server, the proxy and the broker, and what happens to them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.exchange = StubExchange("stub", BrokerKind.LOOK_UP, SystemClock())
        self.broker = StubServer(self.exchange)
        self.lies = _Lies()
        for account in ACCOUNTS:
            self.exchange.open(account, CASH)

    async def open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proxy = FaultProxy(await self.broker.start(), self.lies.treat)
        await self.proxy.start()
        monkeypatch.setenv("PHALANX_STUB_BROKER", f"http://127.0.0.1:{self.proxy.port}")
        monkeypatch.setenv("PHALANX_STUB_LATE_MS", str(LATE_MS))
        monkeypatch.setenv("PHALANX_RECONCILE_INTERVAL_S", "2")
        await self._found()
        self.server = Server(self.data)
        self.http = httpx.AsyncClient(base_url=self.server.url, timeout=30)
        await asyncio.to_thread(self.server.start)
        answer = await self.http.patch("/api/v1/settings", json={"send_timeout_s": 1})
        assert answer.status_code == 200, answer.text

    async def close(self) -> None:
        await self.http.aclose()
        await asyncio.to_thread(self.server.kill)
        await self.proxy.refuse()
        await self.broker.close()

    async def _found(self) -> None:
        """Accounts at the stub broker: there is no door to make them yet."""
        system = build(Settings(data=self.data))
        await system.start()
        people = {f"User {number}": {"S": ["INFY"]} for number in ACCOUNTS.values()}
        account = Account("", 0, broker="stub")
        await system.import_profiles(people, Origin("local", Door.IMPORT), CASH, account)
        await system.stop()

    async def kill(self) -> None:
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.start)

    async def buy(self, instrument: str, price: str) -> None:
        """Ten for everybody, in one instruction."""
        rows = [
            {
                "client": client,
                "instrument": instrument,
                "side": "BUY",
                "product": "DELIVERY",
                "type": "LIMIT",
                "quantity": "10",
                "price": price,
            }
            for client in ACCOUNTS.values()
        ]
        answer = await self.http.post("/api/v1/instructions", json={"kind": "batch", "rows": rows})
        assert answer.status_code == 202, answer.text

    async def cancel(self, orders: Iterable[str]) -> None:
        for order_id in orders:
            answer = await self.http.post(f"/api/v1/orders/{order_id}/cancel")
            assert answer.status_code in {202, 409, 404}, answer.text

    def fill(self, every: int) -> None:
        """The market: a part of every so manieth working order, and the next one whole."""
        for number, order in enumerate(self.exchange.working()):
            if number % every == 0:
                self.exchange.fill(order.order_id, whole(1), order.limit)
            elif number % every == 1:
                self.exchange.fill(order.order_id, order.leaves_quantity, order.limit)

    async def orders(self) -> list[Json]:
        return await everything(self.http, "/api/v1/orders")

    async def settled(self) -> list[Json]:
        """The orders, once each is where the broker says it is, or the time is over."""
        ends = time.monotonic() + SETTLE_S_MAX
        while True:
            orders = await self.orders()
            if not self.differences(orders) or time.monotonic() > ends:
                return orders
            await asyncio.sleep(0.25)

    def differences(self, orders: list[Json]) -> list[str]:
        taken = {order.tag: order for order in self.exchange.orders()}
        return [text for order in orders if (text := _difference(order, taken))]

    def check(self, orders: list[Json]) -> None:
        by_id = {order["order_id"]: order for order in orders}
        sent = Counter(
            msgspec.json.decode(request.body, type=PlaceRequest).cl_ord_id
            for request in self.proxy.seen
            if PLACE in request.line
        )
        assert sent.keys() <= by_id.keys()
        assert max(sent.values()) == 1, "a request was sent twice"
        assert {len(taken) for taken in self.exchange.taken.values()} == {1}, (
            "an order was taken twice"
        )
        assert self.differences(orders) == []
        for (path, tag), fault in self.lies.met.items():
            if path != PLACE:
                continue
            assert (tag not in self.exchange.taken) == (fault in NEVER_REACHES), fault
            assert (by_id[tag]["status"] == "NOT_RECEIVED") == (fault in NEVER_REACHES), fault


def _difference(order: Json, taken: dict[str, StubOrder]) -> str:
    """How the server's order is not the broker's."""
    known = taken.get(order["order_id"])
    told = (order["status"], order["filled"])
    if known is not None:
        real = (known.status.name, format_fixed(known.cum_quantity))
        return "" if told == real else f"{order['order_id']} is {real} and shown as {told}"
    if told[1] == "0" and OrdStatus[told[0]] in TERMINAL:
        return ""
    return f"{order['order_id']} never came there and is shown as {told}"


def _check_books(state: State, exchange: StubExchange) -> None:
    """Positions and cash are the broker's, and nothing is left to explain."""
    assert dict(state.breaks) == {}
    for account, broker in exchange.accounts.items():
        book = state.books[state.accounts[account].book]
        ours = {(p.instrument, p.product): p.quantity for p in book.positions.values()}
        assert _some(ours) == _some(broker.positions), account
        assert book.cash == broker.cash, account


def _some(held: Mapping[tuple[str, Product], int]) -> dict[tuple[str, Product], int]:
    return {what: quantity for what, quantity in held.items() if quantity}


async def _story(stage: _Stage) -> None:
    stage.proxy.loses_reports = True
    await stage.buy("INFY", "1440")
    await asyncio.sleep(0.3)
    stage.fill(3)
    # Some requests are in doubt now, one is late, one hangs.
    await stage.kill()
    stage.proxy.loses_reports = False

    stage.lies.round = 5
    await stage.buy("TCS", "2880")
    await asyncio.sleep(2 * LATE_S)
    stage.fill(4)
    stage.broker.expire_tokens()

    stage.lies.round = 9
    await stage.cancel(o["order_id"] for o in await stage.orders() if o["status"] == "NEW")
    await asyncio.sleep(2 * LATE_S)
    await stage.proxy.refuse()
    await asyncio.sleep(0.5)
    await stage.proxy.start()
    stage.lies.end()
    # After a start everything in doubt is asked about again at once.
    await stage.kill()
    stage.check(await stage.settled())


async def test_whatever_the_network_does_orders_end_where_the_broker_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = _Stage(tmp_path / "data")
    await stage.open(monkeypatch)
    try:
        await _story(stage)
        assert await asyncio.to_thread(stage.server.stop) == 0
    finally:
        await stage.close()
    met = [(path, fault) for (path, _), fault in stage.lies.met.items()]
    assert {fault for path, fault in met if path == PLACE} == set(FAULTS)
    assert len({fault for path, fault in met if path == CANCEL}) > len(FAULTS) // 2, met
    report, state = verify_folder(stage.data)
    assert report.problem is None
    assert state is not None
    _check_books(state, stage.exchange)
