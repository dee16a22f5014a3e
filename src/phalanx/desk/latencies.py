"""How long hops took, kept in little memory: counts by size, and windows that move.

Orders are counted in batches: together they cost half of what they do one by one, and what an answer
itself pays is one append.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import add
from typing import Final

from phalanx.domain.latency import HOPS, HopLatency, rank
from phalanx.domain.time import SECOND, Nanoseconds

BATCH: Final = 64
WINDOW_NS: Final = 60 * SECOND
_STEP_BITS: Final = 5
_EXACT_BITS: Final = _STEP_BITS + 1


class Distribution:
    """How many durations were how long: by the nanosecond below 64, above that in 32 steps to each
    doubling (a high dynamic range histogram). Ten minutes end at count 1,100, a century at 1,850.

    A percentile is the upper end of its step, or the greatest of all where that is less: never below
    the true one, and at most 1/32 above it. The greatest is exact.
    """

    __slots__ = ("counts", "greatest")

    def __init__(self) -> None:
        self.counts = [0]
        self.greatest: Nanoseconds = 0

    def add(self, durations: Sequence[Nanoseconds]) -> None:
        """Count these; none of them is below zero."""
        self._reach(max(durations, default=0))
        counts = self.counts
        for duration in durations:
            shift = duration.bit_length() - _EXACT_BITS
            counts[duration if shift <= 0 else (shift << _STEP_BITS) + (duration >> shift)] += 1

    def merge(self, other: "Distribution") -> None:
        """Count what another one counted."""
        self._reach(other.greatest)
        self.counts[: len(other.counts)] = map(add, self.counts, other.counts)

    def latency(self, hop: str) -> HopLatency:
        """The spread of a hop of which something was counted."""
        seen = list(accumulate(self.counts))
        orders, greatest = seen[-1], self.greatest
        p50, p99 = (
            min(greatest, _upper_end(bisect_left(seen, rank(orders, percent))))
            for percent in (50, 99)
        )
        return HopLatency(hop, orders, p50, p99, greatest)

    def _reach(self, duration: Nanoseconds) -> None:
        """Have a count for all up to this one."""
        if duration > self.greatest:
            self.greatest = duration
            self.counts.extend([0] * (_step(duration) + 1 - len(self.counts)))


def _step(duration: Nanoseconds) -> int:
    """Where a duration is counted; ``Distribution.add`` has it written out, where it is hot."""
    shift = max(0, duration.bit_length() - _EXACT_BITS)
    return (shift << _STEP_BITS) + (duration >> shift)


def _upper_end(step: int) -> Nanoseconds:
    """The longest duration that is counted there."""
    shift = max(0, (step >> _STEP_BITS) - 1)
    return ((step - (shift << _STEP_BITS) + 1) << shift) - 1


class Latencies:
    """What each hop took, over however many orders."""

    __slots__ = ("of",)

    def __init__(self) -> None:
        self.of: dict[str, Distribution] = {}

    def add(self, latencies: Mapping[str, Sequence[Nanoseconds]]) -> None:
        """Count what ``hop_latencies`` found."""
        for hop, took in latencies.items():
            if took:
                self._distribution(hop).add(took)

    def merge(self, other: "Latencies") -> None:
        """Count what another one counted."""
        for hop, distribution in other.of.items():
            self._distribution(hop).merge(distribution)

    def spread(self) -> list[HopLatency]:
        """The spread of each hop that any order had, in the order of the way."""
        return [self.of[hop].latency(hop) for hop in HOPS if hop in self.of]

    def _distribution(self, hop: str) -> Distribution:
        found = self.of.get(hop)
        if found is None:
            found = self.of[hop] = Distribution()
        return found


class RecentLatencies:
    """The last one to two minutes: a window that is being filled, and the one before it.

    By time and not by count, because a tail is asked for beside a clock: one burst of a fan-out must
    not push a quiet minute's out, nor a quiet desk go on showing last week's.
    """

    def __init__(self) -> None:
        self._now, self._before = Latencies(), Latencies()
        self._until: Nanoseconds = 0

    def add(self, latencies: Mapping[str, Sequence[Nanoseconds]], now: Nanoseconds) -> None:
        """Count what ``hop_latencies`` found until ``now``, monotonic."""
        self._turn(now)
        self._now.add(latencies)

    def spread(self, now: Nanoseconds) -> list[HopLatency]:
        """As it is ``now``, monotonic."""
        self._turn(now)
        both = Latencies()
        both.merge(self._before)
        both.merge(self._now)
        return both.spread()

    def _turn(self, now: Nanoseconds) -> None:
        if now < self._until:
            return
        is_next = now < self._until + WINDOW_NS
        self._before = self._now if is_next else Latencies()
        self._now = Latencies()
        self._until = (self._until if is_next else now) + WINDOW_NS
