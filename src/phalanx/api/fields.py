"""Single values of a request: exact numbers, texts, tokens. Each error names its field.

A JSON number is read from its own characters and never becomes a float: ``1364.5`` and ``"1364.5"``
are the same price, exactly.
"""

import msgspec

from phalanx.api.problems import Problem
from phalanx.domain.names import (
    NAME_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    is_printable,
    is_printable_note,
)
from phalanx.domain.numbers import BASIS_POINTS, SCALE, Fixed, NumberError, parse_fixed

BASIS_POINT = 100 * SCALE // BASIS_POINTS
"""One of them in percent."""

_NUMBER_BEGINS = frozenset(b"-0123456789")
_NUMBER_DETAILS = {
    "INVALID_NUMBER": "not a plain decimal number such as 1364.5 (no exponent, no NaN)",
    "TOO_PRECISE": "more than eight decimals",
    "NUMBER_TOO_LARGE": "more than 90,000,000,000",
}


def exact(raw: msgspec.Raw, field: str) -> Fixed:
    """A number, or a text with a number in it, from its characters.

    Raises Problem ``INVALID_NUMBER``, ``TOO_PRECISE``, ``NUMBER_TOO_LARGE``, ``WRONG_TYPE``.
    """
    try:
        return parse_fixed(_number_text(bytes(raw), field))
    except NumberError as error:
        raise Problem(error.code, _NUMBER_DETAILS[error.code], field=field) from None


def positive(raw: msgspec.Raw, field: str) -> Fixed:
    """As ``exact``, and above zero: else Problem ``NOT_POSITIVE``."""
    value = exact(raw, field)
    if value <= 0:
        raise Problem("NOT_POSITIVE", "must be above zero", field=field)
    return value


def not_negative(raw: msgspec.Raw, field: str) -> Fixed:
    """As ``exact``, and not below zero: else Problem ``NOT_POSITIVE``."""
    value = exact(raw, field)
    if value < 0:
        raise Problem("NOT_POSITIVE", "must not be below zero", field=field)
    return value


def basis_points(raw: msgspec.Raw, field: str) -> int:
    """A percentage above 0 and up to 100, as basis points.

    Raises Problem ``NOT_POSITIVE``, ``TOO_PRECISE``, ``INVALID_VALUE``, and as ``exact`` does.
    """
    found, rest = divmod(positive(raw, field), BASIS_POINT)
    if rest:
        raise Problem("TOO_PRECISE", "more than two decimals", field=field)
    if found > BASIS_POINTS:
        raise Problem("INVALID_VALUE", "must not be above 100", field=field)
    return found


def name(text: str, field: str, line: int | None = None) -> str:
    """A name of something: 1 to 128 characters, none of them a control character.

    ``line``: of a file, where it stands. Raises Problem ``EMPTY_TEXT``, ``TEXT_TOO_LONG``,
    ``INVALID_TEXT``.
    """
    if not text:
        raise Problem("EMPTY_TEXT", "must not be empty", field=field, line=line)
    if len(text) > NAME_CHARACTERS_MAX:
        detail = f"at most {NAME_CHARACTERS_MAX} characters"
        raise Problem("TEXT_TOO_LONG", detail, field=field, line=line)
    if not is_printable(text):
        raise Problem("INVALID_TEXT", "holds a control character", field=field, line=line)
    return text


def note(text: str, field: str = "note") -> str:
    """A remark: up to 500 characters; lines may break. Raises Problem as ``name`` does."""
    if len(text) > NOTE_CHARACTERS_MAX:
        detail = f"at most {NOTE_CHARACTERS_MAX} characters"
        raise Problem("TEXT_TOO_LONG", detail, field=field)
    if not is_printable_note(text):
        raise Problem("INVALID_TEXT", "holds a control character", field=field)
    return text


def token(value: str | int, field: str) -> str:
    """An instrument as callers name it: a name, ``2885`` as number or text, or ``NSE:2885``."""
    return name(value if isinstance(value, str) else str(value), field)


def _number_text(raw: bytes, field: str) -> str:
    if raw[0] in _NUMBER_BEGINS:
        return raw.decode("ascii")
    if raw[0] != ord('"'):
        raise Problem("WRONG_TYPE", "expected a number or a text", field=field)
    if raw.isascii() and b"\\" not in raw:
        # Nothing in it stands for anything else.
        return raw[1:-1].decode("ascii")
    try:
        return msgspec.json.decode(raw, type=str)
    except UnicodeDecodeError:
        raise Problem("NOT_UTF8", "not UTF-8", field=field) from None
    except msgspec.DecodeError:
        raise Problem("INVALID_NUMBER", _NUMBER_DETAILS["INVALID_NUMBER"], field=field) from None
