from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.journal.backends import BACKENDS, Backend


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    storage = BACKENDS[request.param](tmp_path)
    yield storage
    storage.close()
