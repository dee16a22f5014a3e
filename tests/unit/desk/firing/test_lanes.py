"""Lanes: the moving window, the reserved headroom, who goes first, who waits how long."""

from phalanx.desk.firing.lanes import PAUSE_NS_MAX, PAUSE_NS_MIN, Lane, MovingWindow, Waiting
from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import MILLISECOND, SECOND

FAST = RateLimit()


def window(count: int, reserved: int = 0, *, now: int = 0) -> MovingWindow:
    """A window of a second that was made a second ago, so that it is empty now."""
    return MovingWindow(RateLimit(count, 1_000, reserved), now - SECOND)


def take(found: MovingWindow, now: int, *, urgent: bool = False) -> bool:
    """Reserve and write at once."""
    if not found.reserve(now, urgent=urgent):
        return False
    found.written(now)
    return True


def test_no_more_than_the_count_in_any_window() -> None:
    found = window(3)

    assert [take(found, now) for now in (0, 100, 200, 300)] == [True, True, True, False]
    assert not take(found, SECOND - 1)
    assert take(found, SECOND)
    assert not take(found, SECOND)
    assert take(found, SECOND + 100)


def test_it_counts_from_the_write_not_from_the_turn() -> None:
    found = window(1)
    assert found.reserve(0, urgent=False)

    found.written(700 * MILLISECOND)

    assert not found.reserve(SECOND, urgent=False)
    assert found.reserve(1_700 * MILLISECOND, urgent=False)


def test_a_reserved_place_is_taken_and_can_be_given_back() -> None:
    found = window(1)
    assert found.reserve(0, urgent=False)
    assert not found.reserve(0, urgent=False)

    found.give_back()

    assert found.reserve(0, urgent=False)


def test_headroom_is_for_the_urgent_only() -> None:
    found = window(3, reserved=2)

    assert take(found, 0)
    assert not take(found, 0)
    assert take(found, 0, urgent=True)
    assert take(found, 0, urgent=True)
    assert not take(found, 0, urgent=True)


def test_headroom_never_takes_all_there_is() -> None:
    found = window(2, reserved=5)

    assert take(found, 0)
    assert not take(found, 0)


def test_it_is_full_after_a_start() -> None:
    found = MovingWindow(RateLimit(2, 1_000), now=50)

    assert not found.reserve(50, urgent=True)
    assert not found.reserve(SECOND + 49, urgent=True)
    assert found.reserve(SECOND + 50, urgent=True)


def test_without_a_limit_everything_passes() -> None:
    found = MovingWindow(FAST, 0)

    assert all(take(found, 0) for _ in range(100))
    assert found.free_at(7, urgent=False) == 7


def test_it_says_when_there_is_a_place() -> None:
    found = window(2, reserved=1)
    assert found.free_at(5, urgent=False) == 5
    assert take(found, 10, urgent=True)
    assert take(found, 20, urgent=True)

    assert found.free_at(30, urgent=True) == 10 + SECOND
    assert found.free_at(30, urgent=False) == 20 + SECOND
    assert found.free_at(SECOND + 15, urgent=True) == SECOND + 15


def test_it_cannot_say_while_reserved_places_are_open() -> None:
    found = window(1)
    assert found.reserve(0, urgent=False)

    assert found.free_at(0, urgent=True) is None
    found.written(3)
    assert found.free_at(4, urgent=True) == 3 + SECOND


def test_another_limit_begins_full_and_keeps_who_is_on_the_way() -> None:
    found = window(2)
    assert found.reserve(0, urgent=False)

    found.change(RateLimit(1, 1_000), 10)

    assert not found.reserve(SECOND + 10, urgent=False)
    found.written(SECOND + 11)
    assert found.free_at(SECOND + 12, urgent=False) == 2 * SECOND + 11


def test_a_limit_may_come_and_go_while_requests_are_on_the_way() -> None:
    found = window(2)
    assert found.reserve(0, urgent=False)
    found.change(FAST, 10)
    assert found.reserve(20, urgent=False)
    found.written(30)
    found.written(30)

    found.change(RateLimit(1, 1_000), 40)

    assert found.reserve(SECOND + 40, urgent=False)


def lane(limit: RateLimit = FAST, *, opened: bool = True) -> Lane:
    found = Lane("A1", limit, -SECOND)
    found.open = opened
    return found


def test_a_closed_lane_lets_nobody_pass() -> None:
    found = lane(opened=False)
    found.wait(Waiting("o1", 0), urgent=True)

    assert not found.goes_now(0, urgent=True)
    assert found.take(0) is None
    assert found.moves_at(0) is None


def test_cancels_pass_a_closed_lane_that_is_in_reach_and_nothing_else_does() -> None:
    found = lane(opened=False)
    found.wait(Waiting("x1", 0), urgent=True)
    found.wait(Waiting("o1", 0, "R1", cancels=True), urgent=True)
    assert not found.goes_now(0, urgent=True, cancels=True)
    assert found.moves_at(0) is None

    found.in_reach = True

    assert found.moves_at(0) == 0
    assert not found.goes_now(0, urgent=True, cancels=True), "there is one ahead"
    waiting = found.take(0)
    assert waiting is not None
    assert waiting.request_id == "R1"
    assert found.goes_now(0, urgent=True, cancels=True)
    assert not found.goes_now(0, urgent=True)
    assert found.take(0) is None
    assert found.moves_at(0) is None
    assert len(found) == 1


def test_of_cancels_and_exits_the_one_that_waits_longer_goes_first() -> None:
    found = lane()
    for name, since, cancels in (("x1", 1, False), ("c2", 2, True), ("x3", 3, False)):
        found.wait(Waiting(name, since, cancels=cancels), urgent=True)
    found.wait(Waiting("o0", 0), urgent=False)

    order = [waiting.cl_ord_id for _ in range(4) if (waiting := found.take(5)) is not None]

    assert order == ["x1", "c2", "x3", "o0"]
    found.wait(Waiting("x4", 4), urgent=True)
    assert not found.goes_now(5, urgent=True, cancels=True)


def test_nobody_overtakes_who_waits_but_the_urgent() -> None:
    found = lane(RateLimit(10, 1_000))
    found.wait(Waiting("o1", 0), urgent=False)

    assert not found.goes_now(0, urgent=False)
    assert found.goes_now(0, urgent=True)
    found.wait(Waiting("x1", 0), urgent=True)
    assert not found.goes_now(0, urgent=True)


def test_the_urgent_go_first_and_each_in_its_order() -> None:
    found = lane()
    for name, urgent in (("o1", False), ("x1", True), ("o2", False), ("x2", True)):
        found.wait(Waiting(name, 0), urgent=urgent)

    order = [waiting.cl_ord_id for _ in range(4) if (waiting := found.take(0)) is not None]

    assert order == ["x1", "x2", "o1", "o2"]
    assert found.take(0) is None


def test_who_waits_again_is_the_next() -> None:
    found = lane()
    found.wait(Waiting("o1", 0), urgent=False)
    found.wait_again(Waiting("o0", 0), urgent=False)

    waiting = found.take(0)

    assert waiting is not None
    assert waiting.cl_ord_id == "o0"


def test_a_normal_one_does_not_use_what_an_urgent_one_waits_for() -> None:
    found = lane(RateLimit(1, 1_000))
    assert found.goes_now(0, urgent=False)
    found.wait(Waiting("o1", 0), urgent=False)
    found.wait(Waiting("x1", 0), urgent=True)

    assert found.take(0) is None
    assert found.moves_at(0) is None
    found.written(5)
    assert found.moves_at(6) == 5 + SECOND


def test_what_could_not_be_written_rests_longer_each_time() -> None:
    found = lane()
    found.wait(Waiting("o1", 0), urgent=False)
    rests = []
    for _ in range(8):
        found.pause(0)
        rests.append(found.moves_at(0))
        assert found.take(0) is None
        assert not found.goes_now(0, urgent=True)

    assert rests[:3] == [PAUSE_NS_MIN, 2 * PAUSE_NS_MIN, 4 * PAUSE_NS_MIN]
    assert rests[-1] == PAUSE_NS_MAX
    assert found.take(PAUSE_NS_MAX) is not None
    found.written(PAUSE_NS_MAX)
    found.pause(0)
    assert found.moves_at(0) is None
    found.wait(Waiting("o2", 0), urgent=False)
    assert found.moves_at(0) == PAUSE_NS_MIN


def test_orders_that_wait_in_vain_are_dropped_and_requests_are_not() -> None:
    found = lane()
    found.wait(Waiting("o1", 0), urgent=False)
    found.wait(Waiting("o1", 0, "R1"), urgent=False)
    found.wait(Waiting("o2", 0), urgent=False)

    found.drop({"o1"})

    assert [(w.cl_ord_id, w.request_id) for w in found.normal] == [("o1", "R1"), ("o2", "")]
    assert len(found) == 2
