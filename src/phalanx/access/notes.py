"""Notes: what was done in a data folder while no server ran, kept until a journal has it."""

from typing import Final

import msgspec
from sqlalchemy import delete, insert, select

from phalanx.access.store import AccessStore, Change
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


def write_note(change: Change, at: Nanoseconds, act: Act, subject: str, detail: str) -> None:
    """One more. Part of the change that it is about: both are on disk, or neither."""
    row = {"at": at, "act": act.value, "subject": subject, "detail": detail}
    change.connection.execute(insert(notes).values(row))


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
