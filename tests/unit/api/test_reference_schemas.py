from typing import Any

import pytest

from phalanx.api.reference_schemas import limits_of, shape, table, type_of


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "boolean"}, "true or false"),
        ({"type": ["string", "number"]}, "text or number"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "object of text"),
        ({"enum": ["BUY", "<"]}, "<code>BUY</code> or <code>&lt;</code>"),
        ({"$ref": "#/components/schemas/Kill"}, '<a href="#shape-Kill">Kill</a>'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or null"),
        ({}, "any value"),
    ],
)
def test_types_in_words(schema: dict[str, Any], words: str) -> None:
    assert type_of(schema) == words


def test_null_may_go_unsaid() -> None:
    assert type_of({"anyOf": [{"type": "string"}, {"type": "null"}]}, nullable=False) == "text"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"minimum": 0, "maximum": 10_000, "default": 0}, "0 to 10,000; default 0"),
        ({"minimum": 1}, "at least 1"),
        ({"maxLength": 5, "default": ""}, "at most 5 characters"),
        ({"default": False}, "default false"),
        ({"default": []}, ""),
        ({"default": None, "anyOf": [{"minimum": 1, "maximum": 2}, {"type": "null"}]}, "1 to 2"),
    ],
)
def test_limits(schema: dict[str, Any], words: str) -> None:
    assert limits_of(schema) == words


def test_what_is_sent_says_what_is_required() -> None:
    fields = {"a": {"type": "string"}, "b": {"type": "string"}}
    sent = shape({"properties": fields, "required": ["a"], "additionalProperties": False})
    answered = shape({"properties": fields, "required": ["a"]})

    assert sent.count("<strong>required</strong>") == sent.count("<td>optional</td>") == 1
    assert "required" not in answered.lower()


def test_no_table_without_rows() -> None:
    assert table(["Field"], []) == ""
