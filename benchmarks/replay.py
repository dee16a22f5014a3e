"""Replay: order changes per second from journal to state, and how soon a server is ready.

One change of one order counts as one, however many of them an event packs.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Budget, Figure, Series
from benchmarks.floors.replay import Standing
from benchmarks.mix import make_busy_journal, make_journal
from benchmarks.options import Options
from benchmarks.servers import Server
from benchmarks.worker import Sample, Worker
from phalanx.bootstrap import build
from phalanx.config import Settings
from phalanx.desk.recovery import rebuild
from phalanx.journal.sqlite import SqliteJournalReader

ROUNDS = 4
REPLAY = Budget(at_least=400_000)
READY = Budget(at_most=1)
ORDERS_IN_MEMORY = 50_000
"""As many as the settings keep: what a busy hour leaves."""


def measure(options: Options) -> Iterator[Figure]:
    """Changes per second beside the floor's; seconds from opening a folder to ready."""
    folder = options.folder / "replay"
    folder.mkdir()
    changes = make_journal(folder, options.size(options.changes)).changes
    workers = (Worker(ours, folder, changes), Worker(floor, folder, changes))
    samples: tuple[list[float], list[float]] = ([], [])
    try:
        for _ in range(options.rounds(ROUNDS)):
            for worker, taken in zip(workers, samples, strict=True):
                taken.append(worker.sample()["changes/s"])
    finally:
        for worker in workers:
            worker.stop()
    name = f"replay: {changes:,} order changes"
    yield Figure(name, "changes/s", Series(tuple(samples[0])), Series(tuple(samples[1])), REPLAY)
    yield from _ready(options)


def ours(folder: Path, changes: int) -> Callable[[], Sample]:
    """The contestant: the whole state, from the first record."""

    def sample() -> Sample:
        reader = SqliteJournalReader(folder)
        begun = perf_counter()
        state = rebuild(reader, use_snapshot=False)
        spent = perf_counter() - begun
        assert state.seq == reader.tail().seq
        reader.close()
        return {"changes/s": changes / spent}

    return sample


def floor(folder: Path, changes: int) -> Callable[[], Sample]:
    """The floor: the same records read and decoded, and next to nothing done with them."""

    def sample() -> Sample:
        reader = SqliteJournalReader(folder)
        begun = perf_counter()
        Standing().replay(reader)
        spent = perf_counter() - begun
        reader.close()
        return {"changes/s": changes / spent}

    return sample


def _ready(options: Options) -> Iterator[Figure]:
    """A folder as a desk leaves it: its snapshot says everything."""
    folder = options.folder / "ready"
    folder.mkdir()
    orders = options.size(ORDERS_IN_MEMORY)
    make_busy_journal(folder, orders)
    asyncio.run(_open(folder))
    rounds = options.rounds(ROUNDS)
    worker = Worker(opened, folder)
    try:
        opening = [worker.sample()["s"] for _ in range(rounds)]
    finally:
        worker.stop()
    name = f"replay: open to ready, {orders:,} orders in the snapshot"
    yield Figure(name, "s", Series(tuple(opening)), None, READY)
    _start_server(folder)
    serving = [_start_server(folder) for _ in range(rounds)]
    yield Figure("replay: the same, as `phalanx serve`", "s", Series(tuple(serving)))


def opened(folder: Path) -> Callable[[], Sample]:
    """The contestant: build and start a system over ``folder``, then stop it with a snapshot."""
    return lambda: {"s": asyncio.run(_open(folder))}


async def _open(folder: Path) -> float:
    begun = perf_counter()
    system = build(Settings(data=folder))
    await system.start()
    spent = perf_counter() - begun
    await system.stop()
    return spent


def _start_server(folder: Path) -> float:
    begun = perf_counter()
    server = Server.phalanx(folder)
    spent = perf_counter() - begun
    server.stop()
    return spent
