"""Make a golden journal: ``python -m tests.contract.golden.make_journal FOLDER``.

Made once at an issue's end and then kept for ever; it is never made again to please a test. It has
every event and every kind of instruction of its version.
"""

import argparse
import asyncio
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec

import phalanx.bootstrap.system
from phalanx.bootstrap import System, build, replay_state
from phalanx.config import Settings
from tests.contract.golden import terms
from tests.contract.golden.acts import acts
from tests.contract.golden.doubts import doubts
from tests.contract.golden.elsewhere import LATE_MS, ForgetfulServer
from tests.contract.golden.facts import facts
from tests.contract.golden.kills import kills
from tests.contract.golden.moods import MoodyPaper
from tests.contract.golden.persons import alert_rules, calendar, modes, persons
from tests.contract.golden.second_looks import second_looks

PAUSE_S = 1.3
"""Between two terms; what was held for a second is too late after it."""

KEPT = {"journal", "anchor", "expected.json"}
"""The journal with its own anchor, and the anchor's witness: what a later version must still read."""

Term: TypeAlias = Callable[[System], Awaitable[None]]


async def _make(data: Path) -> None:
    server = ForgetfulServer()
    url = f"http://127.0.0.1:{await server.start()}"
    settings = Settings(data=data, stub_broker=url, stub_late_ms=LATE_MS)
    happened: tuple[Term, ...] = (
        terms.people_and_signals,
        terms.every_kind,
        terms.exits,
        second_looks,
        partial(doubts, server=server),
        kills,
        persons,
        acts,
        alert_rules,
        calendar,
        modes,
        terms.the_end,
    )
    for term in happened:
        system = build(settings)
        await system.start()
        await term(system)
        await system.stop()
        await asyncio.sleep(PAUSE_S)
    await server.close()


def main(folder: Path) -> None:
    """Write ``folder/journal``, ``folder/anchor``, ``folder/expected.json``."""
    vars(phalanx.bootstrap.system)["PaperBroker"] = MoodyPaper
    asyncio.run(_make(folder))
    expected = msgspec.json.format(msgspec.json.encode(facts(replay_state(folder))), indent=1)
    (folder / "expected.json").write_bytes(expected)
    for path in folder.iterdir():
        if path.name not in KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(folder / "journal" / "snapshots", ignore_errors=True)
    for path in (folder / "journal").glob("journal.db-*"):
        assert path.suffix != ".db-wal" or not path.stat().st_size, "not all of it is in the file"
        path.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a golden journal.")
    parser.add_argument("folder", type=Path, help="a new folder, tests/data/journals/NN-name")
    main(parser.parse_args().folder)
