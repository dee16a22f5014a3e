"""Hop latency: what each hop of an order's way took, and how that spreads over many orders.

``planned``, ``committed`` and ``sent`` are what TAT is made of: they add up to it. What an order was
``held`` and what it ``waited`` in a limit, both between plan and commit, are hops of their own.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from phalanx.domain.orders import Hops
from phalanx.domain.time import Nanoseconds

HOPS: Final = (
    "planned",
    "held",
    "waited",
    "committed",
    "sent",
    "acknowledged",
    "first_fill",
    "tat",
)
"""In the order of the way; ``tat`` is the turnaround over them."""


class HopLatency(msgspec.Struct, frozen=True, gc=False):
    """One hop over ``orders`` orders: nanoseconds from the hop before it, by nearest rank.

    ``planned``: from the first byte of the request; ``committed``: from the plan, without the time
    ``held`` and ``waited``; ``acknowledged`` and ``first_fill``: from ``sent``; ``tat``: from the first
    byte to ``sent``, without the time held and waited.
    """

    hop: str
    orders: int
    p50_ns: Nanoseconds
    p99_ns: Nanoseconds
    max_ns: Nanoseconds


def hop_latencies(
    ways: Sequence[Hops], first_fills: Sequence[Nanoseconds] = ()
) -> dict[str, list[Nanoseconds]]:
    """What each hop took, one number for each order that has it and the hop before it.

    ``first_fills`` are from ``sent`` to the first fill: ``Hops`` end with the acknowledgement.
    """
    return {
        "planned": [way.planned - way.received for way in ways if way.planned and way.received],
        "held": [way.held for way in ways if way.held],
        "waited": [way.waited for way in ways if way.waited],
        "committed": [
            way.committed - way.planned - way.held - way.waited
            for way in ways
            if way.committed and way.planned
        ],
        "sent": [way.sent - way.committed for way in ways if way.sent and way.committed],
        "acknowledged": [
            way.acknowledged - way.sent for way in ways if way.acknowledged and way.sent
        ],
        "first_fill": list(first_fills),
        "tat": [
            way.sent - way.received - way.held - way.waited
            for way in ways
            if way.sent and way.received
        ],
    }


def spread(latencies: Mapping[str, Sequence[Nanoseconds]]) -> list[HopLatency]:
    """The exact spread of each hop that any order has."""
    return [_spread(hop, sorted(took)) for hop, took in latencies.items() if took]


def _spread(hop: str, ranked: Sequence[Nanoseconds]) -> HopLatency:
    count, greatest = len(ranked), ranked[-1]
    if count == 1:
        # A single order has no spread, and most instructions are one.
        return HopLatency(hop, 1, greatest, greatest, greatest)
    return HopLatency(hop, count, percentile(ranked, 50), percentile(ranked, 99), greatest)


def percentile(ranked: Sequence[Nanoseconds], percent: int) -> Nanoseconds:
    """The nearest rank: the least of these, smallest first, that ``percent`` of them do not exceed.

    Raises IndexError where there are none.
    """
    return ranked[rank(len(ranked), percent) - 1]


def rank(count: int, percent: int) -> int:
    """The place, from 1, of a percentile among ``count``."""
    return max(1, -(-count * percent // 100))
