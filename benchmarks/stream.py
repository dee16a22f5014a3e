"""The stream: messages a second to 1,000 readers of a served desk, while orders flow.

Every reader reads all topics, and gets every message. The floor writes the same frames, those that one
reader got, to as many sockets. Server and readers have a core each; the orders come from the readers'.
"""

from collections.abc import Iterator, Sequence

from benchmarks import readers
from benchmarks.figures import Budget, Figure, Series
from benchmarks.intake import RESTING_PRICE
from benchmarks.load import Orders
from benchmarks.options import Options
from benchmarks.servers import Server, write_profiles
from benchmarks.worker import LiveWorker, Sample

READERS = 1_000
ORDERS = 120
CONNECTIONS = 4
ROUNDS = 5
BUDGET = Budget(at_least=60_000)


def measure(options: Options) -> Iterator[Figure]:
    """Messages per second, all readers together; how long they are, and how many orders made them."""
    folder = options.folder / "stream"
    folder.mkdir()
    profiles = folder / "profiles.json"
    write_profiles(profiles)
    count = options.size(READERS)
    server = Server.phalanx(folder / "ours", "--profiles", str(profiles))
    ours: list[Sample] = []
    floor: list[Sample] = []
    try:
        show = readers.Show(server.port, count, folder / "frames")
        orders = max(CONNECTIONS, options.size(ORDERS))
        load = Orders(server.process, server.port, CONNECTIONS, orders, False, RESTING_PRICE)
        listening = LiveWorker(readers.ours, show, load)
        try:
            for sample in _both(listening, show, options):
                (ours if "orders/s" in sample else floor).append(sample)
        finally:
            listening.stop()
    finally:
        server.stop()
    name = f"stream: {count:,} readers"
    yield Figure(
        name, "messages/s", _series(ours, "messages/s"), _series(floor, "messages/s"), BUDGET
    )
    yield Figure(f"{name}, of a message", "bytes", _series(ours, "bytes"))
    yield Figure(f"{name}, orders that flow", "orders/s", _series(ours, "orders/s"))


def _both(listening: LiveWorker, show: readers.Show, options: Options) -> Iterator[Sample]:
    """Samples of ours and of the floor in turn; the floor plays what the first one of ours recorded."""
    listening.sample()
    frames = show.frames.rename(show.frames.with_suffix(".first"))
    server = Server.floor(frames, name="stream")
    try:
        floor = LiveWorker(readers.floor, readers.Show(server.port, show.readers, frames))
        try:
            for _ in range(options.rounds(ROUNDS)):
                yield listening.sample()
                yield floor.sample()
        finally:
            floor.stop()
    finally:
        server.stop()


def _series(samples: Sequence[Sample], key: str) -> Series:
    return Series(tuple(sample[key] for sample in samples))
