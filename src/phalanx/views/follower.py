"""The views of one data folder: opened, compared with the journal, brought up to date, built again."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

import apsw

from phalanx.views.projector import Cursor, Projector, go_on
from phalanx.views.schema import UNREADABLE, drop, open_for_writing
from phalanx.views.source import RecordSource, SourceRecord

EVENTS_AT_ONCE: Final = 2_000
BYTES_AT_ONCE: Final = 1024 * 1024
"""What one transaction takes in; a single record may be larger and is never split."""
LOG_PAGES_MAX: Final = 16_000
"""At 64 MiB the write-ahead log is checkpointed even while there is more to do."""
LOG_PAGES_WORTH: Final = 1_000
"""In a quiet moment it is from 4 MiB on."""


class Follower:
    """One writer's hold on ``views.db``. Used by one thread at a time.

    After any error it is closed and another one is made: opening is what mends.
    """

    def __init__(
        self, path: Path, source: RecordSource, breathe: Callable[[], None] = go_on
    ) -> None:
        self._source = source
        self._log_pages = 0
        self._connection, self._projector = self._open(path, breathe)
        self._connection.set_wal_hook(self._logged)

    @property
    def seq(self) -> int:
        """The last event taken in."""
        return self._projector.cursor.seq

    def advance(self, until_seq: int | None = None) -> Generator[int]:
        """Take in what the journal holds, up to ``until_seq`` (None: to its end).

        Yields ``seq`` after each transaction; stop iterating to stop. Raises what the source
        raises, RecordsDoNotFit, msgspec.DecodeError, apsw.Error.
        """
        transactions = _together(self._source.records(self.seq), until_seq)
        try:
            for records in transactions:
                self._projector.write(records)
                if self._log_pages >= LOG_PAGES_MAX:
                    self._checkpoint()
                yield self.seq
        finally:
            transactions.close()

    def rest(self) -> None:
        """Nothing is to be done just now: a moment to copy the log into the file."""
        if self._log_pages >= LOG_PAGES_WORTH:
            self._checkpoint()

    def close(self) -> None:
        """Let the file go; a transaction that is open is taken back."""
        self._connection.close()

    def _open(self, path: Path, breathe: Callable[[], None]) -> tuple[apsw.Connection, Projector]:
        """Views that continue in this journal; others, and unreadable ones, are begun anew."""
        connection = open_for_writing(path)
        try:
            projector = Projector(connection, breathe)
            if self._continues(projector.cursor):
                return connection, projector
        except UNREADABLE:
            pass
        except BaseException:
            connection.close()
            raise
        connection.close()
        drop(path)
        connection = open_for_writing(path)
        return connection, Projector(connection, breathe)

    def _continues(self, cursor: Cursor) -> bool:
        """Whether the journal holds the very record that the views stopped behind."""
        if not cursor.seq:
            return True
        records = self._source.records(cursor.record_first_seq - 1)
        found = next(records, None)
        _close(records)
        return found is not None and Cursor.behind(found) == cursor

    def _checkpoint(self) -> None:
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._log_pages = 0

    def _logged(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK


def _together(
    records: Iterator[SourceRecord], until_seq: int | None
) -> Generator[list[SourceRecord]]:
    """Whole records by the transaction, none that ends behind ``until_seq``."""
    together: list[SourceRecord] = []
    events = size_bytes = 0
    try:
        for record in records:
            if until_seq is not None and record.first_seq + record.count - 1 > until_seq:
                break
            together.append(record)
            events += record.count
            size_bytes += len(record.body)
            if events >= EVENTS_AT_ONCE or size_bytes >= BYTES_AT_ONCE:
                yield together
                together = []
                events = size_bytes = 0
        if together:
            yield together
    finally:
        _close(records)


def _close(records: Iterator[SourceRecord]) -> None:
    """A generator holds its connection until it is closed."""
    if isinstance(records, Generator):
        records.close()
