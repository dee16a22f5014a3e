"""The live logger: the picture on a terminal, drawn ten times a second."""

import asyncio
import time
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.live import Live

from phalanx.cli.exit_codes import Exit
from phalanx.cli.remote.identity import Identity
from phalanx.cli.watching.filters import Filters
from phalanx.cli.watching.follower import Follower
from phalanx.cli.watching.hops import ask_for_latencies, latency_client
from phalanx.cli.watching.log import Log
from phalanx.cli.watching.messages import TOPICS, Item, Message
from phalanx.cli.watching.picture import Picture
from phalanx.cli.watching.tally import Tally

FRAME_S = 0.1


class Watcher:
    """Counts what the stream says, and draws it."""

    def __init__(
        self, url: str, filters: Filters, console: Console, identity: Identity | None = None
    ) -> None:
        self._url = url
        self._identity = identity
        self._console = console
        self._tally = Tally(filters)
        self._picture = Picture(url, console)
        self._heard = asyncio.Event()

    def take(self, message: Message) -> None:
        """A snapshot or a delta."""
        self._tally.take(message, time.monotonic())
        self._heard.set()

    def recall(self, rows: Sequence[Item]) -> None:
        """Lines of the order log."""
        self._tally.recall(rows)

    def note(self, text: str) -> None:
        """Shown in the header until the stream speaks again."""
        self._tally.trouble = text

    async def run(self, log: Log | None) -> Exit:
        """Until a signal; the last picture stays on the terminal. Raises Failure."""
        follower = Follower(self._url, TOPICS, self, log, self._identity)
        with Live(console=self._console, auto_refresh=False, screen=True) as live:
            following = asyncio.create_task(follower.follow())
            drawing = asyncio.create_task(self._draw(live))
            asking = asyncio.create_task(self._ask())
            tasks = (following, drawing, asking)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error
        self._console.print(self._drawn())
        return following.result()

    def _drawn(self) -> RenderableType:
        return self._picture.draw(self._tally, time.monotonic(), wall_ns=time.time_ns())

    async def _ask(self) -> None:
        """Only once the stream is followed: to make a client takes a while, in which nothing may be missed."""
        await self._heard.wait()
        async with latency_client(self._url, self._identity) as http:
            await ask_for_latencies(http, self._learn)

    def _learn(self, latencies: list[Item]) -> None:
        self._tally.latencies = latencies

    async def _draw(self, live: Live) -> None:
        while True:
            live.update(self._drawn(), refresh=True)
            await asyncio.sleep(FRAME_S)


async def watch_live(url: str, filters: Filters, log: Log | None, identity: Identity) -> Exit:
    """The picture on this process's terminal. Raises Failure."""
    return await Watcher(url, filters, Console(), identity).run(log)
