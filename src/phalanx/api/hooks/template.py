"""From the fields of an alert to the JSON of an instruction, by a source's template.

A template is the body of ``POST /api/v1/instructions`` with ``{{field}}`` in its texts. There is no
language in it: a field is put where its name stands, after `WordMap` has said what its value stands for,
and the result is read by the same decoder as every other instruction.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from phalanx.api.decoding import check_json, check_no_repeats, syntax_problem
from phalanx.api.hooks.alerts import Field, Fields, Number, find_field, shortened
from phalanx.api.instruction_shapes import LIST_MAX
from phalanx.api.problems import Problem
from phalanx.domain.hooks import HookTemplate
from phalanx.domain.instructions import KINDS

TEMPLATE_BYTES_MAX: Final = 16 * 1024
FIELD_PATH: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"

_PLACEHOLDER: Final = re.compile(r"\{\{\s*(" + FIELD_PATH + r")\s*\}\}")
_BRACES: Final = re.compile(r"\{\{|\}\}")
_KINDS: Final = tuple(dict.fromkeys(kind for kind in KINDS.values() if kind != "cancel"))
_NOT_OF_AN_ALERT: Final = ("preview", "on_moved")
_encode: Final = msgspec.json.Encoder().encode


def check_template(template: HookTemplate) -> None:
    """Raises Problem ``HOOK_TEMPLATE`` for what no alert could make an instruction of, with its place."""
    document = _document(template)
    if not isinstance(document, dict):
        raise _fault("it must be an object")
    if document.get("kind") not in _KINDS:
        raise _fault(f"kind must be there, as one of {', '.join(_KINDS)}", "kind")
    for field in _NOT_OF_AN_ALERT:
        if field in document:
            raise _fault(f"an alert has no {field}", field)
    for text in _texts(document):
        if _BRACES.search(_PLACEHOLDER.sub("", text)) is not None:
            raise _fault(f"{shortened(text)} is not {{{{field}}}}")
    used = fields_of(template)
    for name in (*(one.field for one in template.values), *template.lists):
        if name not in used:
            raise _fault(f"the field {shortened(name)} is nowhere in it")


def fields_of(template: HookTemplate) -> tuple[str, ...]:
    """The fields that a template takes, in the order in which they stand."""
    found = (name for text in _texts(_document(template)) for name in _PLACEHOLDER.findall(text))
    return tuple(dict.fromkeys(found))


def fill_in(template: HookTemplate, fields: Fields) -> bytes:
    """The instruction as JSON.

    Raises Problem ``MISSING_FIELD``, ``HOOK_VALUE_UNKNOWN``, ``HOOK_FIELD_NOT_PLAIN``, with the name of
    the alert's field.
    """
    words = {one.field: dict(one.words) for one in template.values}
    return _encode(_filled(_document(template), _Filling(fields, words, frozenset(template.lists))))


class _Filling(msgspec.Struct, frozen=True):
    """The fields of one alert, and what their values stand for."""

    fields: Fields
    words: dict[str, dict[str, str]]
    lists: frozenset[str]

    def whole(self, path: str) -> Any:  # noqa: ANN401  JSON
        """What stands in the place of a text that is one field."""
        value = find_field(self.fields, path)
        if path in self.lists:
            return [self._plain(one, path) for one in _items(value, path)]
        return self._plain(value, path)

    def text(self, path: str) -> str:
        """What stands in the place of a field within a text."""
        value = self.whole(path)
        if isinstance(value, list):
            raise _not_plain(path)
        if isinstance(value, bool):
            return "true" if value else "false"
        return bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)

    def _plain(self, value: Field, path: str) -> str | bool | msgspec.Raw:
        """A single value, as it stands for itself or for another; a number keeps its characters."""
        if not isinstance(value, str | bool):
            raise _not_plain(path)
        words = self.words.get(path)
        if words is not None:
            said = str(value).lower() if isinstance(value, bool) else str(value)
            if said not in words:
                detail = f"{shortened(said)} is not one of {', '.join(words)}"
                raise Problem("HOOK_VALUE_UNKNOWN", detail, field=path)
            return words[said]
        return msgspec.Raw(value.encode("ascii")) if isinstance(value, Number) else value


def _filled(part: Any, filling: _Filling) -> Any:  # noqa: ANN401  JSON
    if isinstance(part, dict):
        return {name: _filled(value, filling) for name, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, filling) for value in part]
    if type(part) is not str:
        return part
    alone = _PLACEHOLDER.fullmatch(part)
    if alone is not None:
        return filling.whole(alone[1])
    return _PLACEHOLDER.sub(lambda found: filling.text(found[1]), part)


def _items(value: Field, path: str) -> list[Any]:
    """The items of a list, or of a text of names with commas between."""
    if isinstance(value, str):
        value = [part for one in value.split(",") if (part := one.strip())]
    if not isinstance(value, list):
        raise _not_plain(path)
    if len(value) > LIST_MAX:
        raise Problem("TOO_MANY_FIELDS", f"at most {LIST_MAX} in a list", field=path)
    return value


@lru_cache(256)
def _parsed(document: str) -> Any:  # noqa: ANN401  JSON
    """A template as it was put; nobody changes what this gives."""
    content = document.encode("utf-8", "surrogatepass")
    check_json(content)
    check_no_repeats(content)
    try:
        return _with_numbers(msgspec.Raw(content))
    except msgspec.DecodeError as error:
        raise syntax_problem(content, str(error)) from None


def _with_numbers(raw: msgspec.Raw) -> Any:  # noqa: ANN401  JSON
    """JSON whose numbers are still their characters."""
    content = bytes(raw).lstrip()
    if content[:1] == b"{":
        members = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        return {name: _with_numbers(value) for name, value in members.items()}
    if content[:1] == b"[":
        items = msgspec.json.decode(content, type=list[msgspec.Raw])
        return [_with_numbers(value) for value in items]
    if content[:1] in b"-0123456789":
        return msgspec.Raw(content)
    return msgspec.json.decode(content)


def _document(template: HookTemplate) -> Any:  # noqa: ANN401  JSON
    return _parsed(template.document)


def _texts(part: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    """Every text in a document that may have a field in it."""
    if isinstance(part, str):
        yield part
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _texts(one)


def _fault(detail: str, field: str = "") -> Problem:
    place = f"template.{field}" if field else "template"
    return Problem("HOOK_TEMPLATE", f"the template: {detail}", field=place)


def _not_plain(path: str) -> Problem:
    detail = f"{path} is not a text, a number, or true or false"
    return Problem("HOOK_FIELD_NOT_PLAIN", detail, field=path)
