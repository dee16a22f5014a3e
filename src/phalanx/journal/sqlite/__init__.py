"""The journal in one SQLite file, the default."""

from phalanx.journal.sqlite.journal import SqliteJournal
from phalanx.journal.sqlite.reader import SqliteJournalReader

__all__ = ["SqliteJournal", "SqliteJournalReader"]
