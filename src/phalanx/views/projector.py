"""Writes records into the views: whole records, their rows and the cursor in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final
from zlib import crc32

import apsw
import msgspec

from phalanx.domain.events import Event, decode_events
from phalanx.views.projections import project
from phalanx.views.source import SourceRecord
from phalanx.views.workspace import Workspace

_READ_CURSOR: Final = "SELECT seq, record_first_seq, record_crc32 FROM cursor"
_MOVE_CURSOR: Final = (
    "UPDATE cursor SET seq = ?, record_first_seq = ?, record_crc32 = ? WHERE seq = ?"
)


def go_on() -> None:
    """Do not breathe: there is nobody to be polite to."""


class RecordsDoNotFit(Exception):
    """A record that does not continue the ones before it, or does not hold what it says."""


class AnotherWriter(Exception):
    """Somebody else wrote the same views meanwhile."""


class Cursor(msgspec.Struct, frozen=True):
    """How far the views are: the last event, and where the last record began and its checksum."""

    seq: int
    record_first_seq: int
    record_crc32: int

    @classmethod
    def behind(cls, record: SourceRecord) -> "Cursor":
        """Where the views are once they have taken that record in."""
        last_seq = record.first_seq + record.count - 1
        return cls(last_seq, record.first_seq, crc32(record.body))


class Projector:
    """One open ``views.db`` that grows with the journal. Used by one thread at a time.

    After an error it is of no use any more: what it has in hand is ahead of the file. Close the
    connection, which takes the open transaction back, and make another one.
    """

    def __init__(self, connection: apsw.Connection, breathe: Callable[[], None] = go_on) -> None:
        self._connection = connection
        ((seq, first_seq, checksum),) = connection.execute(_READ_CURSOR)
        assert isinstance(seq, int)
        assert isinstance(first_seq, int)
        assert isinstance(checksum, int)
        self.cursor = Cursor(seq, first_seq, checksum)
        self._work = Workspace(connection, breathe)

    def write(self, records: Sequence[SourceRecord]) -> None:
        """Take whole records in, all or none of them.

        Raises RecordsDoNotFit, AnotherWriter, msgspec.DecodeError, apsw.Error.
        """
        before = self.cursor.seq
        self._connection.execute("BEGIN IMMEDIATE")
        for record in records:
            self.project(record.first_seq, self._events(record))
            self.cursor = Cursor.behind(record)
        self._work.write()
        self._work.write_totals()
        moved = (*msgspec.structs.astuple(self.cursor), before)
        self._connection.execute(_MOVE_CURSOR, moved)
        if not self._connection.changes():
            raise AnotherWriter(f"the views are not at seq {before} any more")
        self._connection.execute("COMMIT")
        self._work.let_go()

    def project(self, first_seq: int, events: Iterable[Event]) -> None:
        """Take events in, the first of them numbered ``first_seq``, in the open transaction."""
        project(self._work, first_seq, events)

    def _events(self, record: SourceRecord) -> list[Event]:
        if record.first_seq != self.cursor.seq + 1:
            raise RecordsDoNotFit(
                f"a record begins at seq {record.first_seq}, not behind {self.cursor.seq}"
            )
        events = decode_events(record.body)
        if len(events) != record.count:
            raise RecordsDoNotFit(
                f"the record at seq {record.first_seq} says {record.count} events"
            )
        return events
