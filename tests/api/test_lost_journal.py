"""A data folder without its journal is not a new one."""

import shutil
from pathlib import Path

import pytest

from phalanx.bootstrap import build
from phalanx.config import Settings
from phalanx.journal.errors import JournalMissing


async def test_a_folder_that_lost_its_journal_is_refused(tmp_path: Path) -> None:
    system = build(Settings(data=tmp_path))
    await system.start()
    await system.stop()
    shutil.rmtree(tmp_path / "journal")

    for _ in range(2):
        with pytest.raises(JournalMissing):
            build(Settings(data=tmp_path))
