"""The journal port: what the desk and the readers may rely on, whatever stores the records.

One `Journal` object is one shard under one term of leadership: it is acquired once, appended to,
and closed; after a failure it refuses everything and a new object must be made.

`seq` numbers events, `record` numbers group commits; both start at 1 and have no gaps. Bodies are
opaque bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from phalanx.journal.errors import JournalError
from phalanx.journal.record import Record, Tail
from phalanx.journal.snapshots import Snapshot

__all__ = ["Journal", "JournalReader", "Record", "Snapshot", "Tail"]


class JournalReader(Protocol):
    """The reading side. It never writes, and may look at a journal that is being written to."""

    @property
    def shard(self) -> int: ...

    def tail(self) -> Tail:
        """Where the journal ends now, checked against its last record and its anchor.

        Raises `JournalMissing`, `JournalCorrupt`, `JournalFailed` (cannot be read).
        """
        ...

    def anchor(self) -> Tail | None:
        """What the anchor says, None when there is none. Raises `JournalCorrupt`."""
        ...

    def records(self, after_seq: int = 0) -> Iterator[Record]:
        """The records that hold an event after ``after_seq``, in order, up to the tail of the
        moment iteration starts. The first may begin at or before ``after_seq``.

        The tail is checked as in `tail`; each record's checksum, contiguity and chain when it is
        reached. Nothing is ever skipped. Raises `JournalCorrupt` naming the record.
        """
        ...

    def scan(self) -> Iterator[Record]:
        """All records from the first, each checked, without asking tail or anchor. For `verify`."""
        ...

    def record_at(self, seq: int) -> Record:
        """The record that holds event ``seq``. Raises `NoSuchSeq`, `JournalCorrupt`."""
        ...

    def snapshots(self) -> Iterator[Snapshot]:
        """The readable snapshots that belong to this journal, newest first (at most two), each read when it
        is asked for.
        """
        ...

    def close(self) -> None: ...


class Journal(JournalReader, Protocol):
    """The writing side: one writer."""

    def acquire(self) -> Tail:
        """Take the lock, check the tail against the anchor and begin a new epoch, durably.

        Returns the tail with the new epoch. Raises `JournalLocked`, `JournalCorrupt`, `Fenced`,
        `JournalFailed`; the lock is free again, and a corrupt journal is left as it was found.
        """
        ...

    def listen(self, failed: Callable[[JournalError], None]) -> None:
        """Have ``failed`` called once, on the running loop, when this journal is over, with why.

        It is when an append or the journal's own upkeep fails, when another writer took over, and
        when anybody who reads through this object meets damage: whoever acts on what is durable
        must stop at once, and not only when it appends again.
        """
        ...

    async def append(self, body: bytes, count: int, batch_id: bytes) -> Tail:
        """Append one record of ``count`` events behind the current tail.

        Returns the new tail when record and anchor are on disk. Calls are written in the order
        they were made. Raises `Fenced` or `JournalFailed` (see its ``definite``), after which the
        object refuses every append; `RecordTooLarge` and `ValueError` before anything is tried.
        Cancelling the waiting task does not take the record back.
        """
        ...

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Keep this one and the one before it. Blocks on the disk: not for the hot path.

        Raises `ValueError` when it is not of a record in this journal, `JournalFailed`.
        """
        ...
