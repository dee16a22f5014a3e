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
from phalanx.journal.verify import Seen
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


async def filled(records: int) -> MemoryJournal:
    journal = MemoryJournal()
    journal.acquire()
    await fill(journal, records)
    return journal


def remembered(journal: MemoryJournal, *records: int) -> list[Seen]:
    """What somebody who saw these records knows of them."""
    found = {record.record: record for record in journal.scan()}
    return [Seen(one, found[one].last_seq, found[one].chain) for one in records]


async def test_what_was_seen_is_there() -> None:
    journal = await filled(9)

    assert verify(journal, remembered(journal, 2, 5, 5, 9)).ok
    assert verify(journal, remembered(journal, 3)).records == 9


async def test_a_tail_that_is_gone_is_found_by_who_saw_it() -> None:
    journal = await filled(9)
    seen = remembered(journal, 4, 8)
    shorter = await filled(5)

    problem = verify(shorter, seen).problem

    assert problem is not None
    assert (problem.code, problem.record) == ("BEHIND_ROOT", 6)
    assert f"record 8 with event {seen[1].seq}" in problem.message


async def test_a_history_that_was_written_anew_is_found_at_the_first_record_that_differs() -> None:
    journal = await filled(9)
    seen = remembered(journal, 2, 4, 6, 9)
    other = await filled(3)
    await fill(other, 6, first=40)

    report = verify(other, seen)

    assert verify(other).ok
    assert report.problem is not None
    assert (report.problem.code, report.problem.record) == ("ROOT_MISMATCH", 4)
    assert report.last.record == 3


async def test_an_event_that_its_record_does_not_hold_is_found() -> None:
    journal = await filled(4)
    (seen,) = remembered(journal, 3)

    problem = verify(journal, [Seen(3, seen.seq + 1, seen.chain)]).problem

    assert problem is not None
    assert (problem.code, problem.record) == ("ROOT_MISMATCH", 3)
