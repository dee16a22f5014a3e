"""Every journal refuses, by name, to go on with anything but what was written."""

from collections.abc import Callable

import pytest

from phalanx.journal import Journal, JournalCorrupt, Tail, verify
from phalanx.journal.record import encode
from tests.contract.journal.backends import Backend, batch_id, fill

RECORDS = 12
LENGTH_FIELD = range(84, 88)


@pytest.fixture
async def tails(backend: Backend) -> list[Tail]:
    """A sound journal of `RECORDS` records in two epochs; the tail after each, [0] before them."""
    tails: list[Tail] = []
    for epoch in range(2):
        journal = backend.open()
        tails += [journal.acquire()] if epoch == 0 else []
        if epoch == 1:
            journal.acquire()
        await fill(journal, RECORDS // 2, first=1 + epoch * RECORDS // 2)
        tails = [tails[0], *(record.tail for record in journal.records())]
        journal.close()
    return tails


def _start(journal: Journal) -> None:
    journal.acquire()
    for _ in journal.records():
        pass


def refusal(backend: Backend) -> tuple[str, int | None]:
    """How the journal is refused: by its writer at the start, or by who replays it."""
    journal = backend.open()
    try:
        with pytest.raises(JournalCorrupt) as error:
            _start(journal)
    finally:
        journal.close()
    problem = verify(backend.open()).problem
    assert problem is not None
    assert problem.code == error.value.code
    return error.value.code, error.value.record


@pytest.mark.parametrize("kept", [RECORDS - 1, RECORDS // 2, 0])
def test_a_lost_tail_is_behind_its_anchor(backend: Backend, tails: list[Tail], kept: int) -> None:
    for number in range(kept + 1, RECORDS + 1):
        backend.put_blob(number, None)
    backend.set_tail(Tail(2, tails[kept].record, tails[kept].seq, tails[kept].chain))
    assert refusal(backend) == ("BEHIND_ANCHOR", kept + 1)


def test_a_lost_epoch_is_behind_its_anchor(backend: Backend, tails: list[Tail]) -> None:
    backend.set_anchor(Tail(3, tails[-1].record, tails[-1].seq, tails[-1].chain))
    assert refusal(backend) == ("BEHIND_ANCHOR", RECORDS + 1)


def test_a_journal_one_record_ahead_is_good_and_anchored_at_the_start(
    backend: Backend, tails: list[Tail]
) -> None:
    backend.set_anchor(tails[-2])
    assert verify(backend.open()).ahead == 1
    journal = backend.open()
    tail = journal.acquire()
    assert (tail.record, tail.chain) == (RECORDS, tails[-1].chain)
    assert journal.anchor() == tail
    journal.close()


def test_a_journal_two_records_ahead_has_an_old_anchor(backend: Backend, tails: list[Tail]) -> None:
    backend.set_anchor(tails[-3])
    assert refusal(backend) == ("ANCHOR_STALE", RECORDS - 2)


def test_a_journal_without_its_anchor_is_refused(backend: Backend, tails: list[Tail]) -> None:
    backend.set_anchor(None)
    assert refusal(backend)[0] == "ANCHOR_MISSING"


@pytest.mark.parametrize("back", [0, 1])
def test_the_anchor_of_another_history_is_refused(
    backend: Backend, tails: list[Tail], back: int
) -> None:
    tail = tails[-1 - back]
    backend.set_anchor(Tail(tail.epoch, tail.record, tail.seq, bytes(32)))
    assert refusal(backend) == ("ANCHOR_MISMATCH", tail.record)


@pytest.mark.parametrize("number", [1, 5, RECORDS])
def test_a_deleted_record_is_missing(backend: Backend, tails: list[Tail], number: int) -> None:
    backend.put_blob(number, None)
    assert refusal(backend) == ("MISSING_RECORD", number)


def test_a_record_behind_the_tail_is_unexpected(backend: Backend, tails: list[Tail]) -> None:
    blob, _ = encode(tails[-1], 0, b"smuggled", 1, batch_id(1))
    backend.put_blob(RECORDS + 1, blob)
    journal = backend.open()
    with pytest.raises(JournalCorrupt) as error:
        journal.acquire()
    assert (error.value.code, error.value.record) == ("UNEXPECTED_RECORD", RECORDS + 1)
    assert verify(backend.open()).problem is not None


def flip(blob: bytes, at: int) -> bytes:
    return blob[:at] + bytes([blob[at] ^ 0x40]) + blob[at + 1 :]


@pytest.mark.parametrize("number", [1, 5, RECORDS])
def test_any_flipped_bit_names_its_record(backend: Backend, tails: list[Tail], number: int) -> None:
    blob = backend.blob(number)
    for at in range(0, len(blob), 5):
        backend.put_blob(number, flip(blob, at))
        # A length that grew looks like bytes that are missing.
        torn = number == RECORDS and at in LENGTH_FIELD
        wanted = {"ALTERED_RECORD", "TORN_TAIL"} if torn else {"ALTERED_RECORD"}
        code, record = refusal(backend)
        assert (code in wanted, record) == (True, number), (at, code)


@pytest.mark.parametrize("cut", [1, 30, 99])
def test_a_cut_record_is_a_torn_tail_at_the_end_and_altered_elsewhere(
    backend: Backend, tails: list[Tail], cut: int
) -> None:
    whole = backend.blob(5)
    backend.put_blob(5, whole[:-cut])
    assert refusal(backend)[0] == "ALTERED_RECORD"
    backend.put_blob(5, whole)
    backend.put_blob(RECORDS, backend.blob(RECORDS)[:-cut])
    assert refusal(backend) == ("TORN_TAIL", RECORDS)


def forged(previous: Tail, body: bytes) -> bytes:
    return encode(previous, 0, body, 1, batch_id(1))[0]


def swapped(backend: Backend, tails: list[Tail]) -> None:
    third, fourth = backend.blob(3), backend.blob(4)
    backend.put_blob(3, fourth)
    backend.put_blob(4, third)


def replaced(backend: Backend, tails: list[Tail]) -> None:
    backend.put_blob(3, forged(tails[2], b"another story"))


def replaced_tail(backend: Backend, tails: list[Tail]) -> None:
    backend.put_blob(RECORDS, forged(tails[-2], b"another end"))


def other_shard(backend: Backend, tails: list[Tail]) -> None:
    backend.put_blob(3, encode(tails[2], 7, b"x", 1, batch_id(1))[0])


def epoch_goes_back(backend: Backend, tails: list[Tail]) -> None:
    tail = tails[6]
    backend.put_blob(7, forged(Tail(0, tail.record, tail.seq, tail.chain), b"x"))


@pytest.mark.parametrize(
    ("damage", "code", "record"),
    [
        (swapped, "ALTERED_RECORD", 3),
        (replaced, "CHAIN_BROKEN", 4),
        (replaced_tail, "CHAIN_BROKEN", RECORDS),
        (other_shard, "WRONG_SHARD", 3),
        (epoch_goes_back, "CHAIN_BROKEN", 7),
    ],
)
def test_well_formed_records_in_the_wrong_place_are_found(
    backend: Backend,
    tails: list[Tail],
    damage: Callable[[Backend, list[Tail]], None],
    code: str,
    record: int,
) -> None:
    damage(backend, tails)
    assert refusal(backend) == (code, record)


def test_the_journal_of_another_shard_is_refused(backend: Backend, tails: list[Tail]) -> None:
    journal = backend.open(shard=1)
    with pytest.raises(JournalCorrupt) as error:
        journal.acquire()
    assert error.value.code == "WRONG_SHARD"


async def test_a_refused_start_gives_the_lock_back(backend: Backend, tails: list[Tail]) -> None:
    backend.set_anchor(tails[-3])
    for _ in range(2):
        assert refusal(backend)[0] == "ANCHOR_STALE"
    backend.set_anchor(Tail(2, tails[-1].record, tails[-1].seq, tails[-1].chain))
    journal = backend.open()
    assert journal.acquire().record == RECORDS
    journal.close()
