"""The journals under test, each with the same handles on what lies below it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import apsw

from phalanx.journal import Journal, MemoryDisk, MemoryJournal, SqliteJournal, Tail
from phalanx.journal.anchor import AnchorFile
from phalanx.journal.sqlite.database import Places


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

    def set_anchor(self, tail: Tail | None) -> None: ...
    def blob(self, record: int) -> bytes: ...
    def put_blob(self, record: int, blob: bytes | None) -> None: ...
    def set_tail(self, tail: Tail) -> None: ...


class MemoryBackend:
    def __init__(self) -> None:
        self.disk = MemoryDisk()

    def open(self, shard: int = 0) -> Journal:
        return MemoryJournal(self.disk, shard)

    def crash(self, journal: Journal) -> None:
        assert isinstance(journal, MemoryJournal)
        journal.crash()

    def break_lock(self) -> None:
        self.disk.holder = None

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


class SqliteBackend:
    """A data folder. A crash goes on in a copy of it, taken while the writer is at work."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lives = 0
        self.abandoned: list[Journal] = []
        self.folder.mkdir(parents=True)

    @property
    def folder(self) -> Path:
        return self.root / f"life-{self.lives}"

    def open(self, shard: int = 0) -> Journal:
        return SqliteJournal(self.folder, shard)

    def crash(self, journal: Journal) -> None:
        before = self.folder
        self.lives += 1
        shutil.copytree(before, self.folder, ignore=shutil.ignore_patterns("*-shm"))
        self.abandoned.append(journal)

    def break_lock(self) -> None:
        Places(self.folder).lock.unlink()

    def set_anchor(self, tail: Tail | None) -> None:
        path = Places(self.folder).anchor
        path.unlink(missing_ok=True)
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

    @contextmanager
    def database(self) -> Iterator[apsw.Connection]:
        """The database itself, as somebody with a SQL shell has it."""
        connection = apsw.Connection(str(Places(self.folder).database))
        connection.pragma("synchronous", "off")
        try:
            yield connection
        finally:
            connection.close()
