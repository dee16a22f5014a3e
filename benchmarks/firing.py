"""One signal to many accounts, from the first byte of its request to the last byte of its last order.

A contestant is the load generator and the broker in one process, and whoever stands between them in
another: `phalanx serve` or the floor. Both clocks are the machine's monotonic one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from benchmarks import tls
from benchmarks.broker import CASH, LeanBroker
from benchmarks.caller import Caller, post_request
from benchmarks.figures import percentile
from benchmarks.scene import NAMES, ORIGIN
from benchmarks.servers import Server
from benchmarks.slow_readers import SlowReaders
from benchmarks.worker import Sample, Take, Worker, freeze
from phalanx.bootstrap import build
from phalanx.brokers.stub import NAME
from phalanx.brokers.wire import Address
from phalanx.cli.process.listener import allow_many_files
from phalanx.config import Settings
from phalanx.domain.accounts import Account
from phalanx.domain.time import MILLISECOND

ACCOUNT = Account("", 0, broker=NAME)
INSTRUCTIONS = "/api/v1/instructions"
FOLLOWED = "/api/v1/orders?limit=1"
"""A list, which is answered when the views have followed the journal so far."""
WARM_S_MAX = 180
ARRIVE_S_MAX = 60
LOOK_S = 0.02
"""How often it is looked whether something is the case, and how long a floor is left alone."""
IN_MEMORY = 1_000
"""Ended orders that stay in memory: what earlier samples left behind is not measured here."""
FILES_BESIDE = 200
"""Open files that a process needs beside its connections."""

Hops: TypeAlias = Mapping[str, int]


class Stage(msgspec.Struct, frozen=True):
    """Signals to so many accounts (``sizes``), of which the greatest are all there are. ``settings``:
    further ones of `phalanx serve`, by name. ``look``: what somebody looks at before it begins.
    """

    folder: Path
    sizes: tuple[int, ...]
    tls: bool = False
    settings: Mapping[str, str] = msgspec.field(default_factory=dict)
    look: str = "/health/ready"

    @property
    def accounts(self) -> int:
        return max(self.sizes)


def files_allow(accounts: int) -> bool:
    """Whether a process may have a connection for each of so many accounts."""
    return allow_many_files() >= accounts + FILES_BESIDE


def stock_of(sizes: Sequence[int], size: int) -> str:
    """Each size trades a stock of its own."""
    return list(NAMES)[sizes.index(size)]


def people(sizes: Sequence[int]) -> dict[str, dict[str, list[str]]]:
    """Everybody's strategies: for each size one that so many follow."""
    return {
        f"U{number}": {f"ALL-{size}": [stock_of(sizes, size)] for size in sizes if number < size}
        for number in range(max(sizes))
    }


def signal(sizes: Sequence[int], size: int, side: str) -> dict[str, str]:
    """What is asked for, as JSON."""
    asked = {"kind": "signal", "strategy": f"ALL-{size}", "instrument": stock_of(sizes, size)}
    return {**asked, "position": side}


def found(stage: Stage) -> Callable[[], Sample]:
    """A contestant that makes the data folder: accounts at the stub broker."""

    async def work() -> Sample:
        system = build(Settings(data=stage.folder))
        await system.start()
        await system.import_profiles(people(stage.sizes), ORIGIN, CASH, ACCOUNT)
        await system.stop()
        return {}

    return lambda: asyncio.run(work())


@asynccontextmanager
async def ours(stage: Stage) -> AsyncIterator[Take]:
    """`phalanx serve` with its module for the stub broker, every account's connection warm."""
    broker = LeanBroker()
    port = await broker.start(tls.server_context() if stage.tls else None)

    def start() -> Server:
        founder = Worker(found, stage)
        try:
            founder.sample()
        finally:
            founder.stop()
        settings = {**_at_broker(port, stage), **stage.settings}
        return Server.phalanx(stage.folder, settings=settings)

    async with _load(start, broker, stage) as shots:
        await until(shots.are_open, WARM_S_MAX)
        await shots.caller.patch("/api/v1/settings", {"terminal_orders_max": IN_MEMORY})
        await shots.caller.get(stage.look)
        yield shots.ours


@asynccontextmanager
async def floor(stage: Stage) -> AsyncIterator[Take]:
    """The same bytes written in a flat loop, after the same record."""
    broker = LeanBroker()
    port = await broker.start(tls.server_context() if stage.tls else None)

    def start() -> Server:
        options = ["--broker", str(port), "--sizes", *map(str, stage.sizes)]
        options += ["--tls"] * stage.tls
        return Server.floor(stage.folder, *options, name="firing")

    async with _load(start, broker, stage) as shots:
        yield shots.floor


def _at_broker(port: int, stage: Stage) -> dict[str, str]:
    """The settings that lead there; nobody's book is read again in the meantime."""
    address = Address("127.0.0.1", port, stage.tls)
    settings = {"reconcile_interval_s": "86400", "stub_broker": address.url}
    if stage.tls:
        settings["stub_broker_ca"] = str(tls.AUTHORITY)
    return settings


@asynccontextmanager
async def _load(
    start: Callable[[], Server], broker: LeanBroker, stage: Stage
) -> "AsyncIterator[Shots]":
    server = await asyncio.to_thread(start)
    try:
        shots = Shots(await Caller.connect(server.port), broker, stage, server.port)
        await until(lambda: _is_warm(broker, stage), WARM_S_MAX)
        freeze()
        yield shots
        shots.close()
    finally:
        await asyncio.to_thread(server.stop)
        broker.close()


async def _is_warm(broker: LeanBroker, stage: Stage) -> bool:
    return broker.connections >= stage.accounts


class Shots:
    """Sends signals, and looks at what arrives."""

    def __init__(self, caller: Caller, broker: LeanBroker, stage: Stage, port: int) -> None:
        self.caller = caller
        self._broker = broker
        self._stage = stage
        self._port = port
        self._readers = SlowReaders(port)
        self._side = dict.fromkeys(stage.sizes, "SELL")

    async def ours(
        self, size: int, delay_ms: int = 0, readers: int = 0, *, hops: bool = False
    ) -> Sample:
        """One signal to ``size`` accounts, BUY and SELL in turn; then everything is filled, and desk and
        views come to rest. ``readers``: so many never read what the stream tells them. With ``hops``
        also what the instruction tells of its orders' ways.
        """
        await self._return()
        await self._seat(readers)
        began, body = await self._shoot(size, delay_ms)
        sample = self._times(began)
        await asyncio.sleep(2 * delay_ms / 1_000)
        self._broker.fill()
        await until(self._is_quiet, ARRIVE_S_MAX)
        await self.caller.get(FOLLOWED)
        if not hops:
            return sample
        instruction = msgspec.json.decode(body)["instruction_id"]
        tree = msgspec.json.decode(await self.caller.get(f"{INSTRUCTIONS}/{instruction}"))
        orders = [order["hops"] for order in tree["orders"]]
        assert len(orders) == size, f"{len(orders)} orders for {size} accounts"
        return {**sample, **_hops(orders, began, began + sample["tat"] * MILLISECOND)}

    async def are_open(self) -> bool:
        """Whether every account's book was read, so that all of them take instructions."""
        ready = msgspec.json.decode(await self.caller.get("/health/ready"))
        return bool(ready["ready"] and not ready["accounts_closed"])

    async def floor(self, size: int, delay_ms: int = 0) -> Sample:
        """The same request; there are no hops to tell of."""
        await self._return()
        began, _ = await self._shoot(size, delay_ms)
        await asyncio.sleep(LOOK_S + 2 * delay_ms / 1_000)
        return self._times(began)

    def close(self) -> None:
        """No more of it."""
        self._readers.close()
        self.caller.close()

    async def _shoot(self, size: int, delay_ms: int) -> tuple[int, bytes]:
        """When the first byte was sent, and the answer; all orders have arrived by then."""
        self._broker.delay_s = delay_ms / 1_000
        side = self._side[size] = "SELL" if self._side[size] == "BUY" else "BUY"
        request = post_request(INSTRUCTIONS, signal(self._stage.sizes, size, side))
        arrived, before = self._broker.expect(size), self._broker.size
        answered = self.caller.send(request)
        began = self.caller.sent_at
        async with asyncio.timeout(ARRIVE_S_MAX):
            await arrived
            body = await answered
        assert len(self._broker.arrivals) == size, "fewer orders, or more"
        self._bytes = (self._broker.size - before) / size
        return began, body

    def _times(self, began: int) -> Sample:
        """Milliseconds from the first byte of the request to the last of each order; bytes of an order."""
        times = [(at - began) / MILLISECOND for at in self._broker.arrivals]
        return {
            "tat": max(times),
            "first": min(times),
            "p50": percentile(times, 0.5),
            "p99": percentile(times, 0.99),
            "bytes": self._bytes,
        }

    async def _return(self) -> None:
        """Somebody else was measured for long: the connection may be gone."""
        if self.caller.is_closed:
            self.caller = await Caller.connect(self._port)

    async def _seat(self, readers: int) -> None:
        """So many slow readers, all of them new: those who stand still for long are cut off."""
        if self._readers:
            self._readers.close()
            await until(lambda: self._says("phalanx_stream_readers", 0), ARRIVE_S_MAX)
        if readers:
            await self._readers.open(readers)
            await until(lambda: self._says("phalanx_stream_readers", readers), ARRIVE_S_MAX)

    async def _is_quiet(self) -> bool:
        return await self._says("phalanx_open_orders", 0)

    async def _says(self, gauge: str, value: int) -> bool:
        return f"\n{gauge} {value}.0\n".encode() in await self.caller.get("/metrics")


def _hops(orders: Sequence[Hops], began: int, ended: float) -> Sample:
    """Milliseconds: from hop to hop along the way of the order that was sent last."""
    last = max(orders, key=lambda hops: hops["sent_ns"])
    first = min(hops["sent_ns"] for hops in orders)
    acknowledged = [hops["acknowledged_ns"] - hops["sent_ns"] for hops in orders]
    return {
        "hop received": (last["received_ns"] - began) / MILLISECOND,
        "hop planned": (last["planned_ns"] - last["received_ns"]) / MILLISECOND,
        "hop committed": (last["committed_ns"] - last["planned_ns"]) / MILLISECOND,
        "hop first sent": (first - last["committed_ns"]) / MILLISECOND,
        "hop sent": (last["sent_ns"] - first) / MILLISECOND,
        "hop arrived": (ended - last["sent_ns"]) / MILLISECOND,
        "hop acknowledged": percentile(acknowledged, 0.5) / MILLISECOND,
    }


async def until(holds: Callable[[], Awaitable[Any]], seconds_max: float) -> None:
    """Look again and again whether something is the case. Raises TimeoutError."""
    async with asyncio.timeout(seconds_max):
        while not await holds():  # noqa: ASYNC110  another process is waited for
            await asyncio.sleep(LOOK_S)
