"""A server of one answer on this machine, and a network that leads there whatever the address."""

import socket
import ssl
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import httpcore

PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each connection with the same bytes; with ``drip`` again and again until it is closed."""

    def __init__(
        self, answer: bytes = OK, *, drip: bytes = b"", tls: ssl.SSLContext | None = None
    ) -> None:
        self._answer = answer
        self._drip = drip
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.received: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            try:
                self._speak(peer)
            except OSError:
                pass
            finally:
                peer.close()

    def _speak(self, plain: socket.socket) -> None:
        plain.settimeout(10)
        peer = plain
        if self._tls is not None:
            peer = self._tls.wrap_socket(plain, server_side=True)
        with peer:
            head = b""
            while not _is_whole(head):
                if not (more := peer.recv(65_536)):
                    return
                head += more
            self.received.append(head)
            peer.sendall(self._answer)
            while self._drip:
                peer.sendall(self._drip)


def _is_whole(request: bytes) -> bool:
    """What is left unread when a connection is closed takes the answer with it."""
    head, end, body = request.partition(b"\r\n\r\n")
    sizes = [
        line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
    ]
    return bool(end) and len(body) >= int(sizes[0] if sizes else 0)


class Network(httpcore.NetworkBackend):
    """Every address is that server; remembers who was called."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._real = httpcore.SyncBackend()
        self.called: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.called.append((host, port))
        return self._real.connect_tcp("127.0.0.1", self._server.port, timeout)


class Resolver:
    """Gives one answer after another, the last one for ever."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
