from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.views.watched import Watched


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.db"


@pytest.fixture
def watched(path: Path) -> Iterator[Watched]:
    made = Watched(path)
    yield made
    made.close()
