"""Phalanx on a disk whose sync fails: `python -m tests.e2e.failing_disk FLAG TRACE COMMAND…`.

While the file FLAG exists, a sync of the journal's log fails as the kernel reports it. What reaches
the journal's files from then on is written to TRACE, line by line.
"""

import sys
from pathlib import Path

import apsw

from phalanx.cli import app
from tests.unit.journal.sqlite.disks import Operation, WatchedVfs, disk_error, sync_of

LOG = "journal.db-wal"


class FailingDisk:
    def __init__(self, flag: Path, trace: Path) -> None:
        self._flag = flag
        self._trace = trace
        self._failed = False

    def __call__(self, operation: Operation) -> None:
        if not operation.name.startswith("journal.db"):
            return
        is_sync = operation == sync_of(operation.name)
        if self._failed:
            self._say(f"{'sync' if is_sync else 'write'} {operation.name}")
        elif is_sync and operation.name == LOG and self._flag.exists():
            self._failed = True
            self._say("failed")
            raise disk_error(apsw.SQLITE_IOERR_FSYNC)

    def _say(self, what: str) -> None:
        with self._trace.open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")


if __name__ == "__main__":
    disk = FailingDisk(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.argv[1:3] = []
    with WatchedVfs("failing", disk, default=True):
        app(prog_name="phalanx")
