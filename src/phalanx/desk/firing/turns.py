"""Whose turn comes when: every account's lane, and one appointment for the next that may move."""

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush

from phalanx.desk.firing.lanes import Lane
from phalanx.domain.accounts import AccountId, RateLimit
from phalanx.domain.time import Appointment, Clock, Nanoseconds, Timer


class Turns:
    """The lanes. ``moved`` is called with those that may move, when their time has come.

    Whoever changes something in a lane that others wait in says so with ``look``.
    """

    def __init__(self, clock: Clock, timer: Timer, moved: Callable[[Sequence[Lane]], None]) -> None:
        self._clock = clock
        self._timer = timer
        self._moved = moved
        self._lanes: dict[AccountId, Lane] = {}
        self._due: list[tuple[Nanoseconds, AccountId]] = []
        self._appointment: Appointment | None = None
        self._appointed: Nanoseconds = 0

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def lane(self, account: AccountId, limit: RateLimit) -> Lane:
        """The lane of an account, made when it is first asked for: closed, its window full."""
        lane = self._lanes.get(account)
        if lane is None:
            lane = self._lanes[account] = Lane(account, limit, self._clock.monotonic())
        return lane

    def waiting(self) -> list[Lane]:
        """The lanes in which somebody waits."""
        return [lane for lane in self._lanes.values() if lane]

    def look(self, lane: Lane) -> None:
        """See to it that the lane moves when it may."""
        if not lane:
            return
        at = lane.moves_at(self._clock.monotonic())
        if at is None or (lane.look_at is not None and lane.look_at <= at):
            return
        lane.look_at = at
        heappush(self._due, (at, lane.account))
        self._appoint()

    def unused(self, lane: Lane) -> None:
        """A place that was reserved in the lane is free again."""
        lane.window.give_back()
        self.look(lane)

    def _appoint(self) -> None:
        earliest = self._due[0][0]
        if self._appointment is not None:
            if self._appointed <= earliest:
                return
            self._appointment.cancel()
        self._appointed = earliest
        delay_ns = max(0, earliest - self._clock.monotonic())
        self._appointment = self._timer.call_later(delay_ns, self._come)

    def _come(self) -> None:
        self._appointment = None
        now = self._clock.monotonic()
        coming: list[Lane] = []
        while self._due and self._due[0][0] <= now:
            at, account = heappop(self._due)
            lane = self._lanes[account]
            if lane.look_at == at:
                lane.look_at = None
                coming.append(lane)
        try:
            self._moved(coming)
        finally:
            for lane in coming:
                self.look(lane)
            if self._due:
                self._appoint()
