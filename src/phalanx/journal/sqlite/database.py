"""The SQLite file of a journal: where it lies, what is in it, how it is opened.

One file holds one shard. ``meta`` has one row, the tail; ``records`` one row per record. Appending
is one INSERT into the view ``appended``, whose trigger moves the tail by compare-and-set and stores
the record, in one implicit transaction: one call into SQLite per commit. (Four statements are four
times waiting for the interpreter's lock: beside a busy thread 16 ms per commit, not 11.) A tail that is
not where the writer left it aborts the insert, whoever made it.

There is no index on ``first_seq``: record numbers have no gaps and sequence numbers only grow, so a
seq is found by bisection, and each commit writes one page less.

Never open the database with a plain `open` in a process that has it open through SQLite: closing
that file drops SQLite's POSIX locks. Files beside it (anchor, snapshots, lock) are free.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import apsw

from phalanx.journal.anchor import sync_folder
from phalanx.journal.errors import Damage, Failure, Fenced, JournalCorrupt, JournalFailed
from phalanx.journal.record import CHAIN_START, Tail

APPLICATION_ID: Final = 0x50484C58  # "PHLX"
SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_MS: Final = 2_000

SCHEMA: Final = (
    """CREATE TABLE meta (
  shard INTEGER PRIMARY KEY, epoch INTEGER NOT NULL,
  record INTEGER NOT NULL, seq INTEGER NOT NULL, chain BLOB NOT NULL
) STRICT""",
    """CREATE TABLE records (
  record INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, bytes BLOB NOT NULL
) STRICT""",
    """CREATE VIEW appended AS
  SELECT shard, epoch, record, first_seq, seq AS last_seq, chain, bytes
  FROM meta JOIN records USING (record)""",
    """CREATE TRIGGER append INSTEAD OF INSERT ON appended BEGIN
  UPDATE meta SET record = NEW.record, seq = NEW.last_seq, chain = NEW.chain
    WHERE shard = NEW.shard AND epoch = NEW.epoch
      AND record = NEW.record - 1 AND seq = NEW.first_seq - 1;
  SELECT RAISE(ABORT, 'fenced') WHERE changes() = 0;
  INSERT INTO records (record, first_seq, bytes)
    VALUES (NEW.record, NEW.first_seq, NEW.bytes);
END""",
)
APPEND: Final = (
    "INSERT INTO appended (shard, epoch, record, first_seq, last_seq, chain, bytes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
NEXT_EPOCH: Final = (
    "UPDATE meta SET epoch = epoch + 1"
    " WHERE shard = ? AND epoch = ? AND record = ? AND seq = ? AND chain = ?"
)


_DISK_ERRORS: Final = (
    apsw.IOError,
    apsw.CantOpenError,
    apsw.PermissionsError,
    apsw.ReadOnlyError,
)


FileId = tuple[int, int]
"""Device and inode: which file it is, whatever its name."""


class Places:
    """The paths of one journal under its data folder."""

    def __init__(self, data: Path) -> None:
        self.lock = data / "lock"
        self.witness = data / "anchor"
        self.folder = data / "journal"
        self.database = self.folder / "journal.db"
        self.wal = self.folder / "journal.db-wal"
        self.anchor = self.folder / "anchor"
        self.snapshots = self.folder / "snapshots"

    def has_database(self) -> bool:
        """Whether there is a database worth opening.

        An empty file is none, and opening one would make SQLite delete the log beside it.
        """
        return size_bytes(self.database) > 0

    def database_id(self) -> FileId | None:
        """Which file has the database's name now, None when there is none."""
        try:
            found = self.database.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


def size_bytes(path: Path) -> int:
    """The size of a file, 0 when it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def create(places: Places, shard: int) -> None:
    """An empty journal at epoch 0. It gets its name only when it is complete and on disk."""
    draft = places.database.with_name("journal.db.new")
    for leftover in (draft, draft.with_name(draft.name + "-journal")):
        leftover.unlink(missing_ok=True)
    connection = apsw.Connection(str(draft))
    try:
        with connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES (?, 0, 0, 0, ?)", (shard, CHAIN_START))
        # Now, not at the first opening: a crash in that switch would leave a rollback journal,
        # which a read-only connection cannot deal with.
        connection.pragma("journal_mode", "wal")
    finally:
        connection.close()
    draft.replace(places.database)
    sync_folder(places.folder)


def open_for_writing(places: Places, vfs: str | None) -> apsw.Connection:
    """The writer's connection.

    Closing it neither checkpoints nor removes the log, until told so: after a failed sync nothing
    may touch the log again, and a refused journal is evidence.
    """
    connection = apsw.Connection(str(places.database), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    keep_log_on_close(connection, keep=True)
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    mode = connection.pragma("journal_mode")
    if mode != "wal":
        connection.close()
        raise JournalCorrupt(Damage.DATABASE_DAMAGED, f"the journal mode is {mode}, not wal")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", 0)
    return connection


def advance_epoch(connection: apsw.Connection, shard: int, tail: Tail) -> None:
    """One more epoch, if the journal still ends at ``tail``; else `Fenced`."""
    connection.execute(NEXT_EPOCH, (shard, tail.epoch, tail.record, tail.seq, tail.chain))
    if connection.changes() != 1:
        raise Fenced(f"the journal moved on from record {tail.record} while it was checked")


def open_for_reading(places: Places, vfs: str | None) -> apsw.Connection:
    """A connection that cannot write, beside a live writer or after one that was killed.

    Where the folder may be written, SQLite keeps its shared memory file there. Where it may not:
    that file exists while a writer lives or was killed, and is read; else (it was closed cleanly,
    or the folder was copied without it) there is no writer to agree with, and the database is read
    with a private index of the log, or as the constant it is when it has no log.
    """
    try:
        return _open_read_only(places, vfs, "")
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        if not os.access(places.database, os.R_OK):
            raise
    if size_bytes(places.wal) == 0:
        return _open_read_only(places, None, "&immutable=1")
    return _open_read_only(places, "unix-none", "", exclusive=True)


def _open_read_only(
    places: Places, vfs: str | None, options: str, *, exclusive: bool = False
) -> apsw.Connection:
    uri = f"file:{quote(str(places.database.absolute()))}?mode=ro{options}"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(uri, flags=flags, vfs=vfs)
    try:
        keep_log_on_close(connection, keep=True)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        if exclusive:
            connection.pragma("locking_mode", "exclusive")
        check_schema(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def keep_log_on_close(connection: apsw.Connection, *, keep: bool) -> None:
    """Whether closing this connection leaves the log as it is (else: checkpoint and remove)."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, int(keep))


def check_schema(connection: apsw.Connection) -> None:
    """The file is ours, of a version we know, and its tables and trigger are what we made."""
    application_id = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if application_id != APPLICATION_ID or version != SCHEMA_VERSION:
        raise JournalCorrupt(
            Damage.UNKNOWN_FORMAT, f"application id {application_id}, schema version {version}"
        )
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    if [row[0] for row in rows] != list(SCHEMA):
        raise JournalCorrupt(Damage.DATABASE_DAMAGED, "the schema is not the one that was made")


@contextmanager
def translated() -> Iterator[None]:
    """Turn what SQLite and the system say outside of a commit into the journal's own errors."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        raise JournalFailed(Failure.BUSY, f"SQLite says: {error}") from error
    except apsw.FullError as error:
        raise JournalFailed(Failure.DISK_FULL, f"SQLite says: {error}") from error
    except _DISK_ERRORS as error:
        raise JournalFailed(Failure.IO_ERROR, f"SQLite says: {error}") from error
    except OSError as error:
        raise JournalFailed(Failure.IO_ERROR, str(error)) from error
    except (apsw.Error, UnicodeDecodeError) as error:
        raise JournalCorrupt(Damage.DATABASE_DAMAGED, f"SQLite says: {error}") from error
