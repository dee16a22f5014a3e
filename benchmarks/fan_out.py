"""One signal to a thousand accounts through the whole desk: SQLite journal, paper broker.

TAT is that of the orders: from the first byte of the request (here: the call) to the write. The
hops are those that the journal tells of. One signal at a time, on a desk that has nothing else to do.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvloop

from benchmarks.figures import Figure, Series, percentile
from benchmarks.options import Options
from benchmarks.worker import Sample, Worker, freeze
from phalanx.bootstrap import System, build
from phalanx.config import Settings
from phalanx.domain.events import Event, InstructionPlanned, OrderReported
from phalanx.domain.instructions import Door, Origin, SignalRequest
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, Hops, OrdStatus, Side
from phalanx.domain.time import MILLISECOND
from phalanx.engine.commands import Submit

ACCOUNTS = 1_000
ROUNDS = 20
WARM_UP = 4
QUIET_S_MAX = 5.0
ORIGIN = Origin("local", Door.INSTRUCTIONS, "00000000-1")
FIGURES = (
    ("answer", "answer (durable)"),
    ("tat p50", "TAT p50 of the orders"),
    ("tat p99", "TAT p99 of the orders"),
    ("tat max", "TAT of the instruction"),
    ("planned", "hop received → planned"),
    ("committed", "hop planned → committed"),
    ("sent", "hop committed → sent, p50"),
    ("acknowledged", "hop sent → acknowledged, p50"),
    ("done", "received → all filled"),
)


def measure(options: Options) -> Iterator[Figure]:
    """Milliseconds; one sample is one signal, BUY and SELL in turn."""
    folder = options.folder / "fan-out"
    worker = Worker(prepare, folder)
    try:
        for _ in range(WARM_UP):
            worker.sample()
        samples = [worker.sample() for _ in range(options.rounds(ROUNDS))]
    finally:
        worker.stop()
    for key, name in FIGURES:
        values = tuple(sample[key] for sample in samples)
        yield Figure(f"fan-out {ACCOUNTS:,}: {name}", "ms", Series(values))


def prepare(folder: Path) -> Callable[[], Sample]:
    """A running system with its accounts, as a contestant."""
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    desk = runner.run(_start(folder))
    return lambda: runner.run(desk.signal())


async def _start(folder: Path) -> "Desk":
    system = build(Settings(data=folder))
    await system.start()
    profiles = {f"U{n}": {"EVERYBODY": ["INFY"]} for n in range(ACCOUNTS)}
    await system.import_profiles(profiles, ORIGIN, whole(1_000_000_000))
    freeze()
    return Desk(system)


class Desk:
    """Sends a signal and listens to what the journal says about it."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._side = Side.SELL
        self._hops: list[Hops] = []
        self._filled = 0
        self._all_filled = asyncio.Event()
        system.desk.observe(self._hear)

    async def signal(self) -> Sample:
        """One signal, until its last order is filled; milliseconds."""
        self._side = Side.SELL if self._side is Side.BUY else Side.BUY
        self._hops.clear()
        self._filled = 0
        self._all_filled.clear()
        request = SignalRequest("EVERYBODY", "INFY", self._side)
        received = time.monotonic_ns()
        executed = await self._system.desk.execute(Submit(ORIGIN, request, received=received))
        answered = time.monotonic_ns()
        planned = executed.events[0]
        assert isinstance(planned, InstructionPlanned)
        assert len(planned.orders) == ACCOUNTS, f"{len(planned.orders)} orders"
        await self._all_filled.wait()
        done = time.monotonic_ns()
        await self._quiet()
        return {
            "answer": (answered - received) / MILLISECOND,
            "done": (done - received) / MILLISECOND,
            **_turnaround(self._hops),
        }

    async def _quiet(self) -> None:
        """Until the views, which follow on a thread of their own, have caught up: signals are rare."""
        await self._system.feed.wait_for(self._system.desk.durable_seq, QUIET_S_MAX)

    def _hear(self, events: Sequence[Event], seq: int) -> None:
        for event in events:
            if isinstance(event, OrderReported):
                if event.report.exec_type is ExecType.NEW:
                    self._hops.append(event.hops)
                elif event.status is OrdStatus.FILLED:
                    self._filled += 1
        if self._filled == ACCOUNTS:
            self._all_filled.set()


def _turnaround(hops: list[Hops]) -> Sample:
    tats = [hop.tat / MILLISECOND for hop in hops]
    return {
        "tat p50": percentile(tats, 0.5),
        "tat p99": percentile(tats, 0.99),
        "tat max": max(tats),
        "planned": _between(hops, "received", "planned"),
        "committed": _between(hops, "planned", "committed"),
        "sent": _between(hops, "committed", "sent"),
        "acknowledged": _between(hops, "sent", "acknowledged"),
    }


def _between(hops: list[Hops], first: str, second: str) -> float:
    """The median way from one hop to another, ms."""
    return percentile([getattr(h, second) - getattr(h, first) for h in hops], 0.5) / MILLISECOND
