"""The event stream: numbered topics that many readers share and none can slow down.

Each topic keeps the rows as they are after its last delta, so a snapshot is consistent with ``n``
by construction, and ``seq`` says up to which durable event it is true.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

SLOW_READER = "SLOW_READER"
STREAM_CLOSED = "STREAM_CLOSED"
BACKLOG_MAX = 1_024
"""Messages a reader may be behind before it is cut off."""
READERS_MAX = 2_000

_encode = msgspec.json.Encoder().encode


class TooManyReaders(Exception):
    """The stream serves no more readers now."""


class Reader:
    """One reader's bounded queue of encoded messages."""

    def __init__(self, backlog_max: int = BACKLOG_MAX) -> None:
        self._backlog_max = backlog_max
        self._messages: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self.closed_reason = ""

    def offer(self, message: bytes) -> None:
        """Queue a message; a reader that is too far behind is cut off instead."""
        if self.closed_reason:
            return
        if len(self._messages) >= self._backlog_max:
            self.close(SLOW_READER)
            return
        self._messages.append(message)
        self._ready.set()

    def close(self, reason: str) -> None:
        """No more messages; what was queued is dropped."""
        self.closed_reason = reason
        self._messages.clear()
        self._ready.set()

    def __aiter__(self) -> "Reader":
        return self

    async def __anext__(self) -> bytes:
        while not self._messages:
            if self.closed_reason:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._messages.popleft()


class Topic:
    """Keyed rows, a counter, and whoever reads. ``show`` turns a row into its message."""

    def __init__(self, name: str, show: Callable[[Any], msgspec.Struct]) -> None:
        self.name = name
        self.n = 0
        self.rows: dict[str, Any] = {}
        self._show = show
        self._readers: dict[Reader, None] = {}

    def publish(self, seq: int, keys: Iterable[str], gone: Sequence[str] = ()) -> None:
        """The rows of ``keys`` changed and ``gone`` left, as of ``seq``: one delta for all readers."""
        self.n += 1
        for key in gone:
            self.rows.pop(key, None)
        if not self._readers:
            return
        items = [self._show(self.rows[key]) for key in keys if key in self.rows]
        message = self._message("delta", seq, items, gone)
        for reader in list(self._readers):
            reader.offer(message)
            if reader.closed_reason:
                del self._readers[reader]

    def join(self, reader: Reader, seq: int) -> None:
        """The whole table now, every delta from here on."""
        reader.offer(self._message("snapshot", seq, map(self._show, self.rows.values()), ()))
        self._readers[reader] = None

    def leave(self, reader: Reader) -> None:
        """No more for this reader."""
        self._readers.pop(reader, None)

    def _message(
        self, kind: str, seq: int, items: Iterable[msgspec.Struct], gone: Sequence[str]
    ) -> bytes:
        body: dict[str, Any] = {"topic": self.name, "type": kind, "n": self.n, "seq": seq}
        body["items"] = list(items)
        if kind == "delta":
            body["gone"] = list(gone)
        return _encode(body)


class Stream:
    """All topics and all readers. ``seq`` is the last durable event the topics show."""

    def __init__(self, topics: Iterable[Topic], seq: int) -> None:
        self.topics = {topic.name: topic for topic in topics}
        self.seq = seq
        self._readers: dict[Reader, None] = {}
        self._closed = False

    @property
    def reader_count(self) -> int:
        """How many readers are connected."""
        return len(self._readers)

    def add(self, topic: Topic) -> None:
        """One more topic, for readers that join from now on."""
        self.topics[topic.name] = topic

    def join(self, topics: Sequence[str]) -> Reader:
        """A new reader of these topics; after the end one that is cut off already.

        Raises KeyError (unknown topic), TooManyReaders.
        """
        joined = [self.topics[name] for name in topics]
        if len(self._readers) >= READERS_MAX:
            raise TooManyReaders
        reader = Reader()
        if self._closed:
            reader.close(STREAM_CLOSED)
            return reader
        self._readers[reader] = None
        for topic in joined:
            topic.join(reader, self.seq)
        return reader

    def leave(self, reader: Reader) -> None:
        """The reader is gone."""
        self._readers.pop(reader, None)
        for topic in self.topics.values():
            topic.leave(reader)

    def close(self) -> None:
        """Cut everybody off, for good."""
        self._closed = True
        for reader in list(self._readers):
            reader.close(STREAM_CLOSED)
        self._readers.clear()
