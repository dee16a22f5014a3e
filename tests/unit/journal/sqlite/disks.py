"""SQLite file systems that watch, fail, or lose power."""

import errno
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

import apsw

from phalanx.journal.anchor import SLOT_BYTES, AnchorFile, encode_entry
from phalanx.journal.record import Tail

SECTOR_BYTES = 512
BELOW = "unix"
"""SQLite's own file system, also where ours is the default."""


class Operation(NamedTuple):
    """One thing that reached a file: a write, a truncation (data None) or a sync (offset -1)."""

    name: str
    offset: int
    data: bytes | None


def sync_of(name: str) -> Operation:
    return Operation(name, -1, None)


class WatchedVfs(apsw.VFS):
    """The ordinary file system; ``before`` sees each operation on a file first and may raise.

    ``default``: every database that does not name its file system is on this one.
    """

    def __init__(
        self, name: str, before: Callable[[Operation], None], *, default: bool = False
    ) -> None:
        self.vfs_name = name
        self.before = before
        super().__init__(name, BELOW, makedefault=default)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "WatchedFile":  # noqa: N802
        return WatchedFile(self.before, name, flags)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()


class WatchedFile(apsw.VFSFile):
    def __init__(
        self,
        before: Callable[[Operation], None],
        name: str | apsw.URIFilename | None,
        flags: list[int],
    ) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        self.before = before
        self.file_name = Path(path).name
        super().__init__(BELOW, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.before(Operation(self.file_name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self.before(Operation(self.file_name, newsize, None))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self.before(sync_of(self.file_name))
        super().xSync(flags)


def disk_error(extended_result: int) -> apsw.Error:
    """What a file system raises so that SQLite reports this code."""
    error = apsw.exception_for(extended_result)
    assert isinstance(error, apsw.Error)
    return error


def no_space() -> OSError:
    return OSError(errno.ENOSPC, "injected")


def watched_anchor_write(before: Callable[[Operation], None]) -> Callable[[AnchorFile, Tail], None]:
    """A replacement of `AnchorFile.write` that reports what it does as operations.

    Of the journal's own anchor: no append waits for its witness outside the folder.
    """
    really_write = AnchorFile.write

    def write(anchor: AnchorFile, tail: Tail) -> None:
        if anchor.path.parent.name != "journal":
            really_write(anchor, tail)
            return
        entry = encode_entry(anchor._shard, tail)
        before(Operation("anchor", (1 - anchor._slot) * SLOT_BYTES, entry))
        really_write(anchor, tail)
        before(sync_of("anchor"))

    return write


def after_power_loss(
    start: dict[str, bytes],
    operations: list[Operation],
    rng: random.Random,
    kept: float | None = None,
) -> dict[str, bytes]:
    """The files as a power loss after these operations may leave them.

    What was synced is there. Of the rest, each sector of each write arrived or did not, with the
    chance ``kept`` or, without one, with a chance of each file's own.
    """
    files = {name: bytearray(data) for name, data in start.items()}
    pending: dict[str, list[Operation]] = {}
    for operation in operations:
        if operation.offset >= 0:
            pending.setdefault(operation.name, []).append(operation)
            continue
        for written in pending.pop(operation.name, []):
            _apply(files.setdefault(operation.name, bytearray()), written)
    for name, unsynced in pending.items():
        keep = rng.choice((0.0, 0.5, 0.9, 1.0)) if kept is None else kept
        for operation in unsynced:
            _apply(files.setdefault(name, bytearray()), operation, rng, keep)
    return {name: bytes(data) for name, data in files.items()}


def _apply(
    file: bytearray, operation: Operation, rng: random.Random | None = None, keep: float = 1.0
) -> None:
    _, offset, data = operation
    if data is None:
        if rng is None or rng.random() < keep:
            del file[offset:]
        return
    for at in range(0, len(data), SECTOR_BYTES):
        if rng is not None and rng.random() >= keep:
            continue
        part = data[at : at + SECTOR_BYTES]
        end = offset + at + len(part)
        if len(file) < end:
            file.extend(bytes(end - len(file)))
        file[offset + at : end] = part
