"""Instruments: a search over 150,000 of them, and what a daily master costs before it can be searched.

A round asks every query once, among them those of one letter, which a tenth of all match, and those that
nothing matches, for which every rank is looked at. The slowest of them is what the budget speaks of. The
floor is a look at every symbol, in C as far as Python goes, which finds fewer: no words, no companies, no
order.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from time import thread_time_ns

from benchmarks.figures import Budget, Figure, Series
from benchmarks.options import Options
from benchmarks.scrips import scrip_master
from benchmarks.worker import Sample, Worker, freeze
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.market.daily import MasterSource, read_daily, replaced
from phalanx.market.finding.search import SearchIndex

INSTRUMENTS = 150_000
SEED = 16
ROUNDS = 30
LIMITS = {"50 wanted": 50, "500 wanted": 500}
"""What the door gives unasked, and the most it gives."""
SLOWEST = Budget(at_most=5)
MEGABYTE = 1_000_000
QUERIES = (
    *("N", "NI", "NIFTY", "nifty 17000", "NIFTY 17000 CE", "NIFTY 24 DEC 17000 CE"),
    *("NIFTY DEC 2026", "banknifty pe", "BANKNIFTY 26 NOV 15000 PE", "fin 12000 c", "A", "E", "R"),
    *("1", "2", "30", "300", "30123", "NSE:2885", "NSEFO:30123", "BSE:500001", "INE002885010"),
    *("bank limited", "steel ind", "pharma india lim", "ce 26 1", "n 1 2 c", "a b c d e f g h"),
    *("00", "ra", "qq", "zzz", "no such thing", "NSE:999999999", "x", "MIDCPNIFTY 03 DEC 10500"),
)
assert len(set(QUERIES)) == len(QUERIES)


_PARTS: dict[str, Budget | None] = {"median": None, "slowest": SLOWEST}


def measure(options: Options) -> Iterator[Figure]:
    """Milliseconds of processor time for a search; for the master seconds of it, and megabytes."""
    instruments = options.size(INSTRUMENTS)
    worker = Worker(prepare, instruments)
    try:
        made = worker.sample("made")
        samples = [worker.sample("search") for _ in range(options.rounds(ROUNDS))]
    finally:
        worker.stop()
    name = f"instruments: {instruments:,}"
    floor = {part: Series(tuple(sample[f"floor {part}"] for sample in samples)) for part in _PARTS}
    for wanted in LIMITS:
        for part, budget in _PARTS.items():
            ours = Series(tuple(sample[f"{wanted} {part}"] for sample in samples))
            told = f"{name}, search, {wanted}, {part} of {len(QUERIES)} kinds"
            yield Figure(told, "ms", ours, floor[part], budget)
    for part in ("file read", "put in place of nothing", "search index made"):
        yield Figure(f"{name}, {part}", "s", Series((made[part],)))
    yield Figure(f"{name}, memory of the search index", "MB", Series((made["memory"],)))


def prepare(instruments: int) -> Callable[[str], Sample]:
    """A master that can be searched; what it took to make it, and rounds of searches in it."""
    made: Sample = {}
    content = scrip_master(instruments, SEED)
    begun = thread_time_ns()
    daily = read_daily(content, MasterSource.MOTILAL)
    made["file read"] = _seconds_since(begun)
    assert not daily.flaws.left_out
    begun = thread_time_ns()
    index = replaced(InstrumentIndex(()), daily.instruments, {}).index
    made["put in place of nothing"] = _seconds_since(begun)
    assert len(index) == instruments
    begun = thread_time_ns()
    search = SearchIndex(index)
    made["search index made"] = _seconds_since(begun)
    made["memory"] = _memory_of(index)
    symbols = [one.symbol for one in index]
    freeze()

    def sample(asked: str) -> Sample:
        if asked == "made":
            return made
        taken = _told("floor", lambda query: _look(symbols, query.upper()))
        for wanted, limit in LIMITS.items():
            taken |= _told(wanted, partial(search.find, limit=limit))
        return taken

    return sample


def _look(symbols: list[str], query: str) -> list[str]:
    return [symbol for symbol in symbols if query in symbol]


def _told(name: str, work: Callable[[str], object]) -> Sample:
    """Milliseconds of processor time for a query."""
    spent = []
    for query in QUERIES:
        begun = thread_time_ns()
        work(query)
        spent.append((thread_time_ns() - begun) / MILLISECOND)
    return {f"{name} median": median(spent), f"{name} slowest": max(spent)}


def _memory_of(index: InstrumentIndex) -> float:
    """Megabytes that another search index over the same master holds."""
    tracemalloc.start()
    search = SearchIndex(index)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del search
    return held / MEGABYTE


def _seconds_since(begun: int) -> float:
    return (thread_time_ns() - begun) / SECOND
