"""Somebody who guesses passwords, at a steady pace and from one place, in a process of their own."""

import socket
import time
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Event

import msgspec

from phalanx.domain.time import SECOND

LOGIN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
TURNED_AWAY = (b" 401 ", b" 429 ")
ANSWER_BYTES_MAX = 65_536


class Guesser:
    """Asks the server on one port to log in ``per_second`` times, until it is stopped."""

    def __init__(self, port: int, per_second: int) -> None:
        context = get_context("spawn")
        self._over = context.Event()
        self._process = context.Process(target=_guess, args=(port, per_second, self._over))
        self._process.start()

    def stop(self) -> None:
        """No more of it. Raises RuntimeError where it had failed before."""
        self._over.set()
        self._process.join()
        if self._process.exitcode:
            raise RuntimeError("the guesser failed")


def _guess(port: int, per_second: int, over: Event) -> None:
    body = msgspec.json.encode({"user": "admin", "password": "one of very many"})
    request = LOGIN + b"Content-Length: %d\r\n\r\n" % len(body) + body
    pace = SECOND // per_second
    due = time.monotonic_ns()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not over.is_set():
            with suppress(InterruptedError):
                time.sleep(max(0, due - time.monotonic_ns()) / SECOND)
            due += pace
            connection.sendall(request)
            answer = connection.recv(ANSWER_BYTES_MAX)
            if answer[8:13] not in TURNED_AWAY:
                raise RuntimeError(answer.decode(errors="replace"))
