"""A small world of lanes at one broker with limits of all scopes, and what arrived there when."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from itertools import zip_longest

import msgspec

from phalanx.desk.firing.lanes import Lane, Waiting
from phalanx.desk.firing.scopes import Bounds, Sharing
from phalanx.desk.firing.turns import Turns
from phalanx.domain.accounts import Account, RateLimit
from phalanx.domain.capabilities import LimitScope
from phalanx.domain.time import MILLISECOND, Nanoseconds
from tests.fakes.clock import ManualAppointment, ManualClock

EGRESS = {"L1": "IP1", "L2": "IP1", "L3": "IP2"}


class Terms(msgspec.Struct, frozen=True):
    """What the broker declares; all accounts begin with ``first`` for their own."""

    first: RateLimit
    account: tuple[RateLimit, ...] = ()
    login: tuple[RateLimit, ...] = ()
    egress: tuple[RateLimit, ...] = ()
    slack_ms: int = 0


class Write(msgspec.Struct, frozen=True):
    """A request that was written and counted by the broker ``at`` some time later."""

    account: str
    login: str
    urgent: bool
    at: Nanoseconds


class _Law(msgspec.Struct, frozen=True):
    """An account's own limit, and since when: the time, and how much was written by then."""

    limit: RateLimit
    since: Nanoseconds
    written: int


class Fate(msgspec.Struct, frozen=True):
    """Of one request: from its turn to its write, from there to the broker, and whether it is written."""

    delay: Nanoseconds
    journey: Nanoseconds
    is_written: bool


def is_urgent(waiting: Waiting) -> bool:
    """Whether it is a cancel or an exit."""
    return waiting.cl_ord_id.startswith("U")


class _Process:
    """The timer of one process, which ends the one before: nothing of that happens any more."""

    def __init__(self, clock: ManualClock, before: "_Process | None") -> None:
        self._clock = clock
        self._is_alive = True
        if before is not None:
            before._is_alive = False

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> ManualAppointment:
        return self._clock.call_later(delay_ns, lambda: call() if self._is_alive else None)

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        return self._clock.sleep(duration_ns)


class LimitedWorld:
    """One process after another, over the same clock and broker. A request is a name: a cancel's or
    exit's begins with ``U``.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.clock = ManualClock()
        self.accounts = {
            f"A{n}": Account(f"A{n}", n, login=login, rate_limit=terms.first)
            for n, login in enumerate(("L1", "L1", "L2", "L3"))
        }
        self.writes: list[Write] = []
        self.laws: dict[str, list[_Law]] = {
            name: [_Law(terms.first, 0, 0)] for name in self.accounts
        }
        self.refused = 0
        self._fates: dict[str, Fate] = {}
        self._asked = 0
        self._process: _Process | None = None
        self.restart()

    # --- what happens ----------------------------------------------------------------------------

    def restart(self) -> None:
        """The process dies: what waited is taken up again, what was on its way is gone."""
        left = list(getattr(self, "turns", ()))
        self._process = _Process(self.clock, self._process)
        self.turns = Turns(self.clock, self._process, self._moved, self._bounds)
        for lane in left:
            found = self._lane(lane.account)
            for queue in (lane.urgent, lane.normal):
                for waiting in queue.everybody():
                    found.wait(waiting, urgent=is_urgent(waiting))
            self.turns.look(found)

    def ask(self, account: str, fate: Fate, *, urgent: bool) -> None:
        """Somebody wants something sent."""
        self._asked += 1
        name = f"{'U' if urgent else 'N'}{self._asked:06}"
        self._fates[name] = fate
        lane, waiting = self._lane(account), Waiting(name, self.clock.monotonic())
        if lane.goes_now(self.clock.monotonic(), waiting, urgent=urgent):
            self._send(lane, waiting)
        else:
            lane.wait(waiting, urgent=urgent)
            self.turns.look(lane)

    def limit(self, account: str, limit: RateLimit) -> None:
        """A person sets another limit."""
        if limit != self.accounts[account].rate_limit:
            law = _Law(limit, self.clock.monotonic(), len(self.writes))
            self.laws[account].append(law)
        self._put(account, rate_limit=limit)

    def move(self, account: str, login: str) -> None:
        """A person moves the account to another login."""
        self._put(account, login=login)

    def settle(self) -> None:
        """Everything ends."""
        for _ in range(1_000):
            self.clock.advance(5_000 * MILLISECOND)
            if not any(self.turns):
                break
        self.clock.advance(5_000 * MILLISECOND)

    # --- what must be so -------------------------------------------------------------------------

    def counted(self) -> Iterator[tuple[list[Write], RateLimit, Nanoseconds]]:
        """For every limit of the broker's, and for every time that an own one was in force: what it
        counts, and since when.
        """
        by: dict[tuple[LimitScope, str], list[Write]] = defaultdict(list)
        for write in self.writes:
            by[LimitScope.ACCOUNT, write.account].append(write)
            by[LimitScope.LOGIN, write.login].append(write)
            by[LimitScope.EGRESS, EGRESS[write.login]].append(write)
        declared = {
            LimitScope.ACCOUNT: self.terms.account,
            LimitScope.LOGIN: self.terms.login,
            LimitScope.EGRESS: self.terms.egress,
        }
        for (scope, _), writes in by.items():
            for limit in declared[scope]:
                yield writes, limit, 0
        for account, laws in self.laws.items():
            for law, after in zip_longest(laws, laws[1:]):
                upto = self.writes[law.written : None if after is None else after.written]
                own = [write for write in upto if write.account == account]
                if law.limit.count:
                    yield own, law.limit, law.since

    # --- within ----------------------------------------------------------------------------------

    def _bounds(self, account: Account) -> Bounds:
        terms, shared = self.terms, []
        if terms.login:
            shared.append((Sharing(LimitScope.LOGIN, "B", account.login), terms.login))
        if terms.egress:
            address = EGRESS[account.login]
            shared.append((Sharing(LimitScope.EGRESS, "B", address), terms.egress))
        return Bounds(terms.account, tuple(shared), terms.slack_ms)

    def _lane(self, account: str) -> Lane:
        lane = self.turns.lane(self.accounts[account])
        lane.open = True
        return lane

    def _put(self, account: str, **terms: object) -> None:
        self.accounts[account] = msgspec.structs.replace(self.accounts[account], **terms)
        self.turns.look(self.turns.put(self.accounts[account]))

    def _moved(self, coming: Iterator[tuple[Lane, Waiting]]) -> None:
        for lane, waiting in coming:
            self._send(lane, waiting)

    def _send(self, lane: Lane, waiting: Waiting) -> None:
        fate, turns = self._fates[waiting.cl_ord_id], self.turns

        def land() -> None:
            now = self.clock.monotonic()
            if not fate.is_written:
                turns.unused(lane)
            elif lane.has_room(now):
                lane.written(now)
                turns.look(lane)
                login = self.accounts[lane.account].login
                at = now + fate.journey
                self.writes.append(Write(lane.account, login, is_urgent(waiting), at))
            else:
                self.refused += 1
                turns.unused(lane)
                lane.wait(waiting, urgent=is_urgent(waiting))
                turns.look(lane)

        assert self._process is not None
        self._process.call_later(fate.delay, land)


def check_windows(
    times: list[Nanoseconds], limit: RateLimit, since: Nanoseconds | None = None
) -> None:
    """A window that begins with any request holds at most the limit; so does any other. ``since``: the
    limit is in force since then, and full at that instant.
    """
    times = sorted(times)
    if since is not None:
        times = [since] * limit.count + times
    window = limit.window_ms * MILLISECOND
    for index in range(len(times) - limit.count):
        assert times[index + limit.count] - times[index] >= window
