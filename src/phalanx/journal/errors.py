"""What can go wrong in a journal.

    JournalError
    ├── JournalLocked     another process holds the data folder
    ├── Fenced            the epoch or the tail moved under this writer: stop at once
    ├── JournalFailed     the record is not in the journal, or (definite=False) nobody can say
    ├── JournalCorrupt    what is on disk is not what was written; refuse to start
    ├── JournalMissing    there is no journal in this folder
    ├── NoSuchSeq         the journal does not hold that sequence number
    └── RecordTooLarge    a body above the bound; nothing was tried

Every error carries a stable ``code``; the text is for people and may change.
"""

from __future__ import annotations

from enum import StrEnum


class Damage(StrEnum):
    """The codes of `JournalCorrupt`: what is wrong with what is on disk."""

    TORN_TAIL = "TORN_TAIL"
    """The last record is shorter than its own header says."""
    ALTERED_RECORD = "ALTERED_RECORD"
    """A record's bytes are not the ones that were written (checksum, header or row)."""
    MISSING_RECORD = "MISSING_RECORD"
    """A record number is absent although a later one, or the tail row, says it was written."""
    UNEXPECTED_RECORD = "UNEXPECTED_RECORD"
    """There is a record behind the one the tail row calls the last."""
    CHAIN_BROKEN = "CHAIN_BROKEN"
    """A record is intact in itself but does not continue the record before it."""
    WRONG_SHARD = "WRONG_SHARD"
    """The journal, a record or the anchor belongs to another shard."""
    UNKNOWN_FORMAT = "UNKNOWN_FORMAT"
    """Not ours, or written by a newer version of this program."""
    DATABASE_DAMAGED = "DATABASE_DAMAGED"
    """The storage below the records cannot be read."""
    BEHIND_ANCHOR = "BEHIND_ANCHOR"
    """The journal ends before the record an anchor has seen: an acknowledged tail is lost."""
    ANCHOR_MISMATCH = "ANCHOR_MISMATCH"
    """The anchored record has another hash: this is another journal's history."""
    ANCHOR_STALE = "ANCHOR_STALE"
    """The journal is more than one record ahead: the anchor is an old copy."""
    ANCHOR_MISSING = "ANCHOR_MISSING"
    """The journal holds records but has no anchor."""
    ANCHOR_UNREADABLE = "ANCHOR_UNREADABLE"
    """The anchor exists and none of its slots is intact."""
    BEHIND_ROOT = "BEHIND_ROOT"
    """The journal ends before a record that was exported: its tail is gone."""
    ROOT_MISMATCH = "ROOT_MISMATCH"
    """A record that was exported has another hash now: it, or one before it, was replaced."""


class Failure(StrEnum):
    """The codes of `JournalFailed`: why nothing can be appended."""

    DISK_FULL = "DISK_FULL"
    IO_ERROR = "IO_ERROR"
    BUSY = "BUSY"
    ANCHOR_FAILED = "ANCHOR_FAILED"
    NOT_ACQUIRED = "NOT_ACQUIRED"
    CLOSED = "CLOSED"


class JournalError(Exception):
    """Any failure of the journal. ``code`` is stable, the message is not."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = str(code)
        self.message = message


class JournalLocked(JournalError):
    """Another process (``pid``, when it could be read) holds the data folder."""

    def __init__(self, path: str, pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__("JOURNAL_LOCKED", f"{path} is held by {holder}")
        self.pid = pid


class Fenced(JournalError):
    """Another writer took over. Nothing of this append is in the journal; this process must stop."""

    def __init__(self, message: str) -> None:
        super().__init__("FENCED", message)

    def again(self) -> Fenced:
        """The error of an append that came after this one: nothing of it was tried."""
        return Fenced(self.message)


class JournalFailed(JournalError):
    """The append did not succeed.

    ``definite`` is True when the record is proved absent, now and after a restart. It is False
    when the disk failed in a way that leaves the answer to the next start (a failed sync may have
    left the bytes in the cache; a record whose anchor could not be written is there): the caller
    may say neither "done" nor "not done".
    """

    def __init__(self, code: Failure, message: str, *, definite: bool = True) -> None:
        super().__init__(code, message)
        self.failure = code
        self.definite = definite

    def again(self) -> JournalFailed:
        """The error of an append that came after this one: nothing of it was tried."""
        return JournalFailed(self.failure, f"stopped after: {self.message}")


class JournalCorrupt(JournalError):
    """What is on disk is not what was written. ``record`` is the record number, where there is one."""

    def __init__(self, damage: Damage, message: str, *, record: int | None = None) -> None:
        super().__init__(damage, message)
        self.damage = damage
        self.record = record


class JournalMissing(JournalError):
    """The folder holds no journal; where its witness says that there was one, none is made."""

    def __init__(self, path: str) -> None:
        super().__init__("JOURNAL_MISSING", f"no journal in {path}")


class NoSuchSeq(JournalError, LookupError):
    """The journal does not (yet) hold this sequence number."""

    def __init__(self, seq: int, last_seq: int) -> None:
        super().__init__("NO_SUCH_SEQ", f"seq {seq} is not in 1..{last_seq}")
        self.seq = seq


class RecordTooLarge(JournalError):
    """The body exceeds the bound of one record; nothing was tried and the journal is unharmed."""

    def __init__(self, size_bytes: int, size_bytes_max: int) -> None:
        super().__init__("RECORD_TOO_LARGE", f"{size_bytes} bytes, at most {size_bytes_max}")
