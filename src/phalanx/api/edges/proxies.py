"""Proxies in front of the server: whose word is believed about who asks, and over what.

Anybody may write ``X-Forwarded-For``. Each proxy appends the address that it was asked from, so from
the right the first address that is none of ours is where the request came in; what is left of it the
caller may have made up.
"""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from phalanx.api.head import Scope

Network: TypeAlias = IPv4Network | IPv6Network

UNKNOWN = "0.0.0.0"  # noqa: S104  nothing listens here
"""Where a proxy of ours says that it does not know: nobody's address, so no friend's either."""
HOPS_MAX = 32
_SCHEMES = {"http": ("http", "ws"), "https": ("https", "wss")}
"""What a proxy says, and what that is in a scope of either kind."""


class Proxies:
    """The proxies that are believed, as addresses and networks with commas between them."""

    def __init__(self, setting: str = "") -> None:
        names = [one.strip() for one in setting.split(",")]
        self._networks: tuple[Network, ...] = tuple(ip_network(one) for one in names if one)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._networks)

    def believe(self, scope: Scope) -> None:
        """Put into a request's scope who asks, and over http or https, as our own proxies say.

        A scope that was seen before stays as it is.
        """
        client = scope.get("client")
        if client is None or not _among(client[0], self._networks):
            return
        said_for = _said(scope, b"x-forwarded-for")
        if said_for:
            scope["client"] = (_origin(said_for, self._networks), 0)
        said_proto = _said(scope, b"x-forwarded-proto")
        schemes = _SCHEMES.get(said_proto[-1].lower()) if said_proto else None
        if schemes is not None:
            scope["scheme"] = schemes[scope["type"] == "websocket"]


def _said(scope: Scope, header: bytes) -> list[str]:
    """A header's parts, of all its lines; the last is that of the proxy next to us."""
    lines = [value for name, value in scope["headers"] if name == header]
    parts = b",".join(lines).decode("latin-1").rsplit(",", HOPS_MAX)[-HOPS_MAX:]
    return [part.strip() for part in parts] if lines else []


def _origin(hops: list[str], ours: tuple[Network, ...]) -> str:
    """The right-most address that is none of ours; the left-most where all are ours."""
    found = UNKNOWN
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            return UNKNOWN
        found = address
        if not _among(found, ours):
            break
    return found


@lru_cache(4_096)
def _address(hop: str) -> str | None:
    """The address in ``1.2.3.4``, ``1.2.3.4:80``, ``::1``, ``[::1]:80``."""
    text = hop
    if hop.startswith("["):
        text = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        text = hop.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


@lru_cache(4_096)
def _among(address: str, networks: tuple[Network, ...]) -> bool:
    known = _address(address)
    return known is not None and any(ip_address(known) in network for network in networks)
