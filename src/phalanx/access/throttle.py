"""Throttles: who tried wrongly too often waits, longer each time, and never for ever.

A try counts as failed when it begins, and is given back when it succeeds: a hundred at the same moment
are a hundred. What comes while one waits is refused and counts as nothing, so that a flood does not make
the wait longer.
"""

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

import msgspec

from phalanx.access.errors import throttled
from phalanx.domain.time import MINUTE, SECOND, Clock, Nanoseconds

ENTRIES_MAX: Final = 10_000
LOOPBACK: Final = "loopback"
NOWHERE: Final = "nowhere"
_V6_NETWORK_BITS: Final = 64


class ThrottleRule(msgspec.Struct, frozen=True):
    """So many tries are free; then waits begin and double up to the longest. Durations in nanoseconds.

    Whoever has not tried for ``forget_ns`` begins anew.
    """

    free: int = 5
    first_ns: Nanoseconds = SECOND
    longest_ns: Nanoseconds = 5 * MINUTE
    forget_ns: Nanoseconds = 15 * MINUTE

    def wait_ns(self, failures: int) -> Nanoseconds:
        """How long after the last of so many failures the next try counts."""
        beyond = failures - self.free
        if beyond < 0:
            return 0
        # Above 62 doublings the number is past any duration; it is not made.
        return min(self.longest_ns, self.first_ns << min(beyond, 62))


class _Count(msgspec.Struct):
    failures: int
    last_ns: Nanoseconds


class Throttle:
    """Counts failures by key. Thread-safe; at most `ENTRIES_MAX` keys, the one unused longest goes first."""

    def __init__(self, clock: Clock, rule: ThrottleRule, *, entries_max: int = ENTRIES_MAX) -> None:
        self._clock = clock
        self._rule = rule
        self._entries_max = entries_max
        self._lock = Lock()
        self._counts: OrderedDict[Hashable, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def enter(self, key: Hashable) -> None:
        """Begin a try, which counts as failed from now on. Raises THROTTLED."""
        now = self._clock.monotonic()
        with self._lock:
            count = self._counts.get(key)
            if count is None or now - count.last_ns > self._rule.forget_ns:
                count = self._counts[key] = _Count(0, now)
            self._refuse_early(count, now)
            count.failures += 1
            count.last_ns = now
            self._counts.move_to_end(key)
            if len(self._counts) > self._entries_max:
                self._counts.popitem(last=False)

    def check(self, key: Hashable) -> None:
        """Whether a try might begin now; nothing is counted. Raises THROTTLED."""
        now = self._clock.monotonic()
        with self._lock:
            count = self._counts.get(key)
            if count is not None and now - count.last_ns <= self._rule.forget_ns:
                self._refuse_early(count, now)

    def _refuse_early(self, count: _Count, now: Nanoseconds) -> None:
        wait_ns = count.last_ns + self._rule.wait_ns(count.failures) - now
        if wait_ns > 0:
            raise throttled(wait_ns)

    def give_back(self, key: Hashable) -> None:
        """The try was none, or succeeded: it counts no more, those before it do."""
        with self._lock:
            count = self._counts.get(key)
            if count is not None and count.failures > 0:
                count.failures -= 1

    def forget(self, key: Hashable) -> None:
        """Whoever this is knows the answer: they begin anew."""
        with self._lock:
            self._counts.pop(key, None)


def place_of(address: str) -> str:
    """From where a try comes, as it is counted: an IPv4 address, an IPv6 network of 64 bits, or this machine.

    What is no address is all one place.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return NOWHERE
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return LOOPBACK
    if isinstance(found, IPv6Address):
        network = int(found) >> (128 - _V6_NETWORK_BITS)
        return f"{network:x}/{_V6_NETWORK_BITS}"
    return str(found)
