"""Turns: one appointment for the next lane that may move, and no wake-up is ever lost."""

from collections.abc import Sequence

from phalanx.desk.firing.lanes import Lane, Waiting
from phalanx.desk.firing.turns import Turns
from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import MILLISECOND, SECOND
from tests.fakes.clock import ManualClock

ONE_A_SECOND = RateLimit(1, 1_000)


class Bench:
    """Lanes on a manual clock; ``gone`` is who went when. Everybody who goes is written at once."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.turns = Turns(self.clock, self.clock, self._moved)
        self.calls = 0
        self.gone: list[tuple[str, int]] = []

    def lane(self, name: str, limit: RateLimit = ONE_A_SECOND) -> Lane:
        found = self.turns.lane(name, limit)
        found.open = True
        return found

    def wait(self, lane: Lane, *names: str) -> None:
        for name in names:
            lane.wait(Waiting(name, self.clock.monotonic()), urgent=False)
        self.turns.look(lane)

    def _moved(self, lanes: Sequence[Lane]) -> None:
        self.calls += 1
        now = self.clock.monotonic()
        for lane in lanes:
            while (waiting := lane.take(now)) is not None:
                lane.written(now)
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
    assert lane.goes_now(bench.clock.monotonic(), urgent=False)
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
    assert lane.goes_now(bench.clock.monotonic(), urgent=False)
    bench.wait(lane, "a1")

    lane.window.give_back()
    bench.turns.look(lane)
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


def _fail(lanes: Sequence[Lane]) -> None:
    raise RuntimeError
