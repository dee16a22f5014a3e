"""The check of a whole journal beside the work: what it finds, what it forgives, how it rests and ends."""

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from phalanx.journal import (
    Failure,
    JournalError,
    JournalFailed,
    MemoryJournal,
    Record,
    SqliteJournal,
    SqliteJournalReader,
    Tail,
)
from phalanx.journal import scrub as scrub_module
from phalanx.journal.scrub import Scrub
from tests.contract.journal.backends import batch_id, fill

BEGAN = "the whole journal is being checked"
SOUND = "the whole journal was checked and is sound"


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "phalanx.journal")
    return caplog


async def filled(count: int) -> MemoryJournal:
    journal = MemoryJournal()
    journal.acquire()
    await fill(journal, count)
    return journal


def _never(failure: JournalError) -> None:
    """An alarm that nobody is to ring; raised in a thread, it fails the test."""
    raise failure


def wait(scrub: Scrub) -> None:
    """Until it ended by itself."""
    assert scrub._thread is not None
    scrub._thread.join(60)
    assert not scrub._thread.is_alive()


def run(journal: MemoryJournal) -> list[JournalError]:
    """One check of it; what the alarm was told."""
    rung: list[JournalError] = []
    scrub = Scrub(journal, rung.append)
    scrub.start()
    wait(scrub)
    return rung


async def test_a_sound_journal_is_said_to_be_sound(log: pytest.LogCaptureFixture) -> None:
    journal = await filled(9)

    assert run(journal) == []
    assert log.messages == [BEGAN, SOUND]
    facts = vars(log.records[-1])
    assert (facts["records"], facts["events"]) == (9, journal.tail().seq)
    assert facts["seconds"] >= 0


@pytest.mark.parametrize("record", [1, 5, 9])
async def test_an_altered_record_rings_wherever_it_is(
    record: int, log: pytest.LogCaptureFixture
) -> None:
    journal = await filled(9)
    blob = journal.disk.blobs[record]
    journal.disk.blobs[record] = blob[:-1] + bytes([blob[-1] ^ 1])

    assert [failure.code for failure in run(journal)] == ["ALTERED_RECORD"]
    assert SOUND not in log.messages
    (error,) = [line for line in log.records if line.levelno >= logging.ERROR]
    assert vars(error)["code"] == "ALTERED_RECORD"


async def test_records_that_do_not_lead_to_the_tail_ring() -> None:
    class Shorter(MemoryJournal):
        """Its last record goes after its tail was read."""

        def scan(self) -> Iterator[Record]:
            return iter(list(super().scan())[:-1])

    journal = Shorter()
    journal.acquire()
    await fill(journal, 3)

    assert [failure.code for failure in run(journal)] == ["MISSING_RECORD"]


class _Busy(MemoryJournal):
    """A journal that cannot be read the first ``refusals`` times."""

    refusals = 0

    def tail(self) -> Tail:
        if self.refusals:
            self.refusals -= 1
            raise JournalFailed(Failure.BUSY, "the file is busy")
        return super().tail()


@pytest.mark.parametrize(
    ("refusals", "last"),
    [
        (scrub_module.TRIES_MAX - 1, SOUND),
        (scrub_module.TRIES_MAX, "the journal was not checked: it could not be read"),
    ],
)
async def test_a_journal_that_cannot_be_read_just_now_is_tried_again_so_many_times(
    refusals: int, last: str, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scrub_module, "RETRY_S_FIRST", 0.0)
    journal = _Busy()
    journal.acquire()
    await fill(journal, 3)
    journal.refusals = refusals

    assert run(journal) == []
    assert log.messages.count("the journal cannot be checked just now") == refusals
    assert log.messages[-1] == last


async def test_a_fault_of_ours_is_not_damage(log: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryJournal):
        def tail(self) -> Tail:
            raise ZeroDivisionError

    assert run(Broken()) == []
    assert log.messages[-1] == "the check of the journal failed by a fault of ours"


class _Rests(Event):
    """Remembers how long it was waited for, and returns at once."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths_s: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.lengths_s.append(timeout)
        return super().wait(0)


@pytest.mark.parametrize(("slice_s", "rests"), [(0.0, 9), (3_600.0, 0)])
async def test_it_rests_after_each_slice_and_never_for_long(
    slice_s: float, rests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrub_module, "SLICE_S", slice_s)
    monkeypatch.setattr(scrub_module, "RESTS", 10**12)
    scrub = Scrub(await filled(9), _never)
    scrub._stopping = taken = _Rests()
    scrub.start()
    wait(scrub)

    assert taken.lengths_s == [scrub_module.REST_S_MAX] * rests


class _Endless(MemoryJournal):
    """A journal that goes on and on."""

    def __init__(self) -> None:
        super().__init__()
        self.read = Event()

    def scan(self) -> Iterator[Record]:
        (record,) = super().scan()
        while True:
            yield record
            self.read.set()


@pytest.mark.parametrize("slice_s", [0.0, 3_600.0])
async def test_it_ends_when_told_to_in_the_middle(
    slice_s: float, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scrub_module, "SLICE_S", slice_s)
    journal = _Endless()
    journal.acquire()
    await fill(journal, 1)
    scrub = Scrub(journal, _never)
    scrub.start()
    assert journal.read.wait(60)
    for _ in range(2):
        scrub.stop()

    assert scrub._thread is not None
    assert not scrub._thread.is_alive()
    assert log.messages == [BEGAN]


async def test_it_ends_when_told_to_while_it_waits_to_try_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scrub_module, "RETRY_S_FIRST", 3_600.0)
    journal = _Busy()
    journal.acquire()
    journal.refusals = 1
    scrub = Scrub(journal, _never)
    scrub.start()
    scrub.stop()

    assert scrub._thread is not None
    assert not scrub._thread.is_alive()


def test_one_that_never_began_is_stopped_all_the_same() -> None:
    Scrub(MemoryJournal(), _never).stop()


async def test_a_writer_at_work_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("phalanx.journal.sqlite.writer.CHECKPOINT_BYTES", 20_000)
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    heard: list[JournalError] = []
    journal.listen(heard.append)
    await fill(journal, 20)
    scrubs = [journal.scrub() for _ in range(3)]
    for number, scrub in enumerate(scrubs):
        scrub.start()
        for at in range(50):
            await journal.append(bytes(2_000), 1, batch_id(1_000 * number + at))
    for scrub in scrubs:
        wait(scrub)
        scrub.stop()
    journal.close()

    assert heard == []
    assert log.messages.count(SOUND) == 3
    assert SqliteJournalReader(tmp_path).tail().record == 170
