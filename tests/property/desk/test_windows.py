"""Lanes on any timetable: no window of any start holds more than the limit, and nobody waits in vain."""

from heapq import heappop, heappush

from hypothesis import given
from hypothesis import strategies as st

from phalanx.desk.firing.lanes import Lane, MovingWindow, Waiting
from phalanx.desk.firing.turns import Turns
from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import MILLISECOND, Nanoseconds
from tests.fakes.clock import ManualClock

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


def check_windows(times: list[Nanoseconds], limit: RateLimit) -> None:
    """A window that begins at any write holds at most the limit; so does any other."""
    times = sorted(times)
    window = limit.window_ms * MILLISECOND
    for index in range(len(times) - limit.count):
        assert times[index + limit.count] - times[index] >= window


@given(LIMITS, STEPS)
def test_no_window_holds_more_than_the_limit(
    limit: RateLimit, steps: list[tuple[int, int, bool, bool]]
) -> None:
    found = MovingWindow(limit, 0)
    written = [0] * limit.count
    """What the process before may have sent until this one began."""
    due: list[tuple[Nanoseconds, bool]] = []
    now = 0
    for pause, delay, urgent, is_written in steps:
        now += pause
        while due and due[0][0] <= now:
            use(found, *heappop(due), written)
        before = found.free_at(now, urgent=urgent)
        taken = found.reserve(now, urgent=urgent)
        assert taken == (before == now)
        if taken:
            heappush(due, (now + delay, is_written))
    while due:
        use(found, *heappop(due), written)

    check_windows(written, limit)
    assert found._pending == 0


def use(
    window: MovingWindow, at: Nanoseconds, is_written: bool, written: list[Nanoseconds]
) -> None:
    if is_written:
        window.written(at)
        written.append(at)
    else:
        window.give_back()


@given(LIMITS, STEPS)
def test_everybody_goes_in_the_end_and_never_too_many(
    limit: RateLimit, steps: list[tuple[int, int, bool, bool]]
) -> None:
    clock = ManualClock()
    written = [0] * limit.count
    gone: list[str] = []
    delays = iter([delay for _, delay, _, _ in steps] * 2)

    def move(lanes: list[Lane]) -> None:
        for lane in lanes:
            while (waiting := lane.take(clock.monotonic())) is not None:
                gone.append(waiting.cl_ord_id)
                clock.call_later(next(delays), land)

    def land() -> None:
        written.append(clock.monotonic())
        lane.written(clock.monotonic())
        turns.look(lane)

    turns = Turns(clock, clock, move)  # type: ignore[arg-type]
    lane = turns.lane("A1", limit)
    lane.open = True
    for number, (pause, delay, urgent, _) in enumerate(steps):
        clock.advance(pause)
        if lane.goes_now(clock.monotonic(), urgent=urgent):
            gone.append(str(number))
            clock.call_later(delay, land)
        else:
            lane.wait(Waiting(str(number), clock.monotonic()), urgent=urgent)
            turns.look(lane)
    clock.advance(len(steps) * 2_000 * MILLISECOND)

    check_windows(written, limit)
    assert sorted(gone) == sorted(map(str, range(len(steps))))
    assert not lane
    urgent_ones = [name for name in gone if steps[int(name)][2]]
    assert urgent_ones == sorted(urgent_ones, key=int)
