"""A disk that survives processes, and a journal on it whose appends take time and can be cut short."""

from collections.abc import Callable
from enum import StrEnum

from phalanx.domain.time import MICROSECOND, Nanoseconds, Timer
from phalanx.journal.errors import Failure, JournalCorrupt, JournalFailed
from phalanx.journal.memory import FailPoint, MemoryDisk, MemoryJournal
from phalanx.journal.port import Tail
from phalanx.journal.record import START, decode_row, encode

COMMIT_NS: Nanoseconds = 200 * MICROSECOND


class Landing(StrEnum):
    """What became of the record that a process was writing when it died. It was never acknowledged."""

    LOST = "lost"
    TORN = "torn"
    """Some of its bytes are there: whoever starts next finds that they are no record."""
    DURABLE = "durable"
    """It is there; its anchor was not written."""
    ANCHORED = "anchored"


class SimulatedDisk(MemoryDisk):
    """What is durable. ``full``: nothing can be written any more. ``torn``: the beginning of a record
    that nobody finished.
    """

    def __init__(self, shard: int = 0) -> None:
        super().__init__(shard)
        self.full = False
        self.torn: tuple[int, bytes] | None = None

    def recover(self) -> None:
        """Drop what a dead process left half written, which must not pass for a record."""
        torn, self.torn = self.torn, None
        if torn is None:
            return
        number, blob = torn
        try:
            decode_row(number, blob, is_last=True)
        except JournalCorrupt:
            return
        raise AssertionError(f"half of record {number} passes for a record")

    def lose_tail(self, count: int, *, with_anchor: bool = False) -> Callable[[], None]:
        """Lose the last records although they were acknowledged, as a disk that lies about its syncs.

        Returns what puts everything back as it was.
        """
        tail, anchor, blobs = self.tail, self.anchor, dict(self.blobs)
        assert tail is not None
        assert 0 < count <= tail.record, "no more than there is"
        last = tail.record - count
        for number in range(last + 1, tail.record + 1):
            del self.blobs[number]
        end = decode_row(last, blobs[last], is_last=True).tail if last else START
        self.tail = Tail(tail.epoch, end.record, end.seq, end.chain)
        if with_anchor:
            self.anchor = self.tail

        def restore() -> None:
            self.tail, self.anchor, self.blobs = tail, anchor, blobs

        return restore


class TimedJournal(MemoryJournal):
    """A journal in memory whose commits take virtual time, so that groups form as on a disk."""

    def __init__(
        self, disk: MemoryDisk, timer: Timer, commit_ns: Callable[[], Nanoseconds]
    ) -> None:
        super().__init__(disk)
        self._timer = timer
        self._commit_ns = commit_ns
        self._under_way: tuple[bytes, int, bytes] | None = None

    def acquire(self) -> Tail:
        """See `Journal.acquire`; on a full disk it fails."""
        if isinstance(self.disk, SimulatedDisk):
            if self.disk.full:
                raise JournalFailed(Failure.DISK_FULL, "the disk is full")
            self.disk.recover()
        return super().acquire()

    async def append(self, body: bytes, count: int, batch_id: bytes) -> Tail:
        """Half the time before the record is durable, half of it after."""
        commit_ns = self._commit_ns()
        self._under_way = (body, count, batch_id)
        await self._timer.sleep(commit_ns // 2)
        if isinstance(self.disk, SimulatedDisk) and self.disk.full:
            self.fail_next(FailPoint.BEFORE)
        if self._fail_next is not FailPoint.UNSYNCED:
            self._under_way = None
        tail = await super().append(body, count, batch_id)
        await self._timer.sleep(commit_ns // 2)
        return tail

    def kill(self, landing: Landing = Landing.LOST) -> None:
        """The process dies. What it was writing may have reached the disk; so may what could not be synced."""
        if self._under_way is not None and self._mine is not None and self.disk.tail == self._mine:
            blob, tail = encode(self._mine, self.shard, *self._under_way)
            if landing is Landing.TORN and isinstance(self.disk, SimulatedDisk):
                self.disk.torn = tail.record, blob[: len(blob) * self._under_way[2][0] // 256]
            elif landing in {Landing.DURABLE, Landing.ANCHORED}:
                self.disk.store(blob, tail)
            if landing is Landing.ANCHORED:
                self.disk.anchor = tail
        self.crash()
