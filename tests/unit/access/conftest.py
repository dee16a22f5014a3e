"""A directory with an admin (root), a trader (ann) and a client (cora), and the clock it goes by."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phalanx.access.directory import Directory
from phalanx.access.users import Duties
from phalanx.domain.access import Role
from tests.fakes.clock import ManualClock
from tests.unit.access.rig import ADMIN, PASSWORD, TRADER, open_directory


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def empty(tmp_path: Path, clock: ManualClock) -> Iterator[Directory]:
    with open_directory(tmp_path, clock) as directory:
        yield directory


@pytest.fixture
def directory(empty: Directory) -> Directory:
    empty.users.create("root", ADMIN, PASSWORD)
    empty.users.create("ann", TRADER, PASSWORD)
    empty.users.create("cora", Duties(Role.CLIENT, (7,)), PASSWORD)
    return empty
