"""Durable single orders with a machine key, beside the same server that asks nobody who they are; and while
somebody guesses passwords, beside the same server when nobody does.
"""

import time
from collections.abc import Iterator

from benchmarks.bad_logins import Guesser
from benchmarks.figures import Budget, Figure, Series
from benchmarks.intake import RESTING_PRICE, ROUNDS
from benchmarks.load import Orders, prepare
from benchmarks.options import Options
from benchmarks.servers import Server, write_profiles
from benchmarks.worker import Sample, Worker
from phalanx.access.machine_keys import NewKey
from phalanx.bootstrap.sealed import open_access
from phalanx.config import Settings
from phalanx.domain.access import Permission
from phalanx.domain.time import DAY

CONNECTIONS = 256
COUNT = 10_000
BUDGET = Budget(ratio_at_least=0.9)
FEW = 8
"""Connections that leave the server time for others: what is looked at is how long an order takes."""
GUESSES_PER_SECOND = 200
START_S = 1
"""Until a guesser is at work."""
UNDISTURBED = Budget(ratio_at_most=1.1)
WHILE_GUESSED = (("p50", UNDISTURBED), ("p99", None))
MEASURED = (("orders/s", "orders/s", BUDGET), ("cpu", "µs", None), ("p99", "ms", None))


def measure(options: Options) -> Iterator[Figure]:
    """Orders per second and latencies: with a key, to without logins; with guesses, to without."""
    profiles = options.folder / "profiles.json"
    write_profiles(profiles)
    words = ("--profiles", str(profiles))
    with_keys = options.folder / "with-keys"
    token = _new_key(Settings(data=with_keys))
    guarded = Server.phalanx(with_keys, "--logins", *words)
    free = Server.phalanx(options.folder / "open", *words)
    try:
        yield from _with_a_key(options, guarded, token, free)
        yield from _while_guessed(options, guarded, token)
    finally:
        guarded.stop()
        free.stop()


def _with_a_key(options: Options, guarded: Server, token: str, free: Server) -> Iterator[Figure]:
    count = options.size(COUNT)
    loads = (_load(guarded, CONNECTIONS, count, token), _load(free, CONNECTIONS, count, ""))
    samples: tuple[list[Sample], list[Sample]] = ([], [])
    try:
        for _ in range(options.rounds(ROUNDS)):
            for load, taken in zip(loads, samples, strict=True):
                taken.append(load.sample())
        time.sleep(0.5)
    finally:
        for load in loads:
            load.stop()
    ours, floor = samples
    for key, unit, budget in MEASURED:
        name = "intake with a machine key, to without logins"
        shown = name if key == unit else f"{name}, {key}"
        yield Figure(shown, unit, _series(ours, key), _series(floor, key), budget)


def _while_guessed(options: Options, guarded: Server, token: str) -> Iterator[Figure]:
    load = _load(guarded, FEW, options.size(COUNT) // 4, token)
    guessed, alone = [], []
    try:
        for _ in range(options.rounds(ROUNDS)):
            guesser = Guesser(guarded.port, GUESSES_PER_SECOND)
            try:
                time.sleep(START_S)
                guessed.append(load.sample())
            finally:
                guesser.stop()
            alone.append(load.sample())
    finally:
        load.stop()
    for key, budget in WHILE_GUESSED:
        shown = f"orders while {GUESSES_PER_SECOND} bad logins/s come, to none, {key}"
        yield Figure(shown, "ms", _series(guessed, key), _series(alone, key), budget)


def _load(server: Server, connections: int, count: int, token: str) -> Worker:
    asked = Orders(server.process, server.port, connections, count, True, RESTING_PRICE, token)
    return Worker(prepare, asked)


def _new_key(settings: Settings) -> str:
    settings.data.mkdir()
    access = open_access(settings, lambda *_: None)
    try:
        until = access.directory.now() + DAY
        new = NewKey("benchmark", frozenset({Permission.TRADE, Permission.READ}), until)
        return access.directory.keys.create(new, by="local").token.reveal()
    finally:
        access.close()


def _series(samples: list[Sample], key: str) -> Series:
    return Series(tuple(sample[key] for sample in samples))
