import pytest

from phalanx.domain.accounts import Account, Mode, book_id
from phalanx.domain.orders import Hops
from phalanx.domain.time import DAY, HOUR, SECOND, trading_day


def test_paper_and_live_are_two_books() -> None:
    account = Account("A1", 1)

    assert account.book == book_id("A1", Mode.PAPER) == "A1/P"
    assert book_id("A1", Mode.LIVE) == "A1/L"


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (0, 0),
        (18 * HOUR + 30 * 60 * SECOND - 1, 0),
        (18 * HOUR + 30 * 60 * SECOND, 1),
        (DAY, 1),
    ],
)
def test_a_day_begins_at_midnight_in_its_zone(now: int, day: int) -> None:
    assert trading_day(now, 19_800) == day


def test_waiting_and_undo_time_do_not_count_as_turnaround() -> None:
    assert Hops(received=100, held=20, waited=30, sent=400).tat == 250
    assert Hops(received=100).tat == 0
