"""Words that are more than a word."""

import pytest

from phalanx.cli.exit_codes import Failure
from phalanx.cli.input.names import at, is_file, pairs


@pytest.mark.parametrize(
    ("word", "file"),
    [
        *(("-", True), ("a.csv", True), ("A.TXT", True), ("./list", True), ("/tmp/x", True)),
        *(("RELIANCE", False), ("NSE:2885", False), ("BAJAJ-AUTO", False), ("M&M", False)),
    ],
)
def test_a_file_is_told_from_a_name(word: str, file: bool) -> None:
    assert is_file(word) is file


def test_a_path_holds_names_and_names_hold_no_path() -> None:
    assert at("/api/v1/limits", "client", "a/b c") == "/api/v1/limits/client/a%2Fb%20c"


def test_pairs() -> None:
    assert list(pairs(["a=1", "b=x=y", "c="])) == [("a", "1"), ("b", "x=y"), ("c", "")]
    with pytest.raises(Failure, match="NAME=VALUE"):
        list(pairs(["a"]))
