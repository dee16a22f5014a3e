"""Templates by themselves: what is put where, and that nothing in an alert is more than a value."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.api.hooks.alerts import Number, find_field, read_fields
from phalanx.api.hooks.template import check_template, fields_of, fill_in
from phalanx.api.problems import Problem
from phalanx.domain.hooks import HookTemplate, WordMap


def template(document: object, **words: dict[str, str]) -> HookTemplate:
    maps = tuple(WordMap(field, tuple(pairs.items())) for field, pairs in words.items())
    return HookTemplate(msgspec.json.encode(document).decode(), maps)


def filled(document: object, content: bytes) -> bytes:
    return fill_in(template(document), read_fields(content, b"application/json"))


def code(document: object, content: bytes = b"{}") -> str:
    with pytest.raises(Problem) as caught:
        filled(document, content)
    return f"{caught.value.code} {caught.value.field}"


@pytest.mark.parametrize("number", ["1", "-0.10", "1364.500000001", "9" * 30, "1e400"])
def test_a_number_keeps_its_characters(number: str) -> None:
    body = b'{"n": %b}' % number.encode()
    if "e" in number:
        with pytest.raises(Problem):
            filled({"price": "{{n}}"}, body)
        return

    assert filled({"price": "{{n}}"}, body) == b'{"price":%b}' % number.encode()
    assert filled({"note": "at {{n}}"}, body) == b'{"note":"at %b"}' % number.encode()


def test_numbers_of_the_template_keep_theirs() -> None:
    of = HookTemplate('{"kind": "exit", "percent": 33.30, "a": [1.10, true, null, "{{x}}"]}')

    assert fill_in(of, {"x": "y"}) == b'{"kind":"exit","percent":33.30,"a":[1.10,true,null,"y"]}'


def test_fields_are_found_where_their_paths_lead() -> None:
    fields: dict[str, Any] = {"a": {"b": [{"c": Number("7")}]}, "x.y": "whole", "n": None}

    assert find_field(fields, "a.b.0.c") == "7"
    assert find_field(fields, "x.y") == "whole"
    for path in ("a.b.1.c", "a.b.-1.c", "a.b.c", "n", "z", "x.y.z", "a.b.0.c.d"):
        with pytest.raises(Problem) as caught:
            find_field(fields, path)
        assert (caught.value.code, caught.value.field) == ("MISSING_FIELD", path)


def test_a_value_is_never_read_as_a_template_or_as_json() -> None:
    body = msgspec.json.encode({"a": '{{b}}","kind":"exit', "b": "secret"})

    assert msgspec.json.decode(filled({"note": "{{a}}", "n": "-{{a}}-"}, body)) == {
        "note": '{{b}}","kind":"exit',
        "n": '-{{b}}","kind":"exit-',
    }


def test_what_cannot_be_put_there_is_named() -> None:
    assert code({"a": "{{x.y}}"}) == "MISSING_FIELD x.y"
    assert code({"a": "{{x}}"}, b'{"x": null}') == "MISSING_FIELD x"
    assert code({"a": "{{x}}"}, b'{"x": {}}') == "HOOK_FIELD_NOT_PLAIN x"
    assert code({"a": "-{{x}}"}, b'{"x": [1]}') == "HOOK_FIELD_NOT_PLAIN x"


def test_a_list_is_of_names_with_commas_or_a_list() -> None:
    of = HookTemplate('{"kind":"priority_buy","instruments":"{{s}}"}', (), ("s",))
    wanted = b'{"kind":"priority_buy","instruments":["A B","C"]}'

    assert fill_in(of, {"s": " A B, C,"}) == wanted
    assert fill_in(of, {"s": ["A B", "C"]}) == wanted
    wrong: list[Any] = [{}, [["A"]], True]
    for value in wrong:
        with pytest.raises(Problem, match="HOOK_FIELD_NOT_PLAIN"):
            fill_in(of, {"s": value})
    with pytest.raises(Problem, match="TOO_MANY_FIELDS"):
        fill_in(of, {"s": "A," * 1_001})


def test_words_stand_for_others_and_no_others_pass() -> None:
    of = template({"kind": "signal", "side": "{{a}}"}, a={"1": "BUY", "true": "SELL"})

    assert fill_in(of, {"a": Number("1")}) == b'{"kind":"signal","side":"BUY"}'
    assert fill_in(of, {"a": True}) == b'{"kind":"signal","side":"SELL"}'
    with pytest.raises(Problem, match="HOOK_VALUE_UNKNOWN"):
        fill_in(of, {"a": "x" * 10_000})


def test_the_fields_of_a_template_are_known() -> None:
    of = template({"kind": "signal", "a": ["{{b}} and {{ c.d }}"], "e": {"f": "{{b}}"}})

    assert fields_of(of) == ("b", "c.d")
    check_template(of)


@given(st.dictionaries(st.sampled_from("abc"), st.text() | st.booleans() | st.none()))
def test_whatever_an_alert_says_it_stays_a_value(alert: dict[str, object]) -> None:
    document = {"kind": "signal", "one": "{{a}}", "two": "<{{b}}>"}
    try:
        fields = read_fields(msgspec.json.encode(alert), b"application/json")
        found = msgspec.json.decode(fill_in(template(document), fields))
    except Problem:
        assert alert.get("a") is None or alert.get("b") is None
        return
    assert found.keys() == document.keys()
    assert found["one"] == alert["a"]


@given(st.binary(max_size=300), st.sampled_from([b"", b"text/plain", b"application/json"]))
def test_any_bytes_are_fields_or_a_problem(content: bytes, said: bytes) -> None:
    try:
        fields = read_fields(content, said)
    except Problem as problem:
        found = problem
    else:
        assert all(isinstance(name, str) for name in fields)
        return
    assert msgspec.json.decode(found.document("r"))["code"] == found.code
