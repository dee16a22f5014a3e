"""For any record: it comes back, and nothing else passes for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.journal import JournalCorrupt, Tail
from phalanx.journal.record import check_link, checked, decode, encode

COUNTERS = st.integers(0, 2**62)
TAILS = st.builds(Tail, COUNTERS, COUNTERS, COUNTERS, st.binary(min_size=32, max_size=32))
BATCH_IDS = st.binary(min_size=16, max_size=16)
COUNTS = st.integers(1, 2**32 - 1)
BODIES = st.binary(max_size=300)
SHARDS = st.integers(0, 2**16 - 1)


@given(TAILS, SHARDS, BODIES, COUNTS, BATCH_IDS)
def test_a_record_comes_back_and_continues_its_tail(
    tail: Tail, shard: int, body: bytes, count: int, batch_id: bytes
) -> None:
    blob, after = encode(tail, shard, body, count, batch_id)
    record = decode(blob, tail.record + 1)
    assert (record.shard, record.body, record.count, record.batch_id) == (
        shard,
        body,
        count,
        batch_id,
    )
    assert record.tail == after
    assert record.prev_chain == tail.chain
    check_link(tail, record, shard)


@given(TAILS, BODIES, st.data())
def test_no_altered_bytes_pass(tail: Tail, body: bytes, data: st.DataObject) -> None:
    blob, _ = encode(tail, 0, body, 1, bytes(16))
    at = data.draw(st.integers(0, len(blob) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != blob[at]))
    with pytest.raises(JournalCorrupt):
        decode(blob[:at] + bytes([byte]) + blob[at + 1 :], tail.record + 1)


@given(TAILS, st.binary(max_size=200))
def test_rubbish_is_refused(tail: Tail, rubbish: bytes) -> None:
    with pytest.raises(JournalCorrupt):
        decode(rubbish, tail.record + 1)


@given(TAILS, st.lists(st.tuples(BODIES, st.integers(1, 9)), min_size=2, max_size=8), st.data())
def test_a_chain_is_whole_or_named(
    tail: Tail, contents: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    rows, at = [], tail
    for body, count in contents:
        blob, at = encode(at, 0, body, count, bytes(16))
        rows.append((at.record, blob))
    assert [record.body for record in checked(rows, tail, 0, at.record)] == [b for b, _ in contents]

    dropped = data.draw(st.integers(0, len(rows) - 1))
    with pytest.raises(JournalCorrupt) as error:
        list(checked(rows[:dropped] + rows[dropped + 1 :], tail, 0, at.record))
    assert (error.value.code, error.value.record) == ("MISSING_RECORD", rows[dropped][0])
