import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.cli.processes import Server

WORKED_EXAMPLE = {
    "Holland Proctor": {
        "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
        "STRATEGY_B": ["MINDA"],
    },
    "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
}


@pytest.fixture(autouse=True)
def _no_connections_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PHALANX_TOKEN", "PHALANX_CONNECTION", "PHALANX_SERVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PHALANX_HOME", str(tmp_path / "home"))


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    """The worked example as a file."""
    file = tmp_path / "profiles.json"
    file.write_text(json.dumps(WORKED_EXAMPLE))
    return file


@pytest.fixture
def server(tmp_path: Path, profiles: Path) -> Iterator[Server]:
    """A server with the worked example's two clients."""
    with Server(tmp_path / "data", "--profiles", str(profiles)) as running:
        yield running
