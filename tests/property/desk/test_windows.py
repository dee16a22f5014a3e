"""A moving window on any timetable: no window of any start holds more than the limit."""

from heapq import heappop, heappush

from hypothesis import given
from hypothesis import strategies as st

from phalanx.desk.firing.windows import MovingWindow, reserve
from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import MILLISECOND, Nanoseconds
from tests.property.desk.limited_world import Fate, LimitedWorld, Terms, check_windows, is_urgent

LIMITS = st.builds(
    RateLimit,
    count=st.integers(1, 5),
    window_ms=st.sampled_from((1, 10, 1_000)),
    reserved=st.integers(0, 4),
)

STEPS = st.lists(
    st.tuples(
        st.integers(0, 700 * MILLISECOND),  # after the step before
        st.integers(0, 400 * MILLISECOND),  # from its turn to its write
        st.booleans(),  # urgent
        st.booleans(),  # written, or given back
    ),
    max_size=60,
)


@given(LIMITS, STEPS)
def test_no_window_holds_more_than_the_limit(
    limit: RateLimit, steps: list[tuple[int, int, bool, bool]]
) -> None:
    found = MovingWindow(limit, 0)
    written: list[Nanoseconds] = []
    due: list[tuple[Nanoseconds, bool]] = []
    now = 0
    for pause, delay, urgent, is_written in steps:
        now += pause
        while due and due[0][0] <= now:
            use(found, *heappop(due), written)
        before = found.free_at(now, urgent=urgent)
        taken = reserve((found,), now, urgent=urgent)
        assert taken == (before == now)
        if taken:
            heappush(due, (now + delay, is_written))
    while due:
        use(found, *heappop(due), written)

    # What the process before may have sent until this one began counts too.
    check_windows(written, limit, since=0)
    assert found.pending == 0


def use(
    window: MovingWindow, at: Nanoseconds, is_written: bool, written: list[Nanoseconds]
) -> None:
    if is_written:
        assert window.has_room(at), "who has a place can be written, whenever that is"
        window.written(at)
        written.append(at)
    else:
        window.give_back()


@given(LIMITS, STEPS)
def test_cancels_and_exits_go_in_their_turn_and_before_new_risk(
    limit: RateLimit, steps: list[tuple[int, int, bool, bool]]
) -> None:
    world = LimitedWorld(Terms(limit))
    lane = world.turns.lane(world.accounts["A0"])
    for pause, delay, urgent, _ in steps:
        world.clock.advance(pause)
        world.ask("A0", Fate(delay, 0, True), urgent=urgent)
        turns = [
            (not is_urgent(w), w.turn) for w in (*lane.urgent.everybody(), *lane.normal.everybody())
        ]
        assert lane.best() == min(turns, default=None)
    world.settle()

    assert not lane
    assert len(world.writes) == len(steps)
