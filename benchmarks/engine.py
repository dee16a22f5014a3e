"""The engine: decide, encode and apply, with every check, per order and per report.

A sample covers every account once: 1,000 signals to one account each, 10 to a hundred, one to a
thousand, first BUY, then SELL. Between them the reports are booked, and what ended leaves memory.
The history is a past of that kind, either retired, as an hour after its end, or (a tenth of it, as
only so much is meant to be there) still in memory.
Counted is the thread's processor time: nothing here waits, so others on the machine show less in it.
"""

from collections.abc import Callable, Iterator, Sequence
from time import thread_time_ns

import msgspec

from benchmarks.figures import Budget, Figure, Series
from benchmarks.floors.events import create_and_encode, take_apart
from benchmarks.history import live_through, relive
from benchmarks.options import Options
from benchmarks.scene import (
    ACCOUNTS,
    FAN_OUTS,
    Scene,
    acknowledged,
    canceled,
    filled,
    signals,
    single_orders,
)
from benchmarks.worker import Sample, Worker, freeze
from phalanx.domain.events import Event
from phalanx.domain.instructions import OrderRequest, SignalRequest
from phalanx.domain.orders import ExecutionReport, OrderDraft, Side
from phalanx.domain.settings import RiskSettings

NEW = "new"
RETIRED = "retired"
IN_MEMORY = "in memory"
HISTORIES = (NEW, RETIRED, IN_MEMORY)
ROUNDS = 20
BUDGETS = {1: None, 100: Budget(at_most=12), 1_000: Budget(at_most=6)}
FLAT = Budget(ratio_at_most=1.25)


def measure(options: Options) -> Iterator[Figure]:
    """Figures in µs per order or report; each with its floor, and flatness over history."""
    past = options.size(options.history)
    workers = {history: Worker(prepare, history, _share(history, past)) for history in HISTORIES}
    samples: dict[str, list[Sample]] = {history: [] for history in HISTORIES}
    try:
        for worker in workers.values():
            worker.sample()
        for _ in range(options.rounds(ROUNDS)):
            for history, worker in workers.items():
                samples[history].append(worker.sample())
    finally:
        for worker in workers.values():
            worker.stop()
    yield from _figures(samples, past)


def _share(history: str, past: int) -> int:
    return past // 10 if history == IN_MEMORY else past


def _figures(samples: dict[str, list[Sample]], past: int) -> Iterator[Figure]:
    names = {
        NEW: "no history",
        RETIRED: f"{_share(RETIRED, past):,} orders retired",
        IN_MEMORY: f"{_share(IN_MEMORY, past):,} orders in memory",
    }
    for fan_out in FAN_OUTS:
        for kind, name in names.items():
            title = f"engine: order, fan-out {fan_out:,}, {name}"
            yield _figure(title, samples[kind], f"fan-out {fan_out}", BUDGETS[fan_out])
    for what in ("single order", "acknowledgement", "fill of a buy", "fill of a sell"):
        yield _figure(f"engine: {what}", samples[NEW], what, None)
    for fan_out in FAN_OUTS:
        for kind in (RETIRED, IN_MEMORY):
            what = f"fan-out {fan_out}"
            ours, none = (_series(samples[history], what) for history in (kind, NEW))
            title = f"engine: flat, fan-out {fan_out:,}, {names[kind]} to none"
            yield Figure(title, "µs", ours, none, FLAT)


def _figure(name: str, samples: list[Sample], what: str, budget: Budget | None) -> Figure:
    return Figure(name, "µs", _series(samples, what), _series(samples, f"{what} floor"), budget)


def _series(samples: list[Sample], what: str) -> Series:
    return Series(tuple(sample[what] for sample in samples))


def prepare(history: str, orders: int) -> Callable[[], Sample]:
    """A scene with its past, as a contestant."""
    scene = Scene()
    freeze()
    if history == IN_MEMORY:
        kept = msgspec.structs.replace(
            RiskSettings(), retire_after_s=10**9, terminal_orders_max=orders
        )
        scene.configure(kept)
        live_through(scene, orders)
    elif history == RETIRED:
        relive(scene, orders)
    return Day(scene).sample


class Day:
    """Takes samples of a scene, each thing right beside its floor."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._rounds = 0

    def sample(self) -> Sample:
        """µs per order and per report of one round, ours and the floor's."""
        self._rounds += 1
        taken: Sample = {}
        for fan_out in FAN_OUTS:
            self._signals(fan_out, taken)
        self._singles(taken)
        return taken

    def _signals(self, fan_out: int, taken: Sample) -> None:
        spent = floor = 0.0
        for side in (Side.BUY, Side.SELL):
            requests = signals(fan_out, side)
            ours, bare, drafts = self._submit(requests)
            spent += ours
            floor += bare
            fill = f"fill of a {side.name.lower()}"
            for what, reports in (
                ("acknowledgement", acknowledged(drafts)),
                (fill, filled(drafts)),
            ):
                taken[what], taken[f"{what} floor"] = self._report(reports)
        self._scene.retire()
        taken[f"fan-out {fan_out}"] = spent / 2
        taken[f"fan-out {fan_out} floor"] = floor / 2

    def _singles(self, taken: Sample) -> None:
        requests = single_orders(self._rounds)
        ours, bare, drafts = self._submit(requests)
        taken["single order"], taken["single order floor"] = ours, bare
        self._scene.report(acknowledged(drafts))
        self._scene.report(canceled(drafts))
        self._scene.retire()

    def _submit(
        self, requests: Sequence[SignalRequest] | Sequence[OrderRequest]
    ) -> tuple[float, float, list[OrderDraft]]:
        scene = self._scene
        begun = thread_time_ns()
        submitted = [scene.submit(request) for request in requests]
        spent = thread_time_ns() - begun
        drafts = [draft for _, placed in submitted for draft in placed]
        assert len(drafts) == ACCOUNTS, f"{len(drafts)} orders for {ACCOUNTS} accounts"
        floor = _bare([event for decided, _ in submitted for event, _ in decided])
        return spent / ACCOUNTS / 1_000, floor / ACCOUNTS, drafts

    def _report(self, reports: Sequence[ExecutionReport]) -> tuple[float, float]:
        begun = thread_time_ns()
        booked = self._scene.report(reports)
        spent = thread_time_ns() - begun
        assert len(booked) == len(reports), "a report was not booked"
        floor = _bare([event for event, _ in booked])
        return spent / len(reports) / 1_000, floor / len(reports)


def _bare(events: Sequence[Event]) -> float:
    """The floor's microseconds for these events."""
    makings = take_apart(events)
    begun = thread_time_ns()
    create_and_encode(makings)
    return (thread_time_ns() - begun) / 1_000
