"""Moving windows: how many, since when, the headroom, the slack, and several at once."""

from phalanx.desk.firing.windows import MovingWindow, free_at, reserve
from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import MILLISECOND, SECOND

FAST = RateLimit()


def window(count: int, reserved: int = 0, *, now: int = 0) -> MovingWindow:
    """A window of a second that was made a second ago, so that it is empty now."""
    return MovingWindow(RateLimit(count, 1_000, reserved), now - SECOND)


def place(found: MovingWindow, now: int, *, urgent: bool) -> bool:
    return reserve((found,), now, urgent=urgent)


def take(found: MovingWindow, now: int, *, urgent: bool = False) -> bool:
    """Reserve and write at once."""
    if not place(found, now, urgent=urgent):
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
    assert place(found, 0, urgent=False)

    found.written(700 * MILLISECOND)

    assert not place(found, SECOND, urgent=False)
    assert place(found, 1_700 * MILLISECOND, urgent=False)


def test_a_reserved_place_is_taken_and_can_be_given_back() -> None:
    found = window(1)
    assert place(found, 0, urgent=False)
    assert not place(found, 0, urgent=False)

    found.give_back()

    assert place(found, 0, urgent=False)


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

    assert not place(found, 50, urgent=True)
    assert not place(found, SECOND + 49, urgent=True)
    assert place(found, SECOND + 50, urgent=True)


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
    assert place(found, 0, urgent=False)

    assert found.free_at(0, urgent=True) is None
    found.written(3)
    assert found.free_at(4, urgent=True) == 3 + SECOND


def test_another_limit_begins_full_and_keeps_who_is_on_the_way() -> None:
    found = window(2)
    assert place(found, 0, urgent=False)

    found.change(RateLimit(1, 1_000), 10)

    assert not place(found, SECOND + 10, urgent=False)
    found.written(SECOND + 11)
    assert found.free_at(SECOND + 12, urgent=False) == 2 * SECOND + 11


def test_a_limit_may_come_and_go_while_requests_are_on_the_way() -> None:
    found = window(2)
    assert place(found, 0, urgent=False)
    found.change(FAST, 10)
    assert place(found, 20, urgent=False)
    found.written(30)
    found.written(30)

    found.change(RateLimit(1, 1_000), 40)

    assert place(found, SECOND + 40, urgent=False)


def test_slack_makes_it_longer_also_when_the_limit_is_changed() -> None:
    found = MovingWindow(RateLimit(1, 1_000), 0, slack_ms=20)
    assert not place(found, SECOND + 19 * MILLISECOND, urgent=True)
    assert found.free_at(0, urgent=True) == SECOND + 20 * MILLISECOND

    found.change(RateLimit(1, 500), SECOND)

    assert found.free_at(SECOND, urgent=True) == SECOND + 520 * MILLISECOND


def test_what_is_written_needs_room_and_no_place() -> None:
    found = window(2)
    assert found.has_room(0)
    assert take(found, 0)
    assert place(found, 0, urgent=False)
    assert not found.has_place(0, urgent=True)
    assert found.has_room(0)

    found.change(RateLimit(2, 1_000), 10)

    assert not found.has_room(SECOND + 9)
    assert found.has_room(SECOND + 10)
    assert MovingWindow(FAST, 0).has_room(0)


def test_a_place_is_in_all_windows_or_in_none() -> None:
    wide, narrow = window(3), window(1)

    assert reserve((wide, narrow), 0, urgent=False)
    assert not reserve((wide, narrow), 0, urgent=False)

    assert (wide.pending, narrow.pending) == (1, 1)


def test_several_are_free_when_the_last_of_them_is() -> None:
    early, late = window(1), window(1)
    assert take(early, 10)
    assert free_at((early, late), 20, urgent=True) == 10 + SECOND
    assert take(late, 30)
    assert free_at((early, late), 40, urgent=True) == 30 + SECOND
    assert free_at((early, late), 2 * SECOND, urgent=True) == 2 * SECOND
    assert free_at((), 5, urgent=True) == 5

    assert place(late, 2 * SECOND, urgent=True)

    assert free_at((early, late), 2 * SECOND, urgent=True) is None
