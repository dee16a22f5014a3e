"""Building a system: what it does to the process, and what a start leaves for the next one."""

import gc
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from phalanx.access.access import Access
from phalanx.access.errors import AccessCode, AccessError
from phalanx.bootstrap import build
from phalanx.bootstrap.system import _tidied
from phalanx.config import Settings
from phalanx.desk.recovery import recover
from phalanx.engine.state import State
from phalanx.journal.errors import JournalLocked
from phalanx.journal.port import JournalReader
from phalanx.journal.sqlite import SqliteJournalReader


async def test_cycles_are_looked_for_again_once_a_system_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile: list[bool] = []

    def watched(reader: JournalReader) -> tuple[State, int]:
        meanwhile.append(gc.isenabled())
        return recover(reader)

    monkeypatch.setattr("phalanx.bootstrap.system.recover", watched)
    system = build(Settings(data=tmp_path))
    try:
        assert (meanwhile, gc.isenabled()) == ([False], True)
        with pytest.raises(JournalLocked):
            build(Settings(data=tmp_path))
        assert gc.isenabled()
    finally:
        await system.stop()


@pytest.mark.parametrize(("after", "kept"), [(0, 1), (50_000, 0)])
async def test_a_start_that_replayed_much_keeps_a_snapshot_for_the_next_one(
    tmp_path: Path, after: int, kept: int
) -> None:
    first = build(Settings(data=tmp_path))
    await first.start()
    await first.stop()
    for snapshot in (tmp_path / "journal" / "snapshots").iterdir():
        snapshot.unlink()

    system = build(Settings(data=tmp_path, snapshot_after_events=after))
    await system.start()
    try:
        assert len(list(SqliteJournalReader(tmp_path).snapshots())) == kept
    finally:
        await system.stop()


async def test_what_cannot_be_tidied_does_not_end_the_desk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def tidy() -> None:
        raise AccessError(AccessCode.STORE_FAILED, "database is locked")

    access = SimpleNamespace(directory=SimpleNamespace(tidy=tidy))
    _tidied(cast("Access", access))

    assert "STORE_FAILED" in caplog.text
