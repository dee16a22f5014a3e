"""Where a broker listens."""

from urllib.parse import urlsplit

import msgspec


class Address(msgspec.Struct, frozen=True):
    """A host, by name or number, and a port; plain TCP."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """As in a ``Host`` header: ``127.0.0.1:8090``, ``[::1]:8090``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(url: str) -> Address:
    """The address in ``http://HOST[:PORT]``.

    Raises ValueError for anything else: a path, a user, and for now also https.
    """
    parts = urlsplit(url)
    has_more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme != "http" or not parts.hostname or has_more:
        raise ValueError(f"{url!r} is not of the form http://HOST:PORT")
    return Address(parts.hostname, parts.port or 80)
