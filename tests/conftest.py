"""What holds for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# Two busy cores make any deadline a coin toss; in CI the examples are the same on every run.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


UNCOVERED = tuple(ROOT / "tests" / folder for folder in ("property", "sim", "perf"))
"""Tests that run the same lines thousands of times: counting each of them takes longer than the test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the browser tests on one worker: they share a server, a browser and the few cores."""
    e2e = ROOT / "tests" / "e2e"
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in UNCOVERED):
            item.add_marker(pytest.mark.no_cover)
        if item.path.is_relative_to(e2e):
            item.add_marker(pytest.mark.xdist_group("e2e"))
