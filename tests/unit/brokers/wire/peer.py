"""The other end of the wire, in the test's own hands: plain sockets, no turn of the loop needed."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
import uvloop

from phalanx.brokers.wire import Address

T = TypeVar("T")
LOOPS = pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"
WAIT_S_MAX = 10.0


class Peer:
    """A listening socket and what was accepted from it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(WAIT_S_MAX)
        self.accepted: list[socket.socket] = []

    @property
    def address(self) -> Address:
        host, port = self._listener.getsockname()
        return Address(host, port)

    def accept(self) -> socket.socket:
        """The oldest connection that was not accepted yet."""
        found, _ = self._listener.accept()
        found.settimeout(0)
        self.accepted.append(found)
        return found

    def has_more(self) -> bool:
        """Whether somebody connected who was not accepted yet."""
        self._listener.settimeout(0)
        try:
            self.accept()
        except BlockingIOError:
            return False
        finally:
            self._listener.settimeout(WAIT_S_MAX)
        return True

    def stop_listening(self) -> None:
        self._listener.close()

    def close(self) -> None:
        self._listener.close()
        for found in self.accepted:
            found.close()


def arrived(end: socket.socket) -> bytes:
    """What the kernel holds for this end at this instant; nothing is waited for."""
    try:
        return end.recv(1 << 20)
    except BlockingIOError:
        return b""


def reset(end: socket.socket) -> None:
    """Close with RST instead of FIN."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


async def until(holds: Callable[[], object]) -> None:
    """Turn the loop until it holds."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not holds():  # noqa: ASYNC110  what holds is not the loop's business
            await asyncio.sleep(0.001)


def run(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
    story: Callable[[Peer], Awaitable[Any]],
) -> None:
    """Play a story on this kind of loop, with a peer."""

    async def play() -> None:
        peer = Peer()
        try:
            await story(peer)
        finally:
            peer.close()
            # Transports close their sockets in a turn of their own.
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(play())
