"""A simulated week: five days of orders, of which each leaves memory when its day is over.

The journal is replayed as at a start; after each day the process says how much memory it holds.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import Budget, Figure, Series
from benchmarks.history import ORDERS, trade
from benchmarks.mix import Writer
from benchmarks.options import Options
from benchmarks.scene import START, Scene
from benchmarks.worker import Sample, Worker, freeze
from phalanx.domain.events import decode_events
from phalanx.domain.time import DAY
from phalanx.engine.apply import apply
from phalanx.engine.state import State
from phalanx.journal.sqlite import SqliteJournalReader

DAYS = 5
ORDERS_OF_A_DAY = 20_000
FLAT = Budget(ratio_at_most=1.1)


def measure(options: Options) -> Iterator[Figure]:
    """Memory after the last day beside that after the first one."""
    folder = options.folder / "week"
    folder.mkdir()
    orders = max(ORDERS, options.size(ORDERS_OF_A_DAY))
    ends = asyncio.run(make_week(folder, orders))
    worker = Worker(prepare, folder, ends)
    try:
        sample = worker.sample()
    finally:
        worker.stop()
    last, first = (Series((sample[f"day {day}"],)) for day in (DAYS, 1))
    name = f"replay: memory after {DAYS} days of {orders:,} orders, to that after one"
    yield Figure(name, "MB", last, first, FLAT)


async def make_week(folder: Path, orders: int) -> list[int]:
    """Write the journal into ``folder``; returns the last event of each day."""
    writer = Writer(folder)
    scene = Scene()
    await writer.write(scene.founding)
    ends = []
    for day in range(1, DAYS + 1):
        for _ in range(0, orders, ORDERS):
            await writer.write(trade(scene))
        scene.now = max(scene.now, START + day * DAY)
        await writer.write(scene.retire())
        ends.append(scene.state.seq)
    made = await writer.close()
    assert made.events == ends[-1]
    assert not scene.state.orders
    return ends


def prepare(folder: Path, ends: list[int]) -> Callable[[], Sample]:
    """A contestant that replays the week; MB after each day."""

    def sample() -> Sample:
        reader = SqliteJournalReader(folder)
        state, taken = State(), {}
        for record in reader.records():
            for event in decode_events(record.body):
                apply(state, event)
                if state.seq in ends:
                    freeze()
                    taken[f"day {ends.index(state.seq) + 1}"] = resident_mb(os.getpid())
        reader.close()
        return taken

    return sample


def resident_mb(process: int) -> float:
    """What a process holds of the machine's memory; 0 where nobody can say."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0.0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
