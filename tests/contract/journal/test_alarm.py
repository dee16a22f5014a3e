"""A journal that is over says so at once to the one who acts on it, and not only when it appends."""

import asyncio

import pytest

from phalanx.journal import Fenced, Journal, JournalCorrupt, JournalError, NoSuchSeq, RecordTooLarge
from phalanx.journal.record import BODY_BYTES_MAX
from tests.contract.journal.backends import Backend, batch_id, fill


@pytest.fixture
async def journal(backend: Backend) -> Journal:
    """Acquired, with six records."""
    journal = backend.open()
    journal.acquire()
    await fill(journal, 6)
    return journal


async def heard_by_now(heard: list[JournalError]) -> list[str]:
    """The codes of what was heard, once the loop has had its turn."""
    await asyncio.sleep(0.01)
    return [failure.code for failure in heard]


async def test_damage_that_a_reader_meets_is_heard_once(backend: Backend, journal: Journal) -> None:
    heard: list[JournalError] = []
    journal.listen(heard.append)
    blob = backend.blob(4)
    backend.put_blob(4, blob[:-1] + bytes([blob[-1] ^ 1]))
    for _ in range(2):
        with pytest.raises(JournalCorrupt):
            list(journal.records())
        with pytest.raises(JournalCorrupt):
            journal.record_at(journal.tail().seq // 2 + 1)
    assert await heard_by_now(heard) == ["ALTERED_RECORD"]
    journal.close()


async def test_a_lost_anchor_is_heard(backend: Backend, journal: Journal) -> None:
    heard: list[JournalError] = []
    journal.listen(heard.append)
    backend.set_anchor(None)
    with pytest.raises(JournalCorrupt):
        list(journal.records(3))
    assert await heard_by_now(heard) == ["ANCHOR_MISSING"]
    journal.close()


async def test_a_takeover_is_heard_before_the_append_says_so(
    backend: Backend, journal: Journal
) -> None:
    heard: list[JournalError] = []
    journal.listen(heard.append)
    backend.break_lock()
    successor = backend.open()
    successor.acquire()
    with pytest.raises(Fenced):
        await journal.append(b"stale", 1, batch_id(9))
    assert heard, "who was told later would have fired in between"
    for _ in range(2):
        with pytest.raises(Fenced):
            await journal.append(b"stale", 1, batch_id(9))
    assert await heard_by_now(heard) == ["FENCED"]
    journal.close()
    successor.close()


async def test_what_only_its_caller_did_wrong_is_not_heard(
    backend: Backend, journal: Journal
) -> None:
    heard: list[JournalError] = []
    journal.listen(heard.append)
    with pytest.raises(NoSuchSeq):
        journal.record_at(10_000)
    with pytest.raises(RecordTooLarge):
        await journal.append(bytes(BODY_BYTES_MAX + 1), 1, batch_id(1))
    with pytest.raises(ValueError, match="event"):
        await journal.append(b"x", 0, batch_id(1))
    await journal.append(b"x", 1, batch_id(1))
    journal.close()
    assert await heard_by_now(heard) == []
