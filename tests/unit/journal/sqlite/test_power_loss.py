"""At whatever moment the power goes, what was acknowledged is there when it comes back."""

import asyncio
import random
from pathlib import Path

import pytest

from phalanx.journal import SqliteJournal, SqliteJournalReader
from phalanx.journal.anchor import AnchorFile
from phalanx.journal.sqlite import writer
from tests.contract.journal.backends import batch_id, fill
from tests.unit.journal.sqlite.disks import (
    Operation,
    WatchedVfs,
    after_power_loss,
    watched_anchor_write,
)
from tests.unit.journal.sqlite.folders import bodies_of, contents, restore

CRASHES = 250
APPENDS = 60
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
