"""Whatever text is exported, a reader finds it again, and no spreadsheet runs it."""

import csv
import re
from io import StringIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from phalanx.api.tables import csv_content
from phalanx.market.cells import neutralized, restored

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
FORMULA = "=+-@\t\r"

risky = st.text(st.sampled_from("'=+-@\t\r\n,;\"0.5eA "), max_size=8)
texts = st.one_of(st.text(max_size=40), risky, st.from_regex(NUMBER, fullmatch=True))


def read_back(content: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(content.decode(), newline="")))


@given(st.lists(st.lists(texts, min_size=2, max_size=2), max_size=6))
@example([["'=1", "''=1"], ["'-5", "-5"], ["-5.", "'"], ["\r", "\r\n"], ["", "'"]])
def test_a_table_is_what_it_was_when_it_is_read(rows: list[list[str]]) -> None:
    columns = ["one", "two"]

    header, *found = read_back(csv_content(columns, rows))

    assert header == columns
    assert [[restored(cell) for cell in row] for row in found] == rows


@given(st.lists(texts, min_size=2, max_size=2))
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(row: list[str]) -> None:
    _, cells = read_back(csv_content(["one", "two"], [row]))

    for cell in cells:
        assert cell[:1] not in set(FORMULA) or NUMBER.fullmatch(cell)


@given(texts, texts)
def test_two_texts_are_never_one_cell(one: str, other: str) -> None:
    assert (neutralized(one) == neutralized(other)) is (one == other)


@given(st.from_regex(NUMBER, fullmatch=True))
def test_a_plain_number_stays_one(number: str) -> None:
    assert neutralized(number) == restored(number) == number


@pytest.mark.parametrize("first", FORMULA)
def test_each_way_to_begin_a_formula_is_stopped(first: str) -> None:
    assert neutralized(f"{first}cmd") == f"'{first}cmd"
