"""The durable log: opaque records in one unbroken chain, behind one small port.

`port.py` says what the rest may rely on; `record.py` is the format of every backend; `anchor.py`
is what notices a lost tail; `sqlite/` is the default backend, `memory.py` the one for tests and
simulation; `verify.py` reads everything and names what is wrong, `scrub.py` does so beside a running desk.
"""

from phalanx.journal.errors import (
    Damage,
    Failure,
    Fenced,
    JournalCorrupt,
    JournalError,
    JournalFailed,
    JournalLocked,
    JournalMissing,
    NoSuchSeq,
    RecordTooLarge,
)
from phalanx.journal.memory import FailPoint, MemoryDisk, MemoryJournal
from phalanx.journal.port import Journal, JournalReader, Record, Snapshot, Tail
from phalanx.journal.sqlite import SqliteJournal, SqliteJournalReader
from phalanx.journal.verify import Report, verify

__all__ = [
    "Damage",
    "FailPoint",
    "Failure",
    "Fenced",
    "Journal",
    "JournalCorrupt",
    "JournalError",
    "JournalFailed",
    "JournalLocked",
    "JournalMissing",
    "JournalReader",
    "MemoryDisk",
    "MemoryJournal",
    "NoSuchSeq",
    "Record",
    "RecordTooLarge",
    "Report",
    "Snapshot",
    "SqliteJournal",
    "SqliteJournalReader",
    "Tail",
    "verify",
]
