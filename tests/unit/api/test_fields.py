from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.api.fields import exact, name, not_negative, note, positive, token
from phalanx.api.problems import Problem
from phalanx.domain.numbers import FIXED_MAX, SCALE, format_fixed


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(Problem) as refused:
        call()
    assert refused.value.field == "price"
    return refused.value.code


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"1364.5", 136_450_000_000),
        (b'"1364.5"', 136_450_000_000),
        (b"0.1", SCALE // 10),
        (b"0.1000000000000000", SCALE // 10),
        (b'"\\u0031"', SCALE),
        (b"-2", -2 * SCALE),
        (b"90000000000", FIXED_MAX),
        (b"0.00000001", 1),
    ],
)
def test_numbers_are_read_from_their_characters(raw: bytes, value: int) -> None:
    assert exact(msgspec.Raw(raw), "price") == value


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"1e400", "INVALID_NUMBER"),
        (b"1E2", "INVALID_NUMBER"),
        (b"1e0", "INVALID_NUMBER"),
        (b'"NaN"', "INVALID_NUMBER"),
        (b'"Infinity"', "INVALID_NUMBER"),
        (b'"-Infinity"', "INVALID_NUMBER"),
        (b'""', "INVALID_NUMBER"),
        (b'" 1"', "INVALID_NUMBER"),
        (b'"+1"', "INVALID_NUMBER"),
        (b'"1,000"', "INVALID_NUMBER"),
        (b'"1."', "INVALID_NUMBER"),
        (b'".5"', "INVALID_NUMBER"),
        (b'"0x10"', "INVALID_NUMBER"),
        (b'"\xd9\xa1"', "INVALID_NUMBER"),
        (b'"\\ud800"', "INVALID_NUMBER"),
        (b'"\xff"', "NOT_UTF8"),
        (b"0.000000001", "TOO_PRECISE"),
        (b"90000000000.00000001", "NUMBER_TOO_LARGE"),
        (b"99999999999999999999", "NUMBER_TOO_LARGE"),
        (b"1" * 300, "NUMBER_TOO_LARGE"),
        (b"null", "WRONG_TYPE"),
        (b"true", "WRONG_TYPE"),
        (b"[1]", "WRONG_TYPE"),
        (b'{"a":1}', "WRONG_TYPE"),
    ],
)
def test_each_bad_number_has_its_code(raw: bytes, code: str) -> None:
    assert code_of(lambda: exact(msgspec.Raw(raw), "price")) == code


@pytest.mark.parametrize("raw", [b"0", b"-0", b"0.0", b'"-1"', b"-0.00000001"])
def test_a_price_is_above_zero(raw: bytes) -> None:
    assert code_of(lambda: positive(msgspec.Raw(raw), "price")) == "NOT_POSITIVE"


def test_funds_may_be_zero_and_not_less() -> None:
    assert not_negative(msgspec.Raw(b"0"), "price") == 0
    assert code_of(lambda: not_negative(msgspec.Raw(b"-1"), "price")) == "NOT_POSITIVE"


@given(st.integers(min_value=-FIXED_MAX, max_value=FIXED_MAX), st.booleans())
def test_what_we_write_we_read(value: int, as_text: bool) -> None:
    text = format_fixed(value)
    raw = f'"{text}"' if as_text else text

    assert exact(msgspec.Raw(raw.encode()), "price") == value


@pytest.mark.parametrize("text", ["INFY", "M&M", "Holland Proctor", "a" * 128, "₹", "രാജ്‍"])
def test_names_that_pass(text: str) -> None:
    assert name(text, "price") == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "EMPTY_TEXT"),
        ("a" * 129, "TEXT_TOO_LONG"),
        ("a\x00b", "INVALID_TEXT"),
        ("a\nb", "INVALID_TEXT"),
        ("\x1b[31m", "INVALID_TEXT"),
        ("a\x7f", "INVALID_TEXT"),
        ("a\x85", "INVALID_TEXT"),
        ("a\ud800", "INVALID_TEXT"),
    ],
)
def test_each_bad_name_has_its_code(text: str, code: str) -> None:
    assert code_of(lambda: name(text, "price")) == code


def test_a_note_may_break_its_lines() -> None:
    assert note("one\n\ttwo") == "one\n\ttwo"
    assert note("") == ""


@pytest.mark.parametrize(
    ("text", "code"), [("a" * 501, "TEXT_TOO_LONG"), ("a\x00", "INVALID_TEXT")]
)
def test_each_bad_note_has_its_code(text: str, code: str) -> None:
    assert code_of(lambda: note(text, "price")) == code


@pytest.mark.parametrize(("value", "text"), [(2885, "2885"), ("NSE:2885", "NSE:2885"), (-1, "-1")])
def test_a_token_is_a_text_in_the_end(value: str | int, text: str) -> None:
    assert token(value, "price") == text


def test_a_token_has_an_end() -> None:
    assert code_of(lambda: token(10**200, "price")) == "TEXT_TOO_LONG"
