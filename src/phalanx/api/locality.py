"""This machine only: what keeps others out while ``serve --open-localhost`` asks nobody who they are.

The peer is this machine, and no web page of somebody else's is asking through a browser on it, be it
across origins or by a name that was made to point to this machine.
"""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from phalanx.api.head import Head, Scope
from phalanx.api.peers import is_own_page
from phalanx.api.problems import Problem


def check_local(scope: Scope, head: Head, origins: AbstractSet[bytes] = frozenset()) -> None:
    """Pages of ``origins`` may ask as well. Raises Problem ``LOOPBACK_ONLY``, ``HOST_NOT_ALLOWED``,
    ``ORIGIN_NOT_ALLOWED``.
    """
    peer = scope.get("client")
    if peer is not None and not _is_this_machine(peer[0]):
        raise Problem("LOOPBACK_ONLY", "without logins only this machine is served")
    host = head.host
    if host and not _is_direct(host):
        raise Problem("HOST_NOT_ALLOWED", "ask for localhost or an address, not for another name")
    origin = head.origin
    if origin and origin not in origins and not (is_own_page(scope, head) or is_local_page(origin)):
        raise Problem("ORIGIN_NOT_ALLOWED", "a page of another site may not ask")


@lru_cache(1_024)
def is_local_page(origin: bytes) -> bool:
    """Whether a page from ``origin`` is served on this machine."""
    try:
        page = urlsplit(origin.decode("ascii"))
        name = page.hostname
    except ValueError:
        return False
    if page.scheme not in {"http", "https"} or not name:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


@lru_cache(1_024)
def _is_this_machine(peer: str) -> bool:
    """A loopback address; a peer that is no address at all is a caller inside this process."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


@lru_cache(1_024)
def _is_direct(host: bytes) -> bool:
    """An address, ``localhost``, or a bare word: names that no stranger's DNS can answer for."""
    try:
        name = urlsplit("//" + host.decode("ascii")).hostname
    except ValueError:
        return False
    if not name:
        return False
    if "." not in name or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
