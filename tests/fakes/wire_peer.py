"""The other end of the wire, plain or TLS, in the test's own hands: no turn of the loop is needed to look."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import pytest
import uvloop

from phalanx.brokers.port import Accepted, Outcome
from phalanx.brokers.wire import Address, Answer, Dialer, Pool, Timeouts
from tests.conftest import ROOT

CERTIFICATES = ROOT / "tests" / "data" / "tls"
CA = CERTIFICATES / "ca.pem"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REQUEST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"
WAIT_S_MAX = 10.0


class Wire(msgspec.Struct, frozen=True):
    """What a story is played on."""

    new_loop: Callable[[], asyncio.AbstractEventLoop]
    tls: bool


_WIRES = {
    "asyncio plain": Wire(asyncio.new_event_loop, tls=False),
    "asyncio tls": Wire(asyncio.new_event_loop, tls=True),
    "uvloop plain": Wire(uvloop.new_event_loop, tls=False),
    "uvloop tls": Wire(uvloop.new_event_loop, tls=True),
}
WIRES = pytest.mark.parametrize("wire", list(_WIRES.values()), ids=list(_WIRES))
TLS_WIRES = pytest.mark.parametrize(
    "wire",
    [wire for wire in _WIRES.values() if wire.tls],
    ids=[name for name, wire in _WIRES.items() if wire.tls],
)


def server_context(name: str = "localhost") -> ssl.SSLContext:
    """A server's context, with one of the certificates of the tests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


class End:
    """The other end of one connection."""

    def __init__(self, own: socket.socket) -> None:
        self.socket = own
        own.settimeout(0)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def came(self) -> bytes:
        """Every byte that the kernel holds for this end at this instant; nothing is waited for."""
        found = bytearray()
        with suppress(BlockingIOError):
            while data := self.socket.recv(1 << 20):
                found += data
        return bytes(found)

    def peek(self) -> bytes:
        """The same, and it stays there."""
        try:
            return self.socket.recv(1 << 20, socket.MSG_PEEK)
        except BlockingIOError:
            return b""

    def arrived(self) -> bytes:
        """The text in it."""
        return self.came()

    def greet(self) -> bool:
        """Whether it is ready for text; sees to it without waiting."""
        return True

    def say(self, text: bytes) -> None:
        self.socket.sendall(text)

    def stop_talking(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class TlsEnd(End):
    """The same behind TLS."""

    def __init__(self, own: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(own)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.has_replied = False
        self._is_greeted = False

    def arrived(self) -> bytes:
        self._incoming.write(self.came())
        text = bytearray()
        with suppress(ssl.SSLWantReadError):
            while part := self.tls.read(1 << 20):
                text += part
        return bytes(text)

    def greet(self) -> bool:
        if not self._is_greeted:
            self._incoming.write(self.came())
            try:
                with suppress(ssl.SSLWantReadError):
                    self.tls.do_handshake()
                    self._is_greeted = True
            finally:
                # Also why it will have none of it.
                self.has_replied |= bool(self._outgoing.pending)
                self.flush()
        return self._is_greeted

    def say(self, text: bytes) -> None:
        self.tls.write(text)
        self.flush()

    def say_goodbye(self) -> None:
        """End TLS in order; the connection stays."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()

    def flush(self) -> None:
        """What TLS wants to be sent."""
        self.socket.sendall(self._outgoing.read())


class Peer:
    """A listening socket and what was accepted from it. ``finishes_late``: what a server says with the
    end of its handshake, tickets, comes only with ``accept``.
    """

    finishes_late = False

    def __init__(self, context: ssl.SSLContext | None = None, end: type[TlsEnd] = TlsEnd) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self._end = end
        self._new: list[End] = []
        self.ends: list[End] = []

    @property
    def address(self) -> Address:
        host, port = self._listener.getsockname()
        return Address(host, port, tls=self._context is not None)

    def dialer(self, timeouts: Timeouts = Timeouts(), source: str = "") -> Dialer:  # noqa: B008
        """Who reaches it and trusts it."""
        return Dialer(self.address, source, CA if self._context else None, timeouts)

    def accept(self) -> End:
        """The oldest connection that was not given out yet, ready for text."""
        self._listener.settimeout(WAIT_S_MAX)
        if not self._new:
            self._take()
        end = self._new.pop(0)
        assert end.greet(), "whoever connected has done its part"
        self.ends.append(end)
        return end

    def has_more(self) -> bool:
        """Whether somebody connected who was not given out yet; it is then the last of ``ends``."""
        self._look()
        if not (self._new and self._new[0].greet()):
            return False
        self.accept()
        return True

    async def attend(self) -> None:
        """Do its part of handshakes, for ever."""
        while True:
            self._look()
            for end in self._new:
                if not (self.finishes_late and isinstance(end, TlsEnd) and end.has_replied):
                    with suppress(OSError):
                        end.greet()
            await asyncio.sleep(0.001)

    def stop_listening(self) -> None:
        self._listener.close()

    def close(self) -> None:
        self._listener.close()
        for end in (*self._new, *self.ends):
            end.close()

    def _look(self) -> None:
        with suppress(OSError):
            self._listener.settimeout(0)
            self._take()

    def _take(self) -> None:
        own, _ = self._listener.accept()
        self._new.append(self._end(own, self._context) if self._context else End(own))


def fill(own: socket.socket) -> None:
    """Send until the kernel takes no more."""
    with suppress(BlockingIOError):
        while True:
            own.send((1 << 16) * b"x")


async def until(holds: Callable[[], object]) -> None:
    """Turn the loop until it holds."""
    async with asyncio.timeout(WAIT_S_MAX):
        while not holds():  # noqa: ASYNC110  what holds is not the loop's business
            await asyncio.sleep(0.001)


def run(
    wire: Wire,
    story: Callable[[Peer], Awaitable[Any]],
    peer: Callable[[Wire], Peer] = lambda wire: Peer(server_context() if wire.tls else None),
) -> None:
    """Play a story on this kind of loop, with a peer."""

    async def play() -> None:
        made = peer(wire)
        attending = asyncio.create_task(made.attend())
        try:
            await story(made)
        finally:
            attending.cancel()
            await asyncio.gather(attending, return_exceptions=True)
            made.close()
            # Transports close their sockets in a turn of their own.
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=wire.new_loop) as runner:
        runner.run(play())


async def warm_pool(peer: Peer) -> tuple[Pool, End]:
    """A pool with one warm connection, and the other end of that."""
    pool = Pool(peer.dialer())
    await pool.warm()
    return pool, peer.accept()


def status_of(answer: Answer) -> Outcome:
    """Any answer is an acceptance, named by its status."""
    return Accepted(f"{answer.status}")
