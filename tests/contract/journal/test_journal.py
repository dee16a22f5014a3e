"""What every journal promises to its writer and its readers."""

import asyncio
import os
from itertools import accumulate

import pytest

from phalanx.journal import (
    Fenced,
    JournalError,
    JournalFailed,
    JournalLocked,
    JournalMissing,
    NoSuchSeq,
    RecordTooLarge,
    Tail,
    verify,
)
from phalanx.journal.record import BODY_BYTES_MAX, CHAIN_START
from tests.contract.journal.backends import Backend, batch_id, fill


def test_a_journal_that_was_never_acquired_is_missing(backend: Backend) -> None:
    with pytest.raises(JournalMissing) as error:
        backend.open().tail()
    assert error.value.code == "JOURNAL_MISSING"


def test_the_first_acquire_makes_an_empty_journal_of_epoch_1(backend: Backend) -> None:
    journal = backend.open()
    tail = journal.acquire()
    assert tail == Tail(epoch=1, record=0, seq=0, chain=CHAIN_START)
    assert journal.tail() == journal.anchor() == tail
    assert list(journal.records()) == []
    journal.close()


async def test_records_come_back_as_they_were_appended(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    tails = [
        await journal.append(b"first", 3, batch_id(1)),
        await journal.append(b"", 1, batch_id(2)),
        await journal.append(b"third" * 5_000, 2, batch_id(3)),
    ]
    records = list(journal.records())
    journal.close()

    assert [record.body for record in records] == [b"first", b"", b"third" * 5_000]
    assert [record.batch_id for record in records] == [batch_id(n) for n in (1, 2, 3)]
    assert [(r.record, r.first_seq, r.last_seq) for r in records] == [
        (1, 1, 3),
        (2, 4, 4),
        (3, 5, 6),
    ]
    assert [(r.shard, r.epoch, r.count) for r in records] == [(0, 1, 3), (0, 1, 1), (0, 1, 2)]
    assert [record.tail for record in records] == tails
    assert [record.prev_chain for record in records] == [CHAIN_START, *(t.chain for t in tails[:2])]


async def test_tail_and_anchor_are_what_append_returned(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    tail = journal.tail()
    for number in range(1, 6):
        tail = await journal.append(b"x", 2, batch_id(number))
        assert tail == journal.tail() == journal.anchor()
    journal.close()
    assert backend.open().tail() == tail


async def test_appends_are_written_in_the_order_of_the_calls(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    calls = [journal.append(b"%d" % n, 1, batch_id(n)) for n in range(300)]
    tails = await asyncio.gather(*calls)
    bodies = [record.body for record in journal.records()]
    journal.close()
    assert [tail.record for tail in tails] == list(range(1, 301))
    assert bodies == [b"%d" % n for n in range(300)]


async def test_an_append_whose_caller_gave_up_stands_and_harms_no_other(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    given_up = [asyncio.create_task(journal.append(b"%d" % n, 1, batch_id(n))) for n in range(9)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    tail = await journal.append(b"after", 1, batch_id(99))
    bodies = [record.body for record in journal.records()]
    journal.close()
    assert bodies == [*(b"%d" % n for n in range(9)), b"after"]
    assert tail.record == 10


async def test_reading_after_any_seq_starts_with_the_record_that_holds_the_next(
    backend: Backend,
) -> None:
    journal = backend.open()
    journal.acquire()
    await fill(journal, 20)
    everything = list(journal.records())
    last_seq = everything[-1].last_seq
    for after_seq in range(-1, last_seq + 3):
        wanted = [record for record in everything if record.last_seq > after_seq]
        assert list(journal.records(after_seq)) == wanted
    journal.close()


async def test_each_seq_is_found_in_its_record_and_no_other_exists(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    await fill(journal, 20)
    ends = list(accumulate(record.count for record in journal.records()))
    for seq in range(1, ends[-1] + 1):
        record = journal.record_at(seq)
        assert record.first_seq <= seq <= record.last_seq
    for seq in (-1, 0, ends[-1] + 1):
        with pytest.raises(NoSuchSeq) as error:
            journal.record_at(seq)
        assert error.value.code == "NO_SUCH_SEQ"
    journal.close()


async def test_an_iteration_ends_at_the_tail_it_started_with(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    await fill(journal, 5)
    iteration = journal.records()
    first = next(iteration)
    await fill(journal, 5, first=6)
    rest = list(iteration)
    assert [first.record, *(record.record for record in rest)] == [1, 2, 3, 4, 5]
    assert len(list(journal.records())) == 10
    journal.close()


async def test_each_term_has_its_own_epoch(backend: Backend) -> None:
    for term in range(1, 4):
        journal = backend.open()
        assert journal.acquire().epoch == term
        await journal.append(b"x", 1, batch_id(term))
        journal.close()
    report = verify(backend.open())
    assert [record.epoch for record in backend.open().records()] == [1, 2, 3]
    assert (report.ok, report.records, report.events, report.epochs) == (True, 3, 3, 3)


async def test_a_second_writer_is_kept_out_and_told_who_holds_the_journal(
    backend: Backend,
) -> None:
    first, second = backend.open(), backend.open()
    first.acquire()
    with pytest.raises(JournalLocked) as error:
        second.acquire()
    assert (error.value.code, error.value.pid) == ("JOURNAL_LOCKED", os.getpid())
    assert (await first.append(b"x", 1, batch_id(1))).record == 1
    first.close()
    assert second.acquire().epoch == 2
    second.close()


@pytest.mark.parametrize("written_by_the_new_writer", [0, 1, 3])
async def test_a_writer_that_was_taken_over_is_fenced_for_good(
    backend: Backend, written_by_the_new_writer: int
) -> None:
    stale, successor = backend.open(), backend.open()
    stale.acquire()
    bodies = await fill(stale, 4)
    backend.break_lock()
    successor.acquire()
    bodies += await fill(successor, written_by_the_new_writer, first=5)

    for _ in range(2):
        with pytest.raises(Fenced) as error:
            await stale.append(b"stale", 1, batch_id(99))
        assert error.value.code == "FENCED"
    bodies += await fill(successor, 2, first=50)
    assert [record.body for record in successor.records()] == bodies
    stale.close()
    successor.close()
    assert verify(backend.open()).ok


async def test_all_appends_under_way_of_a_fenced_writer_are_refused(backend: Backend) -> None:
    stale, successor = backend.open(), backend.open()
    stale.acquire()
    backend.break_lock()
    successor.acquire()
    calls = [stale.append(b"stale", 1, batch_id(n)) for n in range(100)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Fenced}
    assert list(successor.records()) == []
    stale.close()
    successor.close()


async def test_what_can_never_be_a_record_is_refused_before_anything_is_tried(
    backend: Backend,
) -> None:
    journal = backend.open()
    journal.acquire()
    with pytest.raises(RecordTooLarge):
        await journal.append(bytes(BODY_BYTES_MAX + 1), 1, batch_id(1))
    for count in (0, -1, 2**32):
        with pytest.raises(ValueError, match="event"):
            await journal.append(b"x", count, batch_id(1))
    with pytest.raises(ValueError, match="batch id"):
        await journal.append(b"x", 1, b"short")
    assert (await journal.append(b"x", 1, batch_id(1))).record == 1
    journal.close()


async def test_the_largest_body_fits(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    body = os.urandom(4096) * (BODY_BYTES_MAX // 4096)
    await journal.append(body, 1, batch_id(1))
    await journal.append(b"next", 1, batch_id(2))
    assert [record.body for record in journal.records()] == [body, b"next"]
    journal.close()


async def test_only_an_acquired_and_open_journal_takes_records(backend: Backend) -> None:
    journal = backend.open()
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"x", 1, batch_id(1))
    assert (error.value.code, error.value.definite) == ("NOT_ACQUIRED", True)
    journal.acquire()
    journal.close()
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"x", 1, batch_id(1))
    assert (error.value.code, error.value.definite) == ("CLOSED", True)
    journal.close()


async def test_closing_finishes_what_was_handed_over(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    calls = [asyncio.create_task(journal.append(b"%d" % n, 1, batch_id(n))) for n in range(20)]
    await asyncio.sleep(0)
    journal.close()
    tails = await asyncio.gather(*calls)
    assert [tail.record for tail in tails] == list(range(1, 21))
    assert len(list(backend.open().records())) == 20


async def test_a_journal_goes_on_where_a_crash_left_it(backend: Backend) -> None:
    journal = backend.open()
    journal.acquire()
    bodies = await fill(journal, 7)
    for _ in range(3):
        backend.crash(journal)
        journal = backend.open()
        assert journal.acquire().record == len(bodies)
        bodies += await fill(journal, 2, first=len(bodies) + 1)
    assert [record.body for record in journal.records()] == bodies
    journal.close()


def test_every_error_has_a_code(backend: Backend) -> None:
    with pytest.raises(JournalError, match="JOURNAL_MISSING: "):
        list(backend.open().records())
