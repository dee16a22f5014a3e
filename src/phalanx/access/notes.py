"""Notes: what was done in a data folder while no journal took it, kept until one has it."""

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select

from phalanx.access.store import AccessStore
from phalanx.access.tables import notes
from phalanx.domain.audit import Act
from phalanx.domain.time import Nanoseconds

AT_ONCE: Final = 100
"""So many are read at a time; a person made each of them."""


class Note(msgspec.Struct, frozen=True):
    """An act at a UTC time, whom it is about, and a few words; never a secret."""

    id: int
    at: Nanoseconds
    act: Act
    subject: str
    detail: str


def write_note(
    connection: Connection, at: Nanoseconds, act: Act, subject: str, detail: str
) -> None:
    """One more, in the transaction of the change that it is about: both are on disk, or neither."""
    row = {"at": at, "act": act.value, "subject": subject, "detail": detail}
    connection.execute(insert(notes).values(row))


def take_back(connection: Connection, act: Act, subject: str) -> None:
    """What was noted of this act on this subject, if anything, need not be journaled any more."""
    connection.execute(delete(notes).where(notes.c.act == act.value, notes.c.subject == subject))


class Notes:
    """The notes of a store. Thread-safe."""

    def __init__(self, store: AccessStore) -> None:
        self._store = store

    def waiting(self) -> tuple[Note, ...]:
        """Those that no journal has yet, the oldest first, `AT_ONCE` at most. Raises STORE_FAILED."""
        shown = [notes.c[name] for name in Note.__struct_fields__]
        query = select(*shown).order_by(notes.c.id).limit(AT_ONCE)
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(Note(row.id, row.at, Act(row.act), row.subject, row.detail) for row in rows)

    def forget(self, note: Note) -> None:
        """A journal has it. Raises STORE_FAILED."""
        with self._store.change() as change:
            change.connection.execute(delete(notes).where(notes.c.id == note.id))
