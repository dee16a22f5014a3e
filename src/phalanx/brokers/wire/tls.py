"""The TLS of one connection, apart from its socket.

asyncio's own TLS transports hold sealed bytes back and do not say what the kernel took of them. Here
bytes go in and bytes come out, and whoever holds the socket writes them and knows.
"""

import asyncio
import socket
import ssl
from pathlib import Path

_READ_BYTES = 64 << 10


def tls_context(ca: Path | None = None) -> ssl.SSLContext:
    """Verifies certificate and host name, by the system's authorities or by those in a file instead.

    TLS 1.2 at least, without renegotiation: a request must never have to wait for a handshake. Raises
    OSError, which ssl.SSLError is, for a file in which there are none.
    """
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


class Tls:
    """One side of a connection. ``end``: why nothing can follow any more; empty while something can."""

    __slots__ = ("_incoming", "_object", "_outgoing", "end")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.end = ""

    def shake_hands(self, received: bytes) -> tuple[bool, bytes]:
        """One step: what came, possibly nothing, leads to whether TLS stands, and to what is to be sent.

        Raises ssl.SSLError, an OSError: nobody whom we trust, another name, no TLS at all.
        """
        self._incoming.write(received)
        stands = True
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            stands = False
        return stands, self._outgoing.read()

    def seal(self, plain: bytes) -> bytes:
        """What goes to the socket, all of it and in this order: from now on nothing else may. Raises
        ssl.SSLError, an OSError.
        """
        self._object.write(plain)
        return self._outgoing.read()

    def open(self, sealed: bytes) -> bytes:
        """The text in what came; nothing where that was TLS's own business, or only a part of something."""
        self._incoming.write(sealed)
        plain = b""
        try:
            while self._incoming.pending:
                part = self._object.read(_READ_BYTES)
                if not part:
                    self.end = "the broker ended TLS"
                    break
                plain = plain + part if plain else part
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.end = f"TLS broke: {error}"
        return plain

    def due(self) -> bytes:
        """What TLS itself has to answer to what came: to be sent before any text."""
        if self.end:
            return b""
        try:
            # An answer to new keys goes out with the next text only; one without any brings it forth.
            self._object.write(b"")
        except ssl.SSLError as error:
            self.end = f"TLS broke: {error}"
        return self._outgoing.read()


async def start_tls(own: socket.socket, context: ssl.SSLContext, host: str) -> Tls:
    """TLS that stands, over a socket that is connected and has no transport yet. Raises OSError."""
    loop = asyncio.get_running_loop()
    tls = Tls(context, host)
    stands, sealed = tls.shake_hands(b"")
    while True:
        if sealed:
            await loop.sock_sendall(own, sealed)
        if stands:
            break
        received = await loop.sock_recv(own, _READ_BYTES)
        if not received:
            raise ConnectionError("the connection ended before TLS stood")
        stands, sealed = tls.shake_hands(received)
    if tls.open(b"") or tls.end:
        raise ConnectionError(tls.end or "data that nobody asked for")
    return tls
