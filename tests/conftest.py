"""What holds for every test."""

import os
import random
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.left_behind import LeftBehind

ROOT = Path(__file__).parent.parent

if sys.dont_write_bytecode:
    # Where none may be left beside the sources, each of the many processes that the tests start would
    # compile everything anew: that takes longer than to start a server.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(ROOT / ".pytest_cache/bytecode")

# Two busy cores make any deadline a coin toss; in CI the examples are the same on every run.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# Most tests are about what is behind the doors. Those about who may come in say so: `open_localhost=False`,
# `serve --logins`.
os.environ["PHALANX_OPEN_LOCALHOST"] = "true"

# Fresh seeds for the simulation, the same for all workers: they inherit the environment.
os.environ.setdefault("PHALANX_SIM_BASE", str(random.SystemRandom().randrange(10**6, 10**9)))


def pytest_report_header() -> str:
    """Said so that a fresh seed that fails can be told again."""
    return f"fresh seeds of the simulation: PHALANX_SIM_BASE={os.environ['PHALANX_SIM_BASE']}"


def pytest_configure(config: pytest.Config) -> None:
    """The canary is looked for after the whole suite, by whoever sees all of it."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LeftBehind(config), "left behind")


TOGETHER = ("tests/e2e/", "tests/unit/views/test_costs.py")
"""Tests that are for one worker: real servers share the few cores, and one fixture takes long to make."""


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Test by test, or what belongs together as one; that comes first, because it takes longest.

    The mark ``xdist_group`` says the same, and pytest-xdist 3.8 does not see it under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Groups | None:
    """For ``--dist loadgroup``."""
    return Groups(config, log) if config.getvalue("dist") == "loadgroup" else None
