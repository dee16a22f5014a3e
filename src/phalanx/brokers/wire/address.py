"""Where a broker listens."""

from urllib.parse import urlsplit

import msgspec

_PORTS = {"http": 80, "https": 443}


class Address(msgspec.Struct, frozen=True):
    """A host, by name or number, and a port; ``tls``: it speaks HTTP over TLS."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        """As in a ``Host`` header: ``127.0.0.1:8090``, ``[::1]:8090``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """As `parse_address` reads it."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"


def parse_address(url: str) -> Address:
    """The address in ``http://HOST[:PORT]`` or ``https://HOST[:PORT]``.

    Raises ValueError for anything else: no scheme, a path, a user.
    """
    parts = urlsplit(url)
    has_more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in _PORTS or not parts.hostname or has_more:
        raise ValueError(f"{url!r} is not of the form http://HOST:PORT or https://HOST:PORT")
    return Address(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "https")
