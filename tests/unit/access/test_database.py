"""The file: its shape, its mode, what is refused, and that a change is whole or not at all."""

import sqlite3
import stat
import subprocess
import sys
import threading
from importlib.resources import files
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, insert, select

from phalanx.access.database import LAST_STEP, migrate, open_database, writing
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.notes import Notes
from phalanx.access.shape import MIGRATIONS
from phalanx.access.store import FILE, AccessStore
from phalanx.access.tables import metadata, signing_keys

ROW = {"kid": "1", "sealed": b"s", "public": b"p", "created_at": 1}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(signing_keys)) or 0


def write(store: AccessStore, row: dict[str, object], error: Exception | None = None) -> None:
    with store.change() as change:
        change.connection.execute(insert(signing_keys).values(row))
        change.signing_keys.add("1")
        if error is not None:
            raise error


def test_the_migrations_make_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    engine = open_database(tmp_path / FILE)

    with engine.connect() as connection:
        found = set(engine.dialect.get_table_names(connection))
        difference = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert difference == []
    assert found == {*metadata.tables, "alembic_version"}


def test_the_migrations_are_inside_the_package() -> None:
    steps = files("phalanx.access") / "migrations"

    assert (steps / "env.py").is_file()
    assert (steps / "versions" / "r0001_first_tables.py").is_file()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)],
)
def test_every_connection_is_careful(tmp_path: Path, pragma: str, value: object) -> None:
    engine = open_database(tmp_path / FILE)

    with engine.connect() as one, engine.connect() as other:
        found = [each.exec_driver_sql(f"PRAGMA {pragma}").scalar() for each in (one, other)]
    engine.dispose()

    assert found == [value, value]


def test_only_the_owner_may_read_the_file_and_those_beside_it(tmp_path: Path) -> None:
    engine = open_database(tmp_path / FILE)

    modes = {path.name: mode_of(path) for path in tmp_path.iterdir()}
    engine.dispose()

    assert modes == dict.fromkeys((FILE, f"{FILE}-wal", f"{FILE}-shm"), 0o600)


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    open_database(tmp_path / FILE).dispose()
    (tmp_path / FILE).chmod(0o644)

    open_database(tmp_path / FILE).dispose()

    assert mode_of(tmp_path / FILE) == 0o600


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / FILE
    open_database(path).dispose()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = path.read_bytes()

    with pytest.raises(AccessError, match="9999") as caught:
        open_database(path)

    assert caught.value.code is AccessCode.DATABASE_NEWER
    assert path.read_bytes() == before


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"these are no tables " * 100)

    with pytest.raises(AccessError) as caught:
        open_database(tmp_path / FILE)

    assert caught.value.code is AccessCode.DATABASE_UNREADABLE


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to(path.parent / "other")])
def test_what_is_no_plain_file_is_refused(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / FILE)

    with pytest.raises(AccessError) as caught:
        open_database(tmp_path / FILE)

    assert caught.value.code is AccessCode.DATABASE_UNREADABLE
    assert not (tmp_path / "other").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError) as caught:
        AccessStore.open(tmp_path / "nowhere")

    assert caught.value.code is AccessCode.DATABASE_UNREADABLE


def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("half way")

    # The users' table is made by then.
    monkeypatch.setattr("alembic.op.create_index", fail)

    with pytest.raises(RuntimeError, match="half way"):
        open_database(tmp_path / FILE)
    monkeypatch.undo()

    connection = sqlite3.connect(tmp_path / FILE)
    left = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.close()
    assert left == (0,)


def test_a_database_that_is_up_to_date_is_left_as_it_is(tmp_path: Path) -> None:
    engine = open_database(tmp_path / FILE)
    with writing(engine) as connection:
        connection.execute(insert(signing_keys).values(ROW))

    migrate(engine)

    assert stored(engine) == 1
    engine.dispose()


def test_two_that_open_a_new_database_at_once_both_get_it(tmp_path: Path) -> None:
    engines: list[Engine] = []
    threads = [
        threading.Thread(target=lambda: engines.append(open_database(tmp_path / FILE)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [stored(engine) for engine in engines] == [0, 0]
    for engine in engines:
        engine.dispose()


def test_a_change_that_raises_is_neither_on_disk_nor_in_the_picture(tmp_path: Path) -> None:
    store = AccessStore.open(tmp_path)

    with pytest.raises(RuntimeError):
        write(store, ROW, RuntimeError())

    assert stored(store.engine) == 0
    assert store.picture.signing_keys == {}
    store.close()


def test_a_change_that_the_database_refuses_says_so_without_what_was_written(
    tmp_path: Path,
) -> None:
    store = AccessStore.open(tmp_path)

    write(store, ROW)
    with pytest.raises(AccessError) as caught:
        write(store, ROW | {"sealed": b"canary"})

    assert caught.value.code is AccessCode.STORE_FAILED
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert store.picture.signing_keys["1"].public == b"p"
    assert stored(store.engine) == 1
    store.close()


def test_a_database_that_lacks_a_table_is_refused(tmp_path: Path) -> None:
    open_database(tmp_path / FILE).dispose()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("DROP TABLE sessions")
    connection.close()

    with pytest.raises(AccessError) as caught:
        AccessStore.open(tmp_path)

    assert caught.value.code is AccessCode.DATABASE_UNREADABLE


def test_a_read_that_the_database_refuses_says_so(tmp_path: Path) -> None:
    store = AccessStore.open(tmp_path)

    with pytest.raises(AccessError) as caught, store.reading() as connection:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")

    assert caught.value.code is AccessCode.STORE_FAILED
    store.close()


def test_a_transaction_sees_no_other_writer_between_its_reads(tmp_path: Path) -> None:
    store = AccessStore.open(tmp_path)
    begun, done = threading.Event(), threading.Event()

    def write_beside() -> None:
        begun.wait()
        with store.change() as change:
            change.connection.execute(insert(signing_keys).values(ROW))
        done.set()

    beside = threading.Thread(target=write_beside)
    beside.start()
    with store.change() as change:
        count = select(func.count()).select_from(signing_keys)
        first = change.connection.scalar(count)
        begun.set()
        second = change.connection.scalar(count)
        was_done = done.is_set()
    beside.join()

    assert (first, second, was_done) == (0, 0, False)
    assert stored(store.engine) == 1
    store.close()


def test_the_last_step_is_the_one_that_the_code_says() -> None:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)

    assert ScriptDirectory.from_config(config).get_heads() == [LAST_STEP]


def test_a_file_in_this_codes_shape_is_opened_without_alembic(tmp_path: Path) -> None:
    open_database(tmp_path / "access.db").dispose()
    code = (
        "import sys; from pathlib import Path; from phalanx.access.database import open_database\n"
        f"open_database(Path({str(tmp_path / 'access.db')!r})); print('alembic' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout == "False\n"


def test_a_file_of_the_first_shape_is_brought_to_that_of_now(tmp_path: Path) -> None:
    path = tmp_path / FILE
    engine = open_database(path)
    with writing(engine) as connection:
        connection.execute(insert(signing_keys).values(ROW))
        connection.exec_driver_sql("DROP TABLE notes")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    engine.dispose()

    store = AccessStore.open(tmp_path)

    assert stored(store.engine) == 1
    assert Notes(store).waiting() == ()
    store.close()
