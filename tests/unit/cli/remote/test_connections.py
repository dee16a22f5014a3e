"""The file of connections: names and addresses, whatever is in them, and nothing secret."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.cli.exit_codes import Failure
from phalanx.cli.remote import connections as module
from phalanx.cli.remote.connections import (
    FILE,
    Book,
    Connection,
    Place,
    change_book,
    checked_name,
    read_book,
)

DESK = Connection("https://desk.test", "ann")
ALGO = Connection("https://desk.test", secret=Place.KEYRING)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "phalanx"


def test_there_are_none_before_the_first(folder: Path) -> None:
    assert read_book(folder) == Book()
    assert not folder.exists()


def test_the_first_is_the_default_until_another_one_is_chosen(folder: Path) -> None:
    change_book(folder, lambda book: book.with_connection("main", DESK))
    book = change_book(folder, lambda book: book.with_connection("algo", ALGO))
    assert book == Book("main", {"main": DESK, "algo": ALGO})
    change_book(folder, lambda book: book.with_default("algo"))

    assert read_book(folder) == Book("algo", {"main": DESK, "algo": ALGO})
    assert (folder / FILE).read_text() == (
        'default = "algo"\n\n[connections."algo"]\nurl = "https://desk.test"\nsecret = "keyring"\n\n'
        '[connections."main"]\nurl = "https://desk.test"\nuser = "ann"\n'
    )


def test_without_the_default_there_is_none(folder: Path) -> None:
    change_book(folder, lambda book: book.with_connection("main", DESK))
    change_book(folder, lambda book: book.with_connection("algo", ALGO))

    assert change_book(folder, lambda book: book.without("main")) == Book("", {"algo": ALGO})
    assert read_book(folder).default == ""


def test_a_name_that_nobody_knows_is_told_with_those_that_are_known() -> None:
    with pytest.raises(Failure, match="there are: main") as caught:
        Book("main", {"main": DESK}).named("other")
    assert caught.value.code == "NO_SUCH_CONNECTION"
    with pytest.raises(Failure, match="NO_SUCH_CONNECTION"):
        Book().with_default("main")


def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 1)
    book = Book().with_connection("main", DESK)

    assert book.with_connection("main", ALGO).connections == {"main": ALGO}
    with pytest.raises(Failure, match="TOO_MANY"):
        book.with_connection("other", ALGO)


@pytest.mark.parametrize(
    "text", ["default = ", "default = 7", '[connections.x]\nurl = 1\nuser = "a"', "connections = 1"]
)
def test_a_file_that_is_none_is_said(folder: Path, text: str) -> None:
    change_book(folder, lambda book: book.with_connection("main", DESK))
    (folder / FILE).write_text(text)

    with pytest.raises(Failure, match="BAD_SETTING"):
        read_book(folder)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "-a", "ä", "x" * 65, "a.b", "a\n"])
def test_a_name_that_no_file_should_have_is_usage(name: str) -> None:
    with pytest.raises(Failure, match="BAD_NAME"):
        checked_name(name)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_whatever_a_user_is_called_the_file_says_the_same(user: str) -> None:
    book = Book("main", {"main": Connection("http://x.test", user)})

    found = tomllib.loads(module._toml(book))
    assert found["connections"]["main"].get("user", "") == user
