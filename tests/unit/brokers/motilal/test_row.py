import pytest

from phalanx.brokers.motilal.row import BadData, Flaw, Row, decode
from phalanx.domain.numbers import parse_fixed


def flaw(row: Row, method: str, name: str = "x") -> Flaw:
    with pytest.raises(BadData) as found:
        getattr(row, method)(name)
    return found.value.flaw


@pytest.mark.parametrize(
    "text", ["", "not json", "NaN", '{"a":Infinity}', "[" * 100_000, '"\\ud800"']
)
def test_what_is_not_json_is_a_declared_error(text: str) -> None:
    with pytest.raises(BadData) as found:
        decode(text.encode())

    assert found.value.flaw is Flaw.NOT_JSON


def test_decimals_stay_what_was_written() -> None:
    assert decode(b'{"a":0.1,"b":"0.1","c":1e3}') == {"a": "0.1", "b": "0.1", "c": "1e3"}


def test_names_are_read_whatever_their_case() -> None:
    row = Row({"errorCode": "MO1", "LTP": 5})

    assert (row.text("errorcode"), row.whole("ltp"), row.text("errorCode")) == ("MO1", 5, "MO1")


@pytest.mark.parametrize("value", [None, "null"])
def test_null_is_nothing(value: object) -> None:
    assert Row({"x": value}).text("x", "") == ""
    assert flaw(Row({"x": value}), "text") is Flaw.MISSING


@pytest.mark.parametrize("value", [[], {}, True])
def test_what_is_no_text_is_a_declared_error(value: object) -> None:
    assert flaw(Row({"x": value}), "text") is Flaw.NOT_A_TEXT


@pytest.mark.parametrize("value", ["a" * 257, 10**300])
def test_what_is_too_long_is_a_declared_error(value: object) -> None:
    assert flaw(Row({"x": value}), "text") is Flaw.TOO_LARGE


@pytest.mark.parametrize("value", ["€", "a\nb"])
def test_a_name_is_printable(value: str) -> None:
    assert flaw(Row({"x": value}), "name") is Flaw.NOT_A_TEXT


@pytest.mark.parametrize("value", [48725, " 48725", "48725.00", "4.8725e4"])
def test_a_whole_number_is_read_however_it_is_written(value: object) -> None:
    assert Row({"x": value}).whole("x") == 48725


@pytest.mark.parametrize("value", ["1.5", "x", "", "1e999", "--1", "0x10", "\u0661"])
def test_what_is_no_whole_number_is_a_declared_error(value: str) -> None:
    assert flaw(Row({"x": value}), "whole") in (Flaw.NOT_A_NUMBER, Flaw.MISSING)


@pytest.mark.parametrize("value", [10**10 + 1, "99999999999999999", "1e99"])
def test_a_number_that_nothing_has_is_a_declared_error(value: object) -> None:
    assert flaw(Row({"x": value}), "whole") is Flaw.TOO_LARGE
    assert flaw(Row({"x": value}), "rupees") is Flaw.TOO_LARGE


def test_a_count_is_not_negative() -> None:
    assert flaw(Row({"x": -1}), "count") is Flaw.NOT_A_NUMBER
    assert Row({"x": -1}).whole("x") == -1


@pytest.mark.parametrize(
    ("value", "price"),
    [
        ("2784.5", "2784.5"),
        (100, "100"),
        ("101.30000000000001", "101.3"),
        ("3597.05", "3597.05"),
        ("0.00004", "0"),
        ("-12.5", "-12.5"),
    ],
)
def test_rupees_have_four_decimals(value: object, price: str) -> None:
    assert Row({"x": value}).rupees("x") == parse_fixed(price)


def test_paise_are_shifted_exactly() -> None:
    assert Row({"x": 278400}).rupees("x", precision=2) == parse_fixed("2784")


def test_a_default_stands_for_what_is_missing_or_empty_only() -> None:
    assert Row({}).whole("x", 7) == 7
    assert Row({"x": ""}).whole("x", 7) == 7
    assert flaw(Row({"x": "y"}), "count") is Flaw.NOT_A_NUMBER
