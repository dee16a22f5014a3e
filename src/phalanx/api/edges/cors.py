"""Pages of other origins (CORS): those that a setting names, exactly, and no others.

They get no credentials: a token is sent in a header, which their own script has to know.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from phalanx.api.head import Head
from phalanx.api.problems import Headers, Problem

VARY = (b"vary", b"origin")
EXPOSED = (
    b"access-control-expose-headers",
    b"content-disposition, idempotent-replayed, retry-after, x-request-id, x-total-count",
)
_HEADERS = (
    b"access-control-allow-headers",
    b"authorization, content-type, idempotency-key, x-request-id",
)
_MAX_AGE = (b"access-control-max-age", b"600")


def read_origins(setting: str) -> frozenset[bytes]:
    """The origins of the setting ``cors_origins``, which is checked."""
    return frozenset(one.strip().encode("ascii") for one in setting.split(",") if one.strip())


def cors_headers(origin: bytes, allowed: AbstractSet[bytes]) -> Headers:
    """What an answer to a page of ``origin`` says; nothing at all where no other origin may ask."""
    if not allowed:
        return ()
    if origin not in allowed:
        return (VARY,)
    return ((b"access-control-allow-origin", origin), VARY, EXPOSED)


def preflight(head: Head, methods: Sequence[str], allowed: AbstractSet[bytes]) -> Headers | None:
    """What a browser is told that asks what a page may ask; None: this is another OPTIONS.

    ``methods``: what the door takes. Raises Problem ``ORIGIN_NOT_ALLOWED``.
    """
    if not head.origin or b"access-control-request-method" not in head.values:
        return None
    if head.origin not in allowed:
        raise Problem("ORIGIN_NOT_ALLOWED", "a page of another site may not ask")
    return (
        (b"access-control-allow-methods", ", ".join(methods).encode("ascii")),
        _HEADERS,
        _MAX_AGE,
    )
