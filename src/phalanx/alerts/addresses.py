"""Where something may be sent to: which URLs, hosts, ports and IP addresses."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import msgspec

from phalanx.alerts.errors import ADDRESS_NOT_ALLOWED, AlertError

IpAddress: TypeAlias = IPv4Address | IPv6Address

URL_CHARACTERS_MAX: Final = 2_000
HOST_CHARACTERS_MAX: Final = 253
_PORTS: Final = {"https": 443, "http": 80}
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# As C's inet_aton reads it: 2130706433, 0x7f.1, 127.1, 0177.0.0.1.
_NUMBER: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_UNWELCOME: Final = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")

_EMBEDDING: Final = (
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b:1::/48"), None),
)
"""Networks whose addresses stand for an IPv4 address, at so many bits from the end; None: somewhere."""

_NEVER: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "168.63.129.16/32", "192.0.0.0/24"),
        *("192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/128", "fe80::/10", "fec0::/10", "ff00::/8", "fd00:ec2::/32", "100::/64"),
    )
)
"""Refused whatever the settings say: link-local, metadata of clouds, multicast, what is no host's."""


class Target(msgspec.Struct, frozen=True):
    """A URL that was taken apart. ``host`` is in small letters; ``is_named``: the settings name it, with
    this port or without any, so it may be private.
    """

    host: str
    port: int
    is_tls: bool
    is_named: bool


class HostsAllowed:
    """What the settings name. ``HOST`` may be reached over http too, and within private networks, at 443
    and 80; ``HOST:PORT`` so at that port, and otherwise as any other host.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._ports: dict[str, set[int]] = {}
        for name in names:
            host, port = _host_and_port(name)
            ports = _PORTS.values() if port is None else (port,)
            self._ports.setdefault(host, set()).update(ports)

    def names(self, host: str, port: int) -> bool:
        """Whether the settings name this port of a host."""
        return port in self._ports.get(host, ())


def target_of(url: str, allowed: HostsAllowed) -> Target:
    """Where a URL leads, if anything may be sent there. Raises AlertError ADDRESS_NOT_ALLOWED."""
    if len(url) > URL_CHARACTERS_MAX or _UNWELCOME.search(url):
        raise _refused("the address is too long, or has a character that none has")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused("that is no address") from None
    if parts.scheme not in _PORTS:
        raise _refused("only https may be used")
    if "@" in parts.netloc:
        raise _refused("an address must not name a user")
    if "#" in url:
        raise _refused("an address must not have a fragment")
    check_host(host)
    port = _PORTS[parts.scheme] if port is None else port
    is_named = allowed.names(host, port)
    if parts.scheme == "http" and not is_named:
        raise _refused("only https may be used")
    if port != _PORTS["https"] and not is_named:
        raise _refused("only port 443 may be used")
    return Target(host, port, parts.scheme == "https", is_named)


def check_host(host: str) -> None:
    """Raises AlertError ADDRESS_NOT_ALLOWED for what is no host's name and no plain IP address."""
    if ":" in host:
        if "%" in host or _as_ip(host) is None:
            raise _refused("that is no IPv6 address")
        return
    labels = host.split(".")
    if len(host) > HOST_CHARACTERS_MAX or not all(_LABEL.fullmatch(one) for one in labels):
        raise _refused("that is no name of a host")
    if _NUMBER.fullmatch(labels[-1]) and _as_ip(host) is None:
        raise _refused("an IP address is written as four decimal numbers")


def check_ip(text: str, *, is_named: bool) -> None:
    """Raises AlertError ADDRESS_NOT_ALLOWED for an IP address that nothing may be sent to.

    A host that the settings name may be in a private network or on this machine.
    """
    found = _as_ip(text)
    if found is None:
        raise _refused("that is no IP address")
    for one in _meanings(found):
        if one.is_multicast or any(one in network for network in _NEVER):
            raise _refused("an address of that kind is never used")
        if not (one.is_global or (is_named and one.is_private)):
            raise _refused("a private address may be used by hosts that the settings name only")


def _meanings(address: IpAddress) -> Iterator[IpAddress]:
    """The address, or those that it stands for: mapped, translated and tunnelled ones."""
    if isinstance(address, IPv4Address):
        yield address
        return
    inner = [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
    if address.teredo is not None:
        inner += address.teredo
    for network, shift in _EMBEDDING:
        if address in network:
            # Where it is within a network of one's own cannot be known: then it is refused as it stands.
            inner += [] if shift is None else [IPv4Address(int(address) & 0xFFFF_FFFF)]
            if shift is None:
                inner.append(IPv4Address("0.0.0.0"))  # noqa: S104  never connected to
    # Loopback is within ::/96 and stands for itself.
    yield from ([address] if address.is_loopback or not inner else inner)


def _as_ip(text: str) -> IpAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _host_and_port(name: str) -> tuple[str, int | None]:
    """Raises ValueError for what is neither HOST nor HOST:PORT."""
    parts = urlsplit(f"//{name}")
    host, port = parts.hostname, parts.port
    if not host or "@" in name or parts.path or parts.query or parts.fragment:
        raise ValueError(f"{name!r} is neither HOST nor HOST:PORT")
    return host, port


def _refused(message: str) -> AlertError:
    return AlertError(ADDRESS_NOT_ALLOWED, message)
