"""The floor of the intake benchmark is honest: the same server settings, the same bytes."""

from pathlib import Path

from benchmarks.floors import door
from phalanx.api.direct import Takes
from phalanx.bootstrap import build
from phalanx.cli.process import hosting
from phalanx.config import Settings


async def test_the_bare_door_runs_under_the_settings_of_the_server(tmp_path: Path) -> None:
    system = build(Settings(data=tmp_path))
    await system.start()
    ours, floor = (vars(config) for config in (hosting._config(system), door.config(None)))
    await system.stop()

    assert ours.pop("app") is not floor.pop("app")
    assert ours == floor


async def test_nothing_stands_between_the_server_and_the_doors_that_take_requests(
    tmp_path: Path,
) -> None:
    system = build(Settings(data=tmp_path))
    await system.start()
    ours, floor = hosting._config(system), door.config(None)
    ours.load()
    await system.stop()

    assert isinstance(ours.loaded_app, Takes)
    assert not isinstance(floor.app, Takes)
