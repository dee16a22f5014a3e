"""The fail points of the journal in memory."""

import pytest

from phalanx.journal import (
    FailPoint,
    JournalCorrupt,
    JournalFailed,
    MemoryDisk,
    MemoryJournal,
    verify,
)
from tests.contract.journal.backends import batch_id


@pytest.mark.parametrize(
    ("point", "code", "definite", "survives"),
    [
        (FailPoint.BEFORE, "DISK_FULL", True, False),
        (FailPoint.UNSYNCED, "IO_ERROR", False, False),
        (FailPoint.ANCHOR, "ANCHOR_FAILED", False, True),
    ],
)
async def test_a_failed_append_says_what_is_known_and_is_the_last(
    point: FailPoint, code: str, *, definite: bool, survives: bool
) -> None:
    disk = MemoryDisk()
    journal = MemoryJournal(disk)
    journal.acquire()
    await journal.append(b"first", 1, batch_id(1))
    journal.fail_next(point)
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"second", 1, batch_id(2))
    assert (error.value.code, error.value.definite) == (code, definite)
    with pytest.raises(JournalFailed) as error:
        await journal.append(b"third", 1, batch_id(3))
    assert (error.value.code, error.value.definite) == (code, True)
    journal.crash()

    report = verify(MemoryJournal(disk))
    assert (report.ok, report.records, report.ahead) == (True, 1 + survives, int(survives))
    journal = MemoryJournal(disk)
    assert journal.acquire().record == 1 + survives
    assert (await journal.append(b"next", 1, batch_id(4))).record == 2 + survives


def test_each_journal_has_a_disk_of_its_own_unless_it_is_given_one() -> None:
    first, second = MemoryJournal(), MemoryJournal()
    first.acquire()
    assert second.acquire().epoch == 1


def test_a_disk_that_lost_everything_is_behind_its_anchor() -> None:
    journal = MemoryJournal()
    journal.acquire()
    journal.crash()
    journal.disk.tail = None
    with pytest.raises(JournalCorrupt) as error:
        MemoryJournal(journal.disk).acquire()
    assert error.value.code == "BEHIND_ANCHOR"
