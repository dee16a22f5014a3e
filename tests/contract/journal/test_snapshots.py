"""Snapshots are a cache: two are kept, and none is used that this journal did not make."""

import pytest

from phalanx.journal import JournalReader, Snapshot, Tail, verify
from phalanx.journal.record import CHAIN_START
from tests.contract.journal.backends import Backend, batch_id, fill


def snapshot_of(tail: Tail, *, version: int = 1) -> Snapshot:
    digest = tail.record.to_bytes(32, "big")
    return Snapshot(tail.seq, tail.record, tail.chain, digest, version, b"state " * tail.record)


def newest(reader: JournalReader) -> Snapshot | None:
    return next(iter(reader.snapshots()), None)


async def test_the_newest_two_are_kept(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    assert newest(journal) is None
    made = []
    for number in range(1, 5):
        made.append(snapshot_of(await journal.append(b"x", number, batch_id(number))))
        journal.put_snapshot(made[-1])
        assert newest(journal) == made[-1]
    assert list(journal.snapshots()) == [made[3], made[2]]
    journal.close()

    reader = backend.open()
    assert newest(reader) == made[3]
    notes = verify(reader).snapshots
    assert [(note.record, note.seq, note.version) for note in notes] == [(4, 10, 1), (3, 6, 1)]


async def test_a_snapshot_of_the_empty_journal_is_one(backend: Backend) -> None:
    journal = backend.open()
    empty = snapshot_of(journal.acquire())
    journal.put_snapshot(empty)
    await fill(journal, 3)
    assert newest(journal) == empty
    journal.close()


async def test_a_snapshot_of_another_journal_is_refused(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    await fill(journal, 3)
    tail = journal.tail()
    for foreign in (
        Tail(1, tail.record, tail.seq, CHAIN_START),
        Tail(1, tail.record, tail.seq + 1, tail.chain),
        Tail(1, tail.record + 1, tail.seq, tail.chain),
        Tail(1, 0, 0, tail.chain),
    ):
        with pytest.raises(ValueError, match="not of this journal"):
            journal.put_snapshot(snapshot_of(foreign))
    assert newest(journal) is None
    journal.close()


async def test_a_snapshot_of_a_lost_future_is_passed_over(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    await fill(journal, 3)
    good = snapshot_of(journal.tail())
    journal.put_snapshot(good)
    await fill(journal, 1, first=4)
    journal.put_snapshot(snapshot_of(journal.tail()))
    journal.close()

    # Somebody restored the journal as it was before record 4.
    backend.put_blob(4, None)
    earlier = Tail(1, good.record, good.seq, good.chain)
    backend.set_tail(earlier)
    backend.set_anchor(earlier)
    journal = backend.open()
    journal.acquire()
    assert newest(journal) == good
    journal.close()
