"""The thread that commits: one SQLite connection, one anchor, one record per transaction.

Everything that blocks on the disk is here and in no other thread. Two calls per record give up the
interpreter's lock, the insert and the anchor; the record was encoded before it was handed over.

Checkpoints are ours: SQLite's own would run inside some unlucky commit. A small log is also the
faster one, because overwriting a block costs one write and growing a file several (measured: 110
against 250 µs), so the log is copied back when it passes `CHECKPOINT_IDLE_BYTES` and nothing
waits, or in any case at `CHECKPOINT_BYTES`, after the answer was given. Only passive checkpoints
are used: a reader that sits on an old state delays the reuse of the log, never a commit. After each,
and after a second of quiet, the anchor's witness outside the journal's folder is told how far it is.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

import apsw
from msgspec import Struct

from phalanx.journal.anchor import AnchorFile
from phalanx.journal.errors import Failure, Fenced, JournalError, JournalFailed
from phalanx.journal.record import Tail, stored_first_seq
from phalanx.journal.sqlite.database import APPEND, keep_log_on_close
from phalanx.journal.sqlite.reader import SqliteJournalReader

CHECKPOINT_IDLE_BYTES: Final = 1024 * 1024
CHECKPOINT_BYTES: Final = 4 * 1024 * 1024
IDLE_S: Final = 0.005
QUIET_S: Final = 1.0
FRAME_BYTES: Final = 4096 + 24

# SQLite reports these, and a failed write, before the commit frame is complete: no recovery can
# find the record. (A failed sync is another matter: the frame is whole, in the cache, and may survive or not.)
_DEFINITE: Final = frozenset({apsw.SQLITE_FULL, apsw.SQLITE_BUSY, apsw.SQLITE_LOCKED})


class Job(Struct, eq=False):
    """One encoded record on its way to the disk, and who waits for it."""

    blob: bytes
    tail: Tail
    batch_id: bytes
    loop: AbstractEventLoop
    future: Future[Tail]
    settled: Callable[[], None]


class CommitThread:
    """Takes jobs in order; each one's future gets its tail, or the error, in its own loop.

    After the first failure nothing is written any more: the error is kept in ``failure`` and every
    later job is refused with it. `stop` ends the thread; a process that ends without it is a crash.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        anchors: tuple[AnchorFile, AnchorFile],
        reader: SqliteJournalReader,
        ring: Callable[[JournalError], None],
    ) -> None:
        """``anchors``: the journal's own and its witness; ``ring`` is called with the first failure."""
        self.failure: Fenced | JournalFailed | None = None
        self._shard = reader.shard
        self._connection = connection
        self._execute = connection.cursor().execute
        self._anchor, self._witness = anchors
        self._unwitnessed: Tail | None = None
        self._reader = reader
        self._ring = ring
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._log_bytes = 0
        self._checkpoint_at_bytes = CHECKPOINT_BYTES
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Hand over a job. The caller bounds how many are under way."""
        self._jobs.put(job)

    def stop(self) -> None:
        """Finish what was handed over, then end. Blocks. After a failure the log is left alone."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._patience_s())
            except Empty:
                if self._log_is_due():
                    self._checkpoint()
                else:
                    self._tell_witness()
                continue
            if job is None:
                break
            self._finish(job)
            if self._log_bytes >= self._checkpoint_at_bytes:
                self._checkpoint()
        self._tell_witness()
        # Without the flag SQLite would checkpoint, and so sync again, after a sync had failed.
        keep_log_on_close(self._connection, keep=self.failure is not None)
        self._connection.close()
        self._anchor.close()
        self._witness.close()

    def _patience_s(self) -> float | None:
        """How long to wait for a job before the pause is used."""
        if self.failure is not None:
            return None
        if self._log_is_due():
            return IDLE_S
        return None if self._unwitnessed is None else QUIET_S

    def _log_is_due(self) -> bool:
        return self._log_bytes >= min(CHECKPOINT_IDLE_BYTES, self._checkpoint_at_bytes)

    def _finish(self, job: Job) -> None:
        """Write the job and settle it, in its own loop."""
        error: JournalError | None = None
        if self.failure is not None:
            error = self.failure.again()
        else:
            try:
                self._write(job)
            except (Fenced, JournalFailed) as failure:
                error = self._fail(failure)
            except Exception as bug:  # noqa: BLE001 - who waits must hear of it, none may follow
                error = self._fail(JournalFailed(Failure.IO_ERROR, repr(bug), definite=False))
        # A loop that is closed has nobody who waits. The record is as durable as any other.
        with suppress(RuntimeError):
            job.loop.call_soon_threadsafe(_settle, job, error)

    def _write(self, job: Job) -> None:
        """The record, then its anchor, both on disk. Raises `Fenced`, `JournalFailed`."""
        tail = job.tail
        try:
            self._execute(
                APPEND,
                (
                    self._shard,
                    tail.epoch,
                    tail.record,
                    stored_first_seq(job.blob),
                    tail.seq,
                    tail.chain,
                    job.blob,
                ),
            )
        except apsw.ConstraintError as error:
            raise Fenced(f"record {tail.record} of epoch {tail.epoch}: {error}") from error
        except apsw.Error as error:
            self._read_back(job, error)
        try:
            self._anchor.write(tail)
        except OSError as error:
            raise JournalFailed(
                Failure.ANCHOR_FAILED,
                f"record {tail.record} is written, its anchor is not: {error}",
                definite=False,
            ) from error
        self._reader.expect_record(tail.record)
        self._unwitnessed = tail
        self._log_bytes += len(job.blob) + 3 * FRAME_BYTES

    def _read_back(self, job: Job, error: apsw.Error) -> None:
        """After an error in the commit: returns when the record landed all the same.

        What a reader sees was synced (SQLite publishes a commit after its sync), so our own batch
        id there is a success. Else raises `Fenced` (somebody else's) or `JournalFailed` (absent).
        """
        tail = job.tail
        try:
            epoch, found = self._reader.stored(tail.record)
        except JournalError:
            raise _failed(error, definite=False) from error
        if found is not None and found.batch_id == job.batch_id:
            return
        if found is not None or epoch != tail.epoch:
            raise Fenced(f"record {tail.record} of epoch {tail.epoch} is not ours") from error
        code = _code(error)
        definite = code == apsw.SQLITE_IOERR_WRITE or code & 0xFF in _DEFINITE
        raise _failed(error, definite=definite) from error

    def _checkpoint(self) -> None:
        """Copy the log into the database, so that the next commit starts the log over."""
        try:
            frames, copied = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            frames, copied = 1, 0
        except apsw.Error as error:
            # Never sync again what failed to sync once: the next start reads the log anew. Nothing
            # is in flight, so what the next append asks for is definitely not written.
            self._fail(_failed(error, definite=True))
            return
        if copied >= frames:
            self._log_bytes = 0
            self._checkpoint_at_bytes = CHECKPOINT_BYTES
        else:
            # A reader holds an old state. The log grows until it lets go; ask again further on.
            self._checkpoint_at_bytes = self._log_bytes + CHECKPOINT_BYTES
        self._tell_witness()

    def _tell_witness(self) -> None:
        """Let the anchor outside the folder follow, unless something failed."""
        if self._unwitnessed is None or self.failure is not None:
            return
        try:
            self._witness.write(self._unwitnessed)
        except OSError as error:
            message = f"the anchor outside the folder cannot be written: {error}"
            self._fail(JournalFailed(Failure.ANCHOR_FAILED, message))
        self._unwitnessed = None

    def _fail(self, failure: Fenced | JournalFailed) -> Fenced | JournalFailed:
        """Nothing is written any more; those who act on the journal hear of it before anything else."""
        self.failure = failure
        self._ring(failure)
        return failure


def _failed(error: apsw.Error, *, definite: bool) -> JournalFailed:
    failure = {
        apsw.SQLITE_FULL: Failure.DISK_FULL,
        apsw.SQLITE_BUSY: Failure.BUSY,
    }.get(_code(error) & 0xFF, Failure.IO_ERROR)
    return JournalFailed(failure, f"SQLite says: {error}", definite=definite)


def _code(error: apsw.Error) -> int:
    """SQLite's extended result code; its low byte is the plain one."""
    return int(getattr(error, "extendedresult", apsw.SQLITE_ERROR))


def _settle(job: Job, error: JournalError | None) -> None:
    """In the loop of the one who waits, who may have been cancelled meanwhile."""
    job.settled()
    if job.future.done():
        return
    if error is None:
        job.future.set_result(job.tail)
    else:
        job.future.set_exception(error)
