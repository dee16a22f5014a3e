"""The anchor's witness outside the journal's folder: an old copy of the whole folder is noticed."""

import asyncio
import shutil
from pathlib import Path

import pytest

from phalanx.journal import (
    JournalCorrupt,
    JournalError,
    JournalFailed,
    JournalMissing,
    SqliteJournal,
    SqliteJournalReader,
    Tail,
    verify,
)
from phalanx.journal.anchor import AnchorFile, read_anchor
from phalanx.journal.record import CHAIN_START
from phalanx.journal.sqlite import writer
from phalanx.journal.sqlite.database import Places
from tests.contract.journal.backends import batch_id, fill
from tests.unit.journal.sqlite.disks import no_space
from tests.unit.journal.sqlite.folders import bodies_of, contents, copy


def seen(folder: Path) -> Tail | None:
    found = read_anchor(Places(folder).witness, 0)
    return None if found is None else found.tail


async def life(folder: Path, records: int, *, first: int = 1) -> list[bytes]:
    """One term from start to stop; its bodies."""
    journal = SqliteJournal(folder)
    journal.acquire()
    bodies = await fill(journal, records, first=first)
    journal.close()
    return bodies


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def put_back(source: Path, target: Path) -> None:
    """The journal's folder, and nothing else of the data folder."""
    shutil.rmtree(Places(target).folder)
    shutil.copytree(Places(source).folder, Places(target).folder)


def refusal(folder: Path) -> tuple[str, int | None]:
    """How the start is refused, and `verify` says the same; nothing is changed by either."""
    before = contents(folder, ("journal.db", "anchor"))
    problem = verify(SqliteJournalReader(folder)).problem
    with pytest.raises(JournalCorrupt) as error:
        SqliteJournal(folder).acquire()
    assert problem is not None
    assert (problem.code, problem.record) == (error.value.code, error.value.record)
    assert contents(folder, ("journal.db", "anchor")) == before
    return error.value.code, error.value.record


async def test_it_is_told_at_the_start_after_a_moment_of_quiet_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUIET_S", 0.01)
    journal = SqliteJournal(tmp_path)
    assert seen(tmp_path) is None
    assert journal.acquire() == seen(tmp_path)
    await fill(journal, 3)
    async with asyncio.timeout(60):
        while seen(tmp_path) != journal.tail():  # noqa: ASYNC110 - the thread has no event
            await asyncio.sleep(0.005)
    monkeypatch.setattr(writer, "QUIET_S", 1_000.0)
    await fill(journal, 3)
    tail = journal.tail()
    journal.close()
    assert seen(tmp_path) == tail


async def test_no_append_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUIET_S", 1_000.0)
    journal = SqliteJournal(tmp_path)
    start = journal.acquire()
    await fill(journal, 50)
    assert seen(tmp_path) == start
    journal.close()


async def test_under_load_it_is_told_with_each_copying_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUIET_S", 1_000.0)
    monkeypatch.setattr(writer, "CHECKPOINT_BYTES", 20_000)
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    for number in range(20):
        await journal.append(bytes(5_000), 1, batch_id(number))
    found = seen(tmp_path)
    journal.close()
    assert found is not None
    assert 10 <= found.record <= 20


@pytest.mark.parametrize("same_term", [True, False])
async def test_an_old_copy_of_the_whole_journal_folder_is_refused(
    tmp_path: Path, *, same_term: bool
) -> None:
    data, old, new = tmp_path / "data", tmp_path / "old", tmp_path / "new"
    journal = SqliteJournal(data)
    journal.acquire()
    bodies = await fill(journal, 5)
    copy(data, old)
    if same_term:
        bodies += await fill(journal, 2, first=6)
    journal.close()
    if not same_term:
        bodies += await life(data, 0)
    shutil.copytree(data, new)

    put_back(old, data)
    assert refusal(data) == ("BEHIND_ANCHOR", 6)
    put_back(new, data)
    assert verify(SqliteJournalReader(data)).ok
    assert bodies_of(SqliteJournalReader(data)) == bodies


async def test_an_old_copy_that_was_written_on_elsewhere_is_refused(tmp_path: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    await life(data, 5)
    shutil.copytree(data, elsewhere)
    await life(data, 2, first=6)
    await life(elsewhere, 4, first=600)
    put_back(elsewhere, data)
    assert refusal(data) == ("ANCHOR_MISMATCH", 7)


async def test_a_folder_from_before_there_was_one_opens_and_gets_one(tmp_path: Path) -> None:
    bodies = await life(tmp_path, 5)
    Places(tmp_path).witness.unlink()
    bodies += await life(tmp_path, 2, first=6)
    assert seen(tmp_path) == SqliteJournalReader(tmp_path).tail()
    assert bodies_of(SqliteJournalReader(tmp_path)) == bodies


async def test_one_that_was_removed_is_made_anew_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await life(tmp_path, 0)
    await life(tmp_path, 0)
    assert caplog.messages == []
    Places(tmp_path).witness.unlink()
    await life(tmp_path, 0)
    (line,) = caplog.records
    assert line.levelname == "WARNING"
    assert "was missing and is made anew" in line.message
    assert vars(line)["path"] == str(Places(tmp_path).witness)
    await life(tmp_path, 0)
    assert len(caplog.records) == 1


async def test_a_journal_folder_opens_in_an_empty_data_folder(tmp_path: Path) -> None:
    bodies = await life(tmp_path / "data", 5)
    (tmp_path / "rescue").mkdir()
    shutil.copytree(Places(tmp_path / "data").folder, Places(tmp_path / "rescue").folder)
    bodies += await life(tmp_path / "rescue", 2, first=6)
    assert bodies_of(SqliteJournalReader(tmp_path / "rescue")) == bodies


async def test_a_lost_journal_folder_is_not_made_anew(tmp_path: Path) -> None:
    await life(tmp_path, 5)
    shutil.rmtree(Places(tmp_path).folder)
    for _ in range(2):
        with pytest.raises(JournalMissing):
            SqliteJournal(tmp_path).acquire()
        assert list(Places(tmp_path).folder.iterdir()) == []


async def test_one_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    await life(tmp_path, 5)
    Places(tmp_path).witness.write_bytes(b"\xff" * 8_192)
    assert refusal(tmp_path) == ("ANCHOR_UNREADABLE", None)


async def test_a_crash_while_it_is_made_is_in_nobodys_way(tmp_path: Path) -> None:
    Places(tmp_path).witness.with_name("anchor.new").write_bytes(b"half")
    bodies = await life(tmp_path, 1)
    assert bodies_of(SqliteJournalReader(tmp_path)) == bodies


async def test_one_of_the_empty_journal_is_one(tmp_path: Path) -> None:
    await life(tmp_path, 0)
    assert seen(tmp_path) == Tail(1, 0, 0, CHAIN_START)
    bodies = await life(tmp_path, 2)
    assert bodies_of(SqliteJournalReader(tmp_path)) == bodies


async def test_one_that_cannot_be_written_stops_the_journal_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUIET_S", 0.01)
    really_write = AnchorFile.write

    def write(anchor: AnchorFile, tail: Tail) -> None:
        if anchor.path == Places(tmp_path).witness:
            raise no_space()
        really_write(anchor, tail)

    journal = SqliteJournal(tmp_path)
    journal.acquire()
    heard: asyncio.Future[JournalError] = asyncio.get_running_loop().create_future()
    journal.listen(heard.set_result)
    with monkeypatch.context() as patch:
        patch.setattr(AnchorFile, "write", write)
        bodies = await fill(journal, 3)
        async with asyncio.timeout(60):
            assert (await heard).code == "ANCHOR_FAILED"
        with pytest.raises(JournalFailed) as error:
            await journal.append(b"later", 1, batch_id(9))
    assert error.value.definite
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path)) == bodies
    assert (await life(tmp_path, 1, first=4))[0] == bodies_of(SqliteJournalReader(tmp_path))[3]


async def test_a_start_that_cannot_write_it_is_refused_and_leaves_nothing_open(
    tmp_path: Path,
) -> None:
    bodies = await life(tmp_path, 3)
    Places(tmp_path).witness.unlink()
    Places(tmp_path).witness.with_name("anchor.new").mkdir()
    before = open_files()
    with pytest.raises(JournalFailed) as error:
        SqliteJournal(tmp_path).acquire()
    assert error.value.code == "IO_ERROR"
    assert open_files() == before
    Places(tmp_path).witness.with_name("anchor.new").rmdir()
    bodies += await life(tmp_path, 1, first=4)
    assert bodies_of(SqliteJournalReader(tmp_path)) == bodies
