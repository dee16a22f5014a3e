"""The SQLite journal: the port's writing side, on the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from phalanx.journal.alarm import Alarm
from phalanx.journal.anchor import AnchorFile, sync_folder
from phalanx.journal.errors import Failure, JournalError, JournalFailed, JournalMissing
from phalanx.journal.lock import FolderLock
from phalanx.journal.record import START, Record, Tail, check_arguments, encode
from phalanx.journal.scrub import Scrub
from phalanx.journal.snapshots import Snapshot
from phalanx.journal.sqlite.database import (
    Places,
    advance_epoch,
    create,
    open_for_writing,
    translated,
)
from phalanx.journal.sqlite.reader import SqliteJournalReader
from phalanx.journal.sqlite.writer import CommitThread, Job

APPENDS_UNDER_WAY_MAX: Final = 64

_log = logging.getLogger(__name__)


class SqliteJournal:
    """The `Journal` in the data folder ``folder``: `folder/journal/`, and beside it the lock and
    the anchor's witness, `folder/lock` and `folder/anchor`.

    Appends come from one event loop; at most `APPENDS_UNDER_WAY_MAX` are on their way to the disk,
    further ones wait their turn. The reading side may be used from any thread, before `acquire`
    as well. ``vfs`` names another SQLite file system, for tests.
    """

    def __init__(self, folder: Path, shard: int = 0, *, vfs: str | None = None) -> None:
        self.shard = shard
        self._places = Places(folder)
        self._vfs = vfs
        self._lock = FolderLock(self._places.lock)
        self._alarm = Alarm()
        self._reader = SqliteJournalReader(folder, shard, vfs=vfs, alarm=self._alarm)
        self._room = asyncio.Semaphore(APPENDS_UNDER_WAY_MAX)
        self._thread: CommitThread | None = None
        self._closed = False
        self._head = START
        """The tail behind everything handed over, written or not yet."""

    def acquire(self) -> Tail:
        """See `Journal.acquire`."""
        assert self._thread is None, "a journal is acquired once"
        assert not self._closed, "a closed journal stays closed"
        try:
            self._places.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except OSError as error:
            raise JournalFailed(Failure.IO_ERROR, str(error)) from error
        try:
            self._head = self._begin_epoch(self._recover())
        except OSError as error:
            self._lock.release()
            raise JournalFailed(Failure.IO_ERROR, str(error)) from error
        except BaseException:
            self._lock.release()
            raise
        return self._head

    def listen(self, failed: Callable[[JournalError], None]) -> None:
        """See `Journal.listen`."""
        self._alarm.listen(failed)

    async def append(self, body: bytes, count: int, batch_id: bytes) -> Tail:
        """See `Journal.append`."""
        check_arguments(body, count, batch_id)
        await self._room.acquire()
        # From here to `put` nothing waits: the order of the calls is the order of the records.
        try:
            thread = self._writable()
            blob, tail = encode(self._head, self.shard, body, count, batch_id)
            loop = asyncio.get_running_loop()
            future: asyncio.Future[Tail] = loop.create_future()
        except BaseException:
            self._room.release()
            raise
        self._head = tail
        thread.put(Job(blob, tail, batch_id, loop, future, self._room.release))
        return await future

    def tail(self) -> Tail:
        """See `JournalReader.tail`."""
        return self._reader.tail()

    def anchor(self) -> Tail | None:
        """See `JournalReader.anchor`."""
        return self._reader.anchor()

    def records(self, after_seq: int = 0) -> Iterator[Record]:
        """See `JournalReader.records`."""
        return self._reader.records(after_seq)

    def scan(self) -> Iterator[Record]:
        """See `JournalReader.scan`."""
        return self._reader.scan()

    def record_at(self, seq: int) -> Record:
        """See `JournalReader.record_at`."""
        return self._reader.record_at(seq)

    def snapshots(self) -> Iterator[Snapshot]:
        """See `JournalReader.snapshots`."""
        return self._reader.snapshots()

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """See `Journal.put_snapshot`. A failure here stops nothing: a snapshot is a cache."""
        try:
            self._reader.put_snapshot(snapshot)
        except OSError as error:
            raise JournalFailed(Failure.IO_ERROR, f"snapshot: {error}") from error

    def scrub(self) -> Scrub:
        """A check of all that was written, not started; it rings for those who `listen` here.

        To be stopped before `close`: a connection that is open then keeps the log from being
        tidied away.
        """
        # Each of the reader's calls has a connection of its own: the scrub's thread shares none.
        return Scrub(self._reader, self._alarm.ring)

    def close(self) -> None:
        """Finish the appends that were handed over, tidy the log away and release the lock."""
        self._closed = True
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
        self._reader.expect(None)
        self._lock.release()

    def _writable(self) -> CommitThread:
        if self._closed:
            raise JournalFailed(Failure.CLOSED, "the journal is closed")
        if self._thread is None:
            raise JournalFailed(Failure.NOT_ACQUIRED, "the journal was never acquired")
        if self._thread.failure is not None:
            raise self._thread.failure.again()
        return self._thread

    def _recover(self) -> Tail:
        """The checked tail of what is there. A refused journal is left exactly as it was found."""
        try:
            return self._reader.tail()
        except JournalMissing:
            if self._reader.witness() is not None:
                raise
            with translated():
                create(self._places, self.shard)
            sync_folder(self._places.folder.parent)
            return self._reader.tail()

    def _begin_epoch(self, tail: Tail) -> Tail:
        """One more epoch, in the journal and then in its anchors, and the thread that commits."""
        mine = Tail(tail.epoch + 1, tail.record, tail.seq, tail.chain)
        if tail.epoch > 0 and self._reader.witness() is None:
            _log.warning(
                "the anchor outside the journal's folder was missing and is made anew: "
                "an older copy of the journal would not have been noticed",
                extra={"path": str(self._places.witness), "record": tail.record},
            )
        with translated(), ExitStack() as opened:
            connection = open_for_writing(self._places, self._vfs)
            opened.callback(connection.close)
            advance_epoch(connection, self.shard, tail)
            anchor = AnchorFile(self._places.anchor, self.shard, mine)
            opened.callback(anchor.close)
            witness = AnchorFile(self._places.witness, self.shard, mine)
            opened.pop_all()
        self._reader.expect(self._places.database_id())
        self._thread = CommitThread(connection, (anchor, witness), self._reader, self._alarm.ring)
        return mine
