"""A data folder in which somebody did something, and what can be done to it behind its back."""

from pathlib import Path

import apsw

from phalanx.domain.audit import Act
from phalanx.domain.events import (
    AccessRecorded,
    DeskFounded,
    Event,
    StrategyPut,
    encode_event,
    join_events,
)
from phalanx.domain.instructions import DESK_ORIGIN, Door, Origin
from phalanx.domain.strategies import Strategy
from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.journal import SqliteJournal

START: Nanoseconds = 1_750_000_000 * SECOND
ANN = Origin("ann", Door.ACCESS, "r1", address="192.0.2.7")


async def make(folder: Path, records: int = 6, subject: str = "user") -> Path:
    """A journal of so many records: in each one act of ann's (but the first) and one of the desk's."""
    journal = SqliteJournal(folder)
    journal.acquire()
    try:
        await grow(journal, range(1, records + 1), subject)
    finally:
        journal.close()
    return folder


async def grow(journal: SqliteJournal, numbers: range, subject: str = "user") -> None:
    for number in numbers:
        time = START + number * SECOND
        first: Event = AccessRecorded(
            time, ANN, Act.USER_CREATED, f"{subject} {number}", "", 1, time
        )
        if number == 1:
            first = DeskFounded(time, "AA", 0)
        events = (first, StrategyPut(time, DESK_ORIGIN, Strategy(f"S{number}", ())))
        body = join_events([encode_event(event) for event in events], len(events))
        await journal.append(body, len(events), number.to_bytes(16, "big"))


def database(folder: Path) -> apsw.Connection:
    return apsw.Connection(str(folder / "journal" / "journal.db"))


def blob(folder: Path, record: int) -> bytes:
    ((found,),) = database(folder).execute("SELECT bytes FROM records WHERE record = ?", (record,))
    assert isinstance(found, bytes)
    return found


def put_blob(folder: Path, record: int, content: bytes) -> None:
    database(folder).execute("UPDATE records SET bytes = ? WHERE record = ?", (content, record))


def flip(folder: Path, record: int) -> None:
    content = bytearray(blob(folder, record))
    content[-1] ^= 1
    put_blob(folder, record, bytes(content))


def delete(folder: Path, record: int) -> None:
    database(folder).execute("DELETE FROM records WHERE record = ?", (record,))


def swap(folder: Path, one: int, other: int) -> None:
    first, second = blob(folder, one), blob(folder, other)
    put_blob(folder, one, second)
    put_blob(folder, other, first)
