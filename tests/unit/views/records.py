"""A journal in memory, as the views see one, and a look into the views that is not their own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from phalanx.domain.events import Event, encode_event, join_events
from phalanx.views.follower import Follower
from phalanx.views.projector import Projector
from phalanx.views.schema import open_for_writing


@dataclass(frozen=True)
class MadeRecord:
    first_seq: int
    count: int
    body: bytes


class Records:
    """A source of records that tests append to. ``fail_with`` is raised instead of reading."""

    def __init__(self) -> None:
        self.made: list[MadeRecord] = []
        self.fail_with: Exception | None = None
        self.reads = 0
        self.open = 0

    @property
    def seq(self) -> int:
        return self.made[-1].first_seq + self.made[-1].count - 1 if self.made else 0

    def append(self, *events: Event) -> int:
        """One record of these events."""
        body = join_events([encode_event(event) for event in events], len(events))
        self.made.append(MadeRecord(self.seq + 1, len(events), body))
        return self.seq

    def append_each(self, events: Iterable[Event], together: int = 1) -> None:
        """Records of ``together`` events each."""
        waiting: list[Event] = []
        for event in events:
            waiting.append(event)
            if len(waiting) == together:
                self.append(*waiting)
                waiting.clear()
        if waiting:
            self.append(*waiting)

    def records(self, after_seq: int = 0) -> Iterator[MadeRecord]:
        self.reads += 1
        self.open += 1
        try:
            for record in list(self.made):
                if record.first_seq + record.count - 1 > after_seq:
                    if self.fail_with is not None:
                        raise self.fail_with
                    yield record
        finally:
            self.open -= 1


def follow(path: Path, source: Records, until_seq: int | None = None) -> int:
    """Bring the views up to date as one process would, and end."""
    follower = Follower(path, source)
    try:
        for _ in follower.advance(until_seq):
            pass
        return follower.seq
    finally:
        follower.close()


def projected(path: Path, events: Sequence[Event]) -> apsw.Connection:
    """Views of these events, in one record; the connection they were written with."""
    source = Records()
    source.append(*events)
    connection = open_for_writing(path)
    Projector(connection).write(source.made)
    return connection


def rows(connection: apsw.Connection, statement: str, *values: int | str) -> list[Any]:
    """What a statement finds; single columns as values."""
    found: list[Any] = list(connection.execute(statement, values))
    return [row[0] if len(row) == 1 else row for row in found]


def contents(path: Path) -> dict[str, list[Any]]:
    """Every row of every table, as somebody with the file alone would see it."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = rows(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)
            for table in tables
        }
    finally:
        connection.close()
