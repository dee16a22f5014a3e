"""Readers beside a writer, after one, and where they may not write."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from phalanx.journal import (
    JournalCorrupt,
    JournalFailed,
    JournalMissing,
    SqliteJournal,
    SqliteJournalReader,
    Tail,
    verify,
)
from phalanx.journal.sqlite import reader as reader_module
from phalanx.journal.sqlite.database import Places
from tests.contract.journal.backends import batch_id, fill
from tests.unit.journal.sqlite.folders import bodies_of, contents, make_killed

NOBODY = 65_534


def test_looking_for_a_journal_makes_nothing(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(JournalMissing):
            SqliteJournalReader(folder).tail()
    assert list(tmp_path.iterdir()) == []


async def test_a_reader_sees_a_live_journal_grow(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    reader = SqliteJournalReader(tmp_path)
    bodies: list[bytes] = []
    for number in range(1, 6):
        bodies += await fill(journal, 1, first=number)
        assert bodies_of(reader) == bodies
        assert reader.tail() == journal.tail()
    report = verify(reader)
    assert (report.ok, report.ahead, report.records) == (True, 0, 5)
    journal.close()


async def test_readers_in_threads_agree_while_the_writer_writes(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    problems: list[object] = []
    finished = False

    def read() -> None:
        reader = SqliteJournalReader(tmp_path)
        seen = 0
        while not finished:
            report = verify(reader)
            numbers = [record.record for record in reader.records(seen)]
            if report.problem is not None or numbers != list(
                range(seen + 1, seen + len(numbers) + 1)
            ):
                problems.append((report.problem, numbers))
            seen += len(numbers)

    threads = [Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(300):
        await journal.append(b"x" * 2_000, 1, batch_id(number))
    finished = True
    for thread in threads:
        thread.join()
    journal.close()
    assert problems == []


class _Busy(SqliteJournalReader):
    """A reader that at every look finds the anchor one record further."""

    record: int

    def anchor(self) -> Tail | None:
        self.record += 1
        return Tail(1, self.record, self.record, bytes(32))


@pytest.mark.parametrize(("distance", "fits"), [(-1, False), (0, True), (2, True), (3, False)])
async def test_a_writer_that_never_rests_is_read_between_two_of_its_anchors(
    tmp_path: Path, distance: int, *, fits: bool
) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await fill(journal, 5)
    reader = _Busy(tmp_path)
    # The anchor looked at before the last try will be so far behind the tail.
    reader.record = 5 - distance - reader_module.TAIL_TRIES - 1
    if fits:
        assert reader.tail().record == 5
    else:
        with pytest.raises(JournalCorrupt) as error:
            reader.tail()
        assert error.value.code == "ANCHOR_MISMATCH"
    journal.close()


async def test_reading_in_small_chunks_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = await make_killed(tmp_path / "data", in_database=20, in_log=20)
    for records, size_bytes in ((1, 10**9), (3, 10**9), (10**9, 500)):
        monkeypatch.setattr(reader_module, "CHUNK_RECORDS", records)
        monkeypatch.setattr(reader_module, "CHUNK_BYTES", size_bytes)
        assert bodies_of(SqliteJournalReader(tmp_path / "data")) == bodies


async def test_a_reader_leaves_a_killed_folder_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    bodies = await make_killed(folder, in_database=20, in_log=20)
    before = contents(folder)
    reader = SqliteJournalReader(folder)
    assert bodies_of(reader) == bodies
    assert verify(reader).ok
    half_way = reader.records()
    next(half_way)
    half_way.close()  # type: ignore[attr-defined]
    assert contents(folder) == before


async def test_a_clean_close_leaves_one_file(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await fill(journal, 20)
    journal.close()
    assert {path.name for path in Places(tmp_path).folder.iterdir()} == {"journal.db", "anchor"}


@contextmanager
def folder_of_somebody_else() -> Iterator[Path]:
    """A folder that the rest of the block may change only through `writable`."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        _set_writable(folder, writable=True)
        shutil.rmtree(folder)


@contextmanager
def as_a_stranger(folder: Path) -> Iterator[None]:
    """Without the right to write into the folder (root has it anyway, so root becomes nobody)."""
    _set_writable(folder, writable=False)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)
        _set_writable(folder, writable=True)


def _set_writable(folder: Path, *, writable: bool) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o555 if path.is_dir() else 0o444) | (0o200 if writable else 0))


@pytest.mark.parametrize("state", ["live", "killed", "killed and copied", "closed"])
async def test_a_reader_needs_no_right_to_write(state: str) -> None:
    with folder_of_somebody_else() as root:
        folder = root / "data"
        journal = SqliteJournal(folder)
        journal.acquire()
        bodies = await fill(journal, 20)
        if state == "closed":
            journal.close()
        elif state != "live":
            copied = root / "copy"
            leave_out = shutil.ignore_patterns("*-shm" if state == "killed and copied" else "")
            shutil.copytree(folder, copied, ignore=leave_out)
            folder = copied
        assert verify(SqliteJournalReader(root / "data")).ok  # everything is imported by now
        if state == "closed":
            for suffix in ("-wal", "-shm"):
                Places(folder).database.with_name(f"journal.db{suffix}").unlink(missing_ok=True)
        before = sorted(path.name for path in folder.rglob("*"))
        with as_a_stranger(folder):
            reader = SqliteJournalReader(folder)
            assert bodies_of(reader) == bodies
            assert verify(reader).ok
        assert sorted(path.name for path in folder.rglob("*")) == before
        journal.close()


async def test_a_journal_one_may_not_read_is_a_failure_not_damage() -> None:
    with folder_of_somebody_else() as folder:
        journal = SqliteJournal(folder)
        journal.acquire()
        journal.close()
        Places(folder).database.chmod(0)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(JournalFailed) as error:
                SqliteJournalReader(folder).tail()
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
        assert error.value.code == "IO_ERROR"


async def test_the_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100% & #1 'x' ü"
    journal = SqliteJournal(folder)
    journal.acquire()
    bodies = await fill(journal, 3)
    assert bodies_of(SqliteJournalReader(folder)) == bodies
    journal.close()
