"""At whatever moment the power goes, what was acknowledged is there when it comes back."""

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from phalanx.journal import JournalCorrupt, SqliteJournal, SqliteJournalReader, anchor
from phalanx.journal.anchor import AnchorFile
from phalanx.journal.sqlite import database, writer
from phalanx.journal.sqlite import journal as journal_module
from tests.contract.journal.backends import batch_id, fill
from tests.property.engine.profile import SOAK
from tests.unit.journal.sqlite.disks import (
    SECTOR_BYTES,
    Operation,
    WatchedVfs,
    after_power_loss,
    watched_anchor_write,
)
from tests.unit.journal.sqlite.folders import bodies_of, contents, restore

CRASHES = 250 * SOAK
APPENDS = 60
P = ParamSpec("P")
R = TypeVar("R")
Life = tuple[dict[str, bytes], list[Operation], list[bytes], list[int]]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """One writer's life: the files before, all that reached them, the bodies, and for each record
    how many operations had been made when it was acknowledged."""
    folder = tmp_path_factory.mktemp("life") / "data"
    operations: list[Operation] = []
    acknowledged: list[int] = []

    async def live() -> list[bytes]:
        first = SqliteJournal(folder)
        first.acquire()
        bodies = await fill(first, 3)
        first.close()
        start.update(contents(folder))
        journal = SqliteJournal(folder, vfs="recording")
        journal.acquire()
        rng = random.Random(5)
        for number in range(APPENDS):
            bodies.append(rng.randbytes(rng.choice((10, 300, 3_000, 9_000))))
            await journal.append(bodies[-1], 1, batch_id(number))
            acknowledged.append(len(operations))
        journal.close()
        return bodies

    start: dict[str, bytes] = {}
    with pytest.MonkeyPatch.context() as patch, WatchedVfs("recording", operations.append):
        # A small log is started over many times in one life.
        patch.setattr(writer, "CHECKPOINT_BYTES", 60_000)
        patch.setattr(AnchorFile, "write", watched_anchor_write(operations.append))
        bodies = asyncio.run(live())
    return start, operations, bodies, acknowledged


def test_a_power_loss_at_any_moment_keeps_what_was_acknowledged(life: Life, tmp_path: Path) -> None:
    start, operations, bodies, acknowledged = life
    rng = random.Random(11)
    ahead = 0
    for _ in range(CRASHES):
        moment = rng.randrange(len(operations) + 1)
        restore(tmp_path, after_power_loss(start, operations[:moment], rng))
        recovered = bodies_of(SqliteJournalReader(tmp_path))
        known = 3 + sum(at <= moment for at in acknowledged)
        assert recovered == bodies[: len(recovered)]
        assert known <= len(recovered) <= known + 1
        ahead += len(recovered) > known
    assert ahead, "no crash fell between a commit and its answer: the test tests too little"


@pytest.mark.parametrize("kept", [0.0, 1.0], ids=["nothing unsynced", "everything written"])
def test_every_moment_keeps_what_was_acknowledged(life: Life, tmp_path: Path, kept: float) -> None:
    """Not some moments but each of them, with the two extremes of what a cache may have let through."""
    start, operations, bodies, acknowledged = life
    counts: set[int] = set()
    for moment in range(len(operations) + 1):
        restore(tmp_path, after_power_loss(start, operations[:moment], random.Random(), kept))
        recovered = bodies_of(SqliteJournalReader(tmp_path))
        known = 3 + sum(at <= moment for at in acknowledged)
        assert recovered == bodies[: len(recovered)], moment
        assert known <= len(recovered) <= known + 1, moment
        counts.add(len(recovered))
    assert counts == set(range(3, len(bodies) + 1))


def test_every_torn_write_keeps_what_was_acknowledged(life: Life, tmp_path: Path) -> None:
    """The power goes in the middle of a write, after each of its sectors, and inside one."""
    start, operations, bodies, acknowledged = life
    rng = random.Random(13)
    written = [at for at, o in enumerate(operations) if o.offset >= 0 and o.data]
    for at in rng.sample(written, min(40 * SOAK, len(written))):
        operation = operations[at]
        assert operation.data is not None
        known = 3 + sum(answered <= at for answered in acknowledged)
        for length in _cuts(len(operation.data)):
            torn = operation._replace(data=operation.data[:length])
            before = [*operations[:at], torn]
            restore(tmp_path, after_power_loss(start, before, rng, 1.0))
            recovered = bodies_of(SqliteJournalReader(tmp_path))
            assert recovered == bodies[: len(recovered)]
            assert known <= len(recovered) <= known + 1


def _cuts(size: int) -> list[int]:
    sectors = range(SECTOR_BYTES, size, SECTOR_BYTES * (1 if SOAK > 1 else 4))
    return sorted({1, size // 2, size - 1, *sectors})


def test_a_flipped_bit_after_a_power_loss_is_named_or_harmless(life: Life, tmp_path: Path) -> None:
    """Both at once, as a bad disk does it: what is lost is never lost without a word."""
    start, operations, bodies, acknowledged = life
    rng = random.Random(14)
    refused = 0
    for _ in range(CRASHES):
        moment = rng.randrange(len(operations) + 1)
        files = after_power_loss(start, operations[:moment], rng)
        name = rng.choice(sorted(name for name, data in files.items() if data))
        data = bytearray(files[name])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        restore(tmp_path, {**files, name: bytes(data)})
        known = 3 + sum(at <= moment for at in acknowledged)
        try:
            recovered = bodies_of(SqliteJournalReader(tmp_path))
        except JournalCorrupt:
            refused += 1
            continue
        assert recovered == bodies[: len(recovered)]
        # One record may hide behind an anchor whose newest entry is the one that was hit.
        assert known - (name == "anchor") <= len(recovered) <= known + 1
    assert 0 < refused < CRASHES


def test_a_power_loss_while_a_journal_is_made_leaves_none_or_an_empty_one(tmp_path: Path) -> None:
    """Every state of the folder between nothing and the first answer."""
    folders = _states_of_the_making(tmp_path / "made")
    assert len(folders) > 10
    for number, files in enumerate(folders):
        data = tmp_path / f"state-{number}"
        for name, content in files.items():
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_bytes(content)
        journal = SqliteJournal(data)
        tail = journal.acquire()
        assert tail.record == 0
        assert tail.epoch in {1, 2}
        assert asyncio.run(_append(journal)) == 1
        journal.close()
        assert bodies_of(SqliteJournalReader(data)) == [b"first"]


async def _append(journal: SqliteJournal) -> int:
    return (await journal.append(b"first", 1, batch_id(1))).record


def _states_of_the_making(folder: Path) -> list[dict[str, bytes]]:
    """What a first `acquire` leaves on the disk after each of its calls that changes something."""
    states: list[dict[str, bytes]] = []

    def look() -> None:
        found = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.endswith("-shm")
        }
        if not states or states[-1] != found:
            states.append(found)

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in (
            (database, "create"),
            (database, "advance_epoch"),
            (database, "sync_folder"),
            (anchor, "sync_folder"),
            (journal_module, "create"),
            (journal_module, "advance_epoch"),
            (os, "fsync"),
            (os, "pwrite"),
            (Path, "replace"),
        ):
            patch.setattr(owner, name, _looked_around(getattr(owner, name), look))
        with WatchedVfs("looking", lambda _: look(), default=True):
            journal = SqliteJournal(folder)
            journal.acquire()
            look()
            journal.close()
    return states


def _looked_around(call: Callable[P, R], look: Callable[[], None]) -> Callable[P, R]:
    def wrapped(*arguments: P.args, **named: P.kwargs) -> R:
        look()
        result = call(*arguments, **named)
        look()
        return result

    return wrapped


def test_a_journal_goes_on_after_a_power_loss(life: Life, tmp_path: Path) -> None:
    start, operations, bodies, _ = life
    rng = random.Random(12)

    async def go_on() -> None:
        journal = SqliteJournal(tmp_path)
        before = journal.acquire().record
        more = await fill(journal, 4, first=1_000)
        assert bodies_of(journal) == [*bodies[:before], *more]
        journal.close()
        assert bodies_of(SqliteJournalReader(tmp_path)) == [*bodies[:before], *more]

    for _ in range(30):
        moment = rng.randrange(len(operations) + 1)
        restore(tmp_path, after_power_loss(start, operations[:moment], rng))
        asyncio.run(go_on())


def test_a_journal_that_did_not_sync_would_be_caught(life: Life, tmp_path: Path) -> None:
    """The same crashes without the log's syncs lose records: the test above can fail."""
    start, operations, bodies, acknowledged = life
    rng = random.Random(11)
    refused = 0
    for _ in range(40):
        moment = rng.randrange(len(operations) + 1)
        lazy = [o for o in operations[:moment] if o.offset >= 0 or not o.name.endswith("-wal")]
        restore(tmp_path, after_power_loss(start, lazy, rng))
        try:
            recovered = bodies_of(SqliteJournalReader(tmp_path))
        except Exception:  # noqa: BLE001 - any refusal will do
            refused += 1
        else:
            assert len(recovered) >= 3 + sum(at <= moment for at in acknowledged)
            assert recovered == bodies[: len(recovered)]
    assert refused
