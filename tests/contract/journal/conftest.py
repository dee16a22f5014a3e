from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.journal.backends import Backend, MemoryBackend, SqliteBackend


@pytest.fixture(params=["memory", "sqlite"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    if request.param == "memory":
        yield MemoryBackend()
        return
    storage = SqliteBackend(tmp_path)
    yield storage
    storage.close()
