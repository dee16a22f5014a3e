"""Commits of the journal, each awaited before the next: small records, and groups of 256 events."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

import uvloop

from benchmarks.figures import Figure, Series
from benchmarks.floors.commits import FlatJournal
from benchmarks.options import Options
from phalanx.journal.sqlite import SqliteJournal

EVENT = b"\xa5" * 300
BATCH_ID = bytes(16)
ROUNDS = 10
COMMITS = {1: 400, 256: 100}
"""Commits of one sample, by events in a record."""


def measure(options: Options) -> Iterator[Figure]:
    """Events per second for each size of record."""
    for count, commits in COMMITS.items():
        ours, floor = uvloop.run(_measure(options, count, options.size(commits)))
        unit = "commits/s" if count == 1 else "events/s"
        yield Figure(f"journal: {_name(count)}", unit, Series(tuple(ours)), Series(tuple(floor)))


def _name(count: int) -> str:
    return "single 300-byte records" if count == 1 else f"groups of {count} events of 300 bytes"


async def _measure(options: Options, count: int, commits: int) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    floor: list[float] = []
    body = EVENT * count
    journal = SqliteJournal(_folder(options, f"ours-{count}"))
    journal.acquire()
    with closing(journal), closing(FlatJournal(_folder(options, f"floor-{count}"))) as flat:
        for _ in range(options.rounds(ROUNDS)):
            begun = perf_counter()
            for _ in range(commits):
                await journal.append(body, count, BATCH_ID)
            ours.append(commits * count / (perf_counter() - begun))
            # The journal copies its log back when it has a pause; the floor does so here.
            await asyncio.sleep(0.05)
            begun = perf_counter()
            for _ in range(commits):
                flat.append(body, count, BATCH_ID)
            floor.append(commits * count / (perf_counter() - begun))
            flat.checkpoint()
    return ours, floor


def _folder(options: Options, name: str) -> Path:
    folder = options.folder / f"commits-{name}"
    folder.mkdir()
    return folder
