"""Who is at the other end of a connection."""

from phalanx.api.head import Scope


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
