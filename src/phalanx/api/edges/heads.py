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
