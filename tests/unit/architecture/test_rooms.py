"""The import contracts in pyproject.toml, tried on a small house that breaks every one of them."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = (
    *("access", "alerts", "api", "brokers", "cli", "desk", "domain", "engine"),
    *("journal", "market", "simulation", "views"),
)
GOOD = {
    "phalanx/__init__.py": "",
    "phalanx/config.py": "",
    "phalanx/bootstrap.py": "import phalanx.api, phalanx.config, phalanx.desk, phalanx.views",
    "phalanx/api/app.py": "import phalanx.views\ndef load():\n import phalanx.bootstrap",
    "phalanx/cli/serve.py": "import phalanx.simulation\ndef serve():\n import phalanx.bootstrap",
    "phalanx/simulation/world.py": "import phalanx.desk, random, phalanx.domain",
    "phalanx/desk/intake.py": "import asyncio, phalanx.journal.writer, phalanx.engine",
    "phalanx/journal/writer.py": "import apsw, threading, phalanx.domain",
    "phalanx/engine/plan.py": "import decimal, hashlib, phalanx.domain",
}
BREACHES = {
    "phalanx/domain/upwards.py": "import phalanx.engine.plan",
    "phalanx/engine/upwards.py": "import phalanx.journal.writer",
    "phalanx/desk/upwards.py": "import phalanx.bootstrap",
    "phalanx/simulation/upwards.py": "import phalanx.api.app",
    "phalanx/market/sideways.py": "import phalanx.journal.writer",
    "phalanx/views/sideways.py": "import phalanx.access",
    "phalanx/alerts/sideways.py": "import phalanx.access",
    "phalanx/api/sideways.py": "import phalanx.cli.serve",
    "phalanx/api/simulating.py": "import phalanx.simulation.world",
    "phalanx/brokers/configured.py": "import phalanx.config",
    "phalanx/engine/impure.py": "import os.path",
    "phalanx/domain/impure.py": "from time import time_ns",
    "phalanx/desk/impure.py": "import threading",
    "phalanx/config.py": "import phalanx.domain",
}


def lint_imports(house: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Build the house and run the contracts of pyproject.toml on it."""
    for room in ROOMS:
        (house / "phalanx" / room).mkdir(parents=True)
        (house / "phalanx" / room / "__init__.py").touch()
    for name, code in files.items():
        (house / name).write_text(code)
    command = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=house,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_house_in_order_passes(tmp_path: Path) -> None:
    done = lint_imports(tmp_path, GOOD)

    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> str:
    done = lint_imports(tmp_path_factory.mktemp("house"), GOOD | BREACHES)
    assert done.returncode == 1, done.stdout
    return done.stdout


@pytest.mark.parametrize("file", BREACHES)
def test_a_breach_is_found(findings: str, file: str) -> None:
    breach = file.removesuffix(".py").replace("/", ".") + " -> "

    assert breach in findings


def test_every_contract_can_break(findings: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

    assert [
        c["name"] for c in contracts["contracts"] if f"{c['name']} BROKEN" not in findings
    ] == []
