"""Group commit: while one group is being synced, the next is decided.

A group is one record. State runs ahead of the disk; what leaves the process does not: it waits
for ``durable``. A failed commit stops everything, for good.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from phalanx.desk.errors import Stopped
from phalanx.domain.events import Event, encode_event, join_events
from phalanx.domain.time import Random
from phalanx.engine.refused import Refused
from phalanx.journal.port import Journal

GROUP_BYTES_MAX = 1 << 20
"""A group stops taking commands here; a single larger one is a group of its own."""

COMMAND_BYTES_MAX = 8 << 20
"""Most that one command may write; it is in one record, whatever its size."""

BATCH_ID_BYTES = 16


def encoded(events: Iterable[Event]) -> list[bytes]:
    """The events of one command as they will be journaled. Raises Refused ``PLAN_TOO_LARGE``."""
    blobs = [encode_event(event) for event in events]
    if sum(map(len, blobs)) > COMMAND_BYTES_MAX:
        raise Refused("PLAN_TOO_LARGE", f"more than {COMMAND_BYTES_MAX >> 20} MiB")
    return blobs


class Group(msgspec.Struct, gc=False):
    """Events that will be one record; ``first_seq`` is the seq of the first."""

    first_seq: int
    events: list[Event]
    encoded: list[bytes]
    size: int = 0

    @property
    def last_seq(self) -> int:
        """The seq of the last event."""
        return self.first_seq + len(self.events) - 1


class GroupCommit:
    """Collects decided events, writes them as records, and says when they are durable."""

    def __init__(
        self,
        journal: Journal,
        random: Random,
        seq: int,
        released: Callable[[Group], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._random = random
        self._released = released
        self._groups: deque[Group] = deque()
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._waiter_count = 0
        self._wake = asyncio.Event()
        self._failure: BaseException | None = None
        self.durable_seq = self._released_seq = seq
        self.waiting_bytes = 0

    def add(self, first_seq: int, events: Sequence[Event], encoded: Sequence[bytes]) -> None:
        """Queue events already applied, in one piece. Never refuses: bounds are the intake's business."""
        if self._failure is not None:
            return
        size = sum(map(len, encoded))
        groups = self._groups
        if not groups or groups[-1].size + size > GROUP_BYTES_MAX:
            groups.append(Group(first_seq, [], []))
        group = groups[-1]
        group.events.extend(events)
        group.encoded.extend(encoded)
        group.size += size
        self.waiting_bytes += size
        self._wake.set()

    def durable(self, seq: int) -> asyncio.Future[None]:
        """A future that is done when event ``seq`` is on disk and what that allows was written and shown;
        raises Stopped if it never will be on disk.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if seq <= self._released_seq:
            future.set_result(None)
        elif self._failure is not None:
            future.set_exception(Stopped(str(self._failure)))
        else:
            self._waiter_count += 1
            heapq.heappush(self._waiters, (seq, self._waiter_count, future))
        return future

    async def run(self) -> None:
        """Commit group after group until cancelled. Raises what the journal raised; then all is over."""
        try:
            while True:
                if not self._groups:
                    self._wake.clear()
                    await self._wake.wait()
                await self._commit(self._groups.popleft())
        except Exception as failure:
            self.fail(failure)
            raise

    def fail(self, failure: BaseException) -> None:
        """Nothing will become durable any more: everybody who waits is told so."""
        if self._failure is not None:
            return
        self._failure = failure
        self._groups.clear()
        self.waiting_bytes = 0
        waiters, self._waiters = self._waiters, []
        for _, _, future in waiters:
            if not future.done():
                future.set_exception(Stopped(str(failure)))

    async def _commit(self, group: Group) -> None:
        body = join_events(group.encoded, len(group.encoded))
        batch_id = self._random.token(BATCH_ID_BYTES)
        tail = await self._journal.append(body, len(group.events), batch_id)
        assert tail.seq == group.last_seq, f"journal at {tail.seq}, desk at {group.last_seq}"
        self.durable_seq = tail.seq
        await self._released(group)
        if self._failure is not None:
            return
        self._released_seq = tail.seq
        self.waiting_bytes -= group.size
        # The waiters run in the next turn of the loop, before whatever these writes cause.
        waiters = self._waiters
        while waiters and waiters[0][0] <= tail.seq:
            future = heapq.heappop(waiters)[2]
            if not future.done():
                future.set_result(None)
