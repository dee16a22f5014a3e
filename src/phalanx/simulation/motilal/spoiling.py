"""Answers that are not what they should be: of wrong types, of numbers that are none, in pieces."""

from decimal import Decimal
from typing import Any, Final

from phalanx.simulation.motilal.amounts import decoded, encoded
from phalanx.simulation.motilal.faults import Fault, FaultKind
from phalanx.simulation.motilal.refusals import RATE_SENTENCE, Refused

PAGE: Final = b"<html><body><h1>The server is unavailable</h1></body></html>"
NOT_JSON: Final = b"Object reference not set to an instance of an object."

_NAN: Final = "\N{NULL}NaN"


def failure(fault: Fault) -> bytes:
    """The envelope of a CODE fault."""
    refused = Refused(fault.code, "" if fault.code else RATE_SENTENCE)
    return encoded(refused.envelope("FAILURE"))


def spoiled(body: bytes, kind: FaultKind) -> bytes:
    """A JSON answer with what one kind of fault makes of it; as it was for the other kinds."""
    if kind is FaultKind.WRONG_TYPES:
        return encoded(_turned(decoded(body)))
    if kind is FaultKind.NAN:
        marked = encoded(_marked(decoded(body)))
        return marked.replace(encoded(_NAN), b"NaN")
    if kind is FaultKind.ODD_ENVELOPE:
        return encoded(_odd(decoded(body)))
    return body


def _odd(envelope: dict[str, Any]) -> dict[str, Any]:
    """The envelope as other versions of the service write it."""
    told = dict(envelope)
    told["errorCode"] = told.pop("errorcode")
    if told["status"] != "SUCCESS":
        told["status"] = "FAILED"
    if "data" in told and told["data"] is None:
        told["data"] = "null"
    return told


def _turned(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Numbers as texts, texts of digits as numbers."""
    match value:
        case dict():
            return {name: _turned(part) for name, part in value.items()}
        case list():
            return [_turned(part) for part in value]
        case int() | Decimal() if not isinstance(value, bool):
            return str(value)
        case str() if value.isdecimal():
            return int(value)
        case _:
            return value


def _marked(value: Any) -> Any:  # noqa: ANN401  any JSON
    """A mark in place of every number."""
    match value:
        case dict():
            return {name: _marked(part) for name, part in value.items()}
        case list():
            return [_marked(part) for part in value]
        case int() | Decimal() if not isinstance(value, bool):
            return _NAN
        case _:
            return value
