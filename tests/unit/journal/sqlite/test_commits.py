"""What one append costs, and what it says when the disk fails under it."""

import asyncio
import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import apsw
import pytest
import uvloop

from phalanx.journal import (
    Fenced,
    JournalCorrupt,
    JournalError,
    JournalFailed,
    JournalMissing,
    SqliteJournal,
    SqliteJournalReader,
    verify,
)
from phalanx.journal.anchor import AnchorFile
from phalanx.journal.record import encode
from phalanx.journal.sqlite import reader, writer
from phalanx.journal.sqlite.database import Places
from tests.contract.journal.backends import batch_id, fill
from tests.unit.journal.sqlite.disks import Operation, WatchedVfs, disk_error, no_space, sync_of
from tests.unit.journal.sqlite.folders import bodies_of, contents, copy, fill_up

LOG = "journal.db-wal"


class Disk:
    """Counts what reaches the files and fails where it is told to."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.fail: dict[str, BaseException] = {}

    def __call__(self, operation: Operation) -> None:
        kind = "sync" if operation == sync_of(operation.name) else "write"
        self.counts[f"{kind} {operation.name}"] += 1
        if error := self.fail.get(f"{kind} {operation.name}"):
            raise error


@pytest.fixture
def disk() -> Iterator[Disk]:
    watch = Disk()
    with WatchedVfs("watched", watch):
        yield watch


@pytest.fixture
async def journal(disk: Disk, tmp_path: Path) -> SqliteJournal:
    """Acquired, with three records; whoever fails it closes it."""
    journal = SqliteJournal(tmp_path, vfs="watched")
    journal.acquire()
    await fill(journal, 3)
    return journal


@pytest.mark.parametrize("size_bytes", [10, 300, 75_000])
async def test_an_append_syncs_the_log_once_and_the_anchor_once(
    disk: Disk, journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    anchored: list[int] = []
    really_write = os.pwrite

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        # The descriptor is synchronous: a write is durable when it returns.
        assert fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DSYNC
        anchored.append(offset)
        return really_write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    disk.counts.clear()
    for number in range(10):
        await journal.append(bytes(size_bytes), 1, batch_id(number))
    assert disk.counts[f"sync {LOG}"] == 10
    assert disk.counts["sync journal.db"] == disk.counts["write journal.db"] == 0
    assert anchored in ([0, 4096] * 5, [4096, 0] * 5)
    journal.close()


async def test_reading_writes_and_syncs_nothing(disk: Disk, journal: SqliteJournal) -> None:
    disk.counts.clear()
    assert len(list(journal.records())) == 3
    assert journal.record_at(3).record == 2
    assert verify(journal).ok
    assert not disk.counts
    journal.close()


async def test_a_failed_sync_is_not_definite_and_never_repeated(
    disk: Disk, journal: SqliteJournal, tmp_path: Path
) -> None:
    disk.fail[f"sync {LOG}"] = disk_error(apsw.SQLITE_IOERR_FSYNC)
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"doubtful", 1, batch_id(4))
    assert (error.value.code, error.value.definite) == ("IO_ERROR", False)

    disk.fail.clear()
    disk.counts.clear()
    for _ in range(2):
        with pytest.raises(JournalFailed) as error:
            await journal.append(b"later", 1, batch_id(5))
        assert (error.value.code, error.value.definite) == ("IO_ERROR", True)
    journal.close()
    assert not disk.counts, "nothing may be written or synced after a failed sync"
    # The bytes may have survived in the cache. Both answers are right; a third one is not.
    bodies = bodies_of(SqliteJournalReader(tmp_path))
    assert len(bodies) == 3 or bodies[3:] == [b"doubtful"]


@pytest.mark.parametrize(
    ("result", "code"),
    [(apsw.SQLITE_FULL, "DISK_FULL"), (apsw.SQLITE_IOERR_WRITE, "IO_ERROR")],
)
async def test_a_failed_write_is_definite(
    disk: Disk, journal: SqliteJournal, tmp_path: Path, result: int, code: str
) -> None:
    disk.fail[f"write {LOG}"] = disk_error(result)
    calls = [journal.append(b"%d" % n, 1, batch_id(n)) for n in range(4, 9)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        assert isinstance(outcome, JournalFailed)
        assert (outcome.code, outcome.definite) == (code, True)
    journal.close()
    assert len(bodies_of(SqliteJournalReader(tmp_path))) == 3


async def test_an_anchor_that_cannot_be_written_leaves_the_record_one_ahead(
    journal: SqliteJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise no_space()

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(JournalFailed) as error:
            await journal.append(b"ahead", 1, batch_id(4))
    assert (error.value.code, error.value.definite) == ("ANCHOR_FAILED", False)
    with pytest.raises(JournalFailed):
        await journal.append(b"more", 1, batch_id(5))
    journal.close()
    report = verify(SqliteJournalReader(tmp_path))
    assert (report.ok, report.ahead, report.records) == (True, 1, 4)


async def test_an_error_after_the_commit_is_resolved_as_done(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    thread = journal._thread
    assert thread is not None
    execute = thread._execute

    def commit_then_fail(*arguments: object) -> None:
        execute(*arguments)  # type: ignore[arg-type]
        raise disk_error(apsw.SQLITE_IOERR)

    thread._execute = commit_then_fail  # type: ignore[assignment]
    tail = await journal.append(b"landed", 1, batch_id(4))
    assert (tail.record, journal.anchor()) == (4, tail)
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path))[3:] == [b"landed"]


@pytest.mark.parametrize("what", ["record", "epoch"])
async def test_an_error_under_another_writer_is_resolved_as_fenced(
    journal: SqliteJournal, tmp_path: Path, what: str
) -> None:
    blob, tail = encode(journal.tail(), 0, b"theirs", 1, batch_id(77))

    def taken_over(*_: object) -> None:
        other = apsw.Connection(str(Places(tmp_path).database))
        if what == "record":
            other.execute("INSERT INTO records VALUES (?, ?, ?)", (tail.record, tail.seq, blob))
            change = (tail.epoch, tail.record, tail.seq, tail.chain)
            other.execute("UPDATE meta SET epoch = ?, record = ?, seq = ?, chain = ?", change)
        else:
            other.execute("UPDATE meta SET epoch = epoch + 1")
        other.close()
        raise disk_error(apsw.SQLITE_IOERR)

    thread = journal._thread
    assert thread is not None
    thread._execute = taken_over  # type: ignore[assignment]
    with pytest.raises(Fenced):
        await journal.append(b"ours", 1, batch_id(4))
    journal.close()


@pytest.mark.parametrize("moved", ["epoch = epoch + 1", "record = record - 1", "seq = seq + 1"])
async def test_a_tail_that_is_not_where_the_writer_left_it_fences_it(
    journal: SqliteJournal, tmp_path: Path, moved: str
) -> None:
    other = apsw.Connection(str(Places(tmp_path).database))
    other.execute(f"UPDATE meta SET {moved}")
    with pytest.raises(Fenced):
        await journal.append(b"x", 1, batch_id(4))
    assert list(other.execute("SELECT max(record) FROM records")) == [(3,)]
    other.close()
    journal.close()


async def test_a_bug_in_the_thread_reaches_the_one_who_waits(journal: SqliteJournal) -> None:
    thread = journal._thread
    assert thread is not None
    thread._execute = None  # type: ignore[assignment]
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"x", 1, batch_id(4))
    assert error.value.definite is False
    journal.close()


def test_it_runs_on_the_loop_of_the_server(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    bodies = uvloop.run(fill(journal, 20))
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path)) == bodies


def test_a_loop_that_is_gone_does_not_stop_the_thread(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()

    async def leave() -> None:
        task = asyncio.create_task(journal.append(b"x", 1, batch_id(1)))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path)) == [b"x"]


async def test_the_log_is_copied_back_and_used_again(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_BYTES", 100_000)
    journal = SqliteJournal(tmp_path, vfs="watched")
    journal.acquire()
    bodies = await fill(journal, 100)
    for number in range(100):
        bodies.append(bytes([number]) * 5_000)
        await journal.append(bodies[-1], 1, batch_id(number))
    log = Places(tmp_path).wal
    assert log.stat().st_size < 200_000
    assert disk.counts["sync journal.db"] >= 5
    assert bodies_of(journal) == bodies
    journal.close()
    assert not log.exists()


async def test_a_reader_on_an_old_state_delays_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_BYTES", 100_000)
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await fill(journal, 1)
    old = apsw.Connection(str(Places(tmp_path).database), flags=apsw.SQLITE_OPEN_READONLY)
    old.execute("BEGIN")
    assert list(old.execute("SELECT max(record) FROM records")) == [(1,)]
    for number in range(60):
        await journal.append(bytes(10_000), 1, batch_id(number))
    log = Places(tmp_path).wal
    pinned_bytes = log.stat().st_size
    assert pinned_bytes > 600_000
    old.execute("COMMIT")
    for number in range(60):
        await journal.append(bytes(10_000), 1, batch_id(number))
    assert log.stat().st_size < 2 * pinned_bytes - 200_000
    old.close()
    journal.close()
    assert verify(SqliteJournalReader(tmp_path)).ok


async def test_an_iteration_that_rests_does_not_hold_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_BYTES", 100_000)
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    bodies = await fill(journal, 5)
    resting = journal.records()
    seen = [next(resting).body]
    for number in range(100):
        await journal.append(bytes(10_000), 1, batch_id(number))
    assert Places(tmp_path).wal.stat().st_size < 300_000
    assert [*seen, *(record.body for record in resting)] == bodies
    journal.close()


async def test_a_checkpoint_that_fails_stops_the_journal_and_loses_nothing(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_BYTES", 50_000)
    journal = SqliteJournal(tmp_path, vfs="watched")
    journal.acquire()
    disk.fail["sync journal.db"] = disk_error(apsw.SQLITE_IOERR_FSYNC)
    acknowledged: list[bytes] = []
    with pytest.raises(JournalFailed) as error:
        await fill_up(journal, 5_000, acknowledged)
    assert (error.value.code, error.value.definite) == ("IO_ERROR", True)
    assert acknowledged
    copy(tmp_path, tmp_path.with_name("after"))
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path.with_name("after"))) == acknowledged
    assert bodies_of(SqliteJournalReader(tmp_path)) == acknowledged


async def test_upkeep_that_fails_while_nobody_appends_is_heard(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_IDLE_BYTES", 10_000)
    journal = SqliteJournal(tmp_path, vfs="watched")
    journal.acquire()
    heard: asyncio.Future[JournalError] = asyncio.get_running_loop().create_future()
    journal.listen(heard.set_result)
    disk.fail["sync journal.db"] = disk_error(apsw.SQLITE_IOERR_FSYNC)
    await journal.append(bytes(50_000), 1, batch_id(1))
    async with asyncio.timeout(60):
        assert (await heard).code == "IO_ERROR"
    disk.fail.clear()
    disk.counts.clear()
    with pytest.raises(JournalFailed):
        await journal.append(b"later", 1, batch_id(2))
    journal.close()
    assert not disk.counts, "nothing may be written or synced after a failed sync"
    assert bodies_of(SqliteJournalReader(tmp_path)) == [bytes(50_000)]


@pytest.mark.parametrize(
    ("what", "result"),
    [(f"write {LOG}", apsw.SQLITE_FULL), (f"sync {LOG}", apsw.SQLITE_IOERR_FSYNC)],
)
async def test_a_failed_append_is_heard_before_it_is_answered(
    disk: Disk, journal: SqliteJournal, what: str, result: int
) -> None:
    heard: list[JournalError] = []
    journal.listen(heard.append)
    disk.fail[what] = disk_error(result)
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"x", 1, batch_id(4))
    assert heard == [error.value]
    journal.close()


async def test_what_a_reader_in_a_thread_meets_is_heard_on_the_loop(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await fill(journal, 5)
    heard: asyncio.Future[JournalError] = asyncio.get_running_loop().create_future()
    journal.listen(heard.set_result)
    Places(tmp_path).anchor.unlink()
    with pytest.raises(JournalCorrupt):
        await asyncio.to_thread(lambda: list(journal.records()))
    async with asyncio.timeout(60):
        assert (await heard).code == "ANCHOR_MISSING"
    journal.close()


@pytest.mark.parametrize(
    ("result", "over"), [(apsw.SQLITE_IOERR_READ, True), (apsw.SQLITE_CANTOPEN, False)]
)
async def test_a_disk_that_cannot_be_read_is_heard_and_a_file_that_cannot_be_opened_is_not(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch, result: int, *, over: bool
) -> None:
    def fails(*_: object) -> None:
        raise disk_error(result)

    heard: list[JournalError] = []
    journal.listen(heard.append)
    with monkeypatch.context() as patch:
        patch.setattr(reader, "open_for_reading", fails)
        with pytest.raises(JournalFailed):
            journal.record_at(1)
    await asyncio.sleep(0.01)
    assert bool(heard) == over
    journal.close()


def test_a_loop_that_is_gone_need_not_hear(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    heard: list[JournalError] = []

    async def listen() -> None:
        journal.listen(heard.append)
        await fill(journal, 3)

    asyncio.run(listen())
    Places(tmp_path).anchor.unlink()
    with pytest.raises(JournalCorrupt):
        list(journal.records())
    assert heard == []
    journal.close()


async def _lose(_folder: Path, journal: Path) -> None:
    shutil.rmtree(journal)


async def _swap(folder: Path, journal: Path) -> None:
    """Another journal of the same length, so that only the file itself tells them apart."""
    other = SqliteJournal(folder / "other")
    other.acquire()
    await fill(other, 5)
    other.close()
    shutil.move(journal, folder / "before")
    shutil.move(folder / "other" / "journal", journal)


@pytest.mark.parametrize(("harm", "code"), [(_lose, "JOURNAL_MISSING"), (_swap, "FENCED")])
async def test_a_folder_that_is_not_the_one_being_written_is_heard(
    tmp_path: Path, harm: Callable[[Path, Path], Awaitable[None]], code: str
) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await fill(journal, 5)
    heard: list[str] = []
    journal.listen(lambda failure: heard.append(failure.code))
    await harm(tmp_path, Places(tmp_path).folder)
    with pytest.raises(JournalError):
        list(journal.records(4))
    await asyncio.sleep(0)
    assert heard == [code]
    journal.close()


async def test_a_journal_that_ends_before_what_was_acknowledged_is_heard(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await fill(journal, 2)
    places = Places(tmp_path)
    database = apsw.Connection(str(places.database))
    (older,) = database.execute("SELECT record, seq, chain FROM meta")
    anchor = places.anchor.read_bytes()
    await journal.append(b"third", 1, batch_id(3))
    heard: list[str] = []
    journal.listen(lambda failure: heard.append(failure.code))
    with database:
        database.execute("DELETE FROM records WHERE record > 2")
        database.execute("UPDATE meta SET record = ?, seq = ?, chain = ?", older)
    places.anchor.write_bytes(anchor)
    with pytest.raises(JournalCorrupt, match="record 2, 3 was acknowledged"):
        list(journal.records(older[1]))
    await asyncio.sleep(0)
    assert heard == ["BEHIND_ANCHOR"]
    database.close()
    journal.close()


async def test_a_folder_that_is_not_there_yet_or_after_the_end_is_not_heard(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    heard: list[JournalError] = []
    journal.listen(heard.append)
    with pytest.raises(JournalMissing):
        journal.tail()
    journal.acquire()
    await fill(journal, 3)
    journal.close()
    assert len(list(journal.records())) == 3
    shutil.rmtree(Places(tmp_path).folder)
    with pytest.raises(JournalMissing):
        journal.tail()
    await asyncio.sleep(0)
    assert heard == []


async def test_a_pause_is_used_to_copy_the_log_back(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_IDLE_BYTES", 10_000)
    journal = SqliteJournal(tmp_path, vfs="watched")
    journal.acquire()
    await journal.append(bytes(50_000), 1, batch_id(1))
    async with asyncio.timeout(60):
        while not disk.counts["sync journal.db"]:  # noqa: ASYNC110 - the thread has no event
            await asyncio.sleep(0.001)
    journal.close()


async def test_another_writer_that_holds_the_database_makes_it_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.journal.sqlite.database.BUSY_TIMEOUT_MS", 1)
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await fill(journal, 2)
    paused = apsw.Connection(str(Places(tmp_path).database))
    paused.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"x", 1, batch_id(3))
    assert (error.value.code, error.value.definite) == ("BUSY", True)
    paused.close()
    journal.close()
    assert len(bodies_of(SqliteJournalReader(tmp_path))) == 2


async def test_an_anchor_that_cannot_be_made_refuses_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    bodies = await fill(journal, 2)
    journal.close()
    before = contents(tmp_path)

    def full(*_: object) -> None:
        raise no_space()

    journal = SqliteJournal(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(AnchorFile, "write", full)
        with pytest.raises(JournalFailed) as error:
            journal.acquire()
    assert error.value.code == "IO_ERROR"
    assert contents(tmp_path)["anchor"] == before["anchor"]
    assert SqliteJournal(tmp_path).acquire().record == len(bodies)
