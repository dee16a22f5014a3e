"""What the interpreter's garbage collector does to a running desk, for ``/metrics``.

While it looks for cycles nothing else runs: its longest pause is a lower bound of the longest tail.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from phalanx.domain.time import SECOND, Nanoseconds

GENERATIONS: Final = 3


class GarbagePauses(Collector):
    """Collections and the longest pause of each generation; one of ``gc.callbacks``."""

    def __init__(self, monotonic: Callable[[], Nanoseconds]) -> None:
        self._monotonic = monotonic
        self._began: Nanoseconds = 0
        self._counts = [0] * GENERATIONS
        self._longest: list[Nanoseconds] = [0] * GENERATIONS

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """The collector begins (``start``), or is done (``stop``) with a generation."""
        now = self._monotonic()
        if phase == "start":
            self._began = now
        elif self._began:
            generation = info["generation"]
            self._counts[generation] += 1
            self._longest[generation] = max(self._longest[generation], now - self._began)

    def collect(self) -> Iterator[Metric]:
        """What was counted so far; asked by the registry."""
        counts = CounterMetricFamily(
            "phalanx_gc_collections",
            "Runs of the garbage collector since what the start made was frozen",
            labels=["generation"],
        )
        longest = GaugeMetricFamily(
            "phalanx_gc_pause_max_seconds",
            "The longest of those runs; nothing else ran meanwhile",
            labels=["generation"],
        )
        for generation in range(GENERATIONS):
            label = [str(generation)]
            counts.add_metric(label, self._counts[generation])
            longest.add_metric(label, self._longest[generation] / SECOND)
        yield counts
        yield longest
