"""Words that are more than a word."""

from pathlib import Path

import pytest

from phalanx.cli.exits import Failure
from phalanx.cli.input.names import LIST_BYTES_MAX, at, column_in, is_file, pairs, table_in


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


def test_cells_and_columns(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('Rank, Instrument\n1,"L&T, the big one"\n\n , \n2\n')

    assert table_in(file)[1] == ["1", "L&T, the big one"]
    assert column_in(file, "symbol", "instrument") == ["L&T, the big one"]
    assert column_in(file, "rank") == ["1", "2"]


def test_a_file_has_a_bound(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"x" * (LIST_BYTES_MAX + 1))

    with pytest.raises(Failure, match="FILE_TOO_LARGE"):
        table_in(file)
