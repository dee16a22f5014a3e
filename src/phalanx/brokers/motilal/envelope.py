"""What every answer is wrapped in: a status, a message, a code, and perhaps data.

Business failures come as HTTP 200 with a status that is not SUCCESS; the code is spelt ``errorcode`` or
``errorCode``; "no rows" is null, the text "null", nothing at all, or a failure of its own code.
"""

import msgspec

from phalanx.brokers.motilal.row import BadData, Flaw, Row, decode

_STATUSES = frozenset({"success", "failure", "failed", "error"})
ROWS_MAX = 100_000


class Envelope(msgspec.Struct, frozen=True):
    """``fields``: the whole object, for what stands beside the data."""

    succeeded: bool
    code: str
    message: str
    fields: Row


class BrokerSaidNo(OSError):
    """A question was answered with a failure; ``code`` is the broker's own word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code or 'no code'}: {message}"[:300])
        self.code = code


def read_envelope(body: bytes) -> Envelope:
    """Raises BadData for what is not the broker's: empty, no JSON, no status, a success with an error."""
    found = decode(body)
    if not isinstance(found, dict):
        raise BadData(Flaw.NOT_AN_ENVELOPE, type(found).__name__)
    fields = Row(found)
    status = fields.text("status").lower()
    if status not in _STATUSES:
        raise BadData(Flaw.NOT_AN_ENVELOPE, f"status {status}")
    code = fields.text("errorcode", "").upper()
    if status == "success" and code:
        raise BadData(Flaw.CONTRADICTION, f"success with {code}")
    return Envelope(status == "success", code, fields.text("message", "")[:200], fields)


def rows_of(envelope: Envelope, not_found: str = "") -> list[Row]:
    """The rows in it; none where its code says that there are none.

    Raises BrokerSaidNo for any other failure, BadData for data that are no rows, or too many.
    """
    if not envelope.succeeded:
        if envelope.code and envelope.code == not_found:
            return []
        raise BrokerSaidNo(envelope.code, envelope.message)
    data = envelope.fields.raw("data")
    if data is None or data in ("", "null"):
        return []
    if not isinstance(data, list) or len(data) > ROWS_MAX:
        raise BadData(Flaw.NOT_ROWS, "data")
    if not all(isinstance(row, dict) for row in data):
        raise BadData(Flaw.NOT_ROWS, "a row")
    return [Row(row) for row in data]
