"""Snapshots as files: written aside, synced, renamed. A cache only.

One file per snapshot, ``snapshot-<record>``: ``magic 4 | format 2 | shard 2 | seq 8 | record 8 |
chain 32 | digest 32 | version 4 | length 8 | crc32 4 | blob``. A file that is torn, altered or of
another format is passed over: the journal says the same, only slower.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from zlib import crc32

from msgspec import Struct

from phalanx.journal.anchor import sync_folder
from phalanx.journal.record import CHAIN_BYTES

MAGIC: Final = b"PHXS"
FORMAT: Final = 1
KEPT: Final = 2
DIGEST_BYTES: Final = 32
_PREFIX: Final = "snapshot-"
_FIELDS: Final = struct.Struct(">4sHHQQ32s32sIQ")
_CRC: Final = struct.Struct(">I")
HEADER_BYTES: Final = _FIELDS.size + _CRC.size


class Snapshot(Struct, frozen=True):
    """The state after ``record``.

    ``chain`` says of which journal, ``digest`` (32 bytes) is the state's own hash, ``version`` the
    format of ``blob``, which only the owner of the state understands.
    """

    seq: int
    record: int
    chain: bytes
    digest: bytes
    version: int
    blob: bytes


class SnapshotFolder:
    """The snapshots of one journal, newest first. Any thread, one at a time."""

    def __init__(self, path: Path, shard: int) -> None:
        self._path = path
        self._shard = shard

    def put(self, snapshot: Snapshot) -> None:
        """Store one, durably, and keep it and the newest older one. Raises `OSError`."""
        data = encode_snapshot(self._shard, snapshot)
        self._path.mkdir(exist_ok=True)
        name = f"{_PREFIX}{snapshot.record:020d}"
        draft = self._path / f"{name}.new"
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path / name)
        sync_folder(self._path)
        self._prune(name)

    def load(self) -> Iterator[Snapshot]:
        """Every readable snapshot of this shard, newest first. Each is read when it is asked for: one is
        a thousand bytes for each order, and the newest nearly always does.
        """
        for _, found in self.look():
            if isinstance(found, Snapshot):
                yield found

    def look(self) -> Iterator[tuple[str, Snapshot | str]]:
        """Every file, newest first, by its name: the snapshot, or in a few words why it holds none."""
        for path in self._paths():
            try:
                with path.open("rb", buffering=0) as file:
                    header, blob = file.read(HEADER_BYTES), file.readall()
            except FileNotFoundError:
                # A writer at work removes what is too old.
                continue
            except OSError as error:
                yield path.name, f"it cannot be read: {error.strerror or error}"
                continue
            snapshot = decode_snapshot(self._shard, header, blob)
            yield path.name, snapshot or "it was altered or cut, or is of another format"

    def _paths(self) -> list[Path]:
        if not self._path.is_dir():
            return []
        names = (p for p in self._path.iterdir() if p.name.startswith(_PREFIX))
        return sorted((p for p in names if p.suffix != ".new"), reverse=True)

    def _prune(self, name: str) -> None:
        # Whatever claims a later record than the one just written is of a lost future.
        older = [path for path in self._paths() if path.name < name]
        keep = {name, *(path.name for path in older[: KEPT - 1])}
        for path in self._path.iterdir():
            if path.name not in keep:
                path.unlink(missing_ok=True)


def encode_snapshot(shard: int, snapshot: Snapshot) -> bytes:
    """The bytes of one snapshot file."""
    if len(snapshot.chain) != CHAIN_BYTES or len(snapshot.digest) != DIGEST_BYTES:
        raise ValueError("the chain and the digest of a snapshot have 32 bytes")
    fields = _FIELDS.pack(
        MAGIC,
        FORMAT,
        shard,
        snapshot.seq,
        snapshot.record,
        snapshot.chain,
        snapshot.digest,
        snapshot.version,
        len(snapshot.blob),
    )
    return b"".join((fields, _CRC.pack(crc32(snapshot.blob, crc32(fields))), snapshot.blob))


def decode_snapshot(shard: int, header: bytes, blob: bytes) -> Snapshot | None:
    """The snapshot that a file's header and the rest of it hold, None when it is not intact, not ours or
    of another format.
    """
    if len(header) < HEADER_BYTES:
        return None
    fields = header[: _FIELDS.size]
    magic, version, owner, seq, record, chain, digest, state_version, size = _FIELDS.unpack(fields)
    if (magic, version, owner, size) != (MAGIC, FORMAT, shard, len(blob)):
        return None
    if _CRC.unpack_from(header, _FIELDS.size)[0] != crc32(blob, crc32(fields)):
        return None
    return Snapshot(seq, record, chain, digest, state_version, blob)
