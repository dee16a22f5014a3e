"""The journals under test, each with the same handles on what lies below it.

Another backend joins with one line in `BACKENDS`: every contract test and the state machine run it.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

import apsw

from phalanx.journal import FailPoint, Journal, MemoryDisk, MemoryJournal, SqliteJournal, Tail
from phalanx.journal.anchor import AnchorFile
from phalanx.journal.sqlite.database import Places
from tests.unit.journal.sqlite.disks import Operation, WatchedVfs, disk_error, no_space


def batch_id(number: int) -> bytes:
    """A batch id that says which append it was."""
    return number.to_bytes(16, "big")


async def fill(journal: Journal, count: int, *, first: int = 1) -> list[bytes]:
    """Append ``count`` records of 1, 2 or 3 events; their bodies."""
    bodies = [b"body %d " % number * number for number in range(first, first + count)]
    for number, body in enumerate(bodies, first):
        await journal.append(body, number % 3 + 1, batch_id(number))
    return bodies


class Backend(Protocol):
    """Storage that outlives the journals opened on it, and can be damaged."""

    def open(self, shard: int = 0) -> Journal:
        """Make a journal object over the storage, as a new process would."""
        ...

    def crash(self, journal: Journal) -> None:
        """The process of ``journal`` dies: the storage stays as it is now."""
        ...

    def break_lock(self) -> None:
        """Let the next `acquire` succeed although the holder lives."""
        ...

    def fail_next(self, journal: Journal, point: FailPoint) -> None:
        """Let the next append of ``journal`` fail there."""
        ...

    def lose_next_answer(self, journal: Journal) -> None:
        """Let the next append of ``journal`` be done, and whoever does it report an error."""
        ...

    def set_anchor(self, tail: Tail | None) -> None: ...
    def blob(self, record: int) -> bytes: ...
    def put_blob(self, record: int, blob: bytes | None) -> None: ...
    def set_tail(self, tail: Tail) -> None: ...
    def close(self) -> None: ...


class MemoryBackend:
    def __init__(self, _root: Path) -> None:
        self.disk = MemoryDisk()

    def open(self, shard: int = 0) -> Journal:
        return MemoryJournal(self.disk, shard)

    def crash(self, journal: Journal) -> None:
        assert isinstance(journal, MemoryJournal)
        journal.crash()

    def break_lock(self) -> None:
        self.disk.holder = None

    def fail_next(self, journal: Journal, point: FailPoint) -> None:
        assert isinstance(journal, MemoryJournal)
        journal.fail_next(point)

    def lose_next_answer(self, journal: Journal) -> None:
        """There is nothing below it that could answer."""

    def set_anchor(self, tail: Tail | None) -> None:
        self.disk.anchor = tail

    def blob(self, record: int) -> bytes:
        return self.disk.blobs[record]

    def put_blob(self, record: int, blob: bytes | None) -> None:
        if blob is None:
            del self.disk.blobs[record]
        else:
            self.disk.blobs[record] = blob

    def set_tail(self, tail: Tail) -> None:
        self.disk.tail = tail

    def close(self) -> None:
        """It has nothing open."""


class SqliteBackend:
    """A data folder. A crash goes on in a copy of it, taken while the writer is at work."""

    def __init__(self, root: Path) -> None:
        self.root = root / "lives"
        self.lives = 0
        self.abandoned: list[Journal] = []
        self.folder.mkdir(parents=True)
        self._failing: dict[str, apsw.Error] = {}
        self._vfs: WatchedVfs | None = None

    @property
    def folder(self) -> Path:
        return self.root / f"life-{self.lives}"

    def open(self, shard: int = 0) -> Journal:
        return SqliteJournal(
            self.folder, shard, vfs=None if self._vfs is None else self._vfs.vfs_name
        )

    def crash(self, journal: Journal) -> None:
        before = self.folder
        self.lives += 1
        shutil.copytree(before, self.folder, ignore=shutil.ignore_patterns("*-shm"))
        self.abandoned.append(journal)

    def break_lock(self) -> None:
        Places(self.folder).lock.unlink()

    def watched(self) -> Self:
        """On a file system that can fail; every journal opened from now on is."""
        self._vfs = WatchedVfs(f"watched-{id(self)}", self._before)
        return self

    def fail_next(self, journal: Journal, point: FailPoint) -> None:
        assert isinstance(journal, SqliteJournal)
        assert journal._thread is not None
        match point:
            case FailPoint.BEFORE:
                self._failing["write"] = disk_error(apsw.SQLITE_FULL)
            case FailPoint.UNSYNCED:
                self._failing["sync"] = disk_error(apsw.SQLITE_IOERR_FSYNC)
            case FailPoint.ANCHOR:
                journal._thread._anchor.write = _refuse  # type: ignore[assignment, method-assign]

    def lose_next_answer(self, journal: Journal) -> None:
        assert isinstance(journal, SqliteJournal)
        thread = journal._thread
        assert thread is not None
        execute = thread._execute

        def execute_and_fail(*arguments: object) -> None:
            thread._execute = execute
            execute(*arguments)  # type: ignore[arg-type]
            raise disk_error(apsw.SQLITE_IOERR)

        thread._execute = execute_and_fail  # type: ignore[assignment]

    def _before(self, operation: Operation) -> None:
        if operation.name == "journal.db-wal":
            error = self._failing.pop("sync" if operation.offset < 0 else "write", None)
            if error is not None:
                raise error

    def set_anchor(self, tail: Tail | None) -> None:
        path = Places(self.folder).anchor
        path.unlink(missing_ok=True)
        Places(self.folder).witness.unlink(missing_ok=True)
        if tail is not None:
            AnchorFile(path, 0, tail).close()

    def blob(self, record: int) -> bytes:
        with self.database() as database:
            ((blob,),) = database.execute("SELECT bytes FROM records WHERE record = ?", (record,))
        assert isinstance(blob, bytes)
        return blob

    def put_blob(self, record: int, blob: bytes | None) -> None:
        with self.database() as database:
            database.execute("DELETE FROM records WHERE record = ?", (record,))
            if blob is not None:
                first_seq = int.from_bytes(blob[24:32], "big")
                database.execute("INSERT INTO records VALUES (?, ?, ?)", (record, first_seq, blob))

    def set_tail(self, tail: Tail) -> None:
        with self.database() as database:
            database.execute(
                "UPDATE meta SET epoch = ?, record = ?, seq = ?, chain = ?",
                (tail.epoch, tail.record, tail.seq, tail.chain),
            )

    def close(self) -> None:
        for journal in self.abandoned:
            journal.close()
        if self._vfs is not None:
            self._vfs.unregister()

    @contextmanager
    def database(self) -> Iterator[apsw.Connection]:
        """The database itself, as somebody with a SQL shell has it."""
        connection = apsw.Connection(str(Places(self.folder).database))
        connection.pragma("synchronous", "off")
        try:
            yield connection
        finally:
            connection.close()


def _refuse(_: Tail) -> None:
    raise no_space()


BACKENDS: Final[dict[str, Callable[[Path], Backend]]] = {
    "memory": MemoryBackend,
    "sqlite": lambda root: SqliteBackend(root).watched(),
}
