"""What else goes on must not move TAT: quotes that tick, and readers of the stream that do not read.

Signals to 1,000 accounts, plain, broker 0 ms, on two desks that differ in the feed only; and on the
quiet one with and without the readers. What is disturbed is set beside what is not, taken in turn.
"""

from collections.abc import Iterator, Sequence

from benchmarks import firing
from benchmarks.figures import Budget, Figure, Series
from benchmarks.options import Options
from benchmarks.worker import LiveWorker, Sample

ACCOUNTS = 1_000
READERS = 100
ROUNDS = 12
WARM_UP = 2
BUDGET = Budget(ratio_at_most=1.1)

FEED = {"quotes": "walk", "quotes_interval_ms": "40"}
"""25 steps a second; a step of the walk moves 250 instruments, four fifths of them by a tick or more."""
TICKS = "5,000 quote ticks/s"
LOOK = "/api/v1/tokens/search?q=A&limit=400"
"""Instruments without a close get their quote, which walks from then on, when somebody looks at them."""


def measure(options: Options) -> Iterator[Figure]:
    """Milliseconds; the floor is the same desk undisturbed."""
    accounts, readers = options.size(ACCOUNTS), options.size(READERS)
    folder = options.folder / "disturbances"
    folder.mkdir()
    quiet = LiveWorker(firing.ours, firing.Stage(folder / "quiet", (accounts,)))
    fed = LiveWorker(
        firing.ours, firing.Stage(folder / "fed", (accounts,), settings=FEED, look=LOOK)
    )
    taken: tuple[list[Sample], ...] = ([], [], [])
    try:
        for number in range(-WARM_UP, options.rounds(ROUNDS)):
            samples = (
                quiet.sample(accounts),
                fed.sample(accounts),
                quiet.sample(accounts, readers=readers),
            )
            if number >= 0:
                for sample, series in zip(samples, taken, strict=True):
                    series.append(sample)
    finally:
        quiet.stop()
        fed.stop()
    alone, ticking, crowded = taken
    name = f"TAT, {accounts:,} accounts"
    yield _figure(f"feed: {name}, {TICKS}, to none", ticking, alone, "tat")
    yield _figure(f"stream: {name}, {readers} slow readers, p99, to none", crowded, alone, "p99")


def _figure(name: str, ours: Sequence[Sample], floor: Sequence[Sample], key: str) -> Figure:
    return Figure(name, "ms", _series(ours, key), _series(floor, key), BUDGET)


def _series(samples: Sequence[Sample], key: str) -> Series:
    return Series(tuple(sample[key] for sample in samples))
