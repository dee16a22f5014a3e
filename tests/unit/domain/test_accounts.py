import pytest

from phalanx.domain.accounts import Account, Mode, book_id, paper_account_id, split_book


def test_paper_and_live_are_two_books() -> None:
    account = Account("A1", 1)

    assert account.book == book_id("A1", Mode.PAPER) == "A1/P"
    assert book_id("A1", Mode.LIVE) == "A1/L"


@pytest.mark.parametrize("account", ["A1", "A/1", ""])
@pytest.mark.parametrize("mode", Mode)
def test_a_book_tells_its_account_and_mode(account: str, mode: Mode) -> None:
    assert split_book(book_id(account, mode)) == (account, mode)


def test_a_text_that_names_no_book_is_refused() -> None:
    with pytest.raises(KeyError):
        split_book("A1/X")


@pytest.mark.parametrize(
    ("taken", "found"),
    [
        ((), "PAPER-7"),
        (("PAPER-1", "PAPER-7-2"), "PAPER-7"),
        (("PAPER-7",), "PAPER-7-2"),
        (("PAPER-7", "PAPER-7-2"), "PAPER-7-3"),
    ],
)
def test_an_account_that_is_somebodys_is_never_taken_over(
    taken: tuple[str, ...], found: str
) -> None:
    assert paper_account_id(7, taken) == found
