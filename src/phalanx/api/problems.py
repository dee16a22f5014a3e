"""What goes wrong at a door: one exception, one document (RFC 9457), one table of statuses.

``code`` is stable and is what programs look at; ``detail`` is a sentence for people and may change.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import TypeAlias

import msgspec

from phalanx.access.errors import AccessError
from phalanx.access.vault.errors import VaultError
from phalanx.alerts.errors import AlertError
from phalanx.desk.errors import DeskError, Overloaded
from phalanx.engine.refused import Refused

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

PROBLEM_JSON = b"application/problem+json"
DIFFERENCES_MAX = 2_000
"""So many differences are listed."""

STATUSES: dict[str, int] = {
    "BODY_INCOMPLETE": 400,
    "SESSION_ENDED": 401,
    "TOTP_NEEDED": 401,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "PERSON_NEEDED": 403,
    "WRONG_CODE": 403,
    "WRONG_PASSWORD": 403,
    "HOOK_STALE": 403,
    "OUT_OF_REACH": 403,
    "PASSWORD_CHANGE_NEEDED": 403,
    "MALFORMED_REQUEST": 400,
    "HOST_NOT_ALLOWED": 403,
    "LOOPBACK_ONLY": 403,
    "ORIGIN_NOT_ALLOWED": 403,
    "SAME_PERSON": 403,
    "NOT_FOUND": 404,
    "NO_SUCH_BREAK": 404,
    "NO_CREDENTIAL": 404,
    "NO_SUCH_CHANGE": 404,
    "NO_SUCH_KEY": 404,
    "NO_SUCH_SESSION": 404,
    "NO_SUCH_USER": 404,
    "UNKNOWN_ALERT_RULE": 404,
    "UNKNOWN_CHANNEL": 404,
    "UNKNOWN_ORDER": 404,
    "UNKNOWN_INSTRUCTION": 404,
    "METHOD_NOT_ALLOWED": 405,
    "BODY_TIMEOUT": 408,
    "HEAD_TIMEOUT": 408,
    "ACCOUNT_EXISTS": 409,
    "ACCOUNT_NOT_LIVE": 409,
    "CHANGE_EXPIRED": 409,
    "CLIENT_EXISTS": 409,
    "KEK_IN_USE": 409,
    "KEK_NOT_KEPT": 409,
    "KEY_COMMAND_FAILED": 409,
    "KEY_COMMAND_TOO_LONG": 409,
    "KEY_COMMAND_TOO_SLOW": 409,
    "KEY_FILE_TOO_OPEN": 409,
    "KEY_FILE_UNREADABLE": 409,
    "KEY_INVALID": 409,
    "KEY_NOT_SET": 409,
    "LAST_ADMIN": 409,
    "LOGINS_OFF": 409,
    "MIXED_MODES": 409,
    "MOVED": 409,
    "NAME_TAKEN": 409,
    "NOTHING_TO_RETRY": 409,
    "NOTHING_TO_REVERSE": 409,
    "NOT_IN_DOUBT": 409,
    "NOT_REPLACEABLE": 409,
    "NOT_WAITING": 409,
    "ORDERS_WORKING": 409,
    "LIVE_NOT_READ": 409,
    "LIVE_PLACE_IN_USE": 409,
    "NO_LIVE_PLACE": 409,
    "ORDER_ID_TAKEN": 409,
    "ORDER_ID_UNFIT": 409,
    "ORDER_NOT_WORKING": 409,
    "POSITIONS_EXIST": 409,
    "PREVIEW_EXPIRED": 409,
    "REKEY_UNDER_WAY": 409,
    "HOOK_REPLAYED": 409,
    "REQUEST_PENDING": 409,
    "VERSION_CONFLICT": 409,
    "SETTLE_THE_ORDER": 409,
    "TOO_MANY_CHANGES": 409,
    "TOTP_STATE": 409,
    "VERDICT_UNFIT": 409,
    "BODY_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMITED": 429,
    "HEAD_TOO_LARGE": 431,
    "HOOK_BUSY": 429,
    "THROTTLED": 429,
    "INTERNAL_ERROR": 500,
    "CANNOT_UNSEAL": 503,
    "DESK_STOPPED": 503,
    "KEK_MISSING": 503,
    "OVERLOADED": 503,
    "STORE_FAILED": 503,
    "TOO_MANY_READERS": 503,
    "VIEWS_UNAVAILABLE": 503,
}
"""Codes whose status is not 422. A code that is not here is a well-understood request we refuse."""


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is not a success. ``differences``: of MOVED, a sentence for each."""

    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    line: int | None = None
    request_id: str = ""
    type: str = "about:blank"
    differences: list[str] = []


class Problem(Exception):
    """A request that a door turns away. Nothing was journaled for it.

    ``field`` names the part of the request it is about, with dots between levels, ``line`` the line
    of a file, counted from 1; ``differences`` what is not as it was in a preview; ``headers`` are
    sent along (``Retry-After``, ``Allow``).
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        field: str | None = None,
        line: int | None = None,
        status: int | None = None,
        differences: Sequence[str] = (),
        headers: Headers = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.line = line
        self.status = STATUSES.get(code, 422) if status is None else status
        self.differences = differences
        self.headers = headers

    def document(self, request_id: str) -> bytes:
        """The problem document as JSON."""
        document = ProblemDocument(
            HTTPStatus(self.status).phrase,
            self.status,
            self.detail,
            self.code,
            self.field,
            self.line,
            request_id,
            differences=list(self.differences[:DIFFERENCES_MAX]),
        )
        # "type" is always said, although it is the default: clients of RFC 9457 look for it.
        return _encode(document)[:-1] + b',"type":"about:blank"}'


def as_problem(error: Exception) -> Problem:
    """Any exception that a door lets through, as a problem; what nobody foresaw is a plain 500."""
    match error:
        case Problem():
            return error
        case Refused():
            return Problem(error.code, error.detail, differences=error.differences)
        case Overloaded():
            retry = (b"retry-after", b"%d" % error.retry_after_s)
            return Problem(error.code, f"too much is waiting; {error}", headers=(retry,))
        case AccessError():
            return Problem(error.code, error.message, headers=_access_headers(error))
        case VaultError() | AlertError():
            return Problem(error.code, error.message)
        case DeskError():
            return Problem(error.code, str(error), status=503)
        case _:
            return Problem("INTERNAL_ERROR", "this should not have happened; it was logged")


def _access_headers(error: AccessError) -> Headers:
    if error.retry_after_s:
        return ((b"retry-after", b"%d" % error.retry_after_s),)
    is_unknown = STATUSES.get(error.code) == HTTPStatus.UNAUTHORIZED
    return ((b"www-authenticate", b'Bearer realm="phalanx"'),) if is_unknown else ()


_encode = msgspec.json.Encoder().encode
