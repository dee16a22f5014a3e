"""Turns: one appointment for the next lane that may move, who goes first where lanes share a limit, and no
wake-up is ever lost.
"""

from collections.abc import Iterator

import pytest

from phalanx.desk.firing.junctions import STALE_MAX
from phalanx.desk.firing.lanes import Lane, Waiting
from phalanx.desk.firing.scopes import UNBOUND, Bounds, Sharing
from phalanx.desk.firing.turns import Turns
from phalanx.domain.accounts import Account, RateLimit
from phalanx.domain.capabilities import LimitScope
from phalanx.domain.time import MILLISECOND, SECOND
from tests.fakes.clock import ManualClock

ONE_A_SECOND = RateLimit(1, 1_000)
FREE = RateLimit()


def shared(limit: RateLimit, scope: LimitScope = LimitScope.LOGIN) -> Bounds:
    """All accounts share this one."""
    return Bounds(shared=((Sharing(scope, "B", "L1"), (limit,)),))


class Bench:
    """Lanes on a manual clock; ``gone`` is who went when. Everybody who goes is written at once."""

    def __init__(self, bounds: Bounds = UNBOUND) -> None:
        self.clock = ManualClock()
        self.turns = Turns(self.clock, self.clock, self._moved, lambda _: bounds)
        self.calls = 0
        self.gone: list[tuple[str, int]] = []

    def lane(self, name: str, limit: RateLimit = ONE_A_SECOND) -> Lane:
        found = self.turns.lane(Account(name, 1, rate_limit=limit))
        found.open = True
        return found

    def wait(self, lane: Lane, *names: str) -> None:
        for name in names:
            lane.wait(Waiting(name, self.clock.monotonic()), urgent=False)
        self.turns.look(lane)

    def _moved(self, coming: Iterator[tuple[Lane, Waiting]]) -> None:
        self.calls += 1
        now = self.clock.monotonic()
        for lane, waiting in coming:
            lane.written(now)
            self.turns.look(lane)
            self.gone.append((waiting.cl_ord_id, now // MILLISECOND))


def test_everybody_goes_at_the_first_moment_there_is_a_place() -> None:
    bench = Bench()
    bench.wait(bench.lane("a"), "a1", "a2")
    bench.clock.advance(300 * MILLISECOND)
    bench.wait(bench.lane("b"), "b1", "b2")

    bench.clock.advance(10 * SECOND)

    assert bench.gone == [("a1", 1_000), ("b1", 1_300), ("a2", 2_000), ("b2", 2_300)]
    assert bench.calls == 4
    assert bench.clock.waiting == 0


def test_a_lane_without_a_limit_moves_on_the_next_turn() -> None:
    bench = Bench()
    bench.wait(bench.lane("a", RateLimit()), "a1", "a2")

    assert bench.gone == []
    bench.clock.settle()

    assert bench.gone == [("a1", 0), ("a2", 0)]


def test_nobody_is_woken_for_lanes_that_cannot_move() -> None:
    bench = Bench()
    closed = bench.lane("a")
    closed.open = False

    bench.wait(closed, "a1")
    bench.turns.look(bench.lane("b"))

    assert bench.clock.waiting == 0


def test_an_earlier_moment_replaces_a_later_one() -> None:
    bench = Bench()
    bench.wait(bench.lane("a"), "a1")
    bench.wait(bench.lane("b", RateLimit(1, 100)), "b1")

    assert bench.clock.waiting == 1
    bench.clock.advance(SECOND)

    assert bench.gone == [("b1", 100), ("a1", 1_000)]


def test_a_lane_that_waits_for_a_write_is_looked_at_when_it_is_written() -> None:
    bench = Bench()
    lane = bench.lane("a")
    bench.clock.advance(SECOND)
    assert lane.goes_now(bench.clock.monotonic(), Waiting("a0", 0), urgent=False)
    bench.wait(lane, "a1")
    assert bench.clock.waiting == 0

    lane.written(bench.clock.monotonic())
    bench.turns.look(lane)
    bench.clock.advance(5 * SECOND)

    assert bench.gone == [("a1", 2_000)]


def test_a_lane_that_waits_for_a_write_is_looked_at_when_the_place_comes_back() -> None:
    bench = Bench()
    lane = bench.lane("a")
    bench.clock.advance(SECOND)
    assert lane.goes_now(bench.clock.monotonic(), Waiting("a0", 0), urgent=False)
    bench.wait(lane, "a1")

    bench.turns.unused(lane)
    bench.clock.settle()

    assert bench.gone == [("a1", 1_000)]


def test_a_timer_that_comes_early_is_asked_again() -> None:
    bench = Bench()
    bench.wait(bench.lane("a"), "a1")

    bench.clock.advance(999 * MILLISECOND)
    bench.turns._come()
    assert bench.gone == []
    bench.clock.advance(MILLISECOND)

    assert bench.gone == [("a1", 1_000)]


def test_a_failure_of_one_round_does_not_end_the_rounds() -> None:
    bench = Bench()
    lane = bench.lane("a")
    bench.wait(lane, "a1")
    moved, bench.turns._moved = bench.turns._moved, _fail
    try:
        bench.clock.advance(SECOND)
    except RuntimeError:
        bench.turns._moved = moved

    bench.clock.advance(SECOND)

    assert bench.gone == [("a1", 1_000)]


def test_lanes_that_share_a_limit_go_as_they_were_planned() -> None:
    bench = Bench(shared(RateLimit(2, 1_000)))
    lanes = [bench.lane(name, FREE) for name in "abc"]
    for rank in (1, 2):
        for place, lane in enumerate(lanes):
            bench.wait(lane, f"o{rank}{place}")

    bench.clock.advance(3 * SECOND)

    assert bench.gone == [
        *(("o10", 1_000), ("o11", 1_000)),
        *(("o12", 2_000), ("o20", 2_000)),
        *(("o21", 3_000), ("o22", 3_000)),
    ]


def test_cancels_and_exits_of_any_lane_go_first_and_have_headroom_in_a_shared_limit() -> None:
    bench = Bench(shared(RateLimit(2, 1_000, 1)))
    one, other = bench.lane("a", FREE), bench.lane("b", FREE)
    bench.wait(one, "o1", "o2")
    other.wait(Waiting("x3", 0), urgent=True)
    other.wait(Waiting("x4", 0), urgent=True)
    bench.turns.look(other)

    bench.clock.advance(3 * SECOND)

    assert bench.gone == [("x3", 1_000), ("x4", 1_000), ("o1", 2_000), ("o2", 3_000)]


def test_a_lane_that_cannot_move_holds_up_nobody_else() -> None:
    bench = Bench(shared(RateLimit(1, 1_000)))
    slow, closed, free = bench.lane("a", RateLimit(1, 60_000)), bench.lane("b"), bench.lane("c")
    closed.open = False
    bench.wait(slow, "o1")
    bench.wait(closed, "o2")
    bench.wait(free, "o3", "o4")

    bench.clock.advance(2 * SECOND)
    assert bench.gone == [("o3", 1_000), ("o4", 2_000)]
    closed.open = True
    bench.turns.look(closed)
    bench.clock.advance(58 * SECOND)

    assert bench.gone[2:] == [("o2", 3_000), ("o1", 60_000)]


def test_a_place_that_comes_back_in_a_shared_limit_goes_to_who_waits_in_another_lane() -> None:
    bench = Bench(shared(RateLimit(1, 60_000)))
    bench.clock.advance(0)
    one, other = bench.lane("a", FREE), bench.lane("b", FREE)
    bench.clock.advance(60 * SECOND)
    assert one.goes_now(bench.clock.monotonic(), Waiting("o1", 0), urgent=False)
    bench.wait(other, "o2")
    assert bench.clock.waiting == 0, "nobody knows when there is a place"

    bench.turns.unused(one)
    bench.clock.settle()

    assert bench.gone == [("o2", 60_000)]


def test_an_account_that_moves_to_another_login_waits_there() -> None:
    here, there = shared(RateLimit(1, 1_000)), shared(RateLimit(1, 5_000), LimitScope.EGRESS)
    bench = Bench(here)
    account = Account("a", 1)
    lane = bench.turns.lane(account)
    lane.open = True
    bench.wait(lane, "o1")
    bench.turns._bounds = lambda _: there

    bench.turns.look(bench.turns.put(account))
    bench.clock.advance(4_999 * MILLISECOND)
    assert bench.gone == []
    bench.clock.advance(MILLISECOND)

    assert bench.gone == [("o1", 5_000)]
    assert bench.turns.put(account) is lane


def test_an_account_that_moves_away_just_before_its_turn_is_offered_nowhere_else() -> None:
    here, there = shared(RateLimit(1, 1_000)), shared(RateLimit(1, 5_000), LimitScope.EGRESS)
    bench = Bench(here)
    account = Account("a", 1)
    lane = bench.turns.lane(account)
    lane.open = True
    bench.clock.advance(SECOND)
    bench.wait(lane, "o1")
    bench.turns._bounds = lambda _: there

    bench.turns.look(bench.turns.put(account))
    bench.clock.advance(5 * SECOND)

    assert bench.gone == [("o1", 6_000)]


def test_who_moves_away_with_its_place_leaves_the_limit_to_who_waits_there() -> None:
    bench = Bench(shared(RateLimit(1, 1_000)))
    leaver, other = bench.lane("a", FREE), bench.lane("b", FREE)
    bench.clock.advance(SECOND)
    assert leaver.goes_now(bench.clock.monotonic(), Waiting("o1", 0), urgent=False)
    bench.wait(other, "o2")
    assert bench.clock.waiting == 0, "nobody knows when there is a place"
    bench.turns._bounds = lambda _: UNBOUND

    bench.turns.put(Account("a", 1))
    bench.clock.settle()

    assert bench.gone == [("o2", 1_000)]


def test_slack_of_a_broker_makes_every_window_longer_the_accounts_own_too() -> None:
    bench = Bench(Bounds(account=(RateLimit(5, 100),), slack_ms=7))
    bench.wait(bench.lane("a"), "a1", "a2")

    bench.clock.advance(5 * SECOND)

    assert bench.gone == [("a1", 1_007), ("a2", 2_014)]


@pytest.mark.parametrize("count", [50, 1_000])
def test_a_move_looks_at_few_lanes_however_many_share_a_limit(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    bench = Bench(shared(RateLimit(10, 1_000)))
    lanes = [bench.lane(f"a{n}", RateLimit(2, 1_000)) for n in range(count)]
    for n, lane in enumerate(lanes):
        bench.wait(lane, f"o{n:06}", f"p{n:06}")
    bench.clock.advance(SECOND)
    looks: list[str] = []
    moves_at = Lane.moves_at

    def counted(lane: Lane, now: int) -> int | None:
        looks.append(lane.account)
        return moves_at(lane, now)

    monkeypatch.setattr(Lane, "moves_at", counted)
    before = len(bench.gone)
    bench.clock.advance(2 * SECOND)

    assert len(bench.gone) - before == 20
    assert len(looks) <= 3 * 20


def test_offers_that_were_withdrawn_are_forgotten() -> None:
    bench = Bench(shared(RateLimit(1, 60_000)))
    lane = bench.lane("a", FREE)
    bench.wait(lane, "o1")
    for _ in range(10 * STALE_MAX):
        for lane.open in (False, True):
            bench.turns.look(lane)

    assert lane.onto is not None
    assert len(lane.onto._heap) <= 2 + STALE_MAX


def _fail(coming: Iterator[tuple[Lane, Waiting]]) -> None:
    raise RuntimeError
