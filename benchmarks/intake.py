"""Durable single orders through HTTP, beside a bare door that commits the same bytes.

Each order is answered after the commit of its plan; its acknowledgement (and a MARKET order's fill)
is journaled behind it. Afterwards both journals are read: every order must be there, acknowledged.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.figures import Budget, Figure, Series
from benchmarks.load import Orders, prepare
from benchmarks.options import Options
from benchmarks.servers import Server, write_profiles
from benchmarks.worker import Sample, Worker
from phalanx.desk.recovery import events_after
from phalanx.domain.events import (
    InstructionPlanned,
    OrderReported,
    OrdersDispatched,
    encode_event,
)
from phalanx.domain.orders import ExecType
from phalanx.journal.sqlite import SqliteJournalReader

ROUNDS = 4
SETTLE_S = 0.5
"""After the last answer: time for what the broker says to be journaled."""
BUDGET = Budget(at_least=10_000, ratio_at_least=0.6)
MEASURED = (("orders/s", "orders/s"), ("cpu", "µs"), ("p50", "ms"), ("p99", "ms"))
RESTING_PRICE = "1400"
"""Below INFY's last close, inside its band: such a buy rests."""
SAME_BYTES = 0.1
"""The floor's bytes per order may differ from ours by this share."""


class Case(msgspec.Struct, frozen=True):
    """One way of sending orders; ``count`` of them make a sample."""

    connections: int
    count: int
    keyed: bool = False
    market: bool = False
    budget: Budget | None = None

    def __str__(self) -> str:
        kind = "MARKET" if self.market else "LIMIT"
        keys = "with keys" if self.keyed else "without keys"
        plural = "s" if self.connections > 1 else ""
        return f"intake: {kind}, {self.connections} connection{plural}, {keys}"

    def flags(self) -> list[str]:
        """What the floor is told."""
        return ["--keyed"] * self.keyed + ["--market"] * self.market


CASES = (
    Case(1, 500),
    Case(1, 500, keyed=True),
    Case(64, 6_000),
    Case(64, 6_000, keyed=True),
    Case(256, 10_000, budget=BUDGET),
    Case(256, 10_000, keyed=True, budget=BUDGET),
    Case(256, 10_000, keyed=True, market=True),
)


def measure(options: Options) -> Iterator[Figure]:
    """Orders per second and latencies, for each case."""
    for number, case in enumerate(CASES):
        folder = options.folder / f"intake-{number}"
        folder.mkdir()
        ours, floor = _measure(options, case, folder)
        for key, unit in MEASURED:
            name = str(case) if key == unit else f"{case}, {key}"
            budget = case.budget if key == unit else None
            yield Figure(name, unit, _series(ours, key), _series(floor, key), budget)


def _series(samples: list[Sample], key: str) -> Series:
    return Series(tuple(sample[key] for sample in samples))


def _measure(options: Options, case: Case, folder: Path) -> tuple[list[Sample], list[Sample]]:
    profiles = folder / "profiles.json"
    write_profiles(profiles)
    count = options.size(case.count)
    price = "" if case.market else RESTING_PRICE
    servers = (
        Server.phalanx(folder / "ours", "--profiles", str(profiles)),
        Server.floor(folder / "floor", *case.flags()),
    )
    loads = [
        Worker(
            prepare, Orders(server.process, server.port, case.connections, count, case.keyed, price)
        )
        for server in servers
    ]
    samples: tuple[list[Sample], list[Sample]] = ([], [])
    try:
        for _ in range(options.rounds(ROUNDS)):
            for load, taken in zip(loads, samples, strict=True):
                taken.append(load.sample())
        time.sleep(SETTLE_S)
    finally:
        for load in loads:
            load.stop()
        for server in servers:
            server.stop()
    _check(folder, case)
    return samples


def _check(folder: Path, case: Case) -> None:
    """Every order journaled and acknowledged by us, in about as many bytes as the floor's."""
    ours, floor = SqliteJournalReader(folder / "ours"), SqliteJournalReader(folder / "floor")
    orders = acknowledged = size = 0
    for _, event in events_after(ours, 0):
        match event:
            case InstructionPlanned():
                orders += len(event.orders)
            case OrderReported():
                acknowledged += event.report.exec_type is ExecType.NEW
            case OrdersDispatched():
                pass
            case _:
                continue
        size += len(encode_event(event))
    assert orders == acknowledged, f"{orders} orders, {acknowledged} acknowledged"
    floor_orders = floor.tail().seq // (4 if case.market else 3)
    assert orders == floor_orders, f"{orders} orders, the floor has {floor_orders}"
    share = sum(len(record.body) for record in floor.scan()) / size - 1
    assert abs(share) < SAME_BYTES, f"the floor wrote {share:+.0%} of our bytes"
    ours.close()
    floor.close()
