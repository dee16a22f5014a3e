"""Whose turn comes when: every account's lane, the junctions where lanes share limits, and one
appointment for the next that may move.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count

from phalanx.desk.firing.junctions import Junction, Road
from phalanx.desk.firing.lanes import Lane, Waiting
from phalanx.desk.firing.scopes import UNBOUND, Bounds, Sharing
from phalanx.desk.firing.windows import MovingWindow
from phalanx.domain.accounts import Account, AccountId, RateLimit
from phalanx.domain.time import MILLISECOND, Appointment, Clock, Nanoseconds, Timer

GRAIN_NS: Nanoseconds = MILLISECOND
"""Loops count whole milliseconds. An appointment is rounded up to one, so that nobody comes too early and
asks again and again; who may go a little earlier goes together with the next.
"""


class Turns:
    """The lanes. ``moved`` is called when somebody may move, with a walk over all whose turn it is: each
    has its place, which is used, or given back with ``unused``.

    Whoever changes something in a lane that others wait in says so with ``look``.
    """

    def __init__(
        self,
        clock: Clock,
        timer: Timer,
        moved: Callable[[Iterator[tuple[Lane, Waiting]]], None],
        bounds: Callable[[Account], Bounds] = lambda _account: UNBOUND,
    ) -> None:
        self._clock = clock
        self._timer = timer
        self._moved = moved
        self._bounds = bounds
        self._numbers = count(1)
        self._everybody = Junction(0)
        self._lanes: dict[AccountId, Lane] = {}
        self._bound: dict[AccountId, Bounds] = {}
        self._junctions: dict[Sharing, Junction] = {}
        self._due: list[tuple[Nanoseconds, int, Road]] = []
        self._appointment: Appointment | None = None
        self._appointed: Nanoseconds = 0
        self._is_moving = False

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def lane(self, account: Account) -> Lane:
        """The lane of an account, made when it is first asked for: closed, its windows full."""
        lane = self._lanes.get(account.id)
        return self._make(account) if lane is None else lane

    def put(self, account: Account) -> Lane:
        """The account has other terms, perhaps: other limits, or those of another login."""
        lane = self.lane(account)
        now = self._clock.monotonic()
        bounds = self._bounds(account)
        if bounds != self._bound[account.id]:
            self._bind(lane, bounds, now)
            self._appoint()
        lane.change(account.rate_limit, now)
        return lane

    def waiting(self) -> list[Lane]:
        """The lanes in which somebody waits."""
        return [lane for lane in self._lanes.values() if lane]

    def wait(self, lane: Lane, waiting: Waiting, *, urgent: bool) -> None:
        """Somebody waits in the lane from now on, and moves when it may."""
        lane.wait(waiting, urgent=urgent)
        best = lane.best()
        if best is not None and best[1] == waiting.turn:
            self.look(lane)

    def look(self, lane: Lane) -> None:
        """See to it that the lane moves when it may, and who shares a limit with it."""
        if lane.offered is None and lane.onto is self._everybody and not lane:
            return
        self._refresh(lane, self._clock.monotonic())
        self._appoint()

    def unused(self, lane: Lane) -> None:
        """A place that was reserved in the lane is free again."""
        lane.give_back()
        self.look(lane)

    # --- lanes and junctions ---------------------------------------------------------------------

    def _make(self, account: Account) -> Lane:
        now = self._clock.monotonic()
        lane = Lane(account.id, account.rate_limit, now, next(self._numbers))
        self._lanes[account.id] = lane
        self._bind(lane, self._bounds(account), now)
        return lane

    def _bind(self, lane: Lane, bounds: Bounds, now: Nanoseconds) -> None:
        left = lane.onto
        if left is not None:
            left.stands(lane, None)
        self._bound[lane.account] = bounds
        onto = self._everybody
        junctions: list[Junction] = []
        # A login has one address, so that the junctions are a tree; its widest is made first.
        for sharing, limits in reversed(bounds.shared):
            onto = self._junction(sharing, limits, onto, bounds.slack_ms)
            junctions.append(onto)
        lane.bind(bounds.account, junctions, bounds.slack_ms, now)
        lane.onto = onto
        if left is not None:
            # Only now: its reserved places went with the lane, and somebody there may have waited for one.
            self._refresh(left, now)

    def _junction(
        self, sharing: Sharing, limits: tuple[RateLimit, ...], onto: Junction, slack_ms: int
    ) -> Junction:
        junction = self._junctions.get(sharing)
        if junction is None:
            now = self._clock.monotonic()
            windows = [MovingWindow(limit, now, slack_ms) for limit in limits]
            junction = Junction(next(self._numbers), windows, onto)
            self._junctions[sharing] = junction
        return junction

    # --- who goes --------------------------------------------------------------------------------

    def _refresh(self, road: Road, now: Nanoseconds) -> None:
        """Something changed on this road: whom it offers, and so do those it leads to."""
        onto = road.onto
        while onto is not None:
            at = road.moves_at(now)
            onto.stands(road, road.best() if at is not None and at <= now else None)
            if at is not None and at > now and (road.look_at is None or at < road.look_at):
                road.look_at = at
                heappush(self._due, (at, road.number, road))
            road, onto = onto, onto.onto

    def _appoint(self) -> None:
        if self._is_moving:
            return
        now = self._clock.monotonic()
        if self._everybody.first() is not None:
            earliest = now
        elif self._due:
            earliest = self._due[0][0]
        else:
            return
        if self._appointment is not None:
            if self._appointed <= earliest:
                return
            self._appointment.cancel()
        self._appointed = earliest
        delay_ns = -(min(0, now - earliest) // GRAIN_NS) * GRAIN_NS
        self._appointment = self._timer.call_later(delay_ns, self._come)

    def _come(self) -> None:
        self._appointment = None
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now:
            at, _, road = heappop(self._due)
            if road.look_at == at:
                road.look_at = None
                self._refresh(road, now)
        self._is_moving = True
        try:
            self._moved(self._walk(now))
        finally:
            self._is_moving = False
            self._appoint()

    def _walk(self, now: Nanoseconds) -> Iterator[tuple[Lane, Waiting]]:
        """Everybody whose turn it is at ``now``, one after the other."""
        road: Road | None
        while (road := self._everybody.first()) is not None:
            while isinstance(road, Junction):
                road = road.first()
            assert isinstance(road, Lane), "a junction offers somebody, and nobody stands there"
            waiting = road.take(now)
            self._refresh(road, now)
            if waiting is not None:
                yield road, waiting
