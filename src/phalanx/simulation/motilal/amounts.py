"""Money as this broker writes it: rupees with decimals here, paise without them there."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from phalanx.domain.numbers import DIGITS, FIXED_MAX, SCALE, Fixed, Price

DECIMALS_MAX: Final = 4
"""Prices are Decimal(15,4) wherever they are asked for."""

_STEP: Final = 10 ** (DIGITS - DECIMALS_MAX)
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def decoded(text: bytes | str) -> Any:  # noqa: ANN401  JSON of anybody
    """JSON with its decimals as they were written. Raises msgspec.DecodeError."""
    try:
        return _DECODER.decode(text)
    except (InvalidOperation, RecursionError) as error:
        raise msgspec.DecodeError("a number too large, or too deep") from error


def encoded(value: object) -> bytes:
    """JSON, a Decimal as a plain number."""
    return _ENCODER.encode(value)


def fixed(value: object) -> Fixed | None:
    """A JSON number of rupees with at most four decimals; None for what is none (texts and booleans too)."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    if abs(amount) > FIXED_MAX // SCALE:
        return None
    scaled = amount.scaleb(DIGITS)
    found = int(scaled)
    return found if found == scaled and not found % _STEP else None


def rupees(value: Fixed) -> Decimal | int:
    """A JSON number of rupees: whole ones without a point, and what is behind the fourth decimal cut off."""
    cut = value - value % _STEP
    units, rest = divmod(cut, SCALE)
    return Decimal(cut).scaleb(-DIGITS).normalize() if rest else units


def counted(value: Fixed, precision: int = 2) -> int:
    """An integer of rupees × 10^precision: paise unless told otherwise. What is finer is cut off."""
    scale: int = 10**precision
    return value * scale // SCALE


def single(value: Price) -> float:
    """Rupees for a 32-bit float of the feed, which loses paise above 131,072."""
    return value / SCALE
