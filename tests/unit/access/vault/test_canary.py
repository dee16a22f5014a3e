"""A secret that is kept, read, refused and lost on every way is in nothing that can be looked at.

The way goes through each refusal that has a secret near it. What is looked at: what is told, with every
name of every frame of ours; log lines, and the files.
"""

import base64
import logging
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine

from phalanx.access.vault import sql_credentials
from phalanx.access.vault.envelope import KeyEncryptionKey
from phalanx.access.vault.errors import VaultError
from phalanx.access.vault.key_sources import key_from_command, key_from_environment, key_from_file
from phalanx.access.vault.keyring import Keyring
from phalanx.access.vault.rewrap import Rewrapping
from phalanx.access.vault.sql_credentials import SqlCredentials
from phalanx.domain.secrets import Secret
from tests.canary import CANARY
from tests.fakes.clock import ManualClock
from tests.unit.access.vault.rig import (
    AuditTrail,
    RepeatableRandom,
    kek,
    key_bytes,
    names_in_frames,
    shown_bytes,
)

KEY = key_bytes("old")
FORBIDDEN = (
    *(CANARY, CANARY.encode().hex(), base64.b64encode(CANARY.encode()).decode()),
    *(shown_bytes(KEY), KEY.hex(), base64.b64encode(KEY).decode()),
)
FIELDS = {"password": Secret(CANARY), "seed": Secret(f"{CANARY}-2")}


def leaks(shown: str) -> list[str]:
    return [secret for secret in FORBIDDEN if secret in shown]


def put(store: SqlCredentials, login: str = "dealer-1", **more: Secret) -> None:
    store.put(login, "paper", FIELDS | more, expected=0, by="anna")


def alter(engine: Engine, change: str) -> None:
    """Behind the store's back."""
    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as connection:
        connection.execute(change)


class World:
    """What each way of failing starts from: one credential is kept."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.audit = AuditTrail()
        self.keyring = Keyring(kek("old"), RepeatableRandom())
        self.store = SqlCredentials(engine, self.keyring, ManualClock(), self.audit)
        put(self.store)

    def read(self) -> None:
        self.store.read("dealer-1", "desk", "session")

    def altered(self, change: str) -> None:
        alter(self.engine, f"UPDATE credentials SET {change}")
        self.read()

    def untold(self) -> None:
        self.audit.refuse = RuntimeError("the journal is closed")
        self.read()

    def unknown_key(self) -> None:
        self.store = SqlCredentials(
            self.engine, Keyring(kek("new"), RepeatableRandom()), ManualClock(), self.audit
        )
        self.read()

    def no_fields(self) -> None:
        """What opens is not what a credential looks like."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sql_credentials, "_pack", lambda fields: repr(fields).encode())
            put(self.store, "dealer-2")
        self.store.read("dealer-2", "desk", "session")

    def refused_by_the_database(self) -> None:
        alter(
            self.engine,
            "CREATE TRIGGER no BEFORE INSERT ON credentials BEGIN SELECT raise(ABORT, 'no'); END",
        )
        put(self.store, "dealer-2")

    def rewrap(self) -> None:
        alter(self.engine, "UPDATE credentials SET wrapped_key = zeroblob(61)")
        self.keyring.make_current(kek("new"))
        Rewrapping(self.engine, self.keyring).run()
        self.read()

    def key_file(self) -> KeyEncryptionKey:
        path = self.folder / "kek"
        path.write_bytes(KEY + b"\n")
        path.chmod(0o600)
        return key_from_file(path)

    def key_variable(self) -> KeyEncryptionKey:
        text = base64.b64encode(KEY).decode()
        return key_from_environment("KEK", {"KEK": f"{text}{text}"})

    def key_command(self) -> KeyEncryptionKey:
        path = self.folder / "text"
        path.write_text(base64.b64encode(KEY).decode())
        line = f"print(open({str(path)!r}).read() * 2)"
        return key_from_command([sys.executable, "-S", "-c", line], ManualClock())


WAYS: dict[str, Callable[[World], object]] = {
    "a changed ciphertext": lambda world: world.altered("sealed = zeroblob(99)"),
    "a changed data key": lambda world: world.altered("wrapped_key = zeroblob(61)"),
    "another login": lambda world: world.altered("version = 2"),
    "another type": lambda world: world.altered("sealed = 7"),
    "an audit that fails": World.untold,
    "a key that is missing": World.unknown_key,
    "no fields": World.no_fields,
    "a value too large": lambda world: put(world.store, "x", big=Secret(CANARY * 400)),
    "a value that is no text": lambda world: put(world.store, "x", bad=Secret(CANARY + "\ud800")),
    "too many fields": lambda world: put(
        world.store, "x", **{f"k{number}": Secret(CANARY) for number in range(21)}
    ),
    "another version": lambda world: put(world.store),
    "a database that refuses": World.refused_by_the_database,
    "a rewrap that fails": World.rewrap,
    "a key file that is none": World.key_file,
    "a key variable that is none": World.key_variable,
    "a key command that prints none": World.key_command,
}


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    return World(engine, tmp_path)


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, StringIO]]:
    stream = StringIO()
    logger = logging.getLogger("canary")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def failure(way: Callable[[World], object], world: World) -> Exception:
    with pytest.raises((VaultError, RuntimeError)) as caught:
        way(world)
    return caught.value


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_no_failure_tells_it(way: Callable[[World], object], world: World) -> None:
    error = failure(way, world)
    told = "".join(traceback.format_exception(error))

    assert str(error) in told
    assert leaks(told + repr(error) + repr(error.args) + repr(vars(error))) == []


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_no_frame_of_ours_that_a_failure_passes_has_it_in_a_name(
    way: Callable[[World], object], world: World
) -> None:
    assert leaks(names_in_frames(failure(way, world))) == []


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_no_log_line_of_a_failure_has_it(
    way: Callable[[World], object], world: World, log: tuple[logging.Logger, StringIO]
) -> None:
    logger, stream = log
    error = failure(way, world)
    fields = {"fields": FIELDS, "keyring": world.keyring, "store": world.store, "error": error}
    logger.error("%r %s", fields, FIELDS, exc_info=error)
    for renderer in (
        structlog.processors.JSONRenderer(),
        structlog.processors.JSONRenderer(default=repr),
        structlog.processors.KeyValueRenderer(),
        structlog.processors.LogfmtRenderer(),
        structlog.dev.ConsoleRenderer(colors=False),
    ):
        line = renderer(None, "error", {"event": "failed"} | fields)
        assert leaks(str(line)) == []
        stream.write(str(line))

    assert stream.getvalue().count("***") > 10
    assert leaks(stream.getvalue()) == []


def test_a_structured_traceback_has_it_in_no_frame_of_ours(world: World) -> None:
    error = failure(WAYS["a changed ciphertext"], world)
    transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=True, max_frames=100)
    stacks = transform((type(error), error, error.__traceback__))
    frames = [
        frame for stack in stacks for frame in stack["frames"] if "src/phalanx" in frame["filename"]
    ]

    shown = [str(value) for frame in frames for value in (frame["locals"] or {}).values()]
    assert shown
    assert leaks("\n".join(shown)) == []


def test_no_file_of_the_database_has_it(world: World, database: Path) -> None:
    def content() -> list[bytes]:
        return [file.read_bytes() for file in database.parent.glob(f"{database.name}*")]

    world.read()
    beside = content()
    world.engine.dispose()
    alone = content()

    assert len(beside) == 3
    assert len(alone) == 1
    for data in (*beside, *alone):
        assert CANARY.encode() not in data
        assert KEY not in data
    assert any(b"dealer-1" in data for data in beside)
    assert b"dealer-1" in alone[0]
