"""Rate limits: how many requests a key, and an address, may make in a second, a minute or an hour.

A library counts (``limits``), at 4 to 5 µs a request and with a key for everybody who ever asked: too
dear for every request, and without a bound. So a caller far below its limit is seen by a counter of
ours only, and the library decides about those who come near it.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from phalanx.api.problems import Problem

KEYS_MAX = 16_384
"""So many callers of one window are told apart; whoever comes on top of them shares one count."""
OTHERS = "*"
IPV6_PREFIX = 64
"""What one subscriber is given whole: its addresses count as one."""

_SECOND = 1_000_000_000


class Meter:
    """One rate (``2000/second``), for each key by itself.

    Half of what a window allows is counted here and always passes. The other half is the library's, in a
    window that slides: so a window passes no more than the rate, and a stretch of its length that lies
    across two of them about half as much again at most.
    """

    __slots__ = ("_busy", "_counts", "_ends", "_keys_max", "_limiter", "_quiet", "_window")

    def __init__(self, rate: str, keys_max: int = KEYS_MAX) -> None:
        item = parse(rate)
        self._quiet = item.amount // 2
        self._busy = type(item)(item.amount - self._quiet, item.multiples)
        self._window = item.get_expiry() * _SECOND
        self._keys_max = keys_max
        self._counts: dict[str, int] = {}
        self._ends = 0
        self._limiter: SlidingWindowCounterRateLimiter | None = None

    def __len__(self) -> int:
        """How many counts it keeps now."""
        return len(self._counts)

    def count(self, key: str, now: int) -> int:
        """One more; 0: it may pass, else seconds until it is worth while to ask again.

        ``now`` is monotonic, ns.
        """
        if now >= self._ends:
            self._counts = {}
            self._ends = now + self._window
        counts = self._counts
        seen = counts.get(key)
        if seen is None:
            if len(counts) >= self._keys_max:
                key = OTHERS
            seen = counts.get(key, 0)
        counts[key] = seen + 1
        if seen < self._quiet or self._ask(key):
            return 0
        return -(-(self._ends - now) // _SECOND)

    def _ask(self, key: str) -> bool:
        if self._limiter is None:
            self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        return self._limiter.hit(self._busy, key)


class Rates:
    """The rates of one application; an empty one is none. ``clock`` is monotonic, ns."""

    def __init__(
        self,
        per_key: str = "",
        per_address: str = "",
        failures_per_address: str = "",
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._keys = Meter(per_key) if per_key else None
        self._addresses = Meter(per_address) if per_address else None
        self._failures = Meter(failures_per_address) if failures_per_address else None
        self._clock = clock

    def admit(self, name: str, address: str) -> None:
        """One request of a principal from an address. Raises Problem ``RATE_LIMITED``."""
        now = self._clock()
        if self._keys is not None and (wait_s := self._keys.count(name, now)):
            raise _limited(f"{name} asks too often", wait_s)
        if self._addresses is not None:
            wait_s = self._addresses.count(one_subscriber(address), now)
            if wait_s:
                raise _limited("too many requests come from this address", wait_s)

    def failed(self, address: str) -> None:
        """One request from an address that was refused for who it came from.

        Raises Problem ``RATE_LIMITED``. Only such requests are refused by it: whoever can prove who it
        is passes, whatever others at its address do.
        """
        if self._failures is None:
            return
        wait_s = self._failures.count(one_subscriber(address), self._clock())
        if wait_s:
            raise _limited("too many requests from this address were refused", wait_s)


def one_subscriber(address: str) -> str:
    """What an address counts as: itself, of IPv6 its network of 64 bits."""
    return address if ":" not in address else _network(address)


@lru_cache(1_024)
def _network(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, IPV6_PREFIX), strict=False))


def _limited(detail: str, wait_s: int) -> Problem:
    header = (b"retry-after", b"%d" % wait_s)
    return Problem("RATE_LIMITED", f"{detail}; try again in {wait_s} s", headers=(header,))
