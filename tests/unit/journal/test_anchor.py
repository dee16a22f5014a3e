"""The anchor survives a crash at any byte of its own writing."""

import os
from pathlib import Path

import pytest

from phalanx.journal import JournalCorrupt, Tail
from phalanx.journal.anchor import (
    ENTRY_BYTES,
    SLOT_BYTES,
    AnchorFile,
    encode_entry,
    read_anchor,
)


def tail(record: int, epoch: int = 1) -> Tail:
    return Tail(epoch, record, record * 10, record.to_bytes(32, "big"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An anchor file that went from record 1 to record 6."""
    path = tmp_path / "anchor"
    anchor = AnchorFile(path, 0, tail(1))
    for record in range(2, 7):
        anchor.write(tail(record))
    anchor.close()
    return path


def newest(path: Path) -> Tail:
    found = read_anchor(path, 0)
    assert found is not None
    return found.tail


def test_the_last_write_is_what_is_read(path: Path) -> None:
    assert newest(path) == tail(6)
    assert path.stat().st_size == 2 * SLOT_BYTES


def test_there_is_none_before_it_is_made(tmp_path: Path) -> None:
    assert read_anchor(tmp_path / "anchor", 0) is None


def test_opening_it_again_writes_the_new_epoch_beside_the_newest_entry(path: Path) -> None:
    AnchorFile(path, 0, tail(6, epoch=2)).close()
    assert newest(path) == tail(6, epoch=2)
    data = path.read_bytes()
    assert encode_entry(0, tail(6)) in data


def test_a_crash_at_any_byte_of_a_write_leaves_the_entry_before_or_the_new_one(path: Path) -> None:
    before = path.read_bytes()
    found = read_anchor(path, 0)
    assert found is not None
    entry = encode_entry(0, tail(7))
    at = (1 - found.slot) * SLOT_BYTES
    for written in range(ENTRY_BYTES + 1):
        torn = before[:at] + entry[:written] + before[at + written :]
        path.write_bytes(torn)
        assert newest(path) == tail(7 if written == ENTRY_BYTES else 6)


def test_a_damaged_newest_entry_leaves_the_one_before_and_is_told(path: Path) -> None:
    whole = path.read_bytes()
    found = read_anchor(path, 0)
    assert found is not None
    for at in range(ENTRY_BYTES):
        data = bytearray(whole)
        data[found.slot * SLOT_BYTES + at] ^= 1
        path.write_bytes(data)
        damaged = read_anchor(path, 0)
        assert damaged is not None
        assert (damaged.tail, damaged.damaged) == (tail(5), 1)


@pytest.mark.parametrize(
    "content", [b"", b"short", bytes(2 * SLOT_BYTES), b"\xff" * 2 * SLOT_BYTES]
)
def test_an_anchor_without_an_intact_entry_is_unreadable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(JournalCorrupt) as error:
        read_anchor(path, 0)
    assert error.value.code == "ANCHOR_UNREADABLE"
    with pytest.raises(JournalCorrupt):
        AnchorFile(path, 0, tail(6))
    assert path.read_bytes() == content


def test_an_anchor_cut_to_one_slot_is_read_from_it(path: Path) -> None:
    os.truncate(path, SLOT_BYTES)
    assert newest(path) in (tail(5), tail(6))


def test_the_anchor_of_another_shard_is_refused(path: Path) -> None:
    with pytest.raises(JournalCorrupt) as error:
        read_anchor(path, 1)
    assert error.value.code == "WRONG_SHARD"


def test_a_late_write_of_a_writer_that_was_taken_over_hides_at_most_one_record(path: Path) -> None:
    """It wakes between its commit and its anchor, while the successor is many records on."""
    stale = AnchorFile(path, 0, tail(6))
    successor = AnchorFile(path, 0, tail(6, epoch=2))
    for record in range(7, 12):
        successor.write(tail(record, epoch=2))
    stale.write(tail(7))
    assert newest(path) in (tail(11, epoch=2), tail(10, epoch=2))
    successor.write(tail(12, epoch=2))
    assert newest(path) == tail(12, epoch=2)
    stale.close()
    successor.close()


def test_an_anchor_that_is_written_by_half_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor = AnchorFile(tmp_path / "anchor", 0, tail(1))
    monkeypatch.setattr(os, "pwrite", lambda *_: 10)
    with pytest.raises(OSError, match="10 of"):
        anchor.write(tail(2))
    anchor.close()
