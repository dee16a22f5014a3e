"""Which scrips we asked for: how an instrument is called on the broadcast, and whose a packet is."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from phalanx.domain.instruments import InstrumentKey, split_key

_EXCHANGES: Final = {
    "NSE": (b"N", b"C"),
    "NSEFO": (b"N", b"D"),
    "BSE": (b"B", b"C"),
    "BSEFO": (b"G", b"D"),
    "MCX": (b"M", b"D"),
    "NSECD": (b"C", b"D"),
    "NCDEX": (b"D", b"D"),
}
"""Letter and segment of an exchange, by the broker's names."""
_SCRIP: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_SCRIP_MAX: Final = 2**31 - 1


class Scrip(msgspec.Struct, frozen=True, gc=False):
    """An instrument as the broadcast calls it."""

    exchange: bytes
    segment: bytes
    number: int


def scrip_of(key: InstrumentKey) -> Scrip | None:
    """How the broadcast calls an instrument; None where it has no word for it."""
    exchange, token = split_key(key)
    known = _EXCHANGES.get(exchange)
    if known is None or _SCRIP.fullmatch(token) is None or int(token) > _SCRIP_MAX:
        return None
    return Scrip(*known, int(token))


class Registrations:
    """At most ``limit`` instruments, found by what a packet says.

    A packet from NSE's cash market and one from its derivatives carry the same letter, so that letter and
    number are whoever's we asked for: a second instrument with both the same is not taken.
    """

    __slots__ = ("_keys", "_limit", "_scrips")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: dict[tuple[bytes, int], InstrumentKey] = {}
        self._scrips: dict[InstrumentKey, Scrip] = {}

    def __len__(self) -> int:
        return len(self._scrips)

    def __iter__(self) -> Iterator[Scrip]:
        return iter(self._scrips.values())

    def __contains__(self, key: InstrumentKey) -> bool:
        return key in self._scrips

    def add(self, key: InstrumentKey) -> Scrip | None:
        """A new one; None when it cannot be taken."""
        scrip = scrip_of(key)
        if scrip is None or len(self._scrips) >= self._limit:
            return None
        if self._keys.setdefault((scrip.exchange, scrip.number), key) != key:
            return None
        self._scrips[key] = scrip
        return scrip

    def remove(self, key: InstrumentKey) -> Scrip | None:
        """No more of it; None when it was not there."""
        scrip = self._scrips.pop(key, None)
        if scrip is not None:
            del self._keys[scrip.exchange, scrip.number]
        return scrip

    def find(self, exchange: bytes, number: int) -> InstrumentKey | None:
        """Whose a packet is; None for one that we did not ask for."""
        return self._keys.get((exchange, number))
