"""What the desk counts about itself, for ``/metrics``. Counting never blocks and never fails an order."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from phalanx.domain.events import (
    Event,
    InstructionPlanned,
    OrderDoubted,
    OrderEnded,
    OrderReported,
)
from phalanx.domain.instructions import KINDS
from phalanx.domain.orders import TERMINAL, ExecType, Hops
from phalanx.domain.time import SECOND

_BUCKETS_S = (
    0.0005,
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    5.0,
)


class Telemetry:
    """One registry per desk, so that two desks in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._instructions = Counter(
            "phalanx_instructions",
            "Instructions by kind and outcome",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self._orders = Counter("phalanx_orders", "Orders planned", registry=self.registry)
        self._skips = Counter(
            "phalanx_skips", "Skips by reason", ["reason"], registry=self.registry
        )
        self._ends = Counter(
            "phalanx_orders_ended", "Orders ended, by status", ["status"], registry=self.registry
        )
        self._fills = Counter("phalanx_fills", "Fills booked", registry=self.registry)
        self._doubts = Counter(
            "phalanx_orders_doubted", "Orders that became doubtful", registry=self.registry
        )
        self._commits = Counter("phalanx_commits", "Group commits", registry=self.registry)
        self._events = Counter("phalanx_events", "Events journaled", registry=self.registry)
        self._hops = Histogram(
            "phalanx_hop_seconds",
            "Time from the first byte read to each hop of an order",
            ["hop"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self._tat = Histogram(
            "phalanx_tat_seconds",
            "Turnaround of an order: received to sent, less held and waited",
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.waiting_bytes = Gauge(
            "phalanx_commit_waiting_bytes", "Decided, not durable yet", registry=self.registry
        )
        self.open_orders = Gauge("phalanx_open_orders", "Orders in memory", registry=self.registry)
        self.readers = Gauge("phalanx_stream_readers", "Stream readers", registry=self.registry)
        self.waiting_orders = Gauge(
            "phalanx_lane_waiting", "Orders waiting for their turn", registry=self.registry
        )
        self.seq = Gauge("phalanx_seq", "Last durable event", registry=self.registry)

    def committed(self, events: Sequence[Event]) -> None:
        """Count a durable group."""
        self._commits.inc()
        self._events.inc(len(events))
        for event in events:
            match event:
                case InstructionPlanned():
                    self._planned(event)
                case OrderReported():
                    self._reported(event)
                case OrderEnded():
                    self._ends.labels(event.status.name).inc()
                case OrderDoubted():
                    self._doubts.inc()
                case _:
                    pass

    def render(self) -> bytes:
        """The Prometheus text."""
        return generate_latest(self.registry)

    def _planned(self, event: InstructionPlanned) -> None:
        outcome = "rejected" if event.refusal is not None else "accepted"
        self._instructions.labels(KINDS[type(event.request)], outcome).inc()
        self._orders.inc(len(event.orders))
        for skip in event.skips:
            self._skips.labels(skip.reason.code.value).inc()

    def _reported(self, event: OrderReported) -> None:
        if event.last_quantity:
            self._fills.inc()
        if event.status in TERMINAL:
            self._ends.labels(event.status.name).inc()
        if event.report.exec_type is ExecType.NEW and event.hops.sent:
            self._observe(event.hops)

    def _observe(self, hops: Hops) -> None:
        self._tat.observe(hops.tat / SECOND)
        for name in ("planned", "committed", "sent", "acknowledged"):
            instant = getattr(hops, name)
            if instant:
                self._hops.labels(name).observe((instant - hops.received) / SECOND)
