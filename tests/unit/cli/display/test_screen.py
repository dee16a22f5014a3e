"""What a person or a program reads."""

import io
import json
from datetime import UTC, datetime

import pytest

from phalanx.cli.display.screen import Column, Kind, Screen, escaped, grouped, printable, short_time
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.documents import decode, decode_as, decode_rows, encode, rows_at, rows_of
from tests.unit.cli.doubles import Terminal

COLUMNS = (
    Column("name", "name"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("cash", "cash", Kind.AMOUNT),
    Column("since", "since", Kind.TIME),
)
ROWS = (
    {
        "name": "A",
        "quantity": "10",
        "cash": "5000000.5",
        "since": "2020-11-20T09:15:00.123456+05:30",
    },
    {"name": "Bee", "quantity": "7", "cash": None, "since": ""},
)


def test_a_pipe_gets_aligned_text_with_numbers_on_the_right() -> None:
    out = io.StringIO()
    Screen(out=out).table(COLUMNS, ROWS, empty="none")

    assert out.getvalue() == (
        "name  quantity       cash  since\n"
        "A           10  5000000.5  2020-11-20T09:15:00.123456+05:30\n"
        "Bee          7          -  -\n"
    )


def test_a_terminal_gets_grouped_amounts_and_short_times() -> None:
    out = Terminal()
    Screen(out=out).table(COLUMNS, ROWS, empty="none", title="holdings")

    text = out.getvalue()
    assert "holdings" in text
    assert "50,00,000.5" in text
    assert "2020-11-20 09:15:00.123" in text


@pytest.mark.parametrize("width", ["1", "10", "30", "31", "32", "33", "200"])
def test_nothing_is_cut_where_the_terminal_is_narrow(
    width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    out = Terminal()
    columns = (*COLUMNS, Column("list", "list", Kind.WORDS))
    Screen(out=out).table(columns, [{**row, "list": ["one", "two"]} for row in ROWS], empty="")

    text = out.getvalue()
    assert all(whole in text for whole in ("50,00,000.5", "09:15:00.123", "Bee", "two"))


def test_a_name_is_no_instruction_to_the_terminal() -> None:
    for out in (io.StringIO(), Terminal()):
        rows = [{"name": "[red]x\x1b[2J\u202e"}]
        Screen(out=out).table(COLUMNS[:1], rows, empty="none")

        assert "[red]x?[2J?" in out.getvalue()


def test_an_empty_table_says_so() -> None:
    out = io.StringIO()
    Screen(out=out).table(COLUMNS, (), empty="no clients")

    assert out.getvalue() == "no clients\n"


def test_cells_of_other_kinds() -> None:
    out = io.StringIO()
    columns = (Column("on", "on"), Column("off", "off"), Column("list", "list"))
    Screen(out=out).table(columns, [{"on": True, "off": False, "list": ["a", "b"]}], empty="")

    assert out.getvalue().splitlines()[1].split() == ["yes", "no", "a,", "b"]


def test_fields_of_a_document() -> None:
    out = io.StringIO()
    Screen(out=out).fields({"added": [1, 2], "sha256": "ab", "note": None})

    assert out.getvalue() == "added   2\nsha256  ab\nnote    \n"


def test_json_on_a_terminal_is_json_that_cannot_steer_it() -> None:
    value = {"name": "नेहा\x9b\u202e\U000e0001"}
    out = Terminal()
    Screen(as_json=True, out=out).document(value)

    assert "नेहा" in out.getvalue()
    assert not {"\x9b", "\u202e", "\U000e0001"} & set(out.getvalue())
    assert json.loads(out.getvalue()) == value
    assert escaped('{"a":1}') == '{"a":1}'


def test_an_error_goes_to_stderr() -> None:
    out, err = io.StringIO(), io.StringIO()
    Screen(out=out, err=err).failure(Failure(Exit.FAILURE, "BAD", "it is \x1b[31m bad"))

    assert (out.getvalue(), err.getvalue()) == ("", "error: it is ?[31m bad [BAD]\n")


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("no client 999", "error: line 1: no client 999 [BAD]\n"),
        ("BAD, line 12: no client", "error: line 1: BAD, line 12: no client [BAD]\n"),
        ("BAD, line 1, client", "error: BAD, line 1, client [BAD]\n"),
    ],
)
def test_an_error_in_a_file_says_its_line_once(detail: str, said: str) -> None:
    err = io.StringIO()
    Screen(out=io.StringIO(), err=err).failure(Failure(Exit.FAILURE, "BAD", detail, line=1))

    assert err.getvalue() == said


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("999", "999"),
        ("1000", "1,000"),
        ("100000", "1,00,000"),
        ("-12345678.25", "-1,23,45,678.25"),
        ("n/a", "n/a"),
        ("", ""),
    ],
)
def test_grouped(number: str, text: str) -> None:
    assert grouped(number) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-11-20T09:15:00.123456+05:30", "09:15:00.123"),
        ("2026-11-21T00:15:00.999999+05:30", "2026-11-21 00:15:00.999"),
        ("2026-11-19T18:31:00Z", "2026-11-19 18:31:00.000"),
        ("yesterday", "yesterday"),
    ],
)
def test_short_time(time: str, text: str) -> None:
    assert short_time(time, datetime(2026, 11, 20, 18, 29, tzinfo=UTC)) == text


def test_printable_leaves_languages_alone() -> None:
    assert printable("नेहा – é €") == "नेहा – é €"


def test_numbers_stay_as_the_server_wrote_them() -> None:
    text = b'{"cash":100.10,"large":12345678901234567890.12345678}'

    assert encode(decode(text)) == text.decode()


@pytest.mark.parametrize("body", [b"<html>", b'{"items":3}', b"[1]", b"7"])
def test_an_answer_of_another_shape_is_named(body: bytes) -> None:
    with pytest.raises(Failure, match="BAD_ANSWER"):
        rows_of(body)


def test_rows() -> None:
    assert rows_of(b'[{"a":1}]') == rows_of(b'{"items":[{"a":1}],"total":1}') == [{"a": 1}]
    assert rows_at(b'{"outcomes":[{"a":1}]}', "outcomes") == [{"a": 1}]
    with pytest.raises(Failure, match="BAD_ANSWER"):
        rows_at(b"[]", "outcomes")
    with pytest.raises(Failure, match="BAD_ANSWER"):
        decode_rows(b'[{"a":1}]', int)
    with pytest.raises(Failure, match="BAD_ANSWER"):
        decode_as(b'"x"', int)
