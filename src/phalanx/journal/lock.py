"""One process per data folder: a `flock` on the file ``lock``.

The kernel drops the lock when the process ends, however it ends, so there is never a stale lock to
clean up. The file itself stays: removing it would let two processes lock two different files of
one name. It keeps out a second start; it is not the fence against a paused writer that wakes up
(the epoch is), and it proves nothing on network file systems.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from phalanx.journal.errors import JournalLocked


class FolderLock:
    """The lock file of one data folder. `acquire` and `release` may be called in turns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock now."""
        return self._descriptor is not None

    def acquire(self) -> None:
        """Take the lock and write our process id into it, or raise `JournalLocked` at once."""
        assert self._descriptor is None, "the lock is held already"
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _read_pid(descriptor)
            os.close(descriptor)
            raise JournalLocked(str(self._path), pid) from None
        except BaseException:
            os.close(descriptor)
            raise
        # The id is for people only, so a full disk must not keep the server from starting.
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read_pid(descriptor: int) -> int | None:
    """The process id in the lock file, None while its holder has not written it yet."""
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
