from pathlib import Path

import apsw
import msgspec
import pytest

from phalanx.views.entries import InstructionEntry, OrderEntry, RequestEntry
from phalanx.views.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    drop,
    open_for_reading,
    open_for_writing,
)
from tests.unit.views.records import rows


@pytest.mark.parametrize(
    ("table", "entry"),
    [
        ("instructions", InstructionEntry),
        ("orders", OrderEntry),
        ("requests", RequestEntry),
    ],
)
def test_an_entry_has_the_columns_of_its_table(
    path: Path, table: str, entry: type[msgspec.Struct]
) -> None:
    connection = open_for_writing(path)

    columns = rows(connection, f"SELECT name FROM pragma_table_info('{table}')")

    assert tuple(columns) == entry.__struct_fields__


def test_every_table_is_strict(path: Path) -> None:
    connection = open_for_writing(path)

    assert rows(connection, "SELECT name FROM pragma_table_list WHERE schema = 'main'") != []
    loose = "SELECT name FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite_%'"
    assert rows(connection, loose) == []


def test_a_file_of_this_version_is_kept(path: Path) -> None:
    connection = open_for_writing(path)
    connection.execute("UPDATE cursor SET seq = 7")
    connection.close()

    assert rows(open_for_writing(path), "SELECT seq FROM cursor") == [7]


@pytest.mark.parametrize(
    "pragma", [f"user_version = {SCHEMA_VERSION + 1}", f"application_id = {APPLICATION_ID + 1}"]
)
def test_a_file_of_another_version_is_begun_anew(path: Path, pragma: str) -> None:
    connection = open_for_writing(path)
    connection.execute("UPDATE cursor SET seq = 7")
    connection.execute(f"PRAGMA {pragma}")
    connection.close()

    assert open_for_reading(path) is None
    assert rows(open_for_writing(path), "SELECT seq FROM cursor") == [0]


@pytest.mark.parametrize("content", [b"", b"not a database, " * 512], ids=["empty", "garbage"])
def test_a_file_that_is_no_database_is_begun_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    assert rows(open_for_writing(path), "SELECT seq FROM cursor") == [0]


def test_a_file_that_cannot_be_opened_is_left_alone(path: Path) -> None:
    path.mkdir()

    with pytest.raises(apsw.CantOpenError):
        open_for_writing(path)

    assert path.is_dir()


def test_a_reader_cannot_write(path: Path) -> None:
    open_for_writing(path)
    reader = open_for_reading(path)
    assert reader is not None

    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("UPDATE cursor SET seq = 1")


def test_there_is_nothing_to_read_before_the_first_writer(path: Path) -> None:
    assert open_for_reading(path) is None
    assert not path.exists()


def test_dropping_takes_the_log_along(path: Path) -> None:
    connection = open_for_writing(path)
    connection.execute("UPDATE cursor SET seq = 7")
    assert path.with_name("views.db-wal").exists()

    drop(path)

    assert list(path.parent.iterdir()) == []
    drop(path)
