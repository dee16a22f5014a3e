"""The file ``access.db``: how it is opened, brought to its shape and written.

SQLite in WAL mode, every commit synced. Deleted and overwritten content is zeroed (``secure_delete``), so
that what was sealed once does not stay in free pages. Nobody but the owner may read the file.
"""

import errno
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, column, create_engine, event, inspect, select, table
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from phalanx.access.errors import AccessCode, AccessError

BUSY_TIMEOUT_S: Final = 5
LAST_STEP: Final = "0002"
"""Of ``migrations/versions``: where a file is there already, nothing of Alembic is loaded."""
_versions: Final = table("alembic_version", column("version_num"))
_WAL: Final = "PRAGMA journal_mode = WAL"
_TRIES: Final = 500
_PRAGMAS: Final = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)
_BEGIN: Final = "begin"


def open_database(path: Path) -> Engine:
    """The database in this file, made where there is none, in the shape of this code.

    Raises DATABASE_NEWER, DATABASE_UNREADABLE; the file then is as it was.
    """
    try:
        _own(path)
        engine = _engine(path)
    except OSError as error:
        raise _unreadable(error.strerror or "it cannot be opened") from None
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def migrate(engine: Engine) -> None:
    """Run the steps that are missing, all or none. Raises DATABASE_NEWER, DATABASE_UNREADABLE."""
    try:
        with writing(engine) as connection:
            found = _step(connection)
            if found != LAST_STEP:
                from phalanx.access.shape import run_missing

                run_missing(connection, found)
    except DBAPIError as error:
        raise _unreadable(str(error.orig)) from None


def _step(connection: Connection) -> str | None:
    """The step that was run last, as Alembic keeps it; None for a new file."""
    if not inspect(connection).has_table(_versions.name):
        return None
    step: str | None = connection.scalar(select(_versions.c.version_num))
    return step


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that holds the write lock from its beginning, so that what it reads stays true."""
    with engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"}).begin() as connection:
        yield connection


def _engine(path: Path) -> Engine:
    """Errors show no parameters: some of them are hashes of passwords."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_S},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 -- whatever the driver makes
    """A new connection. The driver begins no transactions of its own: `_begin` does."""
    connection.isolation_level = None
    cursor = connection.cursor()
    _to_wal(cursor)
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _to_wal(cursor: Any) -> None:  # noqa: ANN401 -- whatever the driver makes
    """SQLite does not wait where another connection switches a new file at this moment: we do."""
    for left in reversed(range(_TRIES)):
        try:
            cursor.execute(_WAL)
        except sqlite3.OperationalError as error:
            if not left or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(BUSY_TIMEOUT_S / _TRIES)
        else:
            return


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _own(path: Path) -> None:
    """A file that only its owner reads; SQLite gives the files beside it the same mode. Raises OSError.

    One that is there is not opened: to close it again would drop every lock this process has on it.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no plain file") from None
        if stat.S_IMODE(mode) & 0o077:
            path.chmod(0o600)


def _unreadable(why: str) -> AccessError:
    return AccessError(AccessCode.DATABASE_UNREADABLE, f"access.db cannot be used: {why}")
