"""What an alert says: the fields of its body, whether that is JSON, ``key=value`` or plain words.

A number stays the characters that it came in; it never becomes a float.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from phalanx.api.decoding import ECHOED_CHARACTERS_MAX, check_json, syntax_problem
from phalanx.api.head import Head
from phalanx.api.problems import Problem

WORDS_MAX: Final = 200
JSON_TYPE: Final = b"application/json"
FORM_TYPE: Final = b"application/x-www-form-urlencoded"
TYPES: Final = frozenset({JSON_TYPE, FORM_TYPE, b"text/plain", b""})
"""What an alert's body may be said to be; of the form it is what curl says where nothing is said."""

_BETWEEN: Final = re.compile(r"[\s,;]+")


class Number(str):
    """A number of JSON, as its characters."""

    __slots__ = ()


Field: TypeAlias = "str | bool | list[Any] | dict[str, Any] | None"
"""A value of an alert; numbers are `Number`."""
Fields: TypeAlias = dict[str, Any]


def check_type(head: Head) -> bytes:
    """What the body is said to be. Raises Problem ``UNSUPPORTED_MEDIA_TYPE``."""
    said = head.values.get(b"content-type", b"").split(b";")[0].strip().lower()
    if said not in TYPES:
        raise Problem("UNSUPPORTED_MEDIA_TYPE", "send application/json or text/plain, in UTF-8")
    head.check_plain()
    return said


def read_fields(content: bytes, said: bytes) -> Fields:
    """The fields of a body. Raises Problem ``NOT_UTF8``, ``MALFORMED_JSON`` and its like, ``WRONG_TYPE``,
    ``DUPLICATE_FIELD``, ``TOO_MANY_FIELDS``, ``EMPTY_TEXT``.
    """
    if said == JSON_TYPE or content.lstrip()[:1] == b"{":
        return _from_json(content)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Problem("NOT_UTF8", f"not UTF-8 at byte {error.start}") from None
    fields = _from_form(text) if said == FORM_TYPE and "=" in text else _from_words(text)
    if not fields:
        raise Problem("EMPTY_TEXT", "the alert says nothing")
    return fields


def find_field(fields: Fields, path: str) -> Field:
    """The value at a dotted path; an item of a list by its place from 0. Raises Problem ``MISSING_FIELD``."""
    if path in fields:
        return _there(fields[path], path)
    found: Any = fields
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdecimal() and part.isascii():
            found = found[int(part)] if int(part) < len(found) else None
        else:
            found = None
    return _there(found, path)


def shortened(value: str) -> str:
    """So much of a wrong value as is repeated."""
    if len(value) <= ECHOED_CHARACTERS_MAX:
        return repr(value)
    return repr(f"{value[:ECHOED_CHARACTERS_MAX]}…")


def _there(value: Field, path: str) -> Field:
    if value is None:
        raise Problem("MISSING_FIELD", f"the alert has no field {path}", field=path)
    return value


def _from_json(content: bytes) -> Fields:
    check_json(content)
    try:
        # The standard library takes half a surrogate pair, of which nothing can be made afterwards.
        msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise syntax_problem(content, str(error)) from None
    try:
        found = json.loads(content, object_pairs_hook=_unique, parse_int=Number, parse_float=Number)
    except RecursionError:
        raise Problem("TOO_DEEP", "too many levels of arrays and objects") from None
    except ValueError:
        raise Problem("MALFORMED_JSON", "the alert cannot be read") from None
    if not isinstance(found, dict):
        raise Problem("WRONG_TYPE", "an alert in JSON is an object")
    return found


def _from_form(text: str) -> Fields:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=WORDS_MAX)
    except UnicodeDecodeError:
        raise Problem("NOT_UTF8", "not UTF-8 where its signs are put together") from None
    except ValueError:
        raise _too_many() from None
    return _unique(pairs)


def _from_words(text: str) -> Fields:
    """``key=value`` by its key, other words by their place among these, from 1."""
    words = [word for word in _BETWEEN.split(text) if word]
    if len(words) > WORDS_MAX:
        raise _too_many()
    pairs: list[tuple[str, str]] = []
    plain = 0
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key:
            pairs.append((key, value))
        else:
            plain += 1
            pairs.append((str(plain), word))
    return _unique(pairs)


def _unique(pairs: Iterable[tuple[str, Any]]) -> Fields:
    found: Fields = {}
    for name, value in pairs:
        if name in found:
            _twice(name)
        found[name] = value
    return found


def _twice(name: str) -> NoReturn:
    raise Problem("DUPLICATE_FIELD", f"{shortened(name)} is there twice", field=name[:64])


def _too_many() -> Problem:
    return Problem("TOO_MANY_FIELDS", f"an alert has at most {WORDS_MAX} words")
