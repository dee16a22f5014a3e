"""The part of a request before its body: the few headers that every door looks at."""

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from phalanx.api.problems import Problem

Scope: TypeAlias = Any
"""An ASGI scope. Its keys differ between servers' typing stubs; ours are read in here and nowhere else."""

KEY_CHARACTERS_MAX = 128
REQUEST_ID_CHARACTERS_MAX = 64

_KEY = re.compile(rb"[!-~]{1,128}")
_REQUEST_ID = re.compile(rb"[!-~]{1,64}")
_LENGTH_DIGITS_MAX = 18
_TYPE = re.compile(
    rb'\s*application/json\s*(?:;\s*charset\s*=\s*(?:utf-8|"utf-8")\s*)?;?\s*', re.IGNORECASE
)


class Head(msgspec.Struct, frozen=True, gc=False):
    """Headers by name; one that came twice is joined with a comma and a blank, which none of ours allows."""

    values: dict[bytes, bytes]

    @property
    def host(self) -> bytes:
        """``Host``, or nothing."""
        return self.values.get(b"host", b"")

    @property
    def origin(self) -> bytes:
        """``Origin``: only browsers send it."""
        return self.values.get(b"origin", b"")

    @property
    def content_length(self) -> int | None:
        """What the caller says its body has; None when it does not say."""
        value = self.values.get(b"content-length", b"")
        return int(value) if value.isdigit() and len(value) <= _LENGTH_DIGITS_MAX else None

    @property
    def has_body(self) -> bool:
        """Whether a body is announced."""
        return b"transfer-encoding" in self.values or bool(self.content_length)

    def idempotency_key(self) -> str:
        """The caller's key, or nothing. Raises Problem IDEMPOTENCY_KEY_INVALID."""
        value = self.values.get(b"idempotency-key")
        if value is None:
            return ""
        if _KEY.fullmatch(value) is None:
            detail = f"Idempotency-Key has 1 to {KEY_CHARACTERS_MAX} visible ASCII characters"
            raise Problem("IDEMPOTENCY_KEY_INVALID", detail)
        return value.decode("ascii")

    def request_id(self) -> str:
        """The caller's name for this request, or nothing when it gave none that we can repeat."""
        value = self.values.get(b"x-request-id")
        if value is None or _REQUEST_ID.fullmatch(value) is None:
            return ""
        return value.decode("ascii")

    def check_json(self) -> None:
        """Raises Problem UNSUPPORTED_MEDIA_TYPE unless the body is said to be JSON in UTF-8."""
        value = self.values.get(b"content-type", b"")
        if value != b"application/json" and _TYPE.fullmatch(value) is None:
            raise Problem("UNSUPPORTED_MEDIA_TYPE", "send application/json in UTF-8")
        self.check_plain()

    @property
    def is_csv(self) -> bool:
        """Whether the body is said to be CSV."""
        value = self.values.get(b"content-type", b"").split(b";")[0]
        return value.strip().lower() == b"text/csv"

    def check_csv(self) -> None:
        """Raises Problem UNSUPPORTED_MEDIA_TYPE unless the body is said to be CSV."""
        if not self.is_csv:
            raise Problem("UNSUPPORTED_MEDIA_TYPE", "send text/csv in UTF-8")
        self.check_plain()

    def check_plain(self) -> None:
        """Raises Problem UNSUPPORTED_MEDIA_TYPE for a compressed body: its size is not what it seems."""
        encoding = self.values.get(b"content-encoding")
        if encoding is not None and encoding.strip().lower() not in {b"identity", b""}:
            raise Problem("UNSUPPORTED_MEDIA_TYPE", "send the body without Content-Encoding")


def read_head(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """The head of a request; ASGI gives names in lower case."""
    pairs = headers if isinstance(headers, list) else list(headers)
    values = dict(pairs)
    if len(values) != len(pairs):
        values = {}
        for name, value in pairs:
            values[name] = values[name] + b", " + value if name in values else value
    return Head(values)
