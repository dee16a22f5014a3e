"""Readers of the stream that read nothing: what they cost those who trade."""

import asyncio
import socket

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
BUFFER_BYTES = 4_096
"""So little that their kernel takes next to nothing for them either."""


class SlowReaders:
    """Connections to the stream of the server on one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []

    def __len__(self) -> int:
        return len(self._sockets)

    async def open(self, count: int) -> None:
        """So many more; a server cuts off who stands still for long."""
        loop = asyncio.get_running_loop()
        for _ in range(count):
            own = socket.socket()
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            own.setblocking(False)
            self._sockets.append(own)
            await loop.sock_connect(own, ("127.0.0.1", self._port))
            await loop.sock_sendall(own, HANDSHAKE)

    def close(self) -> None:
        """None of them any more."""
        for own in self._sockets:
            own.close()
        self._sockets.clear()
