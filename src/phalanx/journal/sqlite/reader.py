"""Reading a SQLite journal: from the writer's process or another, live or after a crash.

Every call opens its own read-only connection, so a reader has no state, may be shared by threads,
and never keeps the log from being reused for longer than one chunk of records. Chunks need no
common transaction: records are never changed, and the tail to reach is fixed at the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from phalanx.journal.alarm import Alarm
from phalanx.journal.anchor import check_anchor, check_witness, read_anchor
from phalanx.journal.errors import (
    Damage,
    Fenced,
    JournalCorrupt,
    JournalError,
    JournalMissing,
    NoSuchSeq,
)
from phalanx.journal.record import (
    CHAIN_START,
    START,
    Record,
    Tail,
    checked,
    decode_row,
    stored_first_seq,
)
from phalanx.journal.snapshots import Snapshot, SnapshotFolder
from phalanx.journal.sqlite.database import (
    FileId,
    Places,
    open_for_reading,
    size_bytes,
    translated,
)

CHUNK_BYTES: Final = 4 * 1024 * 1024
CHUNK_RECORDS: Final = 512
TAIL_TRIES: Final = 5

_META: Final = "SELECT shard, epoch, record, seq, chain FROM meta"
_META_AND_LAST: Final = (
    "SELECT m.shard, m.epoch, m.record, m.seq, m.chain, r.record, r.bytes FROM meta AS m"
    " LEFT JOIN (SELECT record, bytes FROM records ORDER BY record DESC LIMIT 1) AS r"
)
_LAST: Final = "SELECT max(record) FROM records"
_FIRST_SEQ: Final = "SELECT first_seq FROM records WHERE record = ?"
_CHUNK: Final = (
    "SELECT record, first_seq, bytes FROM records WHERE record BETWEEN ? AND ? ORDER BY record"
)


class SqliteJournalReader:
    """A `JournalReader` over the data folder ``folder``. It needs no right to write there.

    ``alarm`` hears of damage and of a disk that cannot be read, whoever met it; beside a writer at
    work also of a database that is gone, is another file, or ends before what was acknowledged.
    """

    def __init__(
        self,
        folder: Path,
        shard: int = 0,
        *,
        vfs: str | None = None,
        alarm: Alarm | None = None,
    ) -> None:
        self.shard = shard
        self._alarm = alarm or Alarm()
        self._places = Places(folder)
        self._vfs = vfs
        self._snapshots = SnapshotFolder(self._places.snapshots, shard)
        self._writes: FileId | None = None
        self._acknowledged = 0

    def expect(self, writes: FileId | None) -> None:
        """From now on the database is the file that our writer has open; None: it has closed it."""
        self._acknowledged = 0
        self._writes = writes

    def expect_record(self, record: int) -> None:
        """Our writer acknowledges ``record``: what ends before it is not what was written."""
        self._acknowledged = record

    def tail(self) -> Tail:
        """See `JournalReader.tail`."""
        with self._connection() as connection:
            # First, because a writer at work moves both on.
            witness = self.witness()
            tail = self._checked_tail(connection)
            if witness is not None:
                reached = witness.record <= tail.record
                at = _tail_before(connection, witness.record + 1) if reached else None
                check_witness(witness, tail, None if at is None else at.chain)
            return tail

    def anchor(self) -> Tail | None:
        """See `JournalReader.anchor`."""
        with translated():
            found = read_anchor(self._places.anchor, self.shard)
        return None if found is None else found.tail

    def witness(self) -> Tail | None:
        """What the anchor outside the journal's folder says, None when there is none."""
        with translated():
            found = read_anchor(self._places.witness, self.shard)
        return None if found is None else found.tail

    def records(self, after_seq: int = 0) -> Iterator[Record]:
        """See `JournalReader.records`."""
        with self._connection() as connection:
            tail = self._checked_tail(connection)
            if after_seq >= tail.seq:
                return
            after_seq = max(after_seq, 0)
            start = _find(connection, after_seq + 1, tail)
            last = _tail_before(connection, start)
            if last.seq > after_seq:
                raise _not_in(after_seq + 1, start)
            rows = _rows(connection, start, tail.record)
            for record in checked(rows, last, self.shard, tail.record):
                if record.last_seq <= after_seq:
                    raise _not_in(after_seq + 1, record.record)
                last = record.tail
                yield record
            if last.chain != tail.chain:
                raise _not_the_tail(tail.record)

    def scan(self) -> Iterator[Record]:
        """See `JournalReader.scan`."""
        with self._connection() as connection:
            ((last,),) = connection.execute(_LAST)
            if last is not None:
                assert isinstance(last, int)
                yield from checked(_rows(connection, 1, last), START, self.shard, last)

    def record_at(self, seq: int) -> Record:
        """See `JournalReader.record_at`."""
        with self._connection() as connection:
            tail = self._stored_tail(connection)
            if not 1 <= seq <= tail.seq:
                raise NoSuchSeq(seq, tail.seq)
            number = _find(connection, seq, tail)
            record = _load(connection, number, is_last=number == tail.record)
        if not record.first_seq <= seq <= record.last_seq:
            raise _not_in(seq, number)
        return record

    def snapshots(self) -> Iterator[Snapshot]:
        """See `JournalReader.snapshots`."""
        for _, found in self.snapshot_files():
            if isinstance(found, Snapshot):
                yield found

    def snapshot_files(self) -> Iterator[tuple[str, Snapshot | str]]:
        """Every snapshot file, newest first, by its name: the snapshot, or in a few words why it cannot be
        used here.
        """
        with self._connection() as connection:
            for name, found in self._snapshots.look():
                if isinstance(found, Snapshot) and not self._is_ours(connection, found):
                    yield name, "it is not of this journal"
                else:
                    yield name, found

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Store a snapshot for the writer. Raises `ValueError` (not of this journal), `OSError`."""
        with self._connection() as connection:
            if not self._is_ours(connection, snapshot):
                raise ValueError(f"the snapshot of record {snapshot.record} is not of this journal")
        self._snapshots.put(snapshot)

    def stored(self, number: int) -> tuple[int, Record | None]:
        """The epoch and the record ``number`` (None: absent) as stored now: reading a tail back."""
        with self._connection() as connection:
            tail = self._stored_tail(connection)
            found = _load(connection, number, is_last=True) if number <= tail.record else None
            return tail.epoch, found

    def close(self) -> None:
        """Nothing is held between calls; an iterator that was left half way closes itself."""

    @contextmanager
    def _connection(self) -> Iterator[apsw.Connection]:
        try:
            with translated():
                self._require_database()
                connection = open_for_reading(self._places, self._vfs)
                try:
                    yield connection
                finally:
                    connection.close()
        except JournalError as failure:
            # A file that cannot be opened (too many are, or it is somebody else's) says nothing yet.
            lost = isinstance(failure, JournalMissing | Fenced) and self._writes is not None
            unreadable = isinstance(failure.__cause__, apsw.IOError)
            if lost or unreadable or isinstance(failure, JournalCorrupt):
                self._alarm.ring(failure)
            raise

    def _require_database(self) -> None:
        """Refuse by name when there is none, without opening (and so making or losing) anything."""
        writes = self._writes
        if self._places.has_database():
            if writes is not None and self._places.database_id() != writes:
                raise Fenced(f"the database in {self._places.folder} is not the one being written")
            return
        anchor = self.anchor()
        if anchor is not None:
            raise JournalCorrupt(
                Damage.BEHIND_ANCHOR,
                f"there is no database; record {anchor.record} was acknowledged",
                record=1,
            )
        if size_bytes(self._places.wal) > 0:
            raise JournalCorrupt(Damage.DATABASE_DAMAGED, "there is a log without its database")
        raise JournalMissing(str(self._places.folder))

    def _checked_tail(self, connection: apsw.Connection) -> Tail:
        """The tail, compared with an anchor that did not move while it was read."""
        acknowledged = self._acknowledged
        before = self.anchor()
        tail, prev_chain = self._last_record(connection)
        if tail.record < acknowledged:
            raise JournalCorrupt(
                Damage.BEHIND_ANCHOR,
                f"the journal ends at record {tail.record}, {acknowledged} was acknowledged",
                record=tail.record + 1,
            )
        after = self.anchor()
        for _ in range(TAIL_TRIES):
            if before == after:
                check_anchor(before, tail, prev_chain)
                return tail
            before = after
            tail, prev_chain = self._last_record(connection)
            after = self.anchor()
        # A live writer that commits faster than we read: the tail lies between the two anchors.
        low = 0 if before is None else before.record
        high = 1 if after is None else after.record + 1
        if not low <= tail.record <= high:
            raise JournalCorrupt(
                Damage.ANCHOR_MISMATCH,
                f"the journal ended at record {tail.record}, its anchor went from {low} to {high}",
                record=tail.record,
            )
        return tail

    def _last_record(self, connection: apsw.Connection) -> tuple[Tail, bytes]:
        """The tail row, checked against the last record, and the chain before that record."""
        rows = list(connection.execute(_META_AND_LAST))
        tail = self._tail_of([row[:5] for row in rows])
        number, blob = rows[0][5:]
        last = 0 if number is None else number
        assert isinstance(last, int)
        if last < tail.record:
            raise JournalCorrupt(
                Damage.MISSING_RECORD,
                f"the last record is {last}, the tail row says {tail.record}",
                record=last + 1,
            )
        if last > tail.record:
            raise JournalCorrupt(
                Damage.UNEXPECTED_RECORD,
                f"there is a record {last} behind the tail {tail.record}",
                record=last,
            )
        if last == 0:
            if (tail.seq, tail.chain) != (0, CHAIN_START):
                raise _not_the_tail(0)
            return tail, CHAIN_START
        record = decode_row(last, _bytes(last, blob), is_last=True)
        if (record.last_seq, record.chain) != (tail.seq, tail.chain) or record.epoch > tail.epoch:
            raise _not_the_tail(last)
        return tail, record.prev_chain

    def _stored_tail(self, connection: apsw.Connection) -> Tail:
        """The tail row alone, for bounds: not compared with anything."""
        return self._tail_of(list(connection.execute(_META)))

    def _tail_of(self, rows: list[tuple[apsw.SQLiteValue, ...]]) -> Tail:
        if len(rows) != 1:
            raise JournalCorrupt(Damage.DATABASE_DAMAGED, f"there are {len(rows)} tail rows, not 1")
        shard, epoch, record, seq, chain = rows[0]
        if shard != self.shard:
            raise JournalCorrupt(
                Damage.WRONG_SHARD, f"this is the journal of shard {shard}, not {self.shard}"
            )
        if not (
            isinstance(epoch, int)
            and isinstance(record, int)
            and isinstance(seq, int)
            and isinstance(chain, bytes)
        ):
            raise JournalCorrupt(Damage.DATABASE_DAMAGED, "the tail row has other types")
        return Tail(epoch, record, seq, chain)

    def _is_ours(self, connection: apsw.Connection, snapshot: Snapshot) -> bool:
        """Whether the snapshot's record is in this journal, with its hash and last seq."""
        if snapshot.record > self._stored_tail(connection).record:
            return False
        at = _tail_before(connection, snapshot.record + 1)
        return (at.chain, at.seq) == (snapshot.chain, snapshot.seq)


def _rows(connection: apsw.Connection, start: int, last: int) -> Iterator[tuple[int, bytes]]:
    """(record number, bytes) of ``start`` to ``last``, in chunks of bounded memory.

    No read transaction stays open while the caller works on a chunk.
    """
    wrong: JournalCorrupt | None = None
    while start <= last and wrong is None:
        chunk: list[tuple[int, bytes]] = []
        total_bytes = 0
        cursor = connection.execute(_CHUNK, (start, last))
        for number, first_seq, value in cursor:
            assert isinstance(number, int)
            blob = _bytes(number, value)
            if stored_first_seq(blob) not in (first_seq, None):
                # Those before it first: who reads knows how far all was well.
                wrong = _altered(number, f"its row says first seq {first_seq}")
                break
            chunk.append((number, blob))
            total_bytes += len(blob)
            if total_bytes >= CHUNK_BYTES or len(chunk) >= CHUNK_RECORDS:
                break
        cursor.close(force=True)
        if not chunk:
            break
        yield from chunk
        start = chunk[-1][0] + 1
    if wrong is not None:
        raise wrong


def _find(connection: apsw.Connection, seq: int, tail: Tail) -> int:
    """The number of the record that holds ``seq``, by bisection over the rows' first seq."""
    low, high = 1, tail.record
    while low < high:
        middle = (low + high + 1) // 2
        found = connection.execute(_FIRST_SEQ, (middle,)).fetchone()
        if found is None:
            raise _missing(middle)
        if not isinstance(found[0], int):
            raise _altered(middle, "its row has no first seq")
        if found[0] <= seq:
            low = middle
        else:
            high = middle - 1
    return low


def _tail_before(connection: apsw.Connection, record: int) -> Tail:
    """Where the journal ended before ``record``: what that record must continue."""
    return START if record == 1 else _load(connection, record - 1, is_last=False).tail


def _load(connection: apsw.Connection, number: int, *, is_last: bool) -> Record:
    for found, blob in _rows(connection, number, number):
        return decode_row(found, blob, is_last=is_last)
    raise _missing(number)


def _bytes(number: int, value: apsw.SQLiteValue) -> bytes:
    if not isinstance(value, bytes):
        raise _altered(number, "its row holds no bytes")
    return value


def _altered(record: int, what: str) -> JournalCorrupt:
    return JournalCorrupt(Damage.ALTERED_RECORD, f"record {record}: {what}", record=record)


def _missing(record: int) -> JournalCorrupt:
    return JournalCorrupt(Damage.MISSING_RECORD, f"record {record} is not there", record=record)


def _not_in(seq: int, record: int) -> JournalCorrupt:
    """The rows' first seqs led to a record that does not hold the seq: one of them is wrong."""
    return _altered(record, f"the rows lead to it for seq {seq}, which it does not hold")


def _not_the_tail(record: int) -> JournalCorrupt:
    return JournalCorrupt(
        Damage.CHAIN_BROKEN, f"the tail row does not describe record {record}", record=record
    )
