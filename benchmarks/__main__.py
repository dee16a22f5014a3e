"""``python -m benchmarks [--json] [--quick] [--only NAME]``."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from benchmarks import (
    allocation,
    commits,
    disturbances,
    engine,
    fan_out,
    instruments_search,
    intake,
    logins,
    logins_apart,
    replay,
    stream,
    tat,
    week,
)
from benchmarks.figures import Figure
from benchmarks.machine import describe
from benchmarks.options import Options
from benchmarks.report import rows, table

BENCHMARKS: dict[str, Callable[[Options], Iterator[Figure]]] = {
    "tat": tat.measure,
    "disturbances": disturbances.measure,
    "allocation": allocation.measure,
    "engine": engine.measure,
    "instruments_search": instruments_search.measure,
    "intake": intake.measure,
    "logins": logins.measure,
    "logins-apart": logins_apart.measure,
    "stream": stream.measure,
    "replay": replay.measure,
    "week": week.measure,
    "fan-out": fan_out.measure,
    "journal": commits.measure,
}


def main() -> None:
    """Measure what was asked for, and say it."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="phalanx-benchmark-", dir=asked.folder) as folder:
        options = Options(Path(folder), asked.quick, asked.history, asked.changes)
        machine = describe(options.folder)
        figures = list(_measure(asked.only or list(BENCHMARKS), options, quiet=asked.json))
    if asked.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(rows(figures))) + b"\n")
        return
    print(*machine, *table(figures), sep="\n")
    print("Ratios of one run on a noisy machine: read them, not the absolute figures.")


def _measure(names: list[str], options: Options, *, quiet: bool) -> Iterator[Figure]:
    for name in names:
        begun = time.monotonic()
        yield from BENCHMARKS[name](options)
        if not quiet:
            print(f"{name}: measured in {time.monotonic() - begun:.0f} s", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="only a JSON array on stdout")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller journals")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="may be repeated")
    parser.add_argument("--history", type=int, default=1_000_000, help="orders of the past")
    parser.add_argument("--changes", type=int, default=1_000_000, help="order changes to replay")
    parser.add_argument("--folder", type=Path, help="where journals are written [a temporary one]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
