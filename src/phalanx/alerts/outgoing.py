"""HTTP that leaves the house: one request to a checked address, in bounded time, with a bounded answer.

The name is resolved once, every address it has is checked, and that very address is connected to; SNI, the
certificate's name and ``Host`` stay the name's. No redirects, no proxies, no cookies, no environment.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Any, Final, TypeAlias

import httpcore
import msgspec

from phalanx.alerts.addresses import HostsAllowed, Target, check_ip, target_of
from phalanx.alerts.errors import AlertError, SendFailed

TIMEOUT_S: Final = 10.0
REQUEST_BYTES_MAX: Final = 256 * 1024
RESPONSE_BYTES_MAX: Final = 64 * 1024
ADDRESSES_TRIED_MAX: Final = 3

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host, as text. Raises OSError."""


class Received(msgspec.Struct, frozen=True):
    """An answer: its status, its headers in small letters, its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolve_host(host: str, port: int) -> Sequence[str]:
    """As the system resolves it; it may take longer than any timeout of ours."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


class Outgoing:
    """Sends single requests; thread-safe. ``tls`` None: certificates that the system trusts."""

    def __init__(
        self,
        allowed: HostsAllowed,
        *,
        resolve: Resolve = resolve_host,
        backend: httpcore.NetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allowed = allowed
        self._resolve = resolve
        self._backend = backend or httpcore.SyncBackend()
        self._tls = tls

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        timeout_s: float = TIMEOUT_S,
    ) -> Received:
        """Send it, and what came back, whatever its status.

        Raises AlertError ADDRESS_NOT_ALLOWED, and SendFailed with the class of what went wrong.
        """
        target = target_of(url, self.allowed)
        if len(body) > REQUEST_BYTES_MAX:
            raise SendFailed("REQUEST_TOO_LARGE", again=False)
        deadline = _Deadline(timeout_s)
        backend = _Pinned(target, self._resolve, self._backend, deadline)
        try:
            pool = httpcore.ConnectionPool(
                self._context(),
                max_connections=1,
                max_keepalive_connections=0,
                network_backend=backend,
            )
            with pool, pool.stream(method, url, headers=_listed(headers), content=body) as answer:
                content = _bounded(answer.iter_stream())
                said = {
                    name.decode("latin-1").lower(): value.decode("latin-1")
                    for name, value in answer.headers
                }
                return Received(answer.status, said, content)
        except (AlertError, SendFailed):
            raise
        except Exception as error:  # noqa: BLE001  its text may hold the address
            raise SendFailed(_class_of(error)) from None

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            # It takes some ten milliseconds, on the thread that sends first.
            self._tls = ssl.create_default_context()
        return self._tls


class _Deadline:
    """When all of a request is over."""

    def __init__(self, timeout_s: float) -> None:
        self._at = monotonic() + timeout_s

    def left(self, error: type[Exception]) -> float:
        """Seconds that are left; raises ``error`` when there are none."""
        left = self._at - monotonic()
        if left <= 0:
            raise error
        return left


class _Pinned(httpcore.NetworkBackend):
    """Connects to the target only, at an address that was checked."""

    def __init__(
        self, target: Target, resolve: Resolve, backend: httpcore.NetworkBackend, until: _Deadline
    ) -> None:
        self._target = target
        self._resolve = resolve
        self._backend = backend
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  the deadline is for all of it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """As httpcore asks for it, once."""
        target = self._target
        if (host, port) != (target.host, target.port):
            raise httpcore.ConnectError
        addresses = self._resolve(host, port)
        for address in addresses:
            check_ip(address, is_named=target.is_named)
        failed: Exception = httpcore.ConnectError()
        for address in addresses[:ADDRESSES_TRIED_MAX]:
            left = self._until.left(httpcore.ConnectTimeout)
            try:
                stream = self._backend.connect_tcp(
                    address, port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Timed(stream, self._until)
        raise failed


class _Timed(httpcore.NetworkStream):
    """A connection whose every wait ends when all of the request does: a slow drip cannot hold it open."""

    def __init__(self, stream: httpcore.NetworkStream, until: _Deadline) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._until.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._until.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = self._until.left(httpcore.ConnectTimeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  as httpcore has it
        return self._stream.get_extra_info(info)


def _bounded(chunks: Iterable[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > RESPONSE_BYTES_MAX:
            raise SendFailed("RESPONSE_TOO_LARGE", again=False)
    return bytes(content)


def _listed(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]


def _class_of(error: Exception) -> str:
    """What to call it: TLS errors come wrapped."""
    inner = error.__cause__ or error.__context__
    if isinstance(inner, ssl.SSLError):
        return type(inner).__name__
    return type(error).__name__
