"""What a broker may declare of itself."""

import msgspec
import pytest

from phalanx.domain.capabilities import BOOK_READ_S_MAX, BOOK_READS_AT_ONCE_MAX
from tests.fakes.scripted_broker import ScriptedBroker


@pytest.mark.parametrize("count", [0, -1, BOOK_READS_AT_ONCE_MAX + 1])
def test_books_are_read_one_at_a_time_at_least_and_not_without_bound(count: int) -> None:
    with pytest.raises(ValueError, match="book_reads_at_once"):
        ScriptedBroker().declare(book_reads_at_once=count)


@pytest.mark.parametrize("seconds", [0, -1, BOOK_READ_S_MAX + 1])
def test_a_book_has_some_time_and_not_without_bound(seconds: int) -> None:
    with pytest.raises(ValueError, match="book_read_s"):
        ScriptedBroker().declare(book_read_s=seconds)


def test_what_is_declared_within_the_bounds_holds() -> None:
    declared = msgspec.structs.replace(
        ScriptedBroker().capabilities,
        book_reads_at_once=BOOK_READS_AT_ONCE_MAX,
        book_read_s=BOOK_READ_S_MAX,
    )

    assert (declared.book_reads_at_once, declared.book_read_s) == (
        BOOK_READS_AT_ONCE_MAX,
        BOOK_READ_S_MAX,
    )
