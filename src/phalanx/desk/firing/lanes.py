"""One lane per account: whose turn it is, within the broker's limits."""

from collections import deque
from collections.abc import Container

import msgspec

from phalanx.domain.accounts import AccountId, RateLimit
from phalanx.domain.orders import ClOrdId
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds

PAUSE_NS_MIN = 100 * MILLISECOND
"""How long a lane rests after a request that could not be written and is to be tried again."""

PAUSE_NS_MAX = SECOND
"""The pause doubles up to here for as long as nothing is written."""


class MovingWindow:
    """At most ``count`` requests in any window of ``window_ns``, whenever it begins.

    A place is reserved when a request's turn comes, becomes a timestamp when the request is
    written, and is free again one window later. ``reserved`` places are only for the urgent.
    A window starts full, because a process does not know what the one before it sent.
    """

    __slots__ = ("_count", "_pending", "_reserved", "_times", "_window_ns")

    def __init__(self, limit: RateLimit, now: Nanoseconds) -> None:
        self._pending = 0
        self.change(limit, now)

    def change(self, limit: RateLimit, now: Nanoseconds) -> None:
        """Go by another limit from now on; full again, because old writes may count in it for longer."""
        self._count = limit.count
        self._reserved = min(limit.reserved, max(0, limit.count - 1))
        self._window_ns = limit.window_ms * MILLISECOND
        self._times: deque[Nanoseconds] = deque([now] * limit.count)

    def reserve(self, now: Nanoseconds, *, urgent: bool) -> bool:
        """Take a place if there is one."""
        if self._count:
            self._forget(now)
            if self._pending + len(self._times) >= self._allowed(urgent=urgent):
                return False
        self._pending += 1
        return True

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


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """An order (or its pending request) whose turn has not come. ``since`` is monotonic ns.

    ``cancels``: it is the cancel of an order that the broker has.
    """

    cl_ord_id: ClOrdId
    since: Nanoseconds
    request_id: str = ""
    cancels: bool = False


class Lane:
    """What waits for one account: cancels and exits before new risk, each in its order.

    Bounded by what plans may hold: an order waits at most until its instruction expires.
    ``open``: everything moves. ``in_reach``: its session is up, so cancels move, open or not.
    ``look_at``: when it is looked at again, if that is arranged.
    """

    __slots__ = (
        "_pause_ns",
        "_paused_until",
        "account",
        "cancels",
        "in_reach",
        "limit",
        "look_at",
        "normal",
        "open",
        "urgent",
        "window",
    )

    def __init__(self, account: AccountId, limit: RateLimit, now: Nanoseconds) -> None:
        self.account = account
        self.limit = limit
        self.window = MovingWindow(limit, now)
        self.cancels: deque[Waiting] = deque()
        self.urgent: deque[Waiting] = deque()
        self.normal: deque[Waiting] = deque()
        self.open = False
        self.in_reach = False
        self.look_at: Nanoseconds | None = None
        self._pause_ns: Nanoseconds = 0
        self._paused_until: Nanoseconds = 0

    def __len__(self) -> int:
        return len(self.cancels) + len(self.urgent) + len(self.normal)

    def change(self, limit: RateLimit, now: Nanoseconds) -> None:
        """The account's limit was changed, perhaps."""
        if limit != self.limit:
            self.limit = limit
            self.window.change(limit, now)

    def goes_now(self, now: Nanoseconds, *, urgent: bool, cancels: bool = False) -> bool:
        """Whether a newcomer may pass at once; if so a place in the window is taken."""
        if now < self._paused_until or not (self.open or (cancels and self.in_reach)):
            return False
        # What cannot move while the lane is closed is in nobody's way.
        ahead: object = self.cancels
        if self.open:
            ahead = ahead or self.urgent or (not urgent and self.normal)
        return not ahead and self.window.reserve(now, urgent=urgent)

    def wait(self, waiting: Waiting, *, urgent: bool) -> None:
        """Join the queue."""
        self._queue_of(waiting, urgent=urgent).append(waiting)

    def wait_again(self, waiting: Waiting, *, urgent: bool) -> None:
        """Back to the front: it had its turn and nothing was written."""
        self._queue_of(waiting, urgent=urgent).appendleft(waiting)

    def take(self, now: Nanoseconds) -> Waiting | None:
        """The next whose turn has come, with its place in the window."""
        queue = self._next()
        if queue is None or now < self._paused_until:
            return None
        urgent = queue is not self.normal
        return queue.popleft() if self.window.reserve(now, urgent=urgent) else None

    def moves_at(self, now: Nanoseconds) -> Nanoseconds | None:
        """When the next may go: now, at a later time, or (None) not before something else happens."""
        queue = self._next()
        if queue is None:
            return None
        free_at = self.window.free_at(now, urgent=queue is not self.normal)
        return None if free_at is None else max(free_at, self._paused_until)

    def _queue_of(self, waiting: Waiting, *, urgent: bool) -> deque[Waiting]:
        if waiting.cancels:
            return self.cancels
        return self.urgent if urgent else self.normal

    def _next(self) -> deque[Waiting] | None:
        """The queue whose first is next; of cancels and exits the one that has waited longer."""
        if not self.open:
            return self.cancels if self.cancels and self.in_reach else None
        if self.cancels and self.urgent:
            is_older = self.cancels[0].since <= self.urgent[0].since
            return self.cancels if is_older else self.urgent
        return self.cancels or self.urgent or self.normal or None

    def drop(self, gone: Container[ClOrdId]) -> None:
        """Forget the orders that wait in vain."""
        self.urgent = deque(w for w in self.urgent if w.request_id or w.cl_ord_id not in gone)
        self.normal = deque(w for w in self.normal if w.request_id or w.cl_ord_id not in gone)

    def pause(self, now: Nanoseconds) -> None:
        """Nothing could be written: rest, longer each time."""
        self._pause_ns = min(max(2 * self._pause_ns, PAUSE_NS_MIN), PAUSE_NS_MAX)
        self._paused_until = now + self._pause_ns

    def written(self, now: Nanoseconds) -> None:
        """A request that had its place was written."""
        self._pause_ns = 0
        self.window.written(now)
