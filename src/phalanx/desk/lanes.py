"""One lane per account: whose turn it is, within the broker's limits."""

from collections import deque

import msgspec

from phalanx.domain.accounts import AccountId, RateLimit
from phalanx.domain.orders import ClOrdId
from phalanx.domain.time import MILLISECOND, Nanoseconds


class MovingWindow:
    """At most ``count`` requests in any window of ``window_ns``, whenever it begins.

    A place is reserved when a request's turn comes, becomes a timestamp when the request is
    written, and is free again one window later. ``reserved`` places are only for the urgent.
    A window starts full, because a process does not know what the one before it sent.
    """

    __slots__ = ("_count", "_pending", "_reserved", "_times", "_window_ns")

    def __init__(self, limit: RateLimit, now: Nanoseconds) -> None:
        self._count = limit.count
        self._reserved = min(limit.reserved, max(0, limit.count - 1))
        self._window_ns = limit.window_ms * MILLISECOND
        self._pending = 0
        self._times: deque[Nanoseconds] = deque([now] * limit.count)

    @property
    def unlimited(self) -> bool:
        """The broker declares no limit."""
        return self._count == 0

    def reserve(self, now: Nanoseconds, *, urgent: bool) -> bool:
        """Take a place if there is one."""
        if not self._count:
            return True
        self._forget(now)
        allowed = self._count if urgent else self._count - self._reserved
        if self._pending + len(self._times) >= allowed:
            return False
        self._pending += 1
        return True

    def written(self, now: Nanoseconds) -> None:
        """A reserved place was used now."""
        if self._count:
            self._pending -= 1
            self._times.append(now)

    def give_back(self) -> None:
        """A reserved place was not used."""
        if self._count:
            self._pending -= 1

    def free_at(self) -> Nanoseconds | None:
        """When the oldest written request leaves the window; None when none is in it."""
        return self._times[0] + self._window_ns if self._times else None

    def _forget(self, now: Nanoseconds) -> None:
        times = self._times
        while times and now - times[0] >= self._window_ns:
            times.popleft()


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """An order (or its pending request) whose turn has not come. ``since`` is monotonic ns."""

    cl_ord_id: ClOrdId
    since: Nanoseconds
    is_request: bool = False


class Lane:
    """What waits for one account: cancels and exits before new risk, each in its order.

    Bounded by what plans may hold: an order waits at most until its instruction expires.
    """

    __slots__ = ("account", "normal", "open", "urgent", "window")

    def __init__(self, account: AccountId, limit: RateLimit, now: Nanoseconds) -> None:
        self.account = account
        self.window = MovingWindow(limit, now)
        self.urgent: deque[Waiting] = deque()
        self.normal: deque[Waiting] = deque()
        self.open = False

    def __len__(self) -> int:
        return len(self.urgent) + len(self.normal)

    def goes_now(self, now: Nanoseconds, *, urgent: bool) -> bool:
        """Whether a newcomer may pass at once; if so a place in the window is taken."""
        ahead = self.urgent if urgent else (self.urgent or self.normal)
        return self.open and not ahead and self.window.reserve(now, urgent=urgent)

    def wait(self, waiting: Waiting, *, urgent: bool) -> None:
        """Join the queue."""
        (self.urgent if urgent else self.normal).append(waiting)

    def wait_again(self, waiting: Waiting, *, urgent: bool) -> None:
        """Back to the front: it had its turn and nothing was written."""
        (self.urgent if urgent else self.normal).appendleft(waiting)

    def take(self, now: Nanoseconds) -> Waiting | None:
        """The next whose turn has come, with its place in the window."""
        if not self.open:
            return None
        if self.urgent and self.window.reserve(now, urgent=True):
            return self.urgent.popleft()
        if self.normal and not self.urgent and self.window.reserve(now, urgent=False):
            return self.normal.popleft()
        return None
