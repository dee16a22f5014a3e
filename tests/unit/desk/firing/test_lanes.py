"""Lanes: whose turn it is, who passes at once, who waits how long, and where a place is taken."""

from phalanx.desk.firing.junctions import Junction
from phalanx.desk.firing.lanes import PAUSE_NS_MAX, PAUSE_NS_MIN, Lane, Waiting
from phalanx.desk.firing.windows import MovingWindow
from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import SECOND

FAST = RateLimit()
NEW = Waiting("z9", 0)
CANCEL = Waiting("o1", 0, "R9", cancels=True, after="z9")


def lane(limit: RateLimit = FAST, *, opened: bool = True) -> Lane:
    found = Lane("A1", limit, -SECOND)
    found.open = opened
    return found


def test_a_closed_lane_lets_nobody_pass() -> None:
    found = lane(opened=False)
    found.wait(Waiting("o1", 0), urgent=True)

    assert not found.goes_now(0, NEW, urgent=True)
    assert found.take(0) is None
    assert found.moves_at(0) is None


def test_cancels_pass_a_closed_lane_that_is_in_reach_and_nothing_else_does() -> None:
    found = lane(opened=False)
    found.wait(Waiting("x1", 0), urgent=True)
    found.wait(Waiting("o1", 0, "R1", cancels=True), urgent=True)
    assert not found.goes_now(0, CANCEL, urgent=True)
    assert found.moves_at(0) is None

    found.in_reach = True

    assert found.moves_at(0) == 0
    assert not found.goes_now(0, CANCEL, urgent=True), "there is one ahead"
    waiting = found.take(0)
    assert waiting is not None
    assert waiting.request_id == "R1"
    assert found.goes_now(0, CANCEL, urgent=True)
    assert not found.goes_now(0, NEW, urgent=True)
    assert found.take(0) is None
    assert found.moves_at(0) is None
    assert len(found) == 1


def test_of_cancels_and_exits_the_one_whose_turn_is_earlier_goes_first() -> None:
    found = lane()
    found.wait(Waiting("x1", 0), urgent=True)
    found.wait(Waiting("c2", 0, "R1", cancels=True, after="x2"), urgent=True)
    found.wait(Waiting("x3", 0), urgent=True)
    found.wait(Waiting("o0", 0), urgent=False)

    order = [waiting.cl_ord_id for _ in range(4) if (waiting := found.take(5)) is not None]

    assert order == ["x1", "c2", "x3", "o0"]
    found.wait(Waiting("x4", 4), urgent=True)
    assert not found.goes_now(5, CANCEL, urgent=True)


def test_nobody_overtakes_who_waits_but_the_urgent() -> None:
    found = lane(RateLimit(10, 1_000))
    found.wait(Waiting("o1", 0), urgent=False)

    assert not found.goes_now(0, NEW, urgent=False)
    assert found.goes_now(0, NEW, urgent=True)
    found.wait(Waiting("x1", 0), urgent=True)
    assert not found.goes_now(0, NEW, urgent=True)


def test_the_urgent_go_first_and_each_in_its_order() -> None:
    found = lane()
    for name, urgent in (("o1", False), ("x1", True), ("o2", False), ("x2", True)):
        found.wait(Waiting(name, 0), urgent=urgent)

    order = [waiting.cl_ord_id for _ in range(4) if (waiting := found.take(0)) is not None]

    assert order == ["x1", "x2", "o1", "o2"]
    assert found.take(0) is None


def test_orders_go_as_they_were_planned_and_requests_between_them_as_they_were_made() -> None:
    found = lane()
    found.wait(Waiting("o3", 9), urgent=False)
    found.wait(Waiting("o1", 8, "R2", after="o2"), urgent=False)
    found.wait(Waiting("o1", 8, "R1", after="o2"), urgent=False)
    found.wait(Waiting("o2", 7), urgent=False)

    order = [waiting.turn for _ in range(4) if (waiting := found.take(10)) is not None]

    assert order == ["o2", "o2R1", "o2R2", "o3"]


def test_a_place_is_one_in_each_of_its_windows() -> None:
    login = Junction(1, [MovingWindow(RateLimit(2, 1_000), -SECOND)])
    found = lane(RateLimit(5, 1_000))
    found.bind([RateLimit(3, 1_000)], [login], 0, -SECOND)

    assert [found.goes_now(0, NEW, urgent=False) for _ in range(3)] == [True, True, False]
    assert [window.pending for window in found._windows] == [2, 2, 2]
    found.give_back()
    found.written(5)

    assert [window.pending for window in found._windows] == [0, 0, 0]
    assert login.windows[0].free_at(6, urgent=False) == 6
    assert found.goes_now(6, NEW, urgent=False)
    assert not found.goes_now(6, NEW, urgent=False)


def test_nobody_overtakes_who_waits_at_a_junction_but_who_was_planned_before() -> None:
    login = Junction(1, [MovingWindow(RateLimit(9, 1_000), -SECOND)])
    other, found = lane(), lane()
    other.onto = login
    found.bind([], [login], 0, -SECOND)

    login.stands(other, (True, "n5"))

    assert not found.goes_now(0, Waiting("n6", 0), urgent=False)
    assert found.goes_now(0, Waiting("n4", 0), urgent=False)
    assert found.goes_now(0, Waiting("n6", 0), urgent=True)


def test_what_is_on_its_way_is_counted_where_the_account_is_now() -> None:
    before = Junction(1, [MovingWindow(RateLimit(2, 1_000), -SECOND)])
    after = Junction(2, [MovingWindow(RateLimit(2, 1_000), -SECOND)])
    found = lane()
    found.bind([], [before], 0, -SECOND)
    assert found.goes_now(0, NEW, urgent=False)

    found.bind([], [after], 0, 0)

    assert (before.windows[0].pending, after.windows[0].pending) == (0, 1)
    found.written(5)
    assert found.window.pending == after.windows[0].pending == 0


def test_a_write_has_room_in_all_of_its_windows_or_in_none() -> None:
    login = Junction(1, [MovingWindow(RateLimit(1, 1_000), -SECOND)])
    found = lane()
    found.bind([], [login], 0, -SECOND)
    assert found.has_room(0)

    login.windows[0].reserve()
    login.windows[0].written(0)

    assert not found.has_room(0)


def test_a_normal_one_does_not_use_what_an_urgent_one_waits_for() -> None:
    found = lane(RateLimit(1, 1_000))
    assert found.goes_now(0, NEW, urgent=False)
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
        assert not found.goes_now(0, NEW, urgent=True)

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

    assert sorted(w.turn for w in found.normal.everybody()) == ["R1", "o2"]
    assert len(found) == 2
