"""JSON as the CLI reads and writes it: numbers stay exactly as the server wrote them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

import msgspec

from phalanx.cli.exit_codes import Exit, Failure

Shape = TypeVar("Shape")

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def decode(body: bytes) -> object:
    """Any JSON; a number with a fraction becomes a Decimal. Raises Failure BAD_ANSWER."""
    try:
        return _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise _bad_answer(error) from None


def decode_as(body: bytes, shape: type[Shape]) -> Shape:
    """JSON as a typed value; fields it does not know are passed over. Raises Failure BAD_ANSWER."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise _bad_answer(error) from None


def encode(value: object) -> str:
    """One line of JSON."""
    return _encoder.encode(value).decode()


def rows_of(body: bytes) -> list[dict[str, object]]:
    """The items of a list answer, bare or in ``{"items": […]}``; any other object is one row.

    Raises Failure BAD_ANSWER.
    """
    answer = decode(body)
    return _rows(answer.get("items", [answer]) if isinstance(answer, Mapping) else answer)


def rows_at(body: bytes, field: str) -> list[dict[str, object]]:
    """The list under one field of an answer. Raises Failure BAD_ANSWER."""
    answer = decode(body)
    return _rows(answer.get(field) if isinstance(answer, Mapping) else None)


def decode_rows(body: bytes, shape: type[Shape]) -> list[Shape]:
    """The items of a list answer as typed values. Raises Failure BAD_ANSWER."""
    try:
        return msgspec.convert(rows_of(body), type=list[shape])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise _bad_answer(error) from None


def _rows(items: object) -> list[dict[str, object]]:
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Failure(Exit.FAILURE, "BAD_ANSWER", "the server's answer is not a list")
    return items


def _bad_answer(error: msgspec.DecodeError) -> Failure:
    return Failure(
        Exit.FAILURE, "BAD_ANSWER", f"the server's answer is not what was expected: {error}"
    )
