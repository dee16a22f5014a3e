"""The disk's own pace: the same records inserted and anchored in a flat loop, on one thread.

The same statement and the same anchor as the journal's, without a queue, a second thread, or an
event loop that waits.
"""

from pathlib import Path

from phalanx.journal.anchor import AnchorFile
from phalanx.journal.record import Tail, encode
from phalanx.journal.sqlite.database import (
    APPEND,
    Places,
    advance_epoch,
    create,
    open_for_writing,
)
from phalanx.journal.sqlite.reader import SqliteJournalReader


class FlatJournal:
    """Appends from the calling thread."""

    def __init__(self, folder: Path) -> None:
        places = Places(folder)
        places.folder.mkdir(parents=True)
        create(places, 0)
        tail = SqliteJournalReader(folder).tail()
        self._connection = open_for_writing(places, None)
        advance_epoch(self._connection, 0, tail)
        self._tail = Tail(tail.epoch + 1, tail.record, tail.seq, tail.chain)
        self._anchor = AnchorFile(places.anchor, 0, self._tail)
        self._execute = self._connection.cursor().execute

    def append(self, body: bytes, count: int, batch_id: bytes) -> None:
        """One record, on disk when this returns."""
        first_seq = self._tail.seq + 1
        blob, tail = encode(self._tail, 0, body, count, batch_id)
        values = (0, tail.epoch, tail.record, first_seq, tail.seq, tail.chain, blob)
        self._execute(APPEND, values)
        self._anchor.write(tail)
        self._tail = tail

    def checkpoint(self) -> None:
        """Copy the log into the database, so that the next records start it over."""
        self._connection.wal_checkpoint()

    def close(self) -> None:
        """Close the files."""
        self._connection.close()
        self._anchor.close()
