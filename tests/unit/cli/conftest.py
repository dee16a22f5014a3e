import os

import pytest

from tests.unit.cli.doubles import FakeNetwork, FakeServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    return FakeServer(monkeypatch)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> FakeNetwork:
    return FakeNetwork(monkeypatch)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An empty working folder, no PHALANX_… variable, and no connections."""
    for name in list(os.environ):
        if name.startswith("PHALANX_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))
    monkeypatch.setenv("PHALANX_HOME", str(tmp_path_factory.mktemp("home") / "phalanx"))
