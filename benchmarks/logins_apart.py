"""Orders of one login at Motilal's module while another login is dead, slow or over its limit, beside the same
orders while all is well. The broker is simulated, in this process, over sockets.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress

import msgspec
import uvloop

from benchmarks.figures import Budget, Figure, Series, percentile
from benchmarks.options import Options
from phalanx.bootstrap.machine import LoopTimer, SystemClock
from phalanx.brokers.motilal import Credentials, LoginSettings, MotilalBroker, Ports, Route
from phalanx.brokers.port import Accepted, Outcome, PlaceRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.secrets import Secret
from phalanx.domain.time import MILLISECOND
from phalanx.simulation.motilal import Fault, FaultKind, MotilalSimulator, SimulatorConfig
from phalanx.simulation.motilal.config import INVESTOR, Client

SICK = INVESTOR
SOUND = msgspec.structs.replace(SICK, userid="AA018")
ITC = Instrument("NSE:1660", "NSE", "1660", "ITC", "EQ", whole(1), parse_fixed("0.05"))
ROUNDS = 10
COUNT = 300
PAUSE_S = 0.01
"""Between two orders of the login that is not looked at."""
UNANSWERED_MAX = 8
SETTLE_S = 1.0
UNDISTURBED = Budget(ratio_at_most=1.2)
FAULTS = {
    "dead": Fault(kind=FaultKind.CODE, code="MO8002", client=SICK.userid, times=0),
    "slow": Fault(kind=FaultKind.LATENCY, delay_ms=2_000, client=SICK.userid, times=0),
    "over its limit": Fault(kind=FaultKind.CODE, path="placeorder", client=SICK.userid, times=0),
}


class Waiter:
    """A ticket that somebody waits for."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def admit(self) -> None:
        """The gate is open."""

    def written(self) -> None:
        """Nobody counts."""

    def done(self, outcome: Outcome) -> None:
        """What came of it."""
        self.outcome.set_result(outcome)


class Stage:
    """A simulated broker and the module with both logins, one of which may be sick for good."""

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault
        self._opened = AsyncExitStack()
        self._numbers = iter(range(10**9))
        self._broker: MotilalBroker

    async def open(self) -> None:
        """Log both in, then have the one fall ill."""
        clients = tuple(Client(code=one.userid, cash=whole(10**9)) for one in (SICK, SOUND))
        config = SimulatorConfig(
            logins=(SICK, SOUND), clients=clients, step_ms=0, walk=False, ops_max=10**6
        )
        sim = await self._opened.enter_async_context(MotilalSimulator(config))
        settings = LoginSettings(
            rest=sim.rest_url,
            socket=sim.orders_ws_url,
            public_ip="203.0.113.7",
            registered=("203.0.113.7",),
            algo_id="77",
            installed_app_id="benchmark",
        )
        names = [SICK.userid, SOUND.userid]
        ports = Ports(
            credentials=_credentials,
            instruments=lambda _key: ITC,
            clock=SystemClock(),
            timer=LoopTimer(),
        )
        routes = {name: Route(name, name) for name in names}
        self._broker = MotilalBroker(dict.fromkeys(names, settings), routes, ports)
        self._opened.push_async_callback(self._broker.close)
        await self._broker.connect()
        for name in names:
            _check(await self._place(name))
        if self._fault is not None:
            sim.faults.add(self._fault)

    async def close(self) -> None:
        """Log out, and end the broker."""
        await self._opened.aclose()

    async def sample(self, count: int) -> list[float]:
        """Milliseconds of so many orders of the sound login, one after the other, while the other one has
        more to do than it can.
        """
        load = asyncio.create_task(self._load())
        try:
            await asyncio.sleep(SETTLE_S)
            taken = []
            for _ in range(count):
                began = time.monotonic_ns()
                outcome = await self._place(SOUND.userid)
                taken.append((time.monotonic_ns() - began) / MILLISECOND)
                _check(outcome)
            return taken
        finally:
            load.cancel()
            with suppress(asyncio.CancelledError):
                await load

    async def _load(self) -> None:
        unanswered: set[asyncio.Task[Outcome]] = set()
        while True:
            await asyncio.sleep(PAUSE_S)
            if len(unanswered) < UNANSWERED_MAX:
                task = asyncio.create_task(self._place(SICK.userid))
                unanswered.add(task)
                task.add_done_callback(unanswered.discard)

    async def _place(self, account: str) -> Outcome:
        ticket = Waiter()
        request = PlaceRequest(
            f"{next(self._numbers):010}",
            account,
            ITC.key,
            Side.BUY,
            Product.DELIVERY,
            OrdType.LIMIT,
            TimeInForce.DAY,
            whole(1),
            whole(400),
        )
        self._broker.place(request, ticket)
        return await ticket.outcome


def _check(outcome: Outcome) -> None:
    if type(outcome) is not Accepted:
        raise RuntimeError(f"an order of a sound login: {outcome}")


async def _credentials(login: str) -> Credentials:
    return Credentials(
        user=login,
        password=Secret(SICK.password),
        api_key=Secret(SICK.api_key),
        api_secret=Secret(SICK.api_secret),
        second_factor=Secret(SICK.second_factor),
        totp_seed=Secret(SICK.totp_secret),
    )


def measure(options: Options) -> Iterator[Figure]:
    """Latencies of the sound login's orders, from the call to the answer: to when all is well."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for name, fault in FAULTS.items():
            yield from _figures(name, *runner.run(_pairs(options, fault)))


async def _pairs(options: Options, fault: Fault) -> tuple[list[list[float]], list[list[float]]]:
    sick, well = Stage(fault), Stage(None)
    count = options.size(COUNT)
    samples: tuple[list[list[float]], list[list[float]]] = ([], [])
    try:
        await sick.open()
        await well.open()
        for _ in range(options.rounds(ROUNDS)):
            for stage, taken in zip((sick, well), samples, strict=True):
                taken.append(await stage.sample(count))
    finally:
        await sick.close()
        await well.close()
    return samples


def _figures(name: str, sick: list[list[float]], well: list[list[float]]) -> Iterator[Figure]:
    for key, share, budget in (("p50", 0.5, UNDISTURBED), ("p99", 0.99, None)):
        ours, floor = (
            Series(tuple(percentile(one, share) for one in taken)) for taken in (sick, well)
        )
        shown = f"orders while another login is {name}, to none, {key}"
        yield Figure(shown, "ms", ours, floor, budget)
