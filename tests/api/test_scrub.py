"""A running system reads its whole journal once, also what lies before its newest snapshot."""

import asyncio
import logging
from pathlib import Path

import pytest

from phalanx.bootstrap import System, build
from phalanx.config import Settings
from phalanx.desk.desk import STOPPING
from phalanx.journal import JournalCorrupt, SqliteJournalReader, scrub, verify
from phalanx.journal.sqlite.database import Places
from tests.unit.journal.sqlite.folders import alter_record

SOUND = "the whole journal was checked and is sound"


async def one_life(data: Path) -> None:
    """A start and a clean stop, which keeps a snapshot."""
    system = build(Settings(data=data))
    await system.start()
    await system.stop()


async def started(data: Path) -> System:
    system = build(Settings(data=data))
    await system.start()
    return system


async def test_an_altered_record_before_the_snapshot_stops_the_desk(tmp_path: Path) -> None:
    await one_life(tmp_path)
    report = verify(SqliteJournalReader(tmp_path))
    assert report.snapshots[0].record == report.last.record > 2
    alter_record(tmp_path, 2)

    system = await started(tmp_path)
    try:
        async with asyncio.timeout(60):
            failure = await system.wait_failed()
    finally:
        await system.stop()

    assert isinstance(failure, JournalCorrupt)
    assert (failure.code, failure.record) == ("ALTERED_RECORD", 2)
    assert system.desk.stopped is not None
    assert "ALTERED_RECORD" in system.desk.stopped


async def test_a_sound_journal_is_said_to_be_sound(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "phalanx.journal")
    await one_life(tmp_path)
    caplog.clear()
    before = SqliteJournalReader(tmp_path).tail()

    system = await started(tmp_path)
    async with asyncio.timeout(60):
        while SOUND not in caplog.messages:  # noqa: ASYNC110 - the thread has no event
            await asyncio.sleep(0.005)
    await system.stop()

    (line,) = [line for line in caplog.records if line.message == SOUND]
    assert vars(line)["records"] > before.record
    assert vars(line)["events"] > before.seq


async def test_a_stop_ends_it_in_the_middle_and_leaves_a_tidy_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("SLICE_S", 0.0), ("RESTS", 10**12), ("REST_S_MAX", 3_600.0)):
        monkeypatch.setattr(scrub, name, value)
    system = await started(tmp_path)
    thread = system._scrub._thread
    for _ in range(2):
        await system.stop()

    assert thread is not None
    assert not thread.is_alive()
    assert {path.name for path in Places(tmp_path).folder.glob("journal.db*")} == {"journal.db"}


async def test_a_check_that_hangs_holds_up_no_door_that_is_to_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = await started(tmp_path)
    seen: list[tuple[bool, str | None]] = []
    end = system._scrub.stop

    def late() -> None:
        seen.append((system.desk.firing.gate.closed, system.desk.stopped))
        end()

    monkeypatch.setattr(system._scrub, "stop", late)
    await system.stop()

    assert seen == [(True, STOPPING)]
