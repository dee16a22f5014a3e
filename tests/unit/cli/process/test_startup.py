"""Whatever keeps a system from starting has a code and a sentence."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from phalanx import bootstrap
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.process.startup import build_system, start_system, stop_system
from phalanx.cli.process.system import System
from phalanx.cli.process_settings import load_settings
from phalanx.desk.errors import Stopped
from phalanx.engine.refused import Refused
from phalanx.journal.errors import Damage, JournalCorrupt, JournalFailed, JournalLocked
from phalanx.journal.errors import Failure as Failure_
from phalanx.market.store import InstrumentsMissing
from phalanx.market.table import ImportCode, ImportFault


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (JournalLocked("lock", 7), "JOURNAL_LOCKED", "in use by process 7"),
        (JournalLocked("lock", None), "JOURNAL_LOCKED", "in use by another process"),
        (JournalCorrupt(Damage.BEHIND_ANCHOR, "it ends early"), "BEHIND_ANCHOR", "it ends early"),
        (
            InstrumentsMissing("ab" * 32, Path("d/x.csv")),
            "INSTRUMENTS_LOST",
            "d/x.csv is missing, and the journal needs it; restore that file",
        ),
        (PermissionError(13, "Permission denied", "data/x"), "DATA_FOLDER", "data/x: Permission"),
    ],
)
def test_a_system_that_cannot_be_built(
    error: Exception, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(_: object, *, views_apart: bool) -> None:
        assert views_apart, "a server's views do not stand in its loop's way"
        raise error

    monkeypatch.setattr(bootstrap, "build", build)
    with pytest.raises(Failure) as caught:
        build_system(load_settings())

    assert (caught.value.exit_code, caught.value.code) == (Exit.FAILURE, code)
    assert words in caught.value.detail


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Stopped("the journal is gone"), "DESK_STOPPED"),
        (ImportFault(ImportCode.BAD_NUMBER, 3, "lot_size"), "BAD_NUMBER"),
    ],
)
async def test_a_system_that_cannot_start(error: Exception, code: str) -> None:
    async def start() -> None:
        raise error

    system = SimpleNamespace(settings=load_settings(), start=start)
    with pytest.raises(Failure, match=code):
        await start_system(cast("System", system))


async def test_a_system_that_cannot_stop_cleanly() -> None:
    async def stop() -> None:
        raise JournalFailed(Failure_.DISK_FULL, "no room for the snapshot")

    with pytest.raises(Failure, match="DISK_FULL: stopped, but not cleanly: no room"):
        await stop_system(cast("System", SimpleNamespace(stop=stop)))


async def test_profiles_that_the_desk_refuses(tmp_path: Path) -> None:
    async def start() -> None:
        raise Refused("AMBIGUOUS_TOKEN", "11 exists as NSE:11, BSE:11")

    file = tmp_path / "p.json"
    settings = SimpleNamespace(profiles=file, instruments=None, quotes_file=None)
    with pytest.raises(Failure) as caught:
        await start_system(cast("System", SimpleNamespace(settings=settings, start=start)))

    assert caught.value.code == "AMBIGUOUS_TOKEN"
    assert caught.value.detail.startswith(str(file))
