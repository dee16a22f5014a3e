"""Finding instruments of the master in force and local ones, from any thread."""

from collections.abc import Mapping
from itertools import chain, islice
from threading import Lock

from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.market.finding.search import SearchIndex

LARGE = 20_000
"""A master of so many instruments is made ready before anybody searches; a smaller one takes less than
half a second, which the first search spends.
"""
KEPT = 2
"""The master in force, and the one that is about to be."""


class Finder:
    """Search indexes over the latest masters, each made once, and one over the local instruments."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._masters: tuple[SearchIndex, ...] = ()
        self._local: tuple[tuple[Instrument, ...], SearchIndex] | None = None

    def prepare(self, index: InstrumentIndex) -> None:
        """Make a large master ready for searches; seconds, so not on the loop."""
        if len(index) >= LARGE:
            self._over(index)

    def find(
        self, index: InstrumentIndex, query: str, limit: int, local: tuple[Instrument, ...] = ()
    ) -> list[Instrument]:
        """At most ``limit`` instruments, best first, as `search` ranks them; an empty query finds the
        first ones. Whoever is first to search a master waits until it is ready.
        """
        if limit <= 0:
            return []
        if not query.strip():
            return list(islice(chain(index, local), limit))
        found = self._over(index).find(query, limit)
        if local:
            found += self._over_local(local, index.aliases).find(query, limit)
            found.sort(key=lambda one: (one.rank, one.place))
        return [one.instrument for one in found[:limit]]

    def _over(self, index: InstrumentIndex) -> SearchIndex:
        with self._lock:
            for place, made in enumerate(self._masters):
                if made.index is index:
                    if place == 0:
                        # The newest is in use: nobody asks for the one before any more.
                        self._masters = (made,)
                    return made
            made = SearchIndex(index)
            self._masters = (made, *self._masters[: KEPT - 1])
            return made

    def _over_local(self, local: tuple[Instrument, ...], aliases: Mapping[str, str]) -> SearchIndex:
        """Over the local ones; made again when another one comes."""
        kept = self._local
        if kept is not None and kept[0] == local and kept[1].index.aliases == aliases:
            return kept[1]
        made = SearchIndex(InstrumentIndex(local, aliases))
        self._local = (local, made)
        return made
