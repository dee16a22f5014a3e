"""One lane per account: what waits for it, and in which order it goes."""

from collections.abc import Container, Iterator, Sequence
from heapq import heapify, heappop, heappush

import msgspec

from phalanx.desk.firing.junctions import Junction, Offer
from phalanx.desk.firing.windows import MovingWindow, free_at, reserve
from phalanx.domain.accounts import AccountId, RateLimit
from phalanx.domain.orders import ClOrdId
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds

PAUSE_NS_MIN = 100 * MILLISECOND
"""How long a lane rests after a request that could not be written and is to be tried again."""

PAUSE_NS_MAX = SECOND
"""The pause doubles up to here for as long as nothing is written."""


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """An order (or its pending request) whose turn has not come. ``since`` is monotonic ns.

    ``cancels``: it is the cancel of an order that the broker has. ``after``: of a request, the order
    that was planned last when it was made.
    """

    cl_ord_id: ClOrdId
    since: Nanoseconds
    request_id: str = ""
    cancels: bool = False
    after: ClOrdId = ""

    @property
    def turn(self) -> str:
        """Its place among all that wait, also in other lanes: orders go as they were planned (older
        instructions first, a list by its ranks), requests between them as they were made.
        """
        return self.after + self.request_id if self.request_id else self.cl_ord_id


class Queue(list[tuple[str, Waiting]]):
    """What waits, by its turn: a heap. It is a list, because most are empty and asked for that often."""

    __slots__ = ()

    @property
    def turn(self) -> str:
        """The first one's."""
        return self[0][0]

    def everybody(self) -> Iterator[Waiting]:
        """All of them, in no order."""
        return (waiting for _, waiting in self)

    def join(self, waiting: Waiting) -> None:
        """One more."""
        heappush(self, (waiting.turn, waiting))

    def leave(self) -> Waiting:
        """The first goes."""
        return heappop(self)[1]

    def drop(self, gone: Container[ClOrdId]) -> None:
        """Forget these orders; requests stay."""
        self[:] = [e for e in self if e[1].request_id or e[1].cl_ord_id not in gone]
        heapify(self)


class Lane:
    """What waits for one account: cancels and exits before new risk, each in its turn.

    Bounded by what plans may hold: an order waits at most until its instruction expires.
    ``open``: everything moves. ``in_reach``: its session is up, so cancels move, open or not.
    ``window`` is that of the account's own limit. The others are those of the broker's limits, for this
    account alone or shared at the ``junctions`` behind it. A place is one in all of them. ``is_limited``:
    any of them says no at some time.
    ``number``, ``onto``, ``offered``, ``look_at``: see `Road`.
    """

    __slots__ = (
        "_own",
        "_pause_ns",
        "_paused_until",
        "_windows",
        "account",
        "cancels",
        "in_reach",
        "is_limited",
        "junctions",
        "limit",
        "look_at",
        "normal",
        "number",
        "offered",
        "onto",
        "open",
        "urgent",
        "window",
    )

    def __init__(
        self, account: AccountId, limit: RateLimit, now: Nanoseconds, number: int = 0
    ) -> None:
        self.account = account
        self.number = number
        self.limit = limit
        self.window = MovingWindow(limit, now)
        self._own: tuple[MovingWindow, ...] = (self.window,)
        self._windows: tuple[MovingWindow, ...] = self._own
        self.is_limited = bool(limit.count)
        self.junctions: tuple[Junction, ...] = ()
        self.onto: Junction | None = None
        self.offered: Offer | None = None
        self.look_at: Nanoseconds | None = None
        self.cancels, self.urgent, self.normal = Queue(), Queue(), Queue()
        self.open = False
        self.in_reach = False
        self._pause_ns: Nanoseconds = 0
        self._paused_until: Nanoseconds = 0

    def __len__(self) -> int:
        return len(self.cancels) + len(self.urgent) + len(self.normal)

    def __bool__(self) -> bool:
        return bool(self.normal or self.urgent or self.cancels)

    # --- its limits ------------------------------------------------------------------------------

    def change(self, limit: RateLimit, now: Nanoseconds) -> None:
        """The account's own limit was changed, perhaps."""
        if limit != self.limit:
            self.limit = limit
            self.window.change(limit, now)
            self._see_limits()

    def bind(
        self,
        limits: Sequence[RateLimit],
        junctions: Sequence[Junction],
        slack_ms: int,
        now: Nanoseconds,
    ) -> None:
        """These limits and junctions bind it from now on, besides its own limit; its own windows are full
        again. Places that are reserved, and not used yet, are places there.
        """
        before, pending = self._windows, self.window.pending
        self.window = MovingWindow(self.limit, now, slack_ms)
        self._own = (self.window, *(MovingWindow(limit, now, slack_ms) for limit in limits))
        self.junctions = tuple(junctions)
        shared = [window for junction in junctions for window in junction.windows]
        self._windows = (*self._own, *shared)
        self._see_limits()
        for _ in range(pending):
            for window in self._windows:
                window.reserve()
            for window in before:
                window.give_back()

    def has_room(self, now: Nanoseconds) -> bool:
        """Whether what is written now stays within every limit. Always true of who has a place, unless a
        limit was changed since it was reserved.
        """
        return all(window.has_room(now) for window in self._windows)

    def written(self, now: Nanoseconds) -> None:
        """A request that had its place was written."""
        self._pause_ns = 0
        for window in self._windows:
            window.written(now)

    def give_back(self) -> None:
        """A request that had its place was not written."""
        for window in self._windows:
            window.give_back()

    def pause(self, now: Nanoseconds) -> None:
        """Nothing could be written: rest, longer each time."""
        self._pause_ns = min(max(2 * self._pause_ns, PAUSE_NS_MIN), PAUSE_NS_MAX)
        self._paused_until = now + self._pause_ns

    # --- who waits -------------------------------------------------------------------------------

    def goes_now(self, now: Nanoseconds, waiting: Waiting, *, urgent: bool) -> bool:
        """Whether a newcomer may pass at once; if so a place is taken."""
        cancels = waiting.cancels
        if now < self._paused_until or not (self.open or (cancels and self.in_reach)):
            return False
        # What cannot move while the lane is closed is in nobody's way.
        ahead: object = self.cancels
        if self.open:
            ahead = ahead or self.urgent or (not urgent and self.normal)
        if ahead:
            return False
        for junction in self.junctions:
            best = junction.best()
            if best is not None and best < (not urgent, waiting.turn):
                return False
        if not self.is_limited:
            self.window.reserve()
            return True
        return reserve(self._windows, now, urgent=urgent)

    def wait(self, waiting: Waiting, *, urgent: bool) -> None:
        """Join the queue, where its turn is: who had it and was not written is the next again."""
        if waiting.cancels:
            self.cancels.join(waiting)
        else:
            (self.urgent if urgent else self.normal).join(waiting)

    def take(self, now: Nanoseconds) -> Waiting | None:
        """The next, with its place, if its turn has come."""
        queue = self._next()
        if queue is None or now < self._paused_until:
            return None
        urgent = queue is not self.normal
        return queue.leave() if reserve(self._windows, now, urgent=urgent) else None

    def best(self) -> Offer | None:
        """Who goes next here, whenever that will be."""
        queue = self._next()
        return None if queue is None else (queue is self.normal, queue.turn)

    def moves_at(self, now: Nanoseconds) -> Nanoseconds | None:
        """When the next may go, as far as this lane's own limits matter: now, at a later time, or (None)
        not before something else happens.
        """
        queue = self._next()
        if queue is None:
            return None
        at = free_at(self._own, now, urgent=queue is not self.normal)
        return None if at is None else max(at, self._paused_until)

    def drop(self, gone: Container[ClOrdId]) -> None:
        """Forget the orders that wait in vain."""
        self.urgent.drop(gone)
        self.normal.drop(gone)

    def _see_limits(self) -> None:
        self.is_limited = bool(self.limit.count) or len(self._windows) > 1

    def _next(self) -> Queue | None:
        """The queue whose first is next; of cancels and exits the one whose turn is earlier."""
        if not self.open:
            return self.cancels if self.cancels and self.in_reach else None
        if self.cancels and self.urgent:
            return self.cancels if self.cancels.turn < self.urgent.turn else self.urgent
        return self.cancels or self.urgent or self.normal or None
