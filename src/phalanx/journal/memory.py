"""The journal in memory: for tests and simulation, with the semantics of the real ones.

A `MemoryDisk` is what survives a crash; a `MemoryJournal` is one process that works on it. There
are no threads and nothing waits, so a simulation stays deterministic; where an append shall take
time or be interrupted, the simulation wraps it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from phalanx.journal.anchor import check_anchor
from phalanx.journal.errors import (
    Damage,
    Failure,
    Fenced,
    JournalCorrupt,
    JournalError,
    JournalFailed,
    JournalLocked,
    JournalMissing,
    NoSuchSeq,
)
from phalanx.journal.record import (
    CHAIN_START,
    START,
    Record,
    Tail,
    check_arguments,
    checked,
    decode_row,
    encode,
)
from phalanx.journal.snapshots import KEPT, Snapshot


class FailPoint(StrEnum):
    """Where the next append fails."""

    BEFORE = "before"
    """Nothing is written: a full disk. Definite."""
    UNSYNCED = "unsynced"
    """The sync fails: not there now, and no promise about the next start. Not definite."""
    ANCHOR = "anchor"
    """The record is durable, its anchor is not written. Not definite."""


class MemoryDisk:
    """What is durable. Tests may alter any of it, as a bad disk would."""

    def __init__(self, shard: int = 0) -> None:
        self.shard = shard
        self.tail: Tail | None = None
        """The tail row; None until somebody acquired a journal here."""
        self.blobs: dict[int, bytes] = {}
        """Encoded records by number."""
        self.anchor: Tail | None = None
        self.snapshots: list[Snapshot] = []
        """Newest first."""
        self.holder: MemoryJournal | None = None
        """Who has the lock. Setting it to None is what a takeover does to a paused writer."""

    def store(self, blob: bytes, after: Tail) -> None:
        """One commit: the record and the tail row together."""
        self.blobs[after.record] = blob
        self.tail = after


class MemoryJournal:
    """The `Journal` on a `MemoryDisk` (its own when none is given)."""

    def __init__(self, disk: MemoryDisk | None = None, shard: int = 0) -> None:
        self.shard = shard
        self.disk = MemoryDisk(shard) if disk is None else disk
        self._mine: Tail | None = None
        self._failure: Fenced | JournalFailed | None = None
        self._fail_next: FailPoint | None = None
        self._failed: Callable[[JournalError], None] | None = None
        self._closed = False

    def fail_next(self, point: FailPoint) -> None:
        """Let the next append fail at ``point``."""
        self._fail_next = point

    def acquire(self) -> Tail:
        """See `Journal.acquire`."""
        assert self._mine is None, "a journal is acquired once"
        assert not self._closed, "a closed journal stays closed"
        if self.disk.holder is not None:
            raise JournalLocked("the memory disk", os.getpid())
        if self.disk.tail is None and self.disk.anchor is None:
            self.disk.tail = START
        tail = self.tail()
        self._mine = Tail(tail.epoch + 1, tail.record, tail.seq, tail.chain)
        self.disk.holder = self
        self.disk.tail = self.disk.anchor = self._mine
        return self._mine

    def listen(self, failed: Callable[[JournalError], None]) -> None:
        """See `Journal.listen`. There are no threads here, so it is called at once."""
        assert self._failed is None, "one listener"
        self._failed = failed

    async def append(self, body: bytes, count: int, batch_id: bytes) -> Tail:
        """See `Journal.append`."""
        check_arguments(body, count, batch_id)
        mine = self._writable()
        blob, tail = encode(mine, self.shard, body, count, batch_id)
        point, self._fail_next = self._fail_next, None
        if self.disk.tail != mine:
            raise self._stop(Fenced(f"record {tail.record} of epoch {tail.epoch}: fenced"))
        if point is FailPoint.BEFORE:
            raise self._stop(JournalFailed(Failure.DISK_FULL, "injected"))
        if point is FailPoint.UNSYNCED:
            raise self._stop(JournalFailed(Failure.IO_ERROR, "injected", definite=False))
        self.disk.store(blob, tail)
        if point is FailPoint.ANCHOR:
            raise self._stop(JournalFailed(Failure.ANCHOR_FAILED, "injected", definite=False))
        self.disk.anchor = self._mine = tail
        return tail

    def tail(self) -> Tail:
        """See `JournalReader.tail`."""
        with self._on_damage():
            return self._checked_tail()

    def anchor(self) -> Tail | None:
        """See `JournalReader.anchor`."""
        return self.disk.anchor

    def records(self, after_seq: int = 0) -> Iterator[Record]:
        """See `JournalReader.records`."""
        with self._on_damage():
            tail = self._checked_tail()
            if after_seq >= tail.seq:
                return
            start = 1 if after_seq <= 0 else self.record_at(after_seq + 1).record
            before = START if start == 1 else self._load(start - 1, tail.record).tail
            yield from checked(self._rows(start, tail.record), before, self.shard, tail.record)

    def scan(self) -> Iterator[Record]:
        """See `JournalReader.scan`."""
        with self._on_damage():
            self._stored_tail()
            last = max(self.disk.blobs, default=0)
            yield from checked(self._rows(1, last), START, self.shard, last)

    def record_at(self, seq: int) -> Record:
        """See `JournalReader.record_at`."""
        with self._on_damage():
            tail = self._stored_tail()
            if not 1 <= seq <= tail.seq:
                raise NoSuchSeq(seq, tail.seq)
            low, high = 1, tail.record
            while low < high:
                middle = (low + high) // 2
                if self._load(middle, tail.record).last_seq < seq:
                    low = middle + 1
                else:
                    high = middle
            return self._load(low, tail.record)

    def snapshots(self) -> Iterator[Snapshot]:
        """See `JournalReader.snapshots`."""
        return (snapshot for snapshot in self.disk.snapshots if self._is_ours(snapshot))

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """See `Journal.put_snapshot`."""
        if not self._is_ours(snapshot):
            raise ValueError(f"the snapshot of record {snapshot.record} is not of this journal")
        older = [kept for kept in self.disk.snapshots if kept.record < snapshot.record]
        self.disk.snapshots = [snapshot, *older[: KEPT - 1]]

    def crash(self) -> None:
        """End as a killed process does: the lock is free, the disk as it is."""
        self._closed = True
        if self.disk.holder is self:
            self.disk.holder = None

    def close(self) -> None:
        """See `JournalReader.close`."""
        self.crash()

    def _writable(self) -> Tail:
        if self._closed:
            raise JournalFailed(Failure.CLOSED, "the journal is closed")
        if self._mine is None:
            raise JournalFailed(Failure.NOT_ACQUIRED, "the journal was never acquired")
        if self._failure is not None:
            raise self._failure.again()
        return self._mine

    def _stop(self, failure: Fenced | JournalFailed) -> Fenced | JournalFailed:
        """Refuse everything from now on, and say so."""
        self._failure = failure
        self._ring(failure)
        return failure

    def _ring(self, failure: JournalError) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(failure)

    @contextmanager
    def _on_damage(self) -> Iterator[None]:
        """Ring when what is read in this block is not what was written."""
        try:
            yield
        except JournalCorrupt as damage:
            self._ring(damage)
            raise

    def _stored_tail(self) -> Tail:
        """The tail row, compared with nothing."""
        if self.disk.shard != self.shard:
            message = f"this is the journal of shard {self.disk.shard}, not {self.shard}"
            raise JournalCorrupt(Damage.WRONG_SHARD, message)
        if self.disk.tail is None:
            if self.disk.anchor is not None:
                message = f"there is nothing; record {self.disk.anchor.record} was acknowledged"
                raise JournalCorrupt(Damage.BEHIND_ANCHOR, message, record=1)
            raise JournalMissing("the memory disk")
        return self.disk.tail

    def _checked_tail(self) -> Tail:
        """The tail, compared with the last record and with the anchor."""
        tail = self._stored_tail()
        last = max(self.disk.blobs, default=0)
        if last < tail.record:
            message = f"the last record is {last}, the tail row says {tail.record}"
            raise JournalCorrupt(Damage.MISSING_RECORD, message, record=last + 1)
        if last > tail.record:
            message = f"there is a record {last} behind the tail {tail.record}"
            raise JournalCorrupt(Damage.UNEXPECTED_RECORD, message, record=last)
        prev_chain = CHAIN_START
        if last > 0:
            record = decode_row(last, self.disk.blobs[last], is_last=True)
            prev_chain = record.prev_chain
            if (record.last_seq, record.chain) != (tail.seq, tail.chain):
                message = f"the tail row does not describe record {last}"
                raise JournalCorrupt(Damage.CHAIN_BROKEN, message, record=last)
        check_anchor(self.disk.anchor, tail, prev_chain)
        return tail

    def _rows(self, start: int, last: int) -> Iterator[tuple[int, bytes]]:
        for number in range(start, last + 1):
            blob = self.disk.blobs.get(number)
            if blob is not None:
                yield number, blob

    def _load(self, number: int, last: int) -> Record:
        blob = self.disk.blobs.get(number)
        if blob is None:
            message = f"record {number} is not there"
            raise JournalCorrupt(Damage.MISSING_RECORD, message, record=number)
        return decode_row(number, blob, is_last=number == last)

    def _is_ours(self, snapshot: Snapshot) -> bool:
        last = self._stored_tail().record
        if snapshot.record > last:
            return False
        at = START if snapshot.record == 0 else self._load(snapshot.record, last).tail
        return (at.chain, at.seq) == (snapshot.chain, snapshot.seq)
