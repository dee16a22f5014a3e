"""The one record format, the same in every backend. Pure functions over bytes.

A record is a fixed big-endian header and an opaque body::

    magic 4 | format 2 | shard 2 | epoch 8 | record 8 | first_seq 8 | count 4
    | batch_id 16 | prev_chain 32 | body length 4 | crc32 4 | body

The checksum covers the header before it and the body, so one flipped bit is named in the record
where it happened. ``chain = sha256(prev_chain | header | body)`` ties the record to all before
it, so a record that was replaced by another well-formed one is found as well.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final
from zlib import crc32

from msgspec import Struct

from phalanx.journal.errors import Damage, JournalCorrupt, RecordTooLarge

MAGIC: Final = b"PHXR"
FORMAT: Final = 1
BODY_BYTES_MAX: Final = 32 * 1024 * 1024
BATCH_ID_BYTES: Final = 16
CHAIN_BYTES: Final = 32
CHAIN_START: Final = bytes(CHAIN_BYTES)
"""The chain of the empty journal: what record 1 continues."""

_FIELDS: Final = struct.Struct(">4sHHQQQI16s32sI")
_CRC: Final = struct.Struct(">I")
HEADER_BYTES: Final = _FIELDS.size + _CRC.size


class Tail(Struct, frozen=True, gc=False):
    """Where a journal ends. ``record`` and ``seq`` are the last ones written, 0 when empty."""

    epoch: int
    record: int
    seq: int
    chain: bytes


START: Final = Tail(epoch=0, record=0, seq=0, chain=CHAIN_START)
"""The tail of a journal nobody ever opened."""


class Record(Struct, frozen=True, gc=False):
    """One group commit: ``count`` events, the first of them numbered ``first_seq``."""

    shard: int
    epoch: int
    record: int
    first_seq: int
    count: int
    batch_id: bytes
    prev_chain: bytes
    chain: bytes
    body: bytes

    @property
    def last_seq(self) -> int:
        """The number of the last event in this record."""
        return self.first_seq + self.count - 1

    @property
    def tail(self) -> Tail:
        """Where the journal ended when this was its last record."""
        return Tail(self.epoch, self.record, self.last_seq, self.chain)


def check_arguments(body: bytes, count: int, batch_id: bytes) -> None:
    """Refuse what can never be a record, before anything is tried.

    Raises `RecordTooLarge`; `ValueError` for a count or a batch id that no correct caller sends.
    """
    if len(body) > BODY_BYTES_MAX:
        raise RecordTooLarge(len(body), BODY_BYTES_MAX)
    if not 1 <= count < 2**32:
        raise ValueError(f"a record holds at least one event and fewer than 2**32, not {count}")
    if len(batch_id) != BATCH_ID_BYTES:
        raise ValueError(f"a batch id has {BATCH_ID_BYTES} bytes, not {len(batch_id)}")


def encode(tail: Tail, shard: int, body: bytes, count: int, batch_id: bytes) -> tuple[bytes, Tail]:
    """The bytes of the record that follows ``tail`` in ``tail.epoch``, and the tail it makes."""
    check_arguments(body, count, batch_id)
    record, first_seq = tail.record + 1, tail.seq + 1
    fields = _FIELDS.pack(
        MAGIC,
        FORMAT,
        shard,
        tail.epoch,
        record,
        first_seq,
        count,
        batch_id,
        tail.chain,
        len(body),
    )
    header = fields + _CRC.pack(crc32(body, crc32(fields)))
    chain = chain_hash(tail.chain, header, body)
    return header + body, Tail(tail.epoch, record, tail.seq + count, chain)


def decode(blob: bytes, record: int) -> Record:
    """The record stored as number ``record``; every byte of it is checked.

    Raises `JournalCorrupt`: ``TORN_TAIL`` when bytes are missing at its end (the caller knows
    whether it is the tail), ``UNKNOWN_FORMAT``, else ``ALTERED_RECORD``.
    """
    if len(blob) < HEADER_BYTES:
        raise _torn(record, len(blob), HEADER_BYTES)
    fields = blob[: _FIELDS.size]
    magic, version, shard, epoch, number, first_seq, count, batch_id, prev_chain, size = (
        _FIELDS.unpack(fields)
    )
    body = blob[HEADER_BYTES:]
    (crc,) = _CRC.unpack_from(blob, _FIELDS.size)
    # The checksum comes first: only a record that proves itself intact is believed about the rest.
    if crc32(body, crc32(fields)) != crc:
        if magic == MAGIC and version == FORMAT and number == record and len(body) < size:
            raise _torn(record, len(body), size)
        raise _altered(record, "its checksum does not match its bytes")
    if magic != MAGIC or version != FORMAT:
        raise JournalCorrupt(
            Damage.UNKNOWN_FORMAT, f"record {record} has format {version}", record=record
        )
    if number != record:
        raise _altered(record, f"its header says record {number}")
    if len(body) != size or count < 1:
        raise _altered(record, f"its header says {size} bytes and {count} events")
    chain = chain_hash(prev_chain, blob[:HEADER_BYTES], body)
    return Record(shard, epoch, number, first_seq, count, batch_id, prev_chain, chain, body)


def stored_first_seq(blob: bytes) -> int | None:
    """The first_seq in a header, unchecked, to compare with an index; None in a torn header."""
    return None if len(blob) < HEADER_BYTES else int(_FIELDS.unpack_from(blob)[5])


def chain_hash(prev_chain: bytes, header: bytes, body: bytes) -> bytes:
    """``sha256(prev_chain | header | body)``, 32 bytes."""
    digest = sha256(prev_chain)
    digest.update(header)
    digest.update(body)
    return digest.digest()


def check_link(previous: Tail, record: Record, shard: int) -> None:
    """``record`` continues ``previous``, in this shard; else `JournalCorrupt` says how it does not."""
    number = record.record
    if record.shard != shard:
        raise JournalCorrupt(
            Damage.WRONG_SHARD, f"record {number} is of shard {record.shard}", record=number
        )
    if number != previous.record + 1:
        missing = previous.record + 1
        raise JournalCorrupt(
            Damage.MISSING_RECORD, f"record {number} follows {previous.record}", record=missing
        )
    if record.prev_chain != previous.chain:
        raise _broken(number, f"it does not continue the hash of record {previous.record}")
    if record.first_seq != previous.seq + 1:
        raise _broken(number, f"it starts at seq {record.first_seq} after {previous.seq}")
    if record.epoch < previous.epoch:
        raise _broken(number, f"its epoch {record.epoch} is below {previous.epoch}")


def checked(
    rows: Iterable[tuple[int, bytes]], previous: Tail, shard: int, last: int | None = None
) -> Iterator[Record]:
    """Decode rows (record number, bytes) that follow ``previous``, each linked to the one before.

    With ``last`` the rows must reach exactly that record: fewer are ``MISSING_RECORD``. Without it
    they end where they end.
    """
    for number, blob in rows:
        record = decode_row(number, blob, is_last=number == last)
        check_link(previous, record, shard)
        previous = record.tail
        yield record
    if last is not None and previous.record < last:
        missing = previous.record + 1
        raise JournalCorrupt(
            Damage.MISSING_RECORD, f"record {missing} of {last} is not there", record=missing
        )


def decode_row(number: int, blob: bytes, *, is_last: bool) -> Record:
    """`decode`, where a cut that is not at the end of the journal is an altered record."""
    try:
        return decode(blob, number)
    except JournalCorrupt as error:
        if error.damage is Damage.TORN_TAIL and not is_last:
            raise _altered(number, error.message) from None
        raise


def _torn(record: int, got: int, wanted: int) -> JournalCorrupt:
    message = f"record {record} is cut: {got} of {wanted} bytes"
    return JournalCorrupt(Damage.TORN_TAIL, message, record=record)


def _altered(record: int, what: str) -> JournalCorrupt:
    return JournalCorrupt(Damage.ALTERED_RECORD, f"record {record}: {what}", record=record)


def _broken(record: int, what: str) -> JournalCorrupt:
    return JournalCorrupt(Damage.CHAIN_BROKEN, f"record {record}: {what}", record=record)
