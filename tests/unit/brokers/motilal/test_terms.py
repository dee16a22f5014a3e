"""What the module declares of itself, against the pace that it keeps."""

from phalanx.brokers.motilal import motilal_capabilities
from phalanx.brokers.motilal.pace import APART
from phalanx.domain.time import SECOND

QUESTIONS_OF_A_BOOK = 5


def test_the_books_of_a_login_are_read_one_after_the_other() -> None:
    assert motilal_capabilities().book_reads_at_once == 1


def test_a_book_fits_into_its_time_also_while_last_prices_are_asked_for_in_between() -> None:
    needed = 2 * QUESTIONS_OF_A_BOOK * APART

    assert needed * 4 < motilal_capabilities().book_read_s * SECOND
