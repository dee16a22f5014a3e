"""What waits to be sent to one client of a stream: bounded, and written by a task of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

WAITING_MAX: Final = 10_000
FLUSH_S: Final = 1.0

T = TypeVar("T")


class Outbox(Generic[T]):
    """Messages go out in their order. Whoever is too slow for ``WAITING_MAX`` of them is let go."""

    def __init__(self, send: Callable[[T], Awaitable[None]]) -> None:
        self._send = send
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(WAITING_MAX)
        self._writing = asyncio.create_task(self._write())

    def put(self, message: T) -> None:
        """Sent when its turn comes."""
        self._put(message)

    def finish(self) -> None:
        """The connection ends once everything has been sent."""
        self._put(None)

    async def serve(self, reading: Coroutine[Any, Any, None]) -> None:
        """Until either side ends it: then what still waits is sent, if that is possible."""
        reader = asyncio.create_task(reading)
        try:
            await asyncio.wait({reader, self._writing}, return_when=asyncio.FIRST_COMPLETED)
            self.finish()
            await asyncio.wait({self._writing}, timeout=FLUSH_S)
        finally:
            reader.cancel()
            self._writing.cancel()
            ends = await asyncio.gather(reader, self._writing, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def _put(self, message: T | None) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._writing.cancel()

    async def _write(self) -> None:
        try:
            while (message := await self._queue.get()) is not None:
                await self._send(message)
        except (OSError, EOFError):
            pass  # the other side has gone
