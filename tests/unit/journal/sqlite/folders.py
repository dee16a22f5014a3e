"""Data folders in known states, and what may be said about them afterwards."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import apsw

from phalanx.journal import Journal, SqliteJournal, SqliteJournalReader
from phalanx.journal.sqlite.database import Places
from tests.contract.journal.backends import batch_id, fill

SHARED_MEMORY = shutil.ignore_patterns("*-shm")


async def make_killed(folder: Path, *, in_database: int, in_log: int) -> list[bytes]:
    """A folder whose writer was killed, some of its records copied back from the log, some not.

    Returns the bodies that were acknowledged, all of them.
    """
    live = folder.with_name(folder.name + "-live")
    first = SqliteJournal(live)
    first.acquire()
    bodies = await fill(first, in_database)
    first.close()
    second = SqliteJournal(live)
    second.acquire()
    bodies += await fill(second, in_log, first=in_database + 1)
    copy(live, folder)
    second.close()
    return bodies


async def fill_up(journal: Journal, body_bytes: int, acknowledged: list[bytes]) -> None:
    """Append until it fails; what was acknowledged joins the list."""
    while True:
        await journal.append(bytes(body_bytes), 1, batch_id(1))
        acknowledged.append(bytes(body_bytes))


def copy(source: Path, target: Path) -> None:
    """As a kill would leave it. (Only a test may read the files of a live database.)"""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=SHARED_MEMORY)


def bodies_of(reader: SqliteJournal | SqliteJournalReader) -> list[bytes]:
    return [record.body for record in reader.records()]


def contents(
    folder: Path, names: Iterable[str] = ("journal.db", "journal.db-wal", "anchor")
) -> dict[str, bytes]:
    """The bytes of the files that matter."""
    journal = Places(folder).folder
    return {name: (journal / name).read_bytes() for name in names if (journal / name).exists()}


def restore(folder: Path, files: dict[str, bytes]) -> None:
    """A folder with exactly these files."""
    journal = Places(folder).folder
    shutil.rmtree(folder, ignore_errors=True)
    journal.mkdir(parents=True)
    for name, data in files.items():
        (journal / name).write_bytes(data)


def overwrite(folder: Path, name: str, data: bytes) -> None:
    """One file of a folder that nobody has open."""
    (Places(folder).folder / name).write_bytes(data)


def alter_record(folder: Path, number: int) -> None:
    """One bit of a record, in a folder that nobody has open."""
    database = apsw.Connection(str(Places(folder).database))
    ((blob,),) = database.execute("SELECT bytes FROM records WHERE record = ?", (number,))
    assert isinstance(blob, bytes)
    altered = blob[:-1] + bytes([blob[-1] ^ 1])
    database.execute("UPDATE records SET bytes = ? WHERE record = ?", (altered, number))
    database.close()
