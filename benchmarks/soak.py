"""``python -m benchmarks.soak --minutes N --rate R``: hours of orders, flat memory, no growing queue.

One `phalanx serve` takes single orders at a steady rate: for each account a buy, then a sell of what it
bought, filled at once on paper. Every ten seconds a line says what the server holds, and the process that
writes its views. Whatever has a bound fills up to it first; the minutes count from there. At the end there
is a verdict, and the exit code says it too. Without a rate it is half of what the server takes at most,
which is measured first.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

import msgspec
import uvloop

from benchmarks.caller import Caller, post_request
from benchmarks.load import WORKS
from benchmarks.scene import ACCOUNTS
from benchmarks.servers import Server, children, write_profiles
from benchmarks.week import resident_mb

CONNECTIONS = 64
PEAK_S = 10
RATE_MAX = 1e6
LOOK_S = 10.0
TURN_S = 0.02
"""So often the orders that are due by now are sent."""
SERVER_QUEUES = ("commit_waiting_bytes", "open_orders", "lane_waiting")
"""Gauges of /metrics."""
FILLED_ORDERS = 60_000
FILLED_S = 130.0
"""From here on everything that has a bound has reached it. The last by orders is the page cache of the
process that writes the views (32 MiB, after some 50,000 of them); by time it is what the reconciler keeps
of the books, which it reads in turn, all of them once a minute.
"""
LEAK_BYTES_MAX = 25
"""So much more memory for each order is none that is kept of it: the smallest thing that could be, a number
in a dict, takes a hundred."""
NOISE_MB = 2.0
"""Memory comes and goes by so much as the allocator and the collector take their turns."""
QUEUE_GROWTH_MAX = 2.0
QUEUE_LEAST = {
    "commit_waiting_bytes": 2**20,
    "open_orders": 2_000,
    "lane_waiting": 2_000,
    "views_behind": 20_000,
    "unsent": 1_000,
}
"""A queue that is so short is none. ``views_behind``: events that the views have not seen yet;
``unsent``: orders that were due, while every connection waited for an answer."""
REFUSED_MAX = 0.01
"""Of the orders."""
LOOKS_MIN = 6
JUDGED_ORDERS_MIN = 40_000
"""With fewer, something that is kept of every order could hide in the noise."""
QUANTITIES = 10
IN_MEMORY = 5_000
"""Ended orders that stay in memory; with the setting's default it would take a while to fill up."""


class Look(msgspec.Struct, frozen=True):
    """What was to be seen at one moment: MB of each process by its name, the queues by name, and how many
    orders were answered so far and refused so far.
    """

    second: float
    memory_mb: dict[str, float]
    queues: dict[str, float]
    answered: int
    refused: int = 0

    @property
    def is_filled(self) -> bool:
        """Whether whatever has a bound has reached it."""
        return self.second >= FILLED_S and self.answered >= FILLED_ORDERS

    def __str__(self) -> str:
        memory = ", ".join(f"{name} {held:.1f} MB" for name, held in self.memory_mb.items())
        queues = ", ".join(f"{name} {value:,.0f}" for name, value in self.queues.items())
        orders = f"{self.answered:,} answered, {self.refused:,} refused"
        phase = "" if self.is_filled else "filling up, "
        return f"{self.second:6.0f} s  {phase}{memory}, {queues}, {orders}"


class Growth(msgspec.Struct, frozen=True):
    """What one process held in the first third of a run and in the last, and what more that is an order."""

    process: str
    before_mb: float
    after_mb: float
    orders: float

    @property
    def bytes_per_order(self) -> float:
        """Less than nothing where it shrank."""
        return (self.after_mb - self.before_mb) * 2**20 / self.orders

    @property
    def is_leak(self) -> bool:
        """More than the noise of a short run, and of a long one more than is nothing."""
        return self.after_mb - self.before_mb > NOISE_MB and self.bytes_per_order > LEAK_BYTES_MAX

    def __str__(self) -> str:
        held = f"{self.process}: {self.before_mb:.1f} MB, then {self.after_mb:.1f} MB"
        return f"{held}, {self.bytes_per_order:+.0f} bytes for each of {self.orders:,.0f} orders"


def growths(looks: Sequence[Look]) -> list[Growth]:
    """How the memory of each process went, once it had filled up; the looks are at least three."""
    first, last = _thirds(looks)
    orders = median(look.answered for look in last) - median(look.answered for look in first)
    found = []
    for process in looks[-1].memory_mb:
        before, after = (median(look.memory_mb[process] for look in part) for part in (first, last))
        found.append(Growth(process, before, after, orders))
    return found


def verdict(looks: Sequence[Look]) -> list[str]:
    """What is wrong with a run; nothing: memory stayed flat, and no queue grew. Only what came after it
    had filled up is judged.
    """
    judged = [look for look in looks if look.is_filled]
    if len(judged) < LOOKS_MIN:
        return [
            f"too short to tell: {len(judged)} looks of at least {LOOKS_MIN} were of a full server"
        ]
    orders = judged[-1].answered - judged[0].answered
    if orders < JUDGED_ORDERS_MIN:
        return [f"too few orders to tell: {orders:,} of at least {JUDGED_ORDERS_MIN:,}"]
    if not all(held for look in judged for held in look.memory_mb.values()):
        return ["nobody can say here how much memory a process holds"]
    wrong = [f"memory grew: {growth}" for growth in growths(judged) if growth.is_leak]
    first, last = _thirds(judged)
    for name, least in QUEUE_LEAST.items():
        was, now = (median(look.queues[name] for look in part) for part in (first, last))
        if now > max(least, was * QUEUE_GROWTH_MAX):
            wrong.append(f"{name} grew from {was:,.0f} to {now:,.0f}")
    refused, answered = looks[-1].refused, looks[-1].answered
    if refused > answered * REFUSED_MAX:
        wrong.append(f"{refused:,} of {answered:,} orders were refused")
    return wrong


def _thirds(looks: Sequence[Look]) -> tuple[Sequence[Look], Sequence[Look]]:
    """The first and the last."""
    third = len(looks) // 3
    return looks[:third], looks[-third:]


def gauges(metrics: str) -> dict[str, float]:
    """The queues in the text of ``/metrics``."""
    found = {}
    for line in metrics.splitlines():
        name, _, value = line.partition(" ")
        if name.removeprefix("phalanx_") in (*SERVER_QUEUES, "seq"):
            found[name.removeprefix("phalanx_")] = float(value)
    return found


def order(number: int) -> bytes:
    """The request of the ``number``-th order: accounts in turn, each buys and sells, another quantity
    than the last few times, so that none looks like one sent twice.
    """
    turn, client = divmod(number, ACCOUNTS)
    side = "SELL" if turn % 2 else "BUY"
    body = {"kind": "order", "client": client + 1, "instrument": "INFY", "side": side}
    body |= {"product": "DELIVERY", "type": "MARKET", "quantity": turn // 2 % QUANTITIES + 1}
    return post_request("/api/v1/instructions", body)


class Flow:
    """Orders at a steady rate, over connections that each send one when the last is answered."""

    def __init__(self) -> None:
        self.answered = 0
        self.refused = 0
        self.unsent = 0
        self._sent = 0
        self._idle: list[Caller] = []
        self._failed: asyncio.Future[None]

    async def connect(self, port: int) -> None:
        """Open every connection."""
        self._failed = asyncio.get_running_loop().create_future()
        self._idle = [await Caller.connect(port) for _ in range(CONNECTIONS)]

    async def run(self, rate: float, seconds: float) -> None:
        """So many orders a second. Raises what went wrong with one of them."""
        begun, before = time.monotonic(), self._sent
        while (passed := time.monotonic() - begun) < seconds:
            self.unsent = int(passed * rate) - (self._sent - before)
            self._send()
            await asyncio.wait([self._failed], timeout=TURN_S)
            if self._failed.done():
                self._failed.result()
        self.unsent = 0

    def _send(self) -> None:
        while self.unsent > 0 and self._idle:
            caller = self._idle.pop()
            self.unsent -= 1
            answer = caller.send(order(self._sent))
            self._sent += 1
            answer.add_done_callback(partial(self._answered, caller))

    def _answered(self, caller: Caller, answer: "asyncio.Future[bytes]") -> None:
        error = answer.exception()
        if error is not None:
            if not self._failed.done():
                self._failed.set_exception(error)
            return
        self.answered += 1
        self.refused += WORKS not in answer.result()
        self._idle.append(caller)
        self._send()


async def look(server: Server, caller: Caller, flow: Flow, second: float) -> Look:
    """How it stands now."""
    found = gauges((await caller.get("/metrics")).decode())
    unsent = flow.unsent
    seen = msgspec.json.decode(await caller.get("/api/v1/orders?limit=1"))["as_of"]
    queues = {name: found[name] for name in SERVER_QUEUES}
    queues |= {"views_behind": max(0, found["seq"] - seen), "unsent": unsent}
    views_mb = sum(resident_mb(child) for child in children(server.process))
    memory = {"server": resident_mb(server.process), "views": views_mb}
    return Look(second, memory, queues, flow.answered, flow.refused)


async def soak(server: Server, minutes: float, rate: float) -> list[Look]:
    """Every look; each is printed when it is taken. The minutes begin when the server is full."""
    flow, caller = Flow(), await Caller.connect(server.port)
    await flow.connect(server.port)
    await caller.patch("/api/v1/settings", {"terminal_orders_max": IN_MEMORY})
    if not rate:
        await flow.run(RATE_MAX, PEAK_S)
        rate = flow.answered / PEAK_S / 2
        print(f"at most {2 * rate:,.0f} orders/s; half of that from here on", flush=True)
    looks: list[Look] = []
    begun = time.monotonic()
    filling_s = max(FILLED_S, FILLED_ORDERS / rate)
    print(f"{filling_s:,.0f} s to fill up, then {minutes:g} minutes that are judged", flush=True)
    flowing = asyncio.create_task(flow.run(rate, filling_s + minutes * 60))
    while not flowing.done():
        await asyncio.wait([flowing], timeout=LOOK_S)
        looks.append(await look(server, caller, flow, time.monotonic() - begun))
        print(looks[-1], flush=True)
    flowing.result()
    return looks


def _positive(text: str) -> float:
    """A number above zero. Raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return number


def _rate(text: str) -> float:
    """Orders a second that can be asked for at all. Raises ArgumentTypeError."""
    number = _positive(text)
    if number > RATE_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {RATE_MAX:,.0f} a second")
    return number


def main() -> None:
    """Soak, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=_positive, default=60)
    parser.add_argument("--rate", type=_rate, default=0, help="orders/s [half of the peak]")
    parser.add_argument(
        "--folder", type=Path, help="where the journal is written [a temporary one]"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="phalanx-soak-", dir=asked.folder) as name:
        profiles = Path(name) / "profiles.json"
        write_profiles(profiles)
        server = Server.phalanx(Path(name) / "data", "--profiles", str(profiles))
        try:
            looks = uvloop.run(soak(server, asked.minutes, asked.rate))
        finally:
            server.stop()
    wrong = verdict(looks)
    judged = [look for look in looks if look.is_filled]
    print(*(growths(judged) if len(judged) >= LOOKS_MIN else ()), sep="\n")
    print(*(wrong or ["flat: memory did not grow, and no queue did"]), sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
