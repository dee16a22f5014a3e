"""The record format: fixed for ever, checked to the last byte."""

from hashlib import sha256
from zlib import crc32

import pytest

from phalanx.journal import JournalCorrupt, Tail
from phalanx.journal.record import (
    CHAIN_START,
    HEADER_BYTES,
    Record,
    check_link,
    checked,
    decode,
    decode_row,
    encode,
    stored_first_seq,
)

TAIL = Tail(epoch=3, record=41, seq=1_000, chain=bytes(range(32)))
BATCH_ID = bytes(range(100, 116))
BLOB, AFTER = encode(TAIL, 2, b"the body", 5, BATCH_ID)


def test_the_bytes_are_these() -> None:
    """Journals of any age must be readable: these bytes never change."""
    header = (
        b"PHXR"
        + (1).to_bytes(2, "big")
        + (2).to_bytes(2, "big")
        + (3).to_bytes(8, "big")
        + (42).to_bytes(8, "big")
        + (1_001).to_bytes(8, "big")
        + (5).to_bytes(4, "big")
        + BATCH_ID
        + bytes(range(32))
        + (8).to_bytes(4, "big")
    )
    header += crc32(header + b"the body").to_bytes(4, "big")
    assert len(header) == HEADER_BYTES == 92
    assert header + b"the body" == BLOB
    assert Tail(3, 42, 1_005, sha256(TAIL.chain + header + b"the body").digest()) == AFTER
    assert stored_first_seq(BLOB) == 1_001
    assert stored_first_seq(BLOB[:50]) is None


def test_a_record_comes_back() -> None:
    record = decode(BLOB, 42)
    assert record == Record(2, 3, 42, 1_001, 5, BATCH_ID, TAIL.chain, AFTER.chain, b"the body")
    assert record.last_seq == 1_005
    assert record.tail == AFTER


def test_every_flipped_bit_is_an_altered_record() -> None:
    for at in range(len(BLOB)):
        for bit in range(8):
            altered = bytearray(BLOB)
            altered[at] ^= 1 << bit
            with pytest.raises(JournalCorrupt) as error:
                decode_row(42, bytes(altered), is_last=False)
            assert (error.value.code, error.value.record) == ("ALTERED_RECORD", 42)


def test_every_cut_is_a_torn_tail_at_the_end_and_altered_before() -> None:
    for length in range(len(BLOB)):
        for is_last, code in ((True, "TORN_TAIL"), (False, "ALTERED_RECORD")):
            with pytest.raises(JournalCorrupt) as error:
                decode_row(42, BLOB[:length], is_last=is_last)
            assert error.value.code == code


def test_bytes_too_many_are_an_altered_record() -> None:
    with pytest.raises(JournalCorrupt) as error:
        decode(BLOB + b"x", 42)
    assert error.value.code == "ALTERED_RECORD"


def resealed(blob: bytes, at: int, data: bytes) -> bytes:
    """The record with other bytes and a checksum that says they are right."""
    fields = blob[:at] + data + blob[at + len(data) : HEADER_BYTES - 4]
    body = blob[HEADER_BYTES:]
    return fields + crc32(fields + body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("at", "data", "code"),
    [
        (0, b"PHXX", "UNKNOWN_FORMAT"),
        (4, b"\0\2", "UNKNOWN_FORMAT"),
        (16, (43).to_bytes(8, "big"), "ALTERED_RECORD"),
        (32, bytes(4), "ALTERED_RECORD"),
        (84, (7).to_bytes(4, "big"), "ALTERED_RECORD"),
    ],
)
def test_a_well_sealed_header_is_still_read_with_care(at: int, data: bytes, code: str) -> None:
    with pytest.raises(JournalCorrupt) as error:
        decode(resealed(BLOB, at, data), 42)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("previous", "shard", "code"),
    [
        (TAIL, 1, "WRONG_SHARD"),
        (Tail(3, 40, 1_000, TAIL.chain), 2, "MISSING_RECORD"),
        (Tail(3, 42, 1_000, TAIL.chain), 2, "MISSING_RECORD"),
        (Tail(3, 41, 1_000, CHAIN_START), 2, "CHAIN_BROKEN"),
        (Tail(3, 41, 999, TAIL.chain), 2, "CHAIN_BROKEN"),
        (Tail(4, 41, 1_000, TAIL.chain), 2, "CHAIN_BROKEN"),
    ],
)
def test_a_record_that_does_not_continue_the_one_before_is_named(
    previous: Tail, shard: int, code: str
) -> None:
    with pytest.raises(JournalCorrupt) as error:
        check_link(previous, decode(BLOB, 42), shard)
    assert error.value.code == code


def test_rows_that_end_too_early_miss_a_record() -> None:
    assert [record.record for record in checked([(42, BLOB)], TAIL, 2, 42)] == [42]
    assert [record.record for record in checked([(42, BLOB)], TAIL, 2)] == [42]
    with pytest.raises(JournalCorrupt) as error:
        list(checked([(42, BLOB)], TAIL, 2, 44))
    assert (error.value.code, error.value.record) == ("MISSING_RECORD", 43)
