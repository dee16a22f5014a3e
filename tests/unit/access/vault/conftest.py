"""A database as this room sets it up, and what stands around it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from phalanx.access.database import open_database
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.sql_credentials import SqlCredentials
from tests.fakes.clock import ManualClock
from tests.unit.access.vault.rig import AuditTrail, RepeatableRandom, kek


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "access.db"


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    engine = open_database(database)
    yield engine
    engine.dispose()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(kek("old"), RepeatableRandom())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def audit() -> AuditTrail:
    return AuditTrail()


@pytest.fixture
def store(
    engine: Engine, keyring: Keyring, clock: ManualClock, audit: AuditTrail
) -> SqlCredentials:
    return SqlCredentials(engine, keyring, clock, audit)
