"""Reading a whole journal to say whether it is sound, and if not, exactly where and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from phalanx.journal.errors import Damage, JournalCorrupt
from phalanx.journal.port import JournalReader
from phalanx.journal.record import START, Record, Tail


class Seen(Struct, frozen=True):
    """A record as somebody outside remembers it: its chain hash, and an event that it holds."""

    record: int
    seq: int
    chain: bytes


class SnapshotNote(Struct, frozen=True):
    """A snapshot that this journal can start from."""

    record: int
    seq: int
    version: int
    size_bytes: int


class Report(Struct, frozen=True):
    """What was read. ``problem`` is None for a sound journal; the counts go as far as it was read.

    ``ahead`` is how many records the journal has that the anchor has not seen: 0, or 1 after a
    crash between a commit and its anchor.
    """

    shard: int
    records: int
    events: int
    body_bytes: int
    epochs: int
    last: Tail
    anchor: Tail | None
    ahead: int
    snapshots: tuple[SnapshotNote, ...]
    problem: JournalCorrupt | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None


class Counts:
    """What a pass over the records adds up."""

    def __init__(self, seen: Iterable[Seen] = ()) -> None:
        self.records = self.events = self.body_bytes = self.epochs = 0
        self.last = START
        self._seen: Iterator[Seen] = iter(seen)
        self._next = next(self._seen, None)

    def read(
        self, reader: JournalReader, tail: Tail | None, breathe: Callable[[], None] | None = None
    ) -> None:
        """Stream all records; with a checked ``tail``, they must pass through it.

        ``breathe`` is called after each record; what it raises ends the pass. Raises
        `JournalCorrupt`, `JournalFailed`, `JournalMissing`.
        """
        for record in reader.scan():
            self._compare(record)
            self.epochs += record.epoch != self.last.epoch
            self.records += 1
            self.events += record.count
            self.body_bytes += len(record.body)
            self.last = record.tail
            if tail is not None and record.record == tail.record and record.chain != tail.chain:
                raise JournalCorrupt(
                    Damage.CHAIN_BROKEN,
                    f"record {tail.record} is not the one the tail describes",
                    record=tail.record,
                )
            if breathe is not None:
                breathe()
        if tail is not None and self.last.record < tail.record:
            raise JournalCorrupt(
                Damage.MISSING_RECORD,
                f"the records end at {self.last.record}, the tail is {tail.record}",
                record=self.last.record + 1,
            )
        if self._next is not None:
            raise JournalCorrupt(
                Damage.BEHIND_ROOT,
                f"the records end at {self.last.record} with event {self.last.seq}, record "
                f"{self._next.record} with event {self._next.seq} was exported",
                record=self.last.record + 1,
            )

    def _compare(self, record: Record) -> None:
        """With what somebody remembers of it. Raises `JournalCorrupt` ROOT_MISMATCH."""
        while self._next is not None and self._next.record <= record.record:
            seen, self._next = self._next, next(self._seen, None)
            holds = record.first_seq <= seen.seq <= record.last_seq
            if (record.record, record.chain) != (seen.record, seen.chain) or not holds:
                raise JournalCorrupt(
                    Damage.ROOT_MISMATCH,
                    f"record {seen.record} is not the one that was exported",
                    record=seen.record,
                )


def verify(reader: JournalReader, seen: Iterable[Seen] = ()) -> Report:
    """Read everything once, in bounded memory, also while a writer is at work.

    ``seen``: what somebody outside remembers of it, in the order of the records; all of it must be there.
    A damaged record is named before a damaged tail, because it is the more exact answer. Raises
    `JournalMissing` and `JournalFailed` (nothing to read, cannot read); damage is in the report.
    """
    problem: JournalCorrupt | None = None
    tail: Tail | None = None
    counts = Counts(seen)
    try:
        tail = reader.tail()
    except JournalCorrupt as error:
        problem = error
    try:
        counts.read(reader, tail)
    except JournalCorrupt as error:
        problem = error
    # Read last: a writer at work moves it on, so it can only be nearer than it was.
    anchor = reader.anchor() if tail is not None else None
    return Report(
        shard=reader.shard,
        records=counts.records,
        events=counts.events,
        body_bytes=counts.body_bytes,
        epochs=counts.epochs,
        last=counts.last,
        anchor=anchor,
        ahead=max(0, counts.last.record - anchor.record) if anchor else 0,
        snapshots=_snapshots(reader) if problem is None else (),
        problem=problem,
    )


def _snapshots(reader: JournalReader) -> tuple[SnapshotNote, ...]:
    return tuple(
        SnapshotNote(found.record, found.seq, found.version, len(found.blob))
        for found in reader.snapshots()
    )
