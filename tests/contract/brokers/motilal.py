"""Motilal's harness: its simulator with real sockets, which moves when it is told. Each behaviour is a client
of the broker's, all of one dealer's, or each an investor with a login of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import msgspec

from phalanx.brokers.motilal import Credentials, LoginSettings, MotilalBroker, Ports, Route
from phalanx.brokers.port import PlaceRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import SCALE, parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.secrets import Secret
from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.simulation.motilal import Login, MotilalSimulator, SimulatorConfig
from phalanx.simulation.motilal.config import Client, Holding
from phalanx.simulation.motilal.faults import Fault, FaultKind
from phalanx.simulation.motilal.scrips import Scrip
from phalanx.simulation.virtual import MONDAY_0915_IST
from tests.contract.brokers.harness import Behaviour, Trouble
from tests.fakes.clock import ManualClock
from tests.fakes.desk import Reports

QUICKER = 1_000
"""So many times shorter are the module's pauses; it makes two seconds and a half of every book."""

SHARE = Scrip(
    exchange="NSE", code=1, name="CARD EQ", short="CARD", close=whole(100), tick=parse_fixed("0.05")
)
CONTRACT = Scrip(
    exchange="NSEFO",
    code=40_001,
    name="CARD 31-Dec-2026",
    short="CARD",
    close=whole(100),
    tick=parse_fixed("0.05"),
    lot=25,
    instrument="FUTSTK",
    expiry="31-Dec-2026",
    strike=-SCALE,
)
NOT_LISTED = 999

_LIMITS = {Side.BUY: "101", Side.SELL: "99"}
_FAR = {Side.BUY: "95", Side.SELL: "105"}
_STOPS = {Side.BUY: "100.5", Side.SELL: "99.5"}
_FAULTS: dict[Trouble, tuple[Fault, ...]] = {
    Trouble.REJECTS_LATER: (Fault(kind=FaultKind.REJECT),),
    Trouble.LOSES_AN_ANSWER: (Fault(kind=FaultKind.LOST, path="placeorder"),),
    Trouble.LOSES_AN_ORDER: (Fault(kind=FaultKind.CODE, code="MO5001", path="placeorder"),),
    Trouble.MUMBLES: (Fault(kind=FaultKind.NOT_JSON, path="placeorder", is_done=True),),
    Trouble.IS_LIMITED: (Fault(kind=FaultKind.CODE, path="placeorder"),),
    Trouble.REPEATS_REPORTS: (Fault(kind=FaultKind.WS_DUPLICATE, times=0),),
    Trouble.SWAPS_REPORTS: (Fault(kind=FaultKind.WS_SWAP), Fault(kind=FaultKind.WS_SWAP)),
    Trouble.MISSES_REPORTS: (Fault(kind=FaultKind.WS_MISS, times=0),),
    Trouble.REPORTS_GARBAGE: (Fault(kind=FaultKind.WS_GARBAGE),),
    Trouble.BOOK_IS_EMPTY: (Fault(kind=FaultKind.EMPTY, path="gettradebook"),),
    Trouble.BOOK_IS_NO_JSON: (Fault(kind=FaultKind.NOT_JSON, path="getorderbook"),),
    Trouble.BOOK_HAS_NAN: (Fault(kind=FaultKind.NAN, path="gettradebook"),),
    Trouble.BOOK_HAS_OTHER_TYPES: (Fault(kind=FaultKind.WRONG_TYPES, path="getorderbook"),),
}


class QuickTimer:
    """Real time, in which every pause is much shorter."""

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        return asyncio.sleep(duration_ns / SECOND / QUICKER)

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(delay_ns / SECOND / QUICKER, call)


class MotilalHarness:
    """``told``: what was said of the accounts' sessions: the account, and why it is down."""

    def __init__(self, *, dealer: bool = False) -> None:
        self.reports = Reports()
        self.told: list[tuple[str, str]] = []
        self._dealer = dealer
        self._clock = ManualClock(MONDAY_0915_IST)
        self._tags = count(1)
        self._codes = {b.name: f"AA{number:03}" for number, b in enumerate(Behaviour, 20)}
        self._logins = {login.userid: login for login in self._all_logins()}
        self.sim = MotilalSimulator(
            SimulatorConfig(
                logins=tuple(self._logins.values()),
                clients=tuple(map(_client, self._codes.values())),
                scrips=(SHARE, CONTRACT),
                indices=(),
                now=self._clock.now,
                step_ms=0,
                walk=False,
                partial_percent=0,
            )
        )

    async def start(self) -> None:
        await self.sim.__aenter__()
        slow = self._codes[Behaviour.IS_SLOW.name]
        lasting = Fault(
            kind=FaultKind.LATENCY, path="placeorder", client=slow, times=0, delay_ms=30_000
        )
        self.sim.faults.add(lasting)
        settings = LoginSettings(
            rest=self.sim.rest_url,
            socket=self.sim.orders_ws_url,
            public_ip="127.0.0.1",
            registered=("127.0.0.1",),
            algo_id="77",
            dealer=self._dealer,
        )
        ports = Ports(
            credentials=self._credentials,
            instruments=_instrument,
            clock=self._clock,
            timer=QuickTimer(),
            last=lambda _key: whole(100),
        )
        routes = {name: self._route(name, code) for name, code in self._codes.items()}
        self.broker = MotilalBroker(dict.fromkeys(self._logins, settings), routes, ports)
        self.broker.listen(
            self.reports.append, lambda account, why: self.told.append((account, why))
        )

    async def stop(self) -> None:
        await self.broker.close()
        await self.sim.__aexit__(None, None, None)

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
        is_far = behaviour in {Behaviour.RESTS, Behaviour.FILLS_IN_PARTS}
        stop = _STOPS[side] if behaviour is Behaviour.WAITS else "100"
        return PlaceRequest(
            tag or f"AA{next(self._tags):08}",
            behaviour.name,
            f"NSE:{NOT_LISTED if behaviour is Behaviour.REJECTS else SHARE.code}",
            side,
            product,
            ord_type,
            time_in_force,
            whole(10),
            parse_fixed((_FAR if is_far else _LIMITS)[side]),
            stop_price=parse_fixed(stop) if ord_type in {OrdType.STOP, OrdType.STOP_LIMIT} else 0,
        )

    def contract(self, lots: int) -> PlaceRequest:
        """An order of so many lots that fills."""
        share = self.order(Behaviour.FILLS)
        key, quantity = f"{CONTRACT.exchange}:{CONTRACT.code}", whole(lots * CONTRACT.lot)
        return msgspec.structs.replace(share, instrument=key, quantity=quantity)

    async def upset(self, trouble: Trouble) -> bool:
        await self.quiet()
        if trouble is Trouble.DROPS_REPORTS:
            self.sim.stream.drop()
        elif trouble is Trouble.ENDS_SESSIONS:
            self.sim.sessions.end_all("MO8002")
        else:
            for fault in _FAULTS[trouble]:
                self.sim.faults.add(fault)
        return True

    async def part(self) -> None:
        await self._move(2)
        self._fill(2)
        await self.quiet()

    async def reach(self, request: PlaceRequest) -> None:
        self.sim.prices.set(SHARE.exchange, SHARE.code, request.stop_price)

    async def settle(self) -> None:
        await self._move(2)
        while self._fill(2):
            await self.quiet()

    async def quiet(self) -> None:
        """Until nothing has moved for a while; a loopback is quicker than that."""
        before = None
        while before != (now := (len(self.reports), len(self.told), len(self.sim.orders))):
            before = now
            await asyncio.sleep(0.02)

    # --- inside ------------------------------------------------------------------------------------

    def _fill(self, quantity: int) -> bool:
        """So much of every order that fills in parts; whether there was one."""
        code = self._codes[Behaviour.FILLS_IN_PARTS.name]
        orders = [one for one in self.sim.orders.working() if one.ticket.client == code]
        for order in orders:
            self.sim.orders.fill(order.id, min(quantity, order.remaining), order.terms.price)
        return bool(orders)

    async def _move(self, steps: int) -> None:
        for _ in range(steps):
            await self.quiet()
            self._clock.advance(SECOND)
            self.sim.step()
        await self.quiet()

    def _all_logins(self) -> list[Login]:
        codes = tuple(self._codes.values())
        if self._dealer:
            return [_login("DL001", codes)]
        return [_login(code) for code in codes]

    def _route(self, account: str, code: str) -> Route:
        return Route(account, "DL001", code) if self._dealer else Route(account, code)

    async def _credentials(self, login: str) -> Credentials:
        found = self._logins[login]
        return Credentials(
            found.userid,
            Secret(found.password),
            Secret(found.api_key),
            Secret(found.api_secret),
            Secret(found.second_factor),
            Secret(found.totp_secret),
        )


def _login(userid: str, clients: tuple[str, ...] = ()) -> Login:
    return Login(
        userid=userid,
        password="Secret@1",
        second_factor="18/10/1988",
        api_key=f"KEY{userid}",
        api_secret=f"SECRET{userid}",
        clients=clients,
    )


def _client(code: str) -> Client:
    held = Holding(
        nse_code=SHARE.code, isin="INE000000001", name="CARD EQ", total=1_000, average=whole(90)
    )
    return Client(code=code, holdings=(held,))


def _instrument(key: str) -> Instrument | None:
    exchange, _, token = key.partition(":")
    lot = CONTRACT.lot if exchange == CONTRACT.exchange else 1
    return Instrument(key, exchange, token, "CARD", "SHARE", whole(lot), SHARE.tick)
