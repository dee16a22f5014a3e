"""A profiles file is read strictly, and every fault has its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.profiles import ProfileFault, read_profiles

GOOD = """{
  "Holland Proctor": {"STRATEGY_A": ["BIRLASOFT", "GRASIM"], "STRATEGY_B": []},
  "Oaklee \\"Oak\\" Wagner": {}
}"""


def test_a_good_file() -> None:
    assert read_profiles(GOOD.encode()) == json.loads(GOOD)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read_profiles(b"\xef\xbb\xbf {} ") == {}


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "MALFORMED_JSON", 1, 1),
        ("{\n  'a': {}}", "MALFORMED_JSON", 2, 3),
        ('{"a": {}} x', "MALFORMED_JSON", 1, 11),
        ('{"a": {"S": ["X" "Y"]}}', "MALFORMED_JSON", 1, 18),
        ("[" * 100_000, "TOO_DEEP", 1, 1),
        ("[]", "WRONG_TYPE", 1, 1),
        ('{\n "a": [1]\n}', "WRONG_TYPE", 2, 7),
        ('{"a": {\n"S": "ACC"}}', "WRONG_TYPE", 2, 6),
        ('{"a": {"S": ["ACC",\n\n  7]}}', "WRONG_TYPE", 3, 3),
        ('{"a": {"S": ["ACC", NaN]}}', "WRONG_TYPE", 1, 21),
        ('{"a": {}, "a": {}}', "DUPLICATE_FIELD", 1, 11),
        ('{"a": {"S": [],\n "S": []}}', "DUPLICATE_FIELD", 2, 2),
        ('{"a": {"S": ["ACC", "X",\n "ACC"]}}', "DUPLICATE_INSTRUMENT", 2, 2),
        ('{"a": {"S": ["A", "\\u0041"]}}', "DUPLICATE_INSTRUMENT", 1, 19),
        ('{"": {}}', "EMPTY_TEXT", 1, 2),
        ('{"a": {"S": [" "]}}', "EMPTY_TEXT", 1, 14),
        ('{"%s": {}}' % ("x" * 129), "TEXT_TOO_LONG", 1, 2),
        ('{"a\\u001b[2J": {}}', "INVALID_TEXT", 1, 2),
        ('{"a\\ud800": {}}', "INVALID_TEXT", 1, 2),
        ('{"USERS": ["a"], "STRATEGIES": ["S"], "INSTRUMENTS": ["X"]}', "RAW_DETAILS", 1, 11),
    ],
)
def test_a_fault_has_a_code_and_a_place(text: str, code: str, line: int, column: int) -> None:
    with pytest.raises(ProfileFault) as caught:
        read_profiles(text.encode())

    fault = caught.value
    assert (fault.code, fault.line, fault.column) == (code, line, column)
    assert str(fault).startswith(f"line {line}, column {column}: ")


def test_bytes_that_are_no_text_have_a_place() -> None:
    with pytest.raises(ProfileFault) as caught:
        read_profiles('{\n"é'.encode() + b"\xff")

    assert (caught.value.code, caught.value.line, caught.value.column) == ("NOT_UTF8", 2, 3)


names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128).filter(
    str.strip
)


profiles_of_any_names = st.dictionaries(
    names, st.dictionaries(names, st.lists(names, max_size=3, unique=True), max_size=3)
)


def test_a_number_of_very_many_digits_is_no_shape_of_ours() -> None:
    with pytest.raises(ProfileFault, match="an object of strategies"):
        read_profiles(b'{"a": %s}' % (b"9" * 5_000))


@given(profiles_of_any_names)
def test_whatever_json_writes_is_read_back(profiles: dict[str, dict[str, list[str]]]) -> None:
    for indent in (None, 2):
        for ascii_only in (True, False):
            text = json.dumps(profiles, indent=indent, ensure_ascii=ascii_only)
            assert read_profiles(text.encode()) == profiles
