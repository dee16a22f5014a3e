"""Moving windows: what a limit lets through, and what several limits let through together."""

from collections import deque
from collections.abc import Sequence

from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import MILLISECOND, Nanoseconds


class MovingWindow:
    """At most ``count`` requests in any window of ``window_ms``, whenever it begins.

    A place is reserved when a request's turn comes, becomes a timestamp when the request is
    written, and is free again one window later. ``reserved`` places are only for the urgent.
    A window starts full, because a process does not know what the one before it sent.

    ``slack_ms`` makes it so much longer than the limit says: the broker counts when requests arrive,
    and two may arrive closer together than they were written.
    """

    __slots__ = ("_count", "_pending", "_reserved", "_slack_ns", "_times", "_window_ns")

    def __init__(self, limit: RateLimit, now: Nanoseconds, slack_ms: int = 0) -> None:
        self._pending = 0
        self._slack_ns = slack_ms * MILLISECOND
        self.change(limit, now)

    def change(self, limit: RateLimit, now: Nanoseconds) -> None:
        """Go by another limit from now on; full again, because old writes may count in it for longer."""
        self._count = limit.count
        self._reserved = min(limit.reserved, max(0, limit.count - 1))
        self._window_ns = limit.window_ms * MILLISECOND + self._slack_ns
        self._times: deque[Nanoseconds] = deque([now] * limit.count)

    @property
    def pending(self) -> int:
        """How many places are reserved and neither used nor given back."""
        return self._pending

    def has_place(self, now: Nanoseconds, *, urgent: bool) -> bool:
        """Whether a place can be reserved."""
        if not self._count:
            return True
        self._forget(now)
        return self._pending + len(self._times) < self._allowed(urgent=urgent)

    def has_room(self, now: Nanoseconds) -> bool:
        """Whether what is written now stays within the limit, whoever else has a place reserved."""
        if not self._count:
            return True
        self._forget(now)
        return len(self._times) < self._count

    def reserve(self) -> None:
        """Take a place."""
        self._pending += 1

    def written(self, now: Nanoseconds) -> None:
        """A reserved place was used now."""
        self._pending -= 1
        if self._count:
            self._times.append(now)

    def give_back(self) -> None:
        """A reserved place was not used."""
        self._pending -= 1

    def free_at(self, now: Nanoseconds, *, urgent: bool) -> Nanoseconds | None:
        """When there is a place; None while too many reserved ones are neither used nor given back."""
        if not self._count:
            return now
        self._forget(now)
        surplus = self._pending + len(self._times) - self._allowed(urgent=urgent)
        if surplus < 0:
            return now
        return self._times[surplus] + self._window_ns if surplus < len(self._times) else None

    def _allowed(self, *, urgent: bool) -> int:
        return self._count if urgent else self._count - self._reserved

    def _forget(self, now: Nanoseconds) -> None:
        times = self._times
        while times and now - times[0] >= self._window_ns:
            times.popleft()


def reserve(windows: Sequence[MovingWindow], now: Nanoseconds, *, urgent: bool) -> bool:
    """Take a place in all of these windows, or in none."""
    for window in windows:
        if not window.has_place(now, urgent=urgent):
            return False
    for window in windows:
        window.reserve()
    return True


def free_at(
    windows: Sequence[MovingWindow], now: Nanoseconds, *, urgent: bool
) -> Nanoseconds | None:
    """When all of these windows have a place, as far as is known now; None if that cannot be said."""
    latest = now
    for window in windows:
        at = window.free_at(now, urgent=urgent)
        if at is None:
            return None
        latest = max(latest, at)
    return latest
