"""The anchor: a small file outside the journal that remembers where the journal ended.

A write-ahead log ends at its first unreadable frame, so one flipped bit can drop a tail that was
acknowledged, without any error. The anchor is what notices: it is written after each commit and
before the answer, and a journal that does not reach its anchor is refused.

A journal folder that was put back as a whole brings its old anchor along. So the anchor has a
*witness* outside that folder, a file of the same form: it follows when there is a moment to spare,
and a journal that does not hold the record it has seen is refused too. It may be missing (a folder
that was never opened where it lies now), and it is not asked while the journal is being written.

The file has two slots, a page apart, and is never resized. Each write goes to the slot that does
not hold the newest entry, so a crash in the middle of it leaves the entry before, which is at most
one record behind; that is the distance a good journal may have anyway (a crash between the commit
and the anchor). One slot is ``magic 4 | format 2 | shard 2 | epoch 8 | record 8 | seq 8 | chain 32
| crc32 4``; an unused slot is zeros.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final
from zlib import crc32

from msgspec import Struct

from phalanx.journal.errors import Damage, JournalCorrupt
from phalanx.journal.record import Tail

MAGIC: Final = b"PHXA"
FORMAT: Final = 1
SLOT_BYTES: Final = 4096
SLOTS: Final = 2
_FIELDS: Final = struct.Struct(">4sHHQQQ32s")
_CRC: Final = struct.Struct(">I")
ENTRY_BYTES: Final = _FIELDS.size + _CRC.size


class Anchor(Struct, frozen=True, gc=False):
    """What the anchor file says: its newest entry, the slot of it, and how many slots are bad."""

    tail: Tail
    slot: int
    damaged: int


class AnchorFile:
    """The writing side. One owner: the thread that commits."""

    def __init__(self, path: Path, shard: int, tail: Tail) -> None:
        """Open the anchor, or create it, and make ``tail`` its newest entry, on disk.

        Raises `OSError`; `JournalCorrupt` when the file exists and cannot be read.
        """
        self.path = path
        self._shard = shard
        found = read_anchor(path, shard)
        if found is None:
            _create(path, encode_entry(shard, tail))
        self._slot = 0 if found is None else found.slot
        # O_DSYNC makes each write durable before it returns: pwrite and fdatasync in one call,
        # which also gives up the interpreter's lock once instead of twice.
        self._descriptor = os.open(path, os.O_RDWR | os.O_DSYNC | os.O_CLOEXEC)
        if found is not None:
            self.write(tail)

    def write(self, tail: Tail) -> None:
        """Make ``tail`` the newest entry; on disk when this returns. Raises `OSError`."""
        slot = 1 - self._slot
        entry = encode_entry(self._shard, tail)
        written = os.pwrite(self._descriptor, entry, slot * SLOT_BYTES)
        if written != len(entry):
            raise OSError(f"the anchor took {written} of {len(entry)} bytes")
        self._slot = slot

    def close(self) -> None:
        """Close the file; there is nothing left to write."""
        os.close(self._descriptor)


def read_anchor(path: Path, shard: int) -> Anchor | None:
    """The newest intact entry, None when there is no file.

    Raises `JournalCorrupt`: ``ANCHOR_UNREADABLE`` when no slot is intact, ``WRONG_SHARD``;
    `OSError` when the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    slots = [data[at * SLOT_BYTES :][:ENTRY_BYTES] for at in range(SLOTS)]
    entries = [decode_entry(entry) for entry in slots]
    damaged = sum(e is None and any(raw) for e, raw in zip(entries, slots, strict=True))
    good = [(e[1], at, e[0]) for at, e in enumerate(entries) if e is not None]
    if not good:
        raise JournalCorrupt(Damage.ANCHOR_UNREADABLE, f"{path}: no slot is intact")
    newest, slot, owner = max(good, key=lambda entry: (entry[0].epoch, entry[0].record))
    if owner != shard:
        raise JournalCorrupt(Damage.WRONG_SHARD, f"{path} is of shard {owner}, not {shard}")
    return Anchor(newest, slot, damaged)


def check_anchor(anchor: Tail | None, tail: Tail, prev_chain: bytes) -> None:
    """A journal that ends at ``tail`` is the one the anchor saw, or one record ahead of it.

    ``prev_chain`` is the chain before the last record. One ahead is a crash between commit and
    anchor: that record was never acknowledged, and it is whole. Raises `JournalCorrupt`.
    """
    if anchor is None:
        if tail.record > 0:
            raise JournalCorrupt(Damage.ANCHOR_MISSING, f"{tail.record} records and no anchor file")
        return
    if tail.record < anchor.record or tail.epoch < anchor.epoch:
        raise JournalCorrupt(
            Damage.BEHIND_ANCHOR,
            f"the journal ends at epoch {tail.epoch}, record {tail.record}; "
            f"epoch {anchor.epoch}, record {anchor.record} was acknowledged",
            record=tail.record + 1,
        )
    if tail.record > anchor.record + 1:
        raise JournalCorrupt(
            Damage.ANCHOR_STALE,
            f"the journal ends at record {tail.record}, its anchor at {anchor.record}",
            record=anchor.record,
        )
    same_record = tail.record == anchor.record
    chain = tail.chain if same_record else prev_chain
    if chain != anchor.chain or (same_record and tail.seq != anchor.seq):
        raise JournalCorrupt(
            Damage.ANCHOR_MISMATCH,
            f"record {anchor.record} is not the one that was anchored",
            record=anchor.record,
        )


def check_witness(witness: Tail, tail: Tail, chain: bytes | None) -> None:
    """A journal that ends at ``tail`` is the one the witness saw, however far it went on since.

    ``chain`` is the journal's own at the witness's record, None when it does not reach so far.
    Raises `JournalCorrupt`.
    """
    if chain is None or tail.epoch < witness.epoch:
        raise JournalCorrupt(
            Damage.BEHIND_ANCHOR,
            f"the journal ends at epoch {tail.epoch}, record {tail.record}; the anchor outside its "
            f"folder saw epoch {witness.epoch}, record {witness.record}: this is an old copy",
            record=tail.record + 1,
        )
    if chain != witness.chain:
        raise JournalCorrupt(
            Damage.ANCHOR_MISMATCH,
            f"record {witness.record} is not the one that the anchor outside the folder saw",
            record=witness.record,
        )


def encode_entry(shard: int, tail: Tail) -> bytes:
    """The bytes of one slot."""
    fields = _FIELDS.pack(MAGIC, FORMAT, shard, tail.epoch, tail.record, tail.seq, tail.chain)
    return fields + _CRC.pack(crc32(fields))


def decode_entry(raw: bytes) -> tuple[int, Tail] | None:
    """(shard, tail) of one slot, None when it is empty, torn, altered or of another format."""
    if len(raw) != ENTRY_BYTES:
        return None
    fields = raw[: _FIELDS.size]
    magic, version, shard, epoch, record, seq, chain = _FIELDS.unpack(fields)
    if _CRC.unpack_from(raw, _FIELDS.size)[0] != crc32(fields):
        return None
    if magic != MAGIC or version != FORMAT:
        return None
    return shard, Tail(epoch, record, seq, chain)


def _create(path: Path, entry: bytes) -> None:
    """A full-sized file with one entry, under its name only when it is on disk."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(entry.ljust(SLOTS * SLOT_BYTES, b"\0"))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable (fsync of the directory)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
