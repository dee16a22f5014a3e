"""A disk that takes no more: the kernel's own refusal, by a limit on the size of files."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phalanx.journal import JournalFailed, SqliteJournal, SqliteJournalReader, verify
from phalanx.journal.sqlite import writer
from tests.contract.journal.backends import batch_id, fill
from tests.unit.journal.sqlite.folders import bodies_of, fill_up


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow past the limit. (Python ignores SIGXFSZ: writes fail.)"""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("body_bytes", "checkpoint_bytes"),
    [(10, 10**9), (3_000, 10**9), (60_000, 10**9), (3_000, 50_000), (60_000, 50_000)],
)
async def test_a_full_disk_refuses_definitely_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body_bytes: int, checkpoint_bytes: int
) -> None:
    monkeypatch.setattr(writer, "CHECKPOINT_BYTES", checkpoint_bytes)
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    acknowledged = await fill(journal, 3)
    with file_size_limit(300_000), pytest.raises(JournalFailed) as error:
        await fill_up(journal, body_bytes, acknowledged)
    assert error.value.code in ("DISK_FULL", "IO_ERROR")
    assert error.value.definite
    assert len(acknowledged) > 3

    with pytest.raises(JournalFailed) as error:
        await journal.append(b"there is room again", 1, batch_id(1))
    assert error.value.definite
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path)) == acknowledged
    assert verify(SqliteJournalReader(tmp_path)).ok

    journal = SqliteJournal(tmp_path)
    assert journal.acquire().record == len(acknowledged)
    await journal.append(b"next", 1, batch_id(1))
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path)) == [*acknowledged, b"next"]


def test_a_journal_that_cannot_be_made_leaves_nothing_half_made(tmp_path: Path) -> None:
    with file_size_limit(5_000):
        journal = SqliteJournal(tmp_path)
        with pytest.raises(JournalFailed):
            journal.acquire()
    journal = SqliteJournal(tmp_path)
    assert journal.acquire().record == 0
    journal.close()


async def test_a_start_that_cannot_begin_an_epoch_leaves_the_journal_whole(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    acknowledged = await fill(journal, 30)
    journal.close()
    with file_size_limit(3_000), pytest.raises(JournalFailed):
        SqliteJournal(tmp_path).acquire()
    assert bodies_of(SqliteJournalReader(tmp_path)) == acknowledged
