"""Junctions: where lanes come together that share a limit, and who of them goes first."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from typing import Protocol, TypeAlias

from phalanx.desk.firing.windows import MovingWindow, free_at
from phalanx.domain.time import Nanoseconds

Offer: TypeAlias = tuple[bool, str]
"""Who would go next: whether it is new risk, and its turn. The smallest goes first: cancels and exits
before new risk, and each as it was planned.
"""

STALE_MAX = 64
"""A junction forgets offers that were withdrawn at the latest when there are this many, and more than
there are others.
"""


class Road(Protocol):
    """A lane, or a junction of lanes; ``onto`` is the junction it leads to. ``offered`` is what it has
    there now: only who could go at once, as far as this road's own limits matter. ``look_at`` is when
    it is looked at again, if that is arranged. ``number`` is different for each road.
    """

    number: int
    onto: "Junction | None"
    offered: Offer | None
    look_at: Nanoseconds | None

    def best(self) -> Offer | None:
        """Who goes next here, whenever that will be."""
        ...

    def moves_at(self, now: Nanoseconds) -> Nanoseconds | None:
        """When it may go: now, at a later time, or (None) not before something else happens."""
        ...


class Junction:
    """The roads that share the limits of a login, or of an egress address; or, without a limit, all.

    Only roads whose own limits have a place stand here, so that a place is found for the first of many
    without looking at the others: each change costs a heap operation. Nobody starves, because turns
    are as planned: whoever comes later stands behind.
    """

    __slots__ = ("_heap", "_offers", "look_at", "number", "offered", "onto", "windows")

    def __init__(
        self, number: int, windows: Sequence[MovingWindow] = (), onto: "Junction | None" = None
    ) -> None:
        self.number = number
        self.windows = tuple(windows)
        self.onto = onto
        self.offered: Offer | None = None
        self.look_at: Nanoseconds | None = None
        self._offers = 0
        self._heap: list[tuple[Offer, int, Road]] = []

    def stands(self, road: Road, offer: Offer | None) -> None:
        """The road leads here, and this is whom it offers from now on."""
        if road.offered == offer:
            return
        self._offers += (offer is not None) - (road.offered is not None)
        road.offered = offer
        if offer is not None:
            heappush(self._heap, (offer, road.number, road))
        if len(self._heap) > 2 * self._offers + STALE_MAX:
            standing = {entry[1]: entry for entry in self._heap if self._is_standing(entry)}
            self._heap = list(standing.values())
            heapify(self._heap)

    def first(self) -> Road | None:
        """The road whose turn it is, if this junction's limits have a place."""
        heap = self._heap
        while heap and not self._is_standing(heap[0]):
            heappop(heap)
        return heap[0][2] if heap else None

    def best(self) -> Offer | None:
        """Who goes next here, whenever that will be."""
        road = self.first()
        return None if road is None else road.offered

    def moves_at(self, now: Nanoseconds) -> Nanoseconds | None:
        """When the next may go, as far as this junction's limits matter."""
        best = self.best()
        return None if best is None else free_at(self.windows, now, urgent=not best[0])

    def _is_standing(self, entry: tuple[Offer, int, Road]) -> bool:
        offer, _, road = entry
        return road.onto is self and road.offered == offer
