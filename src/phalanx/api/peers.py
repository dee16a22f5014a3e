"""Who is at the other end of a connection."""

from functools import lru_cache
from urllib.parse import urlsplit

from phalanx.api.head import Head, Scope


def address_of(scope: Scope) -> str:
    """The address that a request came from; empty where there is none (a caller inside this process).

    Where our own proxies are in front of the server it is the one that they say: the front has put it
    into the scope before any door looks (``edges/proxies.py``).
    """
    client = scope.get("client")
    return "" if client is None else str(client[0])


def is_secure(scope: Scope) -> bool:
    """Whether it was asked over TLS, with us or with a proxy of ours."""
    return scope.get("scheme") in {"https", "wss"}


def is_own_page(scope: Scope, head: Head) -> bool:
    """Whether a page that was served here is asking: its origin has our scheme, name and port (RFC 6454).

    A page over http is not ours where we are asked over https: whoever is on the way may have written it.
    """
    return _is_own(head.origin, head.host, "https" if is_secure(scope) else "http")


@lru_cache(1_024)
def _is_own(origin: bytes, host: bytes, scheme: str) -> bool:
    try:
        page = urlsplit(origin.decode("latin-1").lower())
    except ValueError:
        return False
    own = host.decode("latin-1").lower()
    return page.scheme == scheme and bool(own) and page.netloc == own
