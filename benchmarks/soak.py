"""``python -m benchmarks.soak --minutes N --rate R``: hours of orders, flat memory, no growing queue.

One `phalanx serve` takes single orders at a steady rate: for each account a buy, then a sell of what it
bought, filled at once on paper. Every ten seconds a line says what the server holds; at the end there is a
verdict, and the exit code says it too. Without a rate it is half of what the server takes at most, which is
measured first.
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
from benchmarks.servers import Server, write_profiles
from benchmarks.week import resident_mb

CONNECTIONS = 64
PEAK_S = 10
RATE_MAX = 1e6
LOOK_S = 10.0
TURN_S = 0.02
"""So often the orders that are due by now are sent."""
SERVER_QUEUES = ("commit_waiting_bytes", "open_orders", "lane_waiting")
"""Gauges of /metrics."""
GROWTH_MAX = 1.05
"""Of memory, from the middle of the run to its last third; before that it fills up to its bounds."""
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
QUANTITIES = 10
IN_MEMORY = 5_000
"""Ended orders that stay in memory; with the setting's default it would take a while to fill up."""


class Look(msgspec.Struct, frozen=True):
    """What was to be seen at one moment: the server's memory, the queues by name, and how many orders
    were answered so far and refused so far.
    """

    second: float
    memory_mb: float
    queues: dict[str, float]
    answered: int
    refused: int = 0

    def __str__(self) -> str:
        queues = ", ".join(f"{name} {value:,.0f}" for name, value in self.queues.items())
        orders = f"{self.answered:,} answered, {self.refused:,} refused"
        return f"{self.second:6.0f} s  {self.memory_mb:7.1f} MB  {queues}, {orders}"


def verdict(looks: Sequence[Look]) -> list[str]:
    """What is wrong with a run; nothing: memory stayed flat, and no queue grew."""
    if len(looks) < LOOKS_MIN:
        return [f"too short to tell: {len(looks)} looks of at least {LOOKS_MIN}"]
    third = len(looks) // 3
    middle, last = looks[third : 2 * third], looks[-third:]
    wrong = []
    before, after = (median(look.memory_mb for look in part) for part in (middle, last))
    if after > before * GROWTH_MAX:
        wrong.append(f"memory grew from {before:.0f} to {after:.0f} MB")
    for name, least in QUEUE_LEAST.items():
        was, now = (median(look.queues[name] for look in part) for part in (middle, last))
        if now > max(least, was * QUEUE_GROWTH_MAX):
            wrong.append(f"{name} grew from {was:,.0f} to {now:,.0f}")
    refused, answered = looks[-1].refused, looks[-1].answered
    if refused > answered * REFUSED_MAX:
        wrong.append(f"{refused:,} of {answered:,} orders were refused")
    return wrong


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
    return Look(second, resident_mb(server.process), queues, flow.answered, flow.refused)


async def soak(server: Server, minutes: float, rate: float) -> list[Look]:
    """Every look; each is printed when it is taken."""
    flow, caller = Flow(), await Caller.connect(server.port)
    await flow.connect(server.port)
    await caller.patch("/api/v1/settings", {"terminal_orders_max": IN_MEMORY})
    if not rate:
        await flow.run(RATE_MAX, PEAK_S)
        rate = flow.answered / PEAK_S / 2
        print(f"at most {2 * rate:,.0f} orders/s; half of that from here on", flush=True)
    looks: list[Look] = []
    begun = time.monotonic()
    flowing = asyncio.create_task(flow.run(rate, minutes * 60))
    while not flowing.done():
        await asyncio.wait([flowing], timeout=LOOK_S)
        looks.append(await look(server, caller, flow, time.monotonic() - begun))
        print(looks[-1], flush=True)
    flowing.result()
    return looks


def main() -> None:
    """Soak, and say what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=0, help="orders/s [half of the peak]")
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
    print(*(wrong or ["flat: memory did not grow, and no queue did"]), sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
