"""Turnaround: one signal to 100, 1,000 and 5,000 accounts, each with a warm connection of its own.

From the load generator's clock just before the first byte of the request to the broker's at the last
byte of the last order. The floor commits the same record and writes the same bytes in a flat loop.
"""

import sys
from collections.abc import Iterator, Sequence

from benchmarks import firing
from benchmarks.figures import Budget, Figure, Series
from benchmarks.options import Options
from benchmarks.worker import LiveWorker, Sample

SIZES = (100, 1_000, 5_000)
DELAYS_MS = (0, 20)
ROUNDS = {100: 12, 1_000: 12, 5_000: 4}
WARM_UP = 2
SAME_BYTES = 0.1
"""An order's request in the floor may be longer or shorter than ours by this share."""

HOPS = (
    ("hop received", "first byte sent → read"),
    ("hop planned", "read → planned"),
    ("hop committed", "planned → committed"),
    ("hop first sent", "committed → first order sent"),
    ("hop sent", "first order sent → last order sent"),
    ("hop arrived", "last order sent → arrived"),
    ("hop acknowledged", "sent → acknowledged, p50 of the orders"),
)


def name_of(size: int, wire: str, delay_ms: int) -> str:
    """What a case is called."""
    return f"tat: {size:,} accounts, {wire}, broker {delay_ms} ms"


BUDGETS = {name_of(1_000, "plain", 0): Budget(ratio_at_most=1.5)}


def measure(options: Options) -> Iterator[Figure]:
    """Milliseconds for each transport, number of accounts and broker; and where they go."""
    sizes = tuple(dict.fromkeys(options.size(size) for size in SIZES))
    allowed = tuple(filter(firing.files_allow, sizes))
    for size in sizes[len(allowed) :]:
        print(f"tat: {size:,} accounts are left out: too few open files", file=sys.stderr)
    for is_tls in (False, True) if allowed else ():
        yield from over_wire(options, allowed, is_tls=is_tls)


def over_wire(options: Options, sizes: tuple[int, ...], *, is_tls: bool) -> Iterator[Figure]:
    """The same over one transport."""
    wire = "TLS" if is_tls else "plain"
    folder = options.folder / f"tat-{wire}"
    folder.mkdir()
    ours = LiveWorker(firing.ours, firing.Stage(folder / "ours", sizes, is_tls))
    floor = LiveWorker(firing.floor, firing.Stage(folder / "floor", sizes, is_tls))
    try:
        for size in sizes:
            for delay_ms in DELAYS_MS:
                hops = size == sizes[:2][-1] and not delay_ms
                samples = _samples(options, (ours, floor), (size, delay_ms), hops=hops)
                name = name_of(size, wire, delay_ms)
                yield from _figures(name, *samples, hops=hops)
    finally:
        ours.stop()
        floor.stop()


def _samples(
    options: Options, workers: tuple[LiveWorker, LiveWorker], case: tuple[int, int], *, hops: bool
) -> tuple[list[Sample], list[Sample]]:
    ours, floor = workers
    for _ in range(WARM_UP):
        ours.sample(*case)
        floor.sample(*case)
    taken: tuple[list[Sample], list[Sample]] = ([], [])
    for _ in range(options.rounds(ROUNDS.get(case[0], ROUNDS[100]))):
        taken[0].append(ours.sample(*case, hops=hops))
        taken[1].append(floor.sample(*case))
    share = taken[1][-1]["bytes"] / taken[0][-1]["bytes"] - 1
    assert abs(share) < SAME_BYTES, f"the floor wrote {share:+.0%} of our bytes"
    return taken


def _figures(name: str, ours: list[Sample], floor: list[Sample], *, hops: bool) -> Iterator[Figure]:
    yield Figure(name, "ms", _series(ours, "tat"), _series(floor, "tat"), BUDGETS.get(name))
    if hops:
        yield Figure(
            f"{name}, p99 of the orders", "ms", _series(ours, "p99"), _series(floor, "p99")
        )
        for key, what in HOPS:
            yield Figure(f"{name}: {what}", "ms", _series(ours, key))


def _series(samples: Sequence[Sample], key: str) -> Series:
    return Series(tuple(sample[key] for sample in samples))
