"""What reaches the disk: one sync of the log and one of the anchor for each record, and no more."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from phalanx import bootstrap
from phalanx.bootstrap import System, build
from phalanx.config import Settings
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine.commands import Submit
from phalanx.journal.anchor import AnchorFile
from phalanx.journal.sqlite import SqliteJournal, SqliteJournalReader
from tests.unit.journal.sqlite.disks import Operation, WatchedVfs, watched_anchor_write

ACCOUNTS = 40
ORIGIN = Origin("local", Door.INSTRUCTIONS)
LOG = "journal.db-wal"
ANCHOR = "anchor"


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Syncs by file, of every journal that ``bootstrap`` opens."""
    counts: Counter[str] = Counter()

    def see(operation: Operation) -> None:
        if operation.offset < 0:
            counts[operation.name] += 1

    monkeypatch.setattr(AnchorFile, "write", watched_anchor_write(see))
    monkeypatch.setattr(bootstrap.system, "SqliteJournal", partial(SqliteJournal, vfs="counting"))
    with WatchedVfs("counting", see):
        yield counts


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[System]:
    system = build(Settings(data=data))
    await system.start()
    profiles = {f"U{n}": {"EVERYBODY": ["INFY"]} for n in range(ACCOUNTS)}
    await system.import_profiles(profiles, ORIGIN)
    yield system
    await system.stop()


def order(client: int, quantity: int = 1) -> Submit:
    """A buy that rests."""
    request = OrderRequest(
        client,
        "",
        "INFY",
        Side.BUY,
        Product.DELIVERY,
        OrdType.LIMIT,
        whole(quantity),
        whole(1_400),
    )
    return Submit(ORIGIN, request)


def records(data: Path) -> int:
    reader = SqliteJournalReader(data)
    try:
        return reader.tail().record
    finally:
        reader.close()


async def quiet(system: System) -> None:
    """Until nothing more becomes durable."""
    seq = -1
    while seq != system.desk.durable_seq or seq != system.desk.state.seq:
        seq = system.desk.durable_seq
        await asyncio.sleep(0.02)


async def test_a_record_costs_one_sync_of_the_log_and_one_of_the_anchor(
    tmp_path: Path, syncs: Counter[str]
) -> None:
    async with running(tmp_path) as system:
        await quiet(system)
        before = records(tmp_path)
        syncs.clear()

        for client in range(1, 21):
            await system.desk.execute(order(client))
        await quiet(system)

        written = records(tmp_path) - before
        assert written >= 20
        assert syncs == {LOG: written, ANCHOR: written}


async def test_concurrent_orders_share_their_syncs(tmp_path: Path, syncs: Counter[str]) -> None:
    async with running(tmp_path) as system:
        await quiet(system)
        syncs.clear()

        orders = (order(client) for client in range(1, ACCOUNTS + 1))
        await asyncio.gather(*(system.desk.execute(each) for each in orders))

        # All forty plans in one record; what the broker says of them may be on its way already.
        assert syncs[LOG] <= 2
        await quiet(system)
        assert syncs[ANCHOR] == syncs[LOG]
