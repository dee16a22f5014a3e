"""What the report counts."""

from pathlib import Path

import pytest

from phalanx.journal import (
    JournalMissing,
    MemoryJournal,
    Snapshot,
    SqliteJournal,
    SqliteJournalReader,
    Tail,
    verify,
)
from phalanx.journal.record import encode
from tests.contract.journal.backends import batch_id, fill


async def test_a_sound_journal(tmp_path: Path) -> None:
    for first in (1, 4):
        journal = SqliteJournal(tmp_path)
        journal.acquire()
        await fill(journal, 3, first=first)
        tail = journal.tail()
        journal.put_snapshot(Snapshot(tail.seq, tail.record, tail.chain, bytes(32), 5, b"12345"))
        journal.close()
    report = verify(SqliteJournalReader(tmp_path))
    records = list(SqliteJournalReader(tmp_path).records())
    assert report.ok
    assert report.problem is None
    assert (report.shard, report.records, report.epochs) == (0, 6, 2)
    assert report.events == sum(record.count for record in records) == report.last.seq
    assert report.body_bytes == sum(len(record.body) for record in records)
    assert report.last == records[-1].tail
    assert report.anchor == SqliteJournalReader(tmp_path).tail()
    assert report.ahead == 0
    assert [(note.record, note.version, note.size_bytes) for note in report.snapshots] == [
        (6, 5, 5),
        (3, 5, 5),
    ]


async def test_counting_goes_as_far_as_reading_does() -> None:
    journal = MemoryJournal()
    journal.acquire()
    await fill(journal, 9)
    blob = bytearray(journal.disk.blobs[7])
    blob[-1] ^= 1
    journal.disk.blobs[7] = bytes(blob)
    report = verify(journal)
    assert not report.ok
    assert report.problem is not None
    assert (report.problem.code, report.problem.record, report.records) == ("ALTERED_RECORD", 7, 6)
    assert report.snapshots == ()


async def test_a_lost_tail_is_told_with_what_is_left() -> None:
    journal = MemoryJournal()
    journal.acquire()
    await fill(journal, 9)
    left = journal.record_at(1).tail
    journal.disk.blobs = {1: journal.disk.blobs[1]}
    journal.disk.tail = left
    report = verify(journal)
    assert report.problem is not None
    assert (report.problem.code, report.records, report.last) == ("BEHIND_ANCHOR", 1, left)


class _Moving(MemoryJournal):
    """A journal whose tail was read from another one: records that do not lead to it."""

    claimed: Tail

    def tail(self) -> Tail:
        return self.claimed


@pytest.mark.parametrize(("record", "code"), [(3, "MISSING_RECORD"), (2, "CHAIN_BROKEN")])
async def test_the_records_must_lead_to_the_tail(record: int, code: str) -> None:
    journal = _Moving()
    journal.claimed = Tail(0, 0, 0, bytes(32))
    journal.acquire()
    journal.disk.blobs[1], first = encode(Tail(1, 0, 0, bytes(32)), 0, b"x", 1, batch_id(1))
    journal.disk.blobs[2], _ = encode(first, 0, b"y", 1, batch_id(2))
    journal.claimed = Tail(1, record, record, b"c" * 32)
    problem = verify(journal).problem
    assert problem is not None
    assert (problem.code, problem.record) == (code, record)


def test_there_is_nothing_to_say_about_nothing(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing):
        verify(SqliteJournalReader(tmp_path))
