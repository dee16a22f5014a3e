"""The store: the database, what of it is in memory, and the one way to change both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from phalanx.access.database import open_database, writing
from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.picture import Fresh, Picture

FILE: Final = "access.db"


class Change:
    """A transaction that is under way. Whoever writes a row names it here, so that it is read again."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.users: set[int] = set()
        self.sessions: set[str] = set()
        self.keys: set[str] = set()
        self.signing_keys: set[str] = set()

    def fresh(self) -> Fresh:
        """What was touched, as it is now."""
        return Fresh(self.connection, self.users, self.sessions, self.keys, self.signing_keys)


class AccessStore:
    """``access.db`` of a data folder, open. Thread-safe. One process at a time may change it: the picture
    of another would not see it (the lock of the data folder sees to that).
    """

    def __init__(self, engine: Engine) -> None:
        """``engine``: as `open_database` gives it; `close` lets it go."""
        self.engine = engine
        self._changing = RLock()
        with engine.connect() as connection:
            self.picture = Picture(connection)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the database of a data folder, and bring it to this code's shape.

        Raises DATABASE_NEWER, DATABASE_UNREADABLE.
        """
        engine = open_database(folder / FILE)
        try:
            return cls(engine)
        except DBAPIError as error:
            engine.dispose()
            raise AccessError(AccessCode.DATABASE_UNREADABLE, str(error.orig)) from None

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One transaction. When it ends it is on disk and in the picture; if it raises it is in neither.

        Do nothing slow inside: all other changes wait. Raises STORE_FAILED, and what the body raises.
        """
        with self._changing:
            try:
                with writing(self.engine) as connection:
                    change = Change(connection)
                    yield change
                    fresh = change.fresh()
            except DBAPIError as error:
                raise AccessError(AccessCode.STORE_FAILED, str(error.orig)) from None
            self.picture.take(fresh)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One reading transaction. Raises STORE_FAILED."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise AccessError(AccessCode.STORE_FAILED, str(error.orig)) from None

    def close(self) -> None:
        """Let the file go, after a change that is under way."""
        with self._changing:
            self.engine.dispose()
