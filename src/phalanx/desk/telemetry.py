"""What the desk counts about itself, for ``/metrics``. Counting never blocks and never fails an order.

The hot path adds to plain integers and appends to a list; Prometheus' families are made when somebody asks.
"""

from bisect import bisect_right
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from phalanx.desk.garbage import GarbagePauses
from phalanx.desk.latencies import BATCH, RecentLatencies
from phalanx.domain.events import (
    Event,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    OrderDoubted,
    OrderFlagged,
    OrderReported,
)
from phalanx.domain.instructions import KINDS
from phalanx.domain.latency import HopLatency, hop_latencies
from phalanx.domain.orders import Hops, OrdStatus
from phalanx.domain.time import MICROSECOND, SECOND, Nanoseconds

_BUCKETS_NS: tuple[Nanoseconds, ...] = tuple(
    bound * MICROSECOND
    for bound in (
        500,
        1_000,
        2_000,
        5_000,
        10_000,
        20_000,
        50_000,
        100_000,
        200_000,
        500_000,
        1_000_000,
        5_000_000,
    )
)
_BOUNDS_S = (*(str(bound / SECOND) for bound in _BUCKETS_NS), "+Inf")


class Durations:
    """How many were how long, as Prometheus has it: each bucket counts what is in the smaller ones too."""

    __slots__ = ("_counts", "_sum_ns")

    def __init__(self) -> None:
        self._counts = [0] * len(_BOUNDS_S)
        self._sum_ns: Nanoseconds = 0

    def add(self, durations: Sequence[Nanoseconds]) -> None:
        """Count these: sorted, it costs a few looks for all of them."""
        ranked = sorted(durations)
        counts = self._counts
        for bucket, bound in enumerate(_BUCKETS_NS):
            counts[bucket] += bisect_right(ranked, bound)
        counts[-1] += len(ranked)
        self._sum_ns += sum(ranked)

    def add_to(self, family: HistogramMetricFamily, *labels: str) -> None:
        """Add them to a family under these labels."""
        buckets = list(zip(_BOUNDS_S, self._counts, strict=True))
        family.add_metric(labels, buckets, self._sum_ns / SECOND)


class Telemetry(Collector):
    """One registry per desk, so that two desks in one process do not mix. ``monotonic``: its clock."""

    def __init__(self, monotonic: Callable[[], Nanoseconds]) -> None:
        self._monotonic = monotonic
        self.registry = CollectorRegistry()
        self._instructions: Tally[tuple[str, str]] = Tally()
        self._skips: Tally[str] = Tally()
        self._ends: Tally[OrdStatus] = Tally()
        self._flags: Tally[str] = Tally()
        self._never_planned: Tally[str] = Tally()
        self._orders = self._fills = self._doubts = self._commits = self._events = self._held = 0
        self._tat = Durations()
        self._planned, self._committed = Durations(), Durations()
        self._sent, self._acknowledged = Durations(), Durations()
        self._ways: list[Hops] = []
        self._recent = RecentLatencies()
        self.faults = Counter(
            "phalanx_faults",
            "Faults of ours that the desk survived",
            ["where"],
            registry=self.registry,
        )
        self.waiting_bytes = Gauge(
            "phalanx_commit_waiting_bytes", "Decided, not durable yet", registry=self.registry
        )
        self.open_orders = Gauge(
            "phalanx_open_orders", "Orders that are not at their end", registry=self.registry
        )
        self.readers = Gauge("phalanx_stream_readers", "Stream readers", registry=self.registry)
        self.waiting_orders = Gauge(
            "phalanx_lane_waiting", "Orders waiting for their turn", registry=self.registry
        )
        self.waiting_commands = Gauge(
            "phalanx_intake_waiting", "Commands waiting for their turn", registry=self.registry
        )
        self.seq = Gauge("phalanx_seq", "Last durable event", registry=self.registry)
        self.garbage_pauses = GarbagePauses(monotonic)
        self.registry.register(self.garbage_pauses)
        self.registry.register(self)
        self._counts: dict[type, Callable[[Any], None]] = {
            OrderReported: self._count_report,
            InstructionPlanned: self._count_plan,
            OrderDoubted: self._count_doubt,
            InstructionHeld: self._count_held,
            InstructionEnded: self._count_never_planned,
            OrderFlagged: self._count_flag,
        }

    def committed(self, events: Sequence[Event]) -> None:
        """Count a durable group."""
        self._commits += 1
        self._events += len(events)
        counts = self._counts
        for event in events:
            count = counts.get(type(event))
            if count is not None:
                count(event)

    def ended(self, status: OrdStatus) -> None:
        """Count an order's end; events alone do not say whether it had ended before."""
        self._ends[status] += 1

    def answered(self, hops: Hops) -> None:
        """Count an order's way, once: only the answer to its write carries when it was sent."""
        self._ways.append(hops)
        if len(self._ways) >= BATCH:
            self._count_ways()

    def recent_latencies(self) -> list[HopLatency]:
        """What hops took of late: see ``RecentLatencies``."""
        self._count_ways()
        return self._recent.spread(self._monotonic())

    def render(self) -> bytes:
        """The Prometheus text."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """What was counted so far; asked by the registry."""
        kinds = CounterMetricFamily(
            "phalanx_instructions", "Instructions by kind and outcome", labels=["kind", "outcome"]
        )
        for labels, count in self._instructions.items():
            kinds.add_metric(labels, count)
        yield kinds
        held = "Instructions that waited for their time, or for approval"
        yield CounterMetricFamily("phalanx_instructions_held", held, self._held)
        never = "Held instructions that were never planned, by how they ended"
        yield _by_label("phalanx_instructions_never_planned", never, "status", self._never_planned)
        yield CounterMetricFamily("phalanx_orders", "Orders planned", self._orders)
        yield _by_label("phalanx_skips", "Skips by reason", "reason", self._skips)
        ends = {status.name: count for status, count in self._ends.items()}
        yield _by_label("phalanx_orders_ended", "Orders ended, by status", "status", ends)
        yield CounterMetricFamily("phalanx_fills", "Fills booked", self._fills)
        doubted = "Orders that became doubtful"
        yield CounterMetricFamily("phalanx_orders_doubted", doubted, self._doubts)
        flagged = "Orders flagged for a person, by flag"
        yield _by_label("phalanx_orders_flagged", flagged, "flag", self._flags)
        yield CounterMetricFamily("phalanx_commits", "Group commits", self._commits)
        yield CounterMetricFamily("phalanx_events", "Events journaled", self._events)
        yield from self._durations()

    def _durations(self) -> Iterator[Metric]:
        yield from _recent_families(self.recent_latencies())
        hops = HistogramMetricFamily(
            "phalanx_hop_seconds",
            "Time from the first byte read to each hop of an order, since the start; what a hop itself "
            "took is phalanx_hop_recent_seconds",
            labels=["hop"],
        )
        self._planned.add_to(hops, "planned")
        self._committed.add_to(hops, "committed")
        self._sent.add_to(hops, "sent")
        self._acknowledged.add_to(hops, "acknowledged")
        yield hops
        tat = HistogramMetricFamily(
            "phalanx_tat_seconds",
            "Turnaround of an order, since the start: received to sent, less held and waited",
            labels=[],
        )
        self._tat.add_to(tat)
        yield tat

    def _count_plan(self, event: InstructionPlanned) -> None:
        outcome = "rejected" if event.refusal is not None else "accepted"
        self._instructions[KINDS[type(event.request)], outcome] += 1
        self._orders += len(event.orders)
        for skip in event.skips:
            self._skips[skip.reason.code.value] += 1

    def _count_report(self, event: OrderReported) -> None:
        self._fills += event.last_quantity > 0
        if event.flag:
            self._flags[event.flag] += 1

    def _count_doubt(self, _: OrderDoubted) -> None:
        self._doubts += 1

    def _count_held(self, _: InstructionHeld) -> None:
        self._held += 1

    def _count_never_planned(self, event: InstructionEnded) -> None:
        self._never_planned[event.status.name] += 1

    def _count_flag(self, event: OrderFlagged) -> None:
        self._flags[event.flag] += 1

    def _count_ways(self) -> None:
        latencies = hop_latencies(self._ways)
        self._recent.add(latencies, self._monotonic())
        self._planned.add(latencies["planned"])
        self._tat.add(latencies["tat"])
        known = [way for way in self._ways if way.received]
        self._committed.add([way.committed - way.received for way in known if way.committed])
        self._sent.add([way.sent - way.received for way in known if way.sent])
        self._acknowledged.add(
            [way.acknowledged - way.received for way in known if way.acknowledged]
        )
        self._ways.clear()


def _recent_families(latencies: Sequence[HopLatency]) -> Iterator[Metric]:
    seconds = GaugeMetricFamily(
        "phalanx_hop_recent_seconds",
        "What a hop of an order took from the hop before it, of the orders of the last one to two "
        "minutes; quantile 1 is the maximum; planned, committed and sent make up tat",
        labels=["hop", "quantile"],
    )
    orders = GaugeMetricFamily(
        "phalanx_hop_recent_orders",
        "Orders that phalanx_hop_recent_seconds speaks of",
        labels=["hop"],
    )
    for of_hop in latencies:
        quantiles = (("0.5", of_hop.p50_ns), ("0.99", of_hop.p99_ns), ("1", of_hop.max_ns))
        for quantile, took in quantiles:
            seconds.add_metric([of_hop.hop, quantile], took / SECOND)
        orders.add_metric([of_hop.hop], of_hop.orders)
    yield seconds
    yield orders


def _by_label(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
