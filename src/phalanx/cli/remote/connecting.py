"""From a command's options to the server that it talks to."""

from phalanx.cli.remote.client import Server
from phalanx.cli.remote.target import target


def connect(
    url: str | None, timeout_s: float, connection: str | None = None, *, renews: bool = True
) -> Server:
    """The server a command talks to, as whom `target` says. Raises Failure."""
    url, identity = target(url, connection, renews=renews)
    return Server(url, timeout_s, None, identity)
