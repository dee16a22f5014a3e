"""Files of names, and the lines that what is wrong with them is about."""

from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.sheets import (
    SHEET_BYTES_MAX,
    Line,
    Named,
    at_line,
    by_line,
    names_in,
    read_sheet,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def test_cells_come_with_their_lines(file: Path) -> None:
    file.write_text('Symbol, Instrument\r\n1,"L&T, the big one"\r\n\r\n , \r\n2\r\n')

    head, lines = read_sheet(file, ("instrument",))

    assert head == ["symbol", "instrument"]
    assert lines == [Line(2, ["1", "L&T, the big one"]), Line(5, ["2"])]
    assert names_in(file, "symbol") == [Named(2, "1"), Named(5, "2")]


def test_without_a_head_every_line_is_a_name(file: Path) -> None:
    file.write_text("\ufeffRELIANCE, the first\n\nL&T\n")

    assert names_in(file, "instrument") == [Named(1, "RELIANCE"), Named(3, "L&T")]


def test_what_an_export_made_harmless_comes_back_as_it_was(file: Path) -> None:
    file.write_text("instrument\n'=cmd()\n''@x\n'Bo\n")

    assert [one.name for one in names_in(file, "instrument")] == ["=cmd()", "'@x", "'Bo"]


def test_ranks_say_the_order(file: Path) -> None:
    file.write_text("Rank,instrument\n2,TCS\n1,RELIANCE\n")

    assert names_in(file, "instrument") == [Named(3, "RELIANCE"), Named(2, "TCS")]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "EMPTY_FILE", None),
        (b"\n , \n", "EMPTY_FILE", None),
        (b"instrument,rank\n", "EMPTY_FILE", None),
        (b"\xff", "NOT_UTF8", None),
        (b'TCS\n"a"b"\n', "BAD_FILE", 2),
        (b"rank,instrument\n1,TCS\n2\n", "EMPTY_FIELD", 3),
        (b"rank,instrument\n1,TCS\n3,LT\n", "BAD_RANK", 3),
        (b"instrument,rank\nTCS,1\nLT\n", "BAD_RANK", 3),
        (b"x" * (SHEET_BYTES_MAX + 1), "FILE_TOO_LARGE", None),
    ],
)
def test_a_fault_says_its_line(content: bytes, code: str, line: int | None, file: Path) -> None:
    file.write_bytes(content)

    with pytest.raises(Failure) as caught:
        names_in(file, "instrument", "symbol")

    assert (caught.value.code, caught.value.facts.get("line")) == (code, line)


def test_a_place_in_a_body_is_said_by_its_line() -> None:
    with pytest.raises(Failure) as caught, by_line([2, 5]):
        raise Failure(Exit.FAILURE, "UNKNOWN_ACCOUNT", "no account X", field="members[1].account")

    assert caught.value.facts == {"field": "members[1].account", "line": 5}
    assert (caught.value.exit_code, caught.value.detail) == (Exit.FAILURE, "no account X")


@pytest.mark.parametrize("field", ["members", "members[2]", "name", None])
def test_what_is_about_no_line_stays_as_it_is(field: str | None) -> None:
    said = Failure(Exit.FAILURE, "CODE", "detail", field=field)

    with pytest.raises(Failure) as caught, by_line([2, 5]):
        raise said

    assert caught.value is said


def test_a_fault_found_here_gets_the_line_it_is_on() -> None:
    with pytest.raises(Failure) as caught, at_line(7):
        raise Failure(Exit.USAGE, "INVALID_NUMBER", "no number", more=1)

    assert caught.value.facts == {"more": 1, "line": 7}
