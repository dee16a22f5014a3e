"""Connections for reading: a few, lent one query at a time, replaced when the file is another one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from phalanx.views.schema import UNREADABLE, open_for_reading

READ_S_MAX: Final = 5.0
"""A query that takes longer is stopped."""
STEPS_BETWEEN_LOOKS: Final = 1_000_000
"""So many steps of SQLite's machine, some ten milliseconds, between two looks at the clock."""
KEPT_MAX: Final = 8
OPENING_TRIES: Final = 3


class ViewsUnavailable(Exception):
    """The views cannot be read now: not built yet, being built again, or too much was asked."""


class QueryTooLong(Exception):
    """The query was stopped; narrower filters or a smaller skip would end in time."""


class _Reader:
    """One connection, the identity of its file, and when its query has to be done."""

    def __init__(self, connection: apsw.Connection, file: tuple[int, int]) -> None:
        self.connection = connection
        self.file = file
        self.deadline = 0.0
        connection.set_progress_handler(self._is_late, STEPS_BETWEEN_LOOKS)

    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline


class Readers:
    """The connections to one ``views.db``. ``distrust`` is told of a file that is damaged."""

    def __init__(self, path: Path, distrust: Callable[[], None]) -> None:
        self._path = path
        self._distrust = distrust
        self._lock = threading.Lock()
        self._free: list[_Reader] = []
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[apsw.Connection]:
        """A connection for one query. Raises ViewsUnavailable, QueryTooLong."""
        try:
            reader = self._take()
            reader.deadline = time.monotonic() + READ_S_MAX
            try:
                yield reader.connection
            finally:
                self._give_back(reader)
        except apsw.InterruptError:
            raise QueryTooLong(f"stopped after {READ_S_MAX:g} s") from None
        except UNREADABLE as error:
            self._distrust()
            raise ViewsUnavailable("the file is damaged and is built again") from error
        except (apsw.BusyError, apsw.IOError, apsw.CantOpenError) as error:
            raise ViewsUnavailable(str(error)) from error

    def close(self) -> None:
        """Close what is not lent; what is, when it comes back."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        for reader in free:
            reader.connection.close()

    def _take(self) -> _Reader:
        file = self._file()
        while True:
            with self._lock:
                if self._closed:
                    raise ViewsUnavailable("closed")
                reader = self._free.pop() if self._free else None
            if reader is None:
                return self._open()
            if reader.file == file:
                return reader
            reader.connection.close()

    def _give_back(self, reader: _Reader) -> None:
        with self._lock:
            if not self._closed and len(self._free) < KEPT_MAX:
                self._free.append(reader)
                return
        reader.connection.close()

    def _open(self) -> _Reader:
        """A file that is replaced while it is being opened is opened again."""
        for _ in range(OPENING_TRIES):
            file = self._file()
            connection = open_for_reading(self._path)
            if connection is None:
                break
            if self._file() == file:
                return _Reader(connection, file)
            connection.close()
        raise ViewsUnavailable("the views are not there yet")

    def _file(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise ViewsUnavailable("the views are not there yet") from None
        return found.st_dev, found.st_ino
