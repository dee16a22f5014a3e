"""From bytes to typed requests, with a named error for everything that is not as it should be.

What is looked at first wins, so the same bytes always get the same code: UTF-8, depth, syntax,
then shape. A field that is named twice is refused (``DUPLICATE_FIELD``): parsers disagree on which
of the two counts, and nobody should have to guess which order was meant.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Generic, NoReturn, TypeVar, get_args
from urllib.parse import parse_qsl

import msgspec

from phalanx.api.choices import choices
from phalanx.api.problems import Problem

Shape = TypeVar("Shape", bound=msgspec.Struct)
Decoded = TypeVar("Decoded")

QUERY_BYTES_MAX = 4_096
QUERY_FIELDS_MAX = 64
ECHOED_CHARACTERS_MAX = 64
"""So much of a wrong word is repeated to whoever sent it."""
DETAIL_CHARACTERS_MAX = 1_000

_FIELD = re.compile(r"(missing required|contains unknown) field `([^`]*)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_WRONG_WORD = re.compile(r"Invalid (?:enum )?value (.+)", re.DOTALL)
_NOT_A_NUMBER = re.compile(rb"-?(?:NaN|Infinity)")
_BYTE = re.compile(r"\(byte ([0-9]+)\)")


class Body(Generic[Decoded]):
    """A decoder for one shape, a union of tagged shapes, or a list of one shape of request body."""

    def __init__(self, shape: Any, names: dict[str, str] | None = None) -> None:  # noqa: ANN401
        """``names``: field → code, where a field's wrong value has a code of its own."""
        self._decode = msgspec.json.Decoder(shape).decode
        self._shape = shape
        self._codes = names or {}
        members = get_args(shape) or (shape,)
        structs = (member for member in members if hasattr(member, "__struct_config__"))
        self._keys = {struct: _key_count(struct) for struct in structs}

    def decode(self, content: bytes) -> Decoded:
        """The request in ``content``. Raises Problem."""
        try:
            decoded: Decoded = self._decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._refuse(content, error)
        if not isinstance(decoded, msgspec.Struct):
            check_no_repeats(content)
            return decoded
        # As many colons as keys: no key can be there twice. Colons in texts lead to the slow look.
        unset = msgspec.structs.astuple(decoded).count(msgspec.UNSET)
        if content.count(b":") != self._keys[type(decoded)] - unset:
            check_no_repeats(content)
        return decoded

    def _refuse(self, content: bytes, error: Exception) -> NoReturn:
        check_json(content)
        raise shape_problem(str(error), self._shape, self._codes) from None


def _key_count(shape: type[msgspec.Struct]) -> int:
    config = shape.__struct_config__
    return len(shape.__struct_fields__) + (config.tag is not None)


def check_json(content: bytes) -> None:
    """Raises Problem ``NOT_UTF8``, ``TOO_DEEP`` or what ``syntax_problem`` says, unless this is JSON."""
    try:
        content.decode()
        msgspec.json.decode(content, type=msgspec.Raw)
    except UnicodeDecodeError as error:
        raise Problem("NOT_UTF8", f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise Problem("TOO_DEEP", "too many levels of arrays and objects") from None
    except msgspec.DecodeError as error:
        raise syntax_problem(content, str(error)) from None


def check_no_repeats(content: bytes) -> None:
    """Raises Problem ``DUPLICATE_FIELD`` when an object of this JSON has a key twice."""
    try:
        json.loads(content, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except RecursionError:
        raise Problem("TOO_DEEP", "too many levels of arrays and objects") from None
    except ValueError:
        # Bytes that are not UTF-8, in a number that is still unread: reading it will name them.
        return


def syntax_problem(content: bytes, message: str) -> Problem:
    """What a DecodeError's message says: ``INVALID_NUMBER`` (NaN, the infinities), ``INVALID_TEXT``
    (half a surrogate pair), ``MALFORMED_JSON``.
    """
    place = _BYTE.search(message)
    if place is not None:
        start = int(place.group(1))
        begins = start - 1 if content[start - 1 : start] == b"-" else start
        if _NOT_A_NUMBER.match(content, begins):
            return Problem("INVALID_NUMBER", "NaN and infinities are no numbers")
    try:
        # The standard library takes half a surrogate pair, and nothing else that msgspec does not.
        json.loads(content.decode(), parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return Problem("MALFORMED_JSON", message.removeprefix("JSON is malformed: "))
    return Problem("INVALID_TEXT", "a text holds half a surrogate pair")


def shape_problem(
    message: str,
    shape: Any,  # noqa: ANN401  a struct or a union of them
    codes: dict[str, str] | None = None,
) -> Problem:
    """What a ValidationError's message says, with a code and the field.

    A word that is not one of a few is answered with these few.
    """
    place = _PLACE.search(message)
    path = place.group(1) if place else ""
    detail = message.removesuffix(place.group(0)) if place else message
    named = _FIELD.search(message)
    if named is not None:
        code = "MISSING_FIELD" if named.group(1) == "missing required" else "UNKNOWN_FIELD"
        field = ".".join(filter(None, (path, named.group(2))))
        return Problem(
            code, f"{field} {'is missing' if code[0] == 'M' else 'is unknown'}", field=field
        )
    if "out of range" in detail:
        code = "NUMBER_TOO_LARGE"
    elif detail.startswith("Invalid") or "` >" in detail or "` <" in detail or "length" in detail:
        code = "INVALID_VALUE"
    else:
        code = "WRONG_TYPE"
    if code == "INVALID_VALUE" and codes:
        code = codes.get(path, code)
    wrong = _WRONG_WORD.fullmatch(detail)
    if wrong is not None:
        detail = _not_among(wrong.group(1), choices(shape, path))
    return Problem(code, detail[:DETAIL_CHARACTERS_MAX], field=path or None)


def _not_among(quoted: str, allowed: Sequence[str]) -> str:
    if len(quoted) > ECHOED_CHARACTERS_MAX + 2:
        quoted = f"{quoted[: ECHOED_CHARACTERS_MAX + 1]}…{quoted[0]}"
    return f"{quoted} is not one of {', '.join(allowed)}" if allowed else f"wrong value {quoted}"


def decode_query(query: bytes, shape: type[Shape]) -> Shape:
    """The query string as a shape; every value is text, and texts become numbers and flags.

    Raises Problem, also for a name that comes twice or that the door does not know: a filter that
    is silently passed over answers another question.
    """
    if len(query) > QUERY_BYTES_MAX:
        raise Problem("TEXT_TOO_LONG", f"a query string has at most {QUERY_BYTES_MAX} bytes")
    if not query:
        return msgspec.convert({}, shape)
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=QUERY_FIELDS_MAX,
        )
    except UnicodeDecodeError:
        raise Problem("NOT_UTF8", "the query string is not UTF-8") from None
    except ValueError:
        raise Problem("MALFORMED_QUERY", "the query string is not name=value&name=value") from None
    try:
        return msgspec.convert(_unique(pairs), shape, strict=False)
    except msgspec.ValidationError as error:
        raise shape_problem(str(error), shape) from None


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Problem("DUPLICATE_FIELD", f"{name[:64]!r} is there twice", field=name[:64])
        found[name] = value
    return found
