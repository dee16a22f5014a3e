"""Replay is truth: rebuild the state of any moment from the journal, without planning anything again."""

from collections.abc import Iterator
from itertools import takewhile

import msgspec

from phalanx.domain.events import Event, decode_events
from phalanx.domain.time import Nanoseconds
from phalanx.engine.apply import apply_all
from phalanx.engine.snapshot import SNAPSHOT_VERSION, blob_hash, decode_state, encode_state
from phalanx.engine.state import State
from phalanx.journal.port import Journal, JournalReader, Snapshot


def rebuild(
    reader: JournalReader,
    until_seq: int | None = None,
    until_time: Nanoseconds | None = None,
    *,
    use_snapshot: bool = True,
) -> State:
    """The state after the last event that is not past ``until_seq`` and not later than ``until_time``.

    Starts from the newest snapshot that is not past the moment asked for. Raises the journal's
    errors by name, and msgspec.DecodeError for events that this version cannot read.
    """
    state = _from_snapshot(reader, until_seq, until_time) if use_snapshot else None
    state = state or State()
    _replay(reader, state, until_seq, until_time)
    return state


def recover(reader: JournalReader) -> tuple[State, int]:
    """The state as the journal's tail leaves it, and how many events past its snapshot were replayed for
    it. Raises as `rebuild` does.
    """
    state = _from_snapshot(reader, None, None) or State()
    kept = state.seq
    _replay(reader, state, None, None)
    return state, state.seq - kept


def _replay(
    reader: JournalReader, state: State, until_seq: int | None, until_time: Nanoseconds | None
) -> None:
    """Apply what came after the state, up to the moment that is asked for."""
    for first_seq, events in _after(reader, state.seq):
        wanted = events
        if until_seq is not None:
            wanted = wanted[: max(0, until_seq - state.seq)]
        if until_time is not None:
            wanted = _until(wanted, until_time)
        apply_all(state, wanted)
        last = first_seq + len(wanted) - 1
        assert state.seq == last, f"event {last} made the state count {state.seq}"
        if len(wanted) < len(events):
            return


def _until(events: list[Event], time: Nanoseconds) -> list[Event]:
    """Those before the first that is later."""
    return list(takewhile(lambda event: event.time <= time, events))


def _after(reader: JournalReader, seq: int) -> Iterator[tuple[int, list[Event]]]:
    """The events after ``seq``, record by record, with the seq of the first of them."""
    for record in reader.records(seq):
        known = max(0, seq + 1 - record.first_seq)
        yield record.first_seq + known, decode_events(record.body)[known:]


def events_after(reader: JournalReader, seq: int) -> Iterator[tuple[int, Event]]:
    """Every event after ``seq`` with its own seq, in order."""
    for first_seq, events in _after(reader, seq):
        yield from enumerate(events, first_seq)


def event_at(reader: JournalReader, seq: int) -> Event:
    """One event, read back. Raises NoSuchSeq."""
    record = reader.record_at(seq)
    return decode_events(record.body)[seq - record.first_seq]


def events_at(reader: JournalReader, seq: int, count: int) -> tuple[Event, ...]:
    """That many events of one command from ``seq`` on, read back. Raises NoSuchSeq."""
    record = reader.record_at(seq)
    place = seq - record.first_seq
    return tuple(decode_events(record.body)[place : place + count])


def keep_snapshot(journal: Journal, state: State) -> None:
    """Store the state, if it is as of the journal's tail. Blocks on the disk. Raises JournalFailed."""
    tail = journal.tail()
    if tail.seq != state.seq:
        return
    blob = encode_state(state)
    digest = blob_hash(blob)
    snapshot = Snapshot(tail.seq, tail.record, tail.chain, digest, SNAPSHOT_VERSION, blob)
    journal.put_snapshot(snapshot)


def restore_snapshot(snapshot: Snapshot) -> State | None:
    """The state in a snapshot, or None when it is not to be trusted: then the journal is replayed."""
    if snapshot.version != SNAPSHOT_VERSION:
        return None
    if blob_hash(snapshot.blob) != snapshot.digest:
        return None
    try:
        state = decode_state(snapshot.blob)
    except msgspec.DecodeError:
        return None
    return state if state.seq == snapshot.seq else None


def _from_snapshot(
    reader: JournalReader, until_seq: int | None, until_time: Nanoseconds | None
) -> State | None:
    for snapshot in reader.snapshots():
        if until_seq is not None and snapshot.seq > until_seq:
            continue
        state = restore_snapshot(snapshot)
        if state is not None and (until_time is None or state.time <= until_time):
            return state
    return None
