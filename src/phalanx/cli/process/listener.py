"""The socket a server listens on; bound before anything else, so that a taken port costs nothing."""

import errno
import ipaddress
import socket

from phalanx.cli.exit_codes import Exit, Failure

PORT_MAX = 65_535
FILES_WANTED = 65_536
"""Open files a busy server may need: every connection is one."""


def bind(host: str, port: int, advice: str, *, loopback: bool) -> socket.socket:
    """A bound socket that does not listen yet; port 0 takes a free one.

    ``advice`` is the command that would take another port. ``loopback``: on this machine only.

    Raises Failure PORT_IN_USE, CANNOT_LISTEN, NOT_LOOPBACK (a name that leads elsewhere).
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        if loopback and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
            detail = f"{host} leads to {address[0]}, which is not this machine alone"
            raise Failure(Exit.NOT_ALLOWED, "NOT_LOOPBACK", detail)
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise cannot_listen(error, host, port, advice) from None
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    """Where clients find it."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def allow_many_files() -> int:
    """Raise the limit of open files as far as we may; returns the limit in force."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(FILES_WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def cannot_listen(error: OSError, host: str, port: int, advice: str) -> Failure:
    """Why a port cannot be had, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < PORT_MAX else port - 1
        detail = (
            f"port {port} of {host} is taken by another program; "
            f"take another one: {advice.format(port=other)}"
        )
        return Failure(Exit.FAILURE, "PORT_IN_USE", detail)
    detail = f"cannot listen on {host}, port {port}: {error.strerror or error}"
    return Failure(Exit.FAILURE, "CANNOT_LISTEN", detail)
