"""What moves a system's quotes, what stands in for it, and who is shown them."""

import asyncio
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from phalanx.bootstrap.machine import LoopTimer, SystemClock
from phalanx.config import Settings
from phalanx.desk.desk import Desk
from phalanx.desk.mattering import mattering
from phalanx.desk.showing.quote_topic import TOLD_MS, QuoteTopic
from phalanx.domain.instruments import LOCAL_EXCHANGE, split_key
from phalanx.domain.time import MILLISECOND
from phalanx.market.feeds.failover import Failover
from phalanx.market.feeds.last_prices import LastPrices
from phalanx.market.feeds.port import Feed, FeedState
from phalanx.market.feeds.replay import Replay, read_bars
from phalanx.market.feeds.stepped import SteppedFeed
from phalanx.market.feeds.walk import Walk
from phalanx.market.quotes import InstrumentFinder, QuoteBoard
from phalanx.market.table import read_content

if TYPE_CHECKING:
    from phalanx.market.feeds.broadcast import BroadcastFeed

LOOKED_TURNS: Final = 20
"""What matters is looked up once in so many tellings of the stream."""

_log = logging.getLogger("phalanx.quotes")


class Quotes:
    """The feed that the settings name, its failover, and the topic ``quotes``.

    ``prices``: whoever can be asked for last prices; without one, what the feed does not tell is stale.
    What goes wrong here makes prices old, which the risk checks see; it never stops the desk.
    """

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        board: QuoteBoard,
        instruments: InstrumentFinder,
        prices: LastPrices | None = None,
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._board = board
        self._instruments = instruments
        self._prices = prices
        self._clock, self._timer = SystemClock(), LoopTimer()
        self._topic = QuoteTopic(
            *(desk.stream, board, instruments, desk.clock.now),
            lambda: desk.state.settings.stale_after_s,
        )
        self._feed: Feed | None = None
        self._failover: Failover | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def state(self) -> FeedState:
        """How the feed is now; STOPPED where the settings want none."""
        return FeedState.STOPPED if self._feed is None else self._feed.state

    async def open(self) -> None:
        """Make ready what the settings want. Raises ImportFault and OSError."""
        settings = self._settings
        if settings.quotes == "broadcast":
            self._open_broadcast()
        elif settings.quotes != "closes":
            step = await self._stepping()
            interval = settings.quotes_interval_ms * MILLISECOND
            self._feed = SteppedFeed(step.step, self._timer, interval)

    def start(self) -> None:
        """From now on quotes move, and are told."""
        if self._feed is not None:
            self._feed.start()
        self._tasks.append(asyncio.create_task(self._tell(), name="quotes"))
        if self._failover is not None:
            self._tasks.append(asyncio.create_task(self._failover.run(), name="last prices"))

    async def stop(self) -> None:
        """No quote moves any more. Safe to call twice, and before the start."""
        if self._feed is not None:
            await self._feed.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _open_broadcast(self) -> None:
        from phalanx.market.feeds.broadcast import BroadcastFeed, dialer

        settings = self._settings
        feed = BroadcastFeed(
            self._board,
            self._instruments,
            dialer(settings.broadcast, settings.broadcast_ca),
            settings.broadcast_code,
            self._clock,
            self._timer,
            settings.broadcast_scrips,
        )
        self._failover = Failover(
            *(feed, self._prices, self._board, self._timer),
            limit=settings.broadcast_scrips,
            a_second=settings.last_prices_per_s,
        )
        self._feed = feed
        figures = _Figures(feed, self._failover, self._topic)
        self._desk.telemetry.registry.register(figures)

    async def _stepping(self) -> Walk | Replay:
        settings = self._settings
        if settings.quotes_file is None or settings.quotes == "walk":
            return Walk(self._board, self._instruments, settings.quote_seed, self._clock)
        # Years of days take a second to read: not on the loop.
        content = await asyncio.to_thread(read_content, settings.quotes_file)
        bars = await asyncio.to_thread(read_bars, content)
        return Replay(self._board, bars, self._desk.instruments)

    async def _tell(self) -> None:
        turn = 0
        while True:
            try:
                if turn % LOOKED_TURNS == 0:
                    await self._look()
                self._topic.tell()
            except Exception as failure:  # noqa: BLE001  readers see old prices; orders go on
                _log.exception("quotes could not be told", exc_info=failure)
            turn += 1
            await self._timer.sleep(TOLD_MS * MILLISECOND)

    async def _look(self) -> None:
        keys = await mattering(self._desk.state)
        self._topic.show(keys)
        if self._failover is not None:
            # What was made up on import trades at no market.
            self._failover.use([key for key in keys if split_key(key)[0] != LOCAL_EXCHANGE])


class _Figures(Collector):
    """How the broadcast is, for ``/metrics``."""

    def __init__(self, feed: "BroadcastFeed", failover: Failover, topic: QuoteTopic) -> None:
        self._feed = feed
        self._failover = failover
        self._topic = topic

    def collect(self) -> Iterator[Metric]:
        """When somebody asks."""
        feed, counts, asked = self._feed, self._feed.counts, self._failover.counts
        state = GaugeMetricFamily(
            "phalanx_feed_state", "How the feed of quotes is", labels=["state"]
        )
        for one in FeedState:
            state.add_metric([one.value], one is feed.state)
        yield state
        dropped = CounterMetricFamily(
            "phalanx_feed_dropped", "Packets that told nothing, by why", labels=["reason"]
        )
        for reason, count in counts.dropped.items():
            dropped.add_metric([reason.value], count)
        yield dropped
        prices = CounterMetricFamily(
            "phalanx_last_prices", "Last prices asked for, by what became of it", labels=["outcome"]
        )
        for outcome, count in (("asked", asked.asked), ("answered", asked.answered)):
            prices.add_metric([outcome], count)
        yield prices
        for name, text, count in (
            ("phalanx_feed_packets", "Packets that the feed sent", counts.packets),
            ("phalanx_feed_skipped_bytes", "Bytes that were no packet", counts.skipped_bytes),
            ("phalanx_feed_coarse_rates", "Rates too great to tell every paisa", counts.coarse),
            ("phalanx_feed_reconnects", "Connections after the first", counts.reconnects),
            ("phalanx_last_price_failures", "Reads of last prices that failed", asked.failed),
        ):
            yield CounterMetricFamily(name, text, count)
        for name, text, count in (
            ("phalanx_feed_registered", "Instruments that the feed tells of", feed.registered),
            ("phalanx_quotes_unpriced", "What matters and nobody tells", asked.unpriced),
            ("phalanx_quotes_stale", "Prices of the stream that are too old", self._topic.stale),
        ):
            yield GaugeMetricFamily(name, text, count)
