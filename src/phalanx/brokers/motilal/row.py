"""One JSON object of the broker's, read field by field, exactly: what does not fit is an error with a code.

Numbers stay the text that they were: no float ever stands between the wire and our integers. The
broker writes the same field as a number here and as a text there, and names with capitals here and
without there, so both are read alike.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any

import msgspec

from phalanx.domain.numbers import DIGITS, Price

PRICE_DIGITS = 4
"""Prices are dec(15,4) rupees in the documents; further digits are a float's noise and are rounded off."""

TEXT_CHARS_MAX = 256
WHOLE_MAX = 10**10
"""More shares, or a greater token, there are not."""

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,32})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_RUPEES_MAX = 10**10
_STEP: int = 10 ** (DIGITS - PRICE_DIGITS)


class Flaw(StrEnum):
    """What is wrong with an answer."""

    NOT_JSON = "NOT_JSON"
    NOT_AN_ENVELOPE = "NOT_AN_ENVELOPE"
    NOT_ROWS = "NOT_ROWS"
    MISSING = "MISSING"
    NOT_A_TEXT = "NOT_A_TEXT"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    TOO_LARGE = "TOO_LARGE"
    NOT_A_TIME = "NOT_A_TIME"
    NOT_KNOWN = "NOT_KNOWN"
    ODD_SCALE = "ODD_SCALE"
    CONTRADICTION = "CONTRADICTION"
    OF_ANOTHER = "OF_ANOTHER"


class BadData(ValueError):
    """The broker's words are not what its documents say; ``flaw`` is stable, ``what`` names the field."""

    def __init__(self, flaw: Flaw, what: str) -> None:
        super().__init__(f"{flaw}: {what[:100]}")
        self.flaw = flaw
        self.what = what


# A number with a point is handed over as it is written.
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=str)


def decode(data: bytes | str) -> Any:  # noqa: ANN401  what came may be anything
    """JSON with texts in the place of its decimal numbers. Raises BadData, and nothing else."""
    try:
        return _DECODER.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadData(Flaw.NOT_JSON, str(error)) from error


class Row:
    """One object. Every method raises BadData when the field is not there, or not of its kind."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = {name.lower(): value for name, value in fields.items()}

    def raw(self, name: str) -> Any:  # noqa: ANN401  whoever asks looks at it
        """The value as it came, None where there is none; ``name`` in small letters."""
        return self._fields.get(name)

    def has(self, name: str) -> bool:
        """Whether the field is there and says something."""
        return bool(self.text(name, ""))

    def text(self, name: str, default: str | None = None) -> str:
        """A text without the blanks around it; of a number its digits. null and "null" are nothing."""
        value = self._fields.get(name.lower())
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**TEXT_CHARS_MAX else "9" * (TEXT_CHARS_MAX + 1)
        if value is None or value == "null":
            if default is None:
                raise BadData(Flaw.MISSING, name)
            return default
        if not isinstance(value, str):
            raise BadData(Flaw.NOT_A_TEXT, name)
        text = value.strip()
        if len(text) > TEXT_CHARS_MAX:
            raise BadData(Flaw.TOO_LARGE, name)
        if not text and default is None:
            raise BadData(Flaw.MISSING, name)
        return text

    def name(self, name: str) -> str:
        """A text that identifies something: printable ASCII, not empty."""
        text = self.text(name)
        if not (text.isascii() and text.isprintable()):
            raise BadData(Flaw.NOT_A_TEXT, name)
        return text

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number, also where it is written ``10.00``; may be negative."""
        value = self._number(name, default)
        if value.denominator != 1:
            raise BadData(Flaw.NOT_A_NUMBER, name)
        if abs(value) > WHOLE_MAX:
            raise BadData(Flaw.TOO_LARGE, name)
        return int(value)

    def count(self, name: str, default: int | None = None) -> int:
        """A whole number that is not negative."""
        value = self.whole(name, default)
        if value < 0:
            raise BadData(Flaw.NOT_A_NUMBER, name)
        return value

    def rupees(self, name: str, default: int | None = None, *, precision: int = 0) -> Price:
        """An amount as Fixed; ``precision``: so many digits of what is written stand behind the point."""
        value = self._number(name, default) / 10**precision
        if abs(value) > _RUPEES_MAX:
            raise BadData(Flaw.TOO_LARGE, name)
        steps: int = round(value * 10**PRICE_DIGITS)
        return steps * _STEP

    def _number(self, name: str, default: int | None) -> Fraction:
        text = self.text(name, None if default is None else str(default))
        if not text and default is not None:
            return Fraction(default)
        if not _NUMBER.fullmatch(text):
            flaw = Flaw.TOO_LARGE if re.fullmatch(r"-?[0-9.]{16,}", text) else Flaw.NOT_A_NUMBER
            raise BadData(flaw, name)
        return Fraction(text)
