"""A writer that is killed outright, again and again, in the same folder."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from phalanx.journal import JournalLocked, SqliteJournal, SqliteJournalReader, verify
from tests.unit.journal.sqlite import victim
from tests.unit.journal.sqlite.folders import bodies_of, contents

ROUNDS = 10


def killed_after(folder: Path, answers: int) -> int:
    """Let a writer live for so many answers; the last record it acknowledged before its end."""
    command = [sys.executable, victim.__file__, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(answers):
            assert process.stdout.readline()
        assert_alive_and_readable(folder, process.pid)
        process.kill()
        # What it had said before it died was said, whether we had read it or not.
        lines = process.stdout.read().split(b"\n")[:-1]
    return max((int(line) for line in lines), default=0)


def assert_alive_and_readable(folder: Path, pid: int) -> None:
    """While it lives: it alone may write, and anybody may read."""
    with pytest.raises(JournalLocked) as error:
        SqliteJournal(folder).acquire()
    assert error.value.pid == pid
    assert verify(SqliteJournalReader(folder)).ok


def test_no_kill_loses_an_acknowledged_record(tmp_path: Path) -> None:
    rng = random.Random(9)
    for epoch in range(1, ROUNDS + 1):
        acknowledged = killed_after(tmp_path, rng.randint(2, 120))
        files = contents(tmp_path)
        reader = SqliteJournalReader(tmp_path)
        bodies = bodies_of(reader)
        assert bodies == [victim.body(record) for record in range(1, len(bodies) + 1)]
        assert len(bodies) >= acknowledged
        tail, anchor = reader.tail(), reader.anchor()
        assert anchor is not None
        assert tail.record in (anchor.record, anchor.record + 1)
        assert tail.epoch == epoch
        assert contents(tmp_path) == files, "a reader changed the folder"


def test_a_lock_is_free_when_its_holder_is_dead(tmp_path: Path) -> None:
    killed_after(tmp_path, 3)
    journal = SqliteJournal(tmp_path)
    assert journal.acquire().epoch == 2
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    journal.close()
