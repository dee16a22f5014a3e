"""Exact numbers: every price, quantity and amount is an integer count of 1e-8.

One scale for all of them (``docs/adr/0001-money.md``): a share count, a rupee price and a coin
fraction are the same kind of integer, so comparing and adding never rounds, and a product is
rescaled once. A value must fit a signed 64-bit integer, which bounds it at 90 billion units.
"""

import re
from typing import TypeAlias

Fixed: TypeAlias = int
Price: TypeAlias = int
Quantity: TypeAlias = int
Money: TypeAlias = int

DIGITS = 8
SCALE: int = 10**DIGITS
_HALF = SCALE // 2
FIXED_MAX = 9 * 10**18
"""Largest magnitude we store: 90,000,000,000 units, inside a signed 64-bit integer."""

_SURE_DIGITS = 10
"""So many digits before the point always fit."""

BASIS_POINTS = 10_000

TEXT_DIGITS_MAX = 64
"""So many digits on either side of the point are looked at; a text with more is refused as too large."""

_PLAIN = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)


class NumberError(ValueError):
    """A text that is not an exact number we can hold; ``code`` is stable."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text[:64]!r}")
        self.code = code


def parse_fixed(text: str) -> Fixed:
    """Read a plain decimal such as ``"1364.5"``.

    Errors: ``INVALID_NUMBER`` (NaN, infinities, exponents, signs other than a leading minus,
    blanks), ``TOO_PRECISE`` (a digit beyond the eighth decimal is not zero), ``NUMBER_TOO_LARGE``
    (also for more than 64 digits before or behind the point, whatever they are).
    """
    units, point, decimals = text.partition(".")
    is_short = len(units) <= _SURE_DIGITS and len(decimals) <= DIGITS
    if is_short and text.isascii() and units.isdigit() and (decimals.isdigit() or not point):
        # Nearly every number looks like this, and need not pay for the expression.
        return int(units + decimals.ljust(DIGITS, "0"))
    match = _PLAIN.fullmatch(text)
    if match is None:
        raise NumberError("INVALID_NUMBER", text)
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if max(len(whole), len(fraction)) > TEXT_DIGITS_MAX:
        raise NumberError("NUMBER_TOO_LARGE", text)
    if fraction[DIGITS:].strip("0"):
        raise NumberError("TOO_PRECISE", text)
    value = int(whole) * SCALE + int(fraction[:DIGITS].ljust(DIGITS, "0"))
    if value > FIXED_MAX:
        raise NumberError("NUMBER_TOO_LARGE", text)
    return -value if sign else value


def format_fixed(value: Fixed) -> str:
    """Write a value as a plain decimal without trailing zeros: ``136450000000`` -> ``"1364.5"``."""
    whole, rest = divmod(abs(value), SCALE)
    sign = "-" if value < 0 else ""
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:08d}".rstrip("0")


def whole(units: int) -> Fixed:
    """A count of whole units (shares, rupees) as a Fixed."""
    return units * SCALE


def multiply(price: Price, quantity: Quantity) -> Money:
    """``price × quantity``, rounded half up in magnitude to the eighth decimal (exact for whole shares)."""
    if not quantity % SCALE:
        # Whole shares are nearly all there is, and need no product of twenty digits.
        return price * (quantity // SCALE)
    product = price * quantity
    if product >= 0:
        return (product + _HALF) // SCALE
    return -((-product + _HALF) // SCALE)


def divide(amount: Money, quantity: Quantity) -> Price:
    """``amount ÷ quantity`` towards zero at the eighth decimal; zero quantity gives zero."""
    if quantity == 0:
        return 0
    scaled = abs(amount) * SCALE // abs(quantity)
    return scaled if (amount >= 0) == (quantity > 0) else -scaled


def share_up(amount: Money, basis_points: int) -> Money:
    """That many basis points of a non-negative amount, rounded up: estimates never fall short."""
    return -(-amount * basis_points // BASIS_POINTS)


def round_down(value: Fixed, step: Fixed) -> Fixed:
    """The largest multiple of ``step`` that is not above ``value``."""
    return value - value % step


def round_up(value: Fixed, step: Fixed) -> Fixed:
    """The smallest multiple of ``step`` that is not below ``value``."""
    return -(-value // step) * step
