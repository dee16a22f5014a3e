"""The bounds of a request's head, before anybody knows which door it is for."""

from collections.abc import Sequence

HEADERS_MAX = 100
HEAD_BYTES_MAX = 32 * 1024
HEAD_TIMEOUT_S = 10.0
"""A connection must have sent a whole head this long after it began, or after the head's first byte."""

Lines = Sequence[tuple[bytes, bytes]]

_UPGRADES = {b"upgrade", b"http2-settings"}


def is_too_large(url: bytes, headers: Lines) -> bool:
    """Whether a head has more lines or bytes than it may."""
    if len(headers) > HEADERS_MAX:
        return True
    size = sum(len(name) + len(value) for name, value in headers)
    return len(url) + size > HEAD_BYTES_MAX


def is_malformed(headers: Lines, version: str) -> bool:
    """Whether a head, its names in small letters, leaves open for whom it is or where its body ends: without
    ``Host``, which HTTP/1.0 need not have, or with two (RFC 9112 3.2); with a body in a coding that is not
    ``chunked`` alone, or that HTTP/1.0 does not know (6.1).
    """
    hosts, codings = 0, 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding":
            codings += 1 if value.strip().lower() == b"chunked" else 2
    is_old = version == "1.0"
    return hosts > 1 or codings > (0 if is_old else 1) or not (hosts or is_old)


def without_upgrade(headers: Lines) -> list[tuple[bytes, bytes]]:
    """The same head of a caller that offers no other protocol."""
    kept = []
    for name, value in headers:
        if name == b"connection":
            options = [one.strip() for one in value.split(b",")]
            value = b", ".join(one for one in options if one.lower() not in _UPGRADES)  # noqa: PLW2901
        if value and name not in _UPGRADES:
            kept.append((name, value))
    return kept
