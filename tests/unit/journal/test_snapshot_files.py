"""Snapshot files: whole, or as if they were not there."""

from pathlib import Path

import pytest

from phalanx.journal import snapshots
from phalanx.journal.snapshots import (
    HEADER_BYTES,
    Snapshot,
    SnapshotFolder,
    decode_snapshot,
    encode_snapshot,
)


def snapshot(record: int) -> Snapshot:
    return Snapshot(record * 3, record, bytes(32), b"d" * 32, 4, b"state of %d" % record)


def decoded(shard: int, data: bytes) -> Snapshot | None:
    return decode_snapshot(shard, data[:HEADER_BYTES], data[HEADER_BYTES:])


def test_a_snapshot_comes_back() -> None:
    assert decoded(7, encode_snapshot(7, snapshot(5))) == snapshot(5)


def test_every_flipped_bit_and_every_cut_makes_it_nothing() -> None:
    data = encode_snapshot(0, snapshot(5))
    for at in range(len(data)):
        altered = bytearray(data)
        altered[at] ^= 0x10
        assert decoded(0, bytes(altered)) is None
        assert decoded(0, data[:at]) is None
    assert decoded(0, data + b"x") is None
    assert decoded(1, data) is None


@pytest.mark.parametrize("field", ["chain", "digest"])
def test_hashes_have_32_bytes(field: str) -> None:
    hashes = {"chain": bytes(32), "digest": bytes(32), field: b"short"}
    with pytest.raises(ValueError, match="32 bytes"):
        encode_snapshot(0, Snapshot(1, 1, hashes["chain"], hashes["digest"], 1, b""))


def test_two_are_kept_and_leftovers_go(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path / "snapshots", 0)
    assert list(folder.load()) == []
    for record in (1, 2, 3):
        folder.put(snapshot(record))
    (tmp_path / "snapshots" / "snapshot-9.new").write_bytes(b"half")
    assert list(folder.load()) == [snapshot(3), snapshot(2)]
    folder.put(snapshot(4))
    assert list(folder.load()) == [snapshot(4), snapshot(3)]
    assert len(list((tmp_path / "snapshots").iterdir())) == 2


def test_an_unreadable_one_is_passed_over(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, 0)
    folder.put(snapshot(1))
    folder.put(snapshot(2))
    newest = max(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    assert list(folder.load()) == [snapshot(1)]
    newest.unlink()
    newest.mkdir()
    assert list(folder.load()) == [snapshot(1)]


def test_an_older_one_is_read_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SnapshotFolder(tmp_path, 0)
    folder.put(snapshot(1))
    folder.put(snapshot(2))
    read: list[bytes] = []

    def note(shard: int, header: bytes, blob: bytes) -> Snapshot | None:
        read.append(blob)
        return decode_snapshot(shard, header, blob)

    monkeypatch.setattr(snapshots, "decode_snapshot", note)
    found = folder.load()

    assert (next(found), len(read)) == (snapshot(2), 1)
    assert (next(found), len(read)) == (snapshot(1), 2)


def test_what_claims_a_later_record_is_of_a_lost_future(tmp_path: Path) -> None:
    folder = SnapshotFolder(tmp_path, 0)
    for record in (1, 8, 9):
        folder.put(snapshot(record))
    folder.put(snapshot(3))
    assert list(folder.load()) == [snapshot(3)]
    folder.put(snapshot(3))
    assert list(folder.load()) == [snapshot(3)]
