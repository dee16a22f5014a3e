"""One process per data folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from phalanx.journal import JournalLocked
from phalanx.journal.lock import FolderLock

HOLD = """
import fcntl, os, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(f"{os.getpid()}\\n")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


def test_it_is_held_once_and_can_be_given_back(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    first.acquire()
    assert first.held
    with pytest.raises(JournalLocked) as error:
        second.acquire()
    assert error.value.pid == os.getpid()
    assert not second.held
    first.release()
    first.release()
    second.acquire()
    second.release()
    first.acquire()
    first.release()


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-c", HOLD, str(tmp_path / "lock")]
    lock = FolderLock(tmp_path / "lock")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(JournalLocked, match=f"process {holder.pid}") as error:
            lock.acquire()
        assert error.value.pid == holder.pid
        holder.kill()
    lock.acquire()
    lock.release()


def test_a_holder_that_has_not_written_its_id_yet_is_another_process(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path / "lock"), FolderLock(tmp_path / "lock")
    first.acquire()
    os.truncate(tmp_path / "lock", 0)
    with pytest.raises(JournalLocked, match="another process") as error:
        second.acquire()
    assert error.value.pid is None
    first.release()


def test_a_full_disk_does_not_keep_the_lock_from_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "pwrite", full)
    lock = FolderLock(tmp_path / "lock")
    lock.acquire()
    assert lock.held
    lock.release()
