"""One table whose rows change: those of its rows that are in hand, and how they get to the file."""

from operator import attrgetter
from typing import Final, Generic, TypeVar

import apsw
from msgspec.structs import astuple

from phalanx.views.bulk import insert, update
from phalanx.views.entries import Entry

ENTRIES_KEPT_MAX: Final = 200_000
"""With more open rows than that in memory all are let go, and read back when they are needed."""

E = TypeVar("E", bound=Entry)


class Table(Generic[E]):
    """Rows by ``identity`` (a unique column), read when they are asked for.

    A row that changes several times between two writes is written once. ``changing`` is the first
    of the columns that may change; all behind it may as well.
    """

    def __init__(self, name: str, entry: type[E], changing: str, identity: str = "key") -> None:
        names = entry.__struct_fields__
        changes = ("ended_at_ns", *names[names.index(changing) :])
        self._entry = entry
        self._identity = attrgetter(identity)
        self._changes = attrgetter("key", *changes)
        self._select = f"SELECT * FROM {name} WHERE {identity} = ?"  # noqa: S608  names of ours
        self._insert = insert(name, len(names))
        self._update = update(name, changes)
        self._kept: dict[int | str, E] = {}
        self._new: dict[int, E] = {}
        self._changed: dict[int, E] = {}
        self._ended: list[E] = []

    @property
    def waiting(self) -> int:
        """Rows in hand that are not written yet."""
        return len(self._new) + len(self._changed)

    @property
    def new(self) -> list[E]:
        """The rows that were never written."""
        return list(self._new.values())

    def add(self, entry: E) -> None:
        """A row that was not there before."""
        self._kept[self._identity(entry)] = entry
        self._new[entry.key] = entry

    def find(self, connection: apsw.Connection, identity: int | str) -> E:
        """The row to change; say so with ``touch``. Raises KeyError when there is none."""
        entry = self._kept.get(identity)
        if entry is None:
            row = connection.execute(self._select, (identity,)).fetchone()
            if row is None:
                raise KeyError(identity)
            entry = self._kept[identity] = self._entry(*row)
        return entry

    def touch(self, entry: E) -> None:
        """The row is not what the file says any more."""
        if entry.key not in self._new:
            self._changed[entry.key] = entry

    def write(self, connection: apsw.Connection) -> None:
        """New rows and changed ones."""
        if self._new:
            self._insert.execute(connection, self.new, astuple)
        if self._changed:
            self._update.execute(connection, list(self._changed.values()), self._changes)
        for written in (self._new, self._changed):
            self._ended += [entry for entry in written.values() if entry.ended_at_ns]
            written.clear()

    def let_go(self) -> None:
        """After a commit: what has ended leaves memory."""
        for entry in self._ended:
            if entry.ended_at_ns:
                self._kept.pop(self._identity(entry), None)
        self._ended.clear()
        if len(self._kept) > ENTRIES_KEPT_MAX:
            self._kept.clear()
