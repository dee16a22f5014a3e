"""Durable single orders with a machine key, beside the same server that asks nobody who they are."""

import time
from collections.abc import Iterator

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
MEASURED = (("orders/s", "orders/s", BUDGET), ("cpu", "µs", None), ("p99", "ms", None))


def measure(options: Options) -> Iterator[Figure]:
    """Orders per second and latencies: with a key, to without logins."""
    profiles = options.folder / "profiles.json"
    write_profiles(profiles)
    words = ("--profiles", str(profiles))
    with_keys = options.folder / "with-keys"
    token = _new_key(Settings(data=with_keys))
    servers = (
        Server.phalanx(with_keys, "--logins", *words),
        Server.phalanx(options.folder / "open", *words),
    )
    count = options.size(COUNT)
    loads = [
        Worker(
            prepare,
            Orders(server.process, server.port, CONNECTIONS, count, True, RESTING_PRICE, bearer),
        )
        for server, bearer in zip(servers, (token, ""), strict=True)
    ]
    samples: tuple[list[Sample], list[Sample]] = ([], [])
    try:
        for _ in range(options.rounds(ROUNDS)):
            for load, taken in zip(loads, samples, strict=True):
                taken.append(load.sample())
        time.sleep(0.5)
    finally:
        for load in loads:
            load.stop()
        for server in servers:
            server.stop()
    ours, floor = samples
    for key, unit, budget in MEASURED:
        name = "intake with a machine key, to without logins"
        shown = name if key == unit else f"{name}, {key}"
        yield Figure(shown, unit, _series(ours, key), _series(floor, key), budget)


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
