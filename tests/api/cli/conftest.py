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
