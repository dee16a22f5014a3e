"""Make a golden journal: ``python -m tests.contract.golden.make_journal FOLDER``.

Made once at an issue's end and then kept for ever; it is never made again to please a test. It has
every event and every kind of instruction of its version.
"""

import asyncio
import shutil
import sys
from pathlib import Path

import msgspec

import phalanx.bootstrap
from phalanx.bootstrap import System, build, replay_state
from phalanx.config import Settings
from tests.contract.golden import terms
from tests.contract.golden.facts import facts
from tests.contract.golden.moods import MoodyPaper

PAUSE_S = 1.3
"""Between two terms; what was held for a second is too late after it."""


async def _make(data: Path) -> None:
    for term in (terms.people_and_signals, terms.every_kind, terms.exits, terms.the_end):
        system: System = build(Settings(data=data))
        await system.start()
        await term(system)
        await system.stop()
        await asyncio.sleep(PAUSE_S)


def main(folder: Path) -> None:
    """Write ``folder/journal``, ``folder/expected.json``."""
    vars(phalanx.bootstrap)["PaperBroker"] = MoodyPaper
    asyncio.run(_make(folder))
    expected = msgspec.json.format(msgspec.json.encode(facts(replay_state(folder))), indent=1)
    (folder / "expected.json").write_bytes(expected)
    for path in folder.iterdir():
        if path.name.startswith("views.db") or path.name in {"lock", "logs"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(folder / "instruments")
    shutil.rmtree(folder / "journal" / "snapshots", ignore_errors=True)
    for path in (folder / "journal").glob("journal.db-*"):
        assert path.suffix != ".db-wal" or not path.stat().st_size, "not all of it is in the file"
        path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
