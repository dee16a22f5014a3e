"""Who is told of by the feed, and who is asked about the rest."""

import asyncio
import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence

import pytest

from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import DAY, SECOND, trading_day
from phalanx.market.feeds.failover import Failover
from phalanx.market.feeds.last_prices import LastPrice
from phalanx.market.feeds.port import FeedState
from phalanx.market.quotes import DayRange, QuoteBoard
from tests.fakes.clock import ManualClock

KEYS = tuple(f"NSE:{number}" for number in range(1, 41))
INDEX = InstrumentIndex(
    Instrument(key, "NSE", key[4:], key[4:], "EQ", whole(1), parse_fixed("0.05")) for key in KEYS
)


class FakeFeed:
    def __init__(self, limit: int) -> None:
        self.state = FeedState.UP
        self.told: dict[InstrumentKey, None] = {}
        self.unknown: set[InstrumentKey] = set()
        self._limit = limit

    def start(self) -> None:
        self.state = FeedState.UP

    async def stop(self) -> None:
        self.state = FeedState.STOPPED

    def subscribe(self, keys: Iterable[InstrumentKey]) -> tuple[InstrumentKey, ...]:
        refused = []
        for key in keys:
            if key in self.unknown or (key not in self.told and len(self.told) >= self._limit):
                refused.append(key)
            else:
                self.told[key] = None
        return tuple(refused)

    def unsubscribe(self, keys: Iterable[InstrumentKey]) -> None:
        for key in keys:
            self.told.pop(key, None)


class FakePrices:
    """Answers what it is given, one price for all; remembers what it was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.asked: list[list[InstrumentKey]] = []
        self.failures = 0
        self.last = whole(100)
        self.day: DayRange | None = None
        self.before_answer = asyncio.Event()
        self.before_answer.set()

    async def read(self, keys: Sequence[InstrumentKey]) -> Mapping[InstrumentKey, LastPrice]:
        self.asked.append(list(keys))
        await self.before_answer.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no answer")
        # Whatever source a module says, it was asked for.
        quote = Quote(self.last, whole(90), self._clock.now(), QuoteSource.FEED)
        return {key: LastPrice(quote, self.day) for key in keys if key != KEYS[39]}


class Bench:
    def __init__(self, limit: int = 2, a_second: int = 2) -> None:
        self.clock = ManualClock()
        self.board = QuoteBoard(INDEX.get)
        self.feed = FakeFeed(limit)
        self.prices = FakePrices(self.clock)
        self.failover = Failover(
            *(self.feed, self.prices, self.board, self.clock), limit=limit, a_second=a_second
        )

    async def turns(self, count: int) -> list[list[InstrumentKey]]:
        """What was asked for in so many turns."""
        known = len(self.prices.asked)
        for _ in range(count):
            await self.failover.turn()
            self.clock.advance(SECOND)
        return self.prices.asked[known:]

    def quote(self, key: InstrumentKey) -> Quote:
        quote = self.board.get(key)
        assert quote is not None
        return quote


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_the_feed_tells_of_what_matters_most_and_the_rest_is_asked_for(bench: Bench) -> None:
    bench.failover.use(KEYS[:4])

    assert list(bench.feed.told) == [KEYS[0], KEYS[1]]
    assert await bench.turns(1) == [[KEYS[2], KEYS[3]]]
    assert bench.quote(KEYS[2]).source is QuoteSource.REST
    assert bench.quote(KEYS[0]).source is QuoteSource.SYNTHETIC
    assert bench.failover.counts.answered == 2


async def test_what_matters_more_takes_the_place_of_what_matters_less(bench: Bench) -> None:
    bench.failover.use(KEYS[:3])

    bench.failover.use([KEYS[2], KEYS[0], KEYS[1]])

    assert list(bench.feed.told) == [KEYS[0], KEYS[2]]
    assert await bench.turns(1) == [[KEYS[1]]]


async def test_what_the_feed_does_not_know_is_asked_for(bench: Bench) -> None:
    bench.feed.unknown = {KEYS[0]}

    bench.failover.use(KEYS[:2])

    assert await bench.turns(1) == [[KEYS[0]]]


async def test_what_the_feed_refuses_gives_its_place_to_the_next(bench: Bench) -> None:
    bench.feed.unknown = {KEYS[0]}
    bench.failover.use(KEYS[:4])
    assert list(bench.feed.told) == [KEYS[1]]

    bench.failover.use(KEYS[:4])
    assert list(bench.feed.told) == [KEYS[1], KEYS[2]]
    assert await bench.turns(1) == [[KEYS[0], KEYS[3]]]

    bench.feed.unknown = set()
    bench.failover.use(KEYS[1:4])
    bench.failover.use(KEYS[:4])
    assert list(bench.feed.told) == [KEYS[1], KEYS[0]]


@pytest.mark.parametrize("state", [FeedState.DOWN, FeedState.STALE])
async def test_while_the_feed_is_not_heard_everything_is_asked_for_in_turn(
    bench: Bench, state: FeedState
) -> None:
    bench.failover.use(KEYS[:3])
    bench.feed.state = state

    assert await bench.turns(3) == [
        [KEYS[0], KEYS[1]],
        [KEYS[2], KEYS[0]],
        [KEYS[1], KEYS[2]],
    ]


async def test_no_more_are_asked_for_than_can_be_kept_fresh(bench: Bench) -> None:
    bench.failover.use(KEYS)
    bench.feed.state = FeedState.DOWN

    asked = await bench.turns(30)

    assert {key for turn in asked for key in turn} == set(KEYS[:20])
    assert bench.failover.counts.unpriced == 20
    assert bench.failover.counts.asked == 60


async def test_once_the_feed_is_back_it_tells_again_and_an_answer_on_its_way_is_dropped(
    bench: Bench,
) -> None:
    bench.failover.use(KEYS[:2])
    bench.feed.state = FeedState.DOWN
    bench.prices.before_answer.clear()
    turn = asyncio.create_task(bench.failover.turn())
    await asyncio.sleep(0)
    bench.feed.state = FeedState.UP
    fed = Quote(whole(101), whole(90), bench.clock.now() - SECOND, QuoteSource.FEED)
    bench.board.put(KEYS[0], fed)

    bench.prices.before_answer.set()
    await turn

    assert bench.quote(KEYS[0]) == fed
    assert await bench.turns(2) == []


async def test_a_price_of_the_feed_replaces_one_that_was_asked_for(bench: Bench) -> None:
    bench.failover.use(KEYS[:1])
    bench.feed.state = FeedState.DOWN
    await bench.turns(1)
    fed = Quote(whole(101), whole(90), bench.clock.now() - 5 * SECOND, QuoteSource.FEED)

    assert bench.board.put(KEYS[0], fed)


async def test_the_circuit_of_the_day_outlives_the_feed_but_not_the_day(bench: Bench) -> None:
    bench.failover.use(KEYS[:1])
    bench.feed.state = FeedState.DOWN
    fed = Quote(
        *(whole(101), whole(90), bench.clock.now(), QuoteSource.FEED),
        *(whole(100), whole(102), whole(80), whole(120)),
    )
    bench.board.put(KEYS[0], fed)

    await bench.turns(1)
    asked = bench.quote(KEYS[0])
    assert (asked.last, asked.bid, asked.source) == (whole(100), 0, QuoteSource.REST)
    assert (asked.circuit_low, asked.circuit_high) == (whole(80), whole(120))

    bench.clock.advance(DAY)
    await bench.turns(1)
    assert bench.quote(KEYS[0]).circuit_high == 0


async def test_the_day_is_the_brokers_where_it_tells_one(bench: Bench) -> None:
    bench.failover.use(KEYS[:1])
    bench.feed.state = FeedState.DOWN
    today = trading_day(bench.clock.now(), 19_800)
    bench.prices.day = DayRange(today, whole(95), whole(105), whole(94), whole(90), whole(7))

    await bench.turns(1)

    assert bench.board.day(KEYS[0]) == bench.prices.day


async def test_failures_are_counted_and_asked_again_after_longer_and_longer(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.failover.use(KEYS[:1])
    bench.feed.state = FeedState.DOWN
    bench.prices.failures = 7

    counts = [len(await bench.turns(1)) for _ in range(180)]

    asked = [turn for turn, count in enumerate(counts) if count]
    assert [later - before for before, later in itertools.pairwise(asked)][:9] == [
        *(2, 4, 8, 16, 32, 32, 32),
        *(1, 1),
    ]
    assert bench.failover.counts.failed == 7
    assert caplog.text.count("no last prices") == 1
    assert caplog.text.count("can be asked for again") == 1


async def test_a_price_that_is_none_is_not_taken(bench: Bench) -> None:
    bench.failover.use([KEYS[0], KEYS[39]])
    bench.feed.state = FeedState.DOWN
    bench.prices.last = 0

    await bench.turns(1)

    assert bench.failover.counts.answered == 0
    assert bench.quote(KEYS[0]).source is QuoteSource.SYNTHETIC


async def test_without_anybody_to_ask_it_only_counts_what_has_no_price() -> None:
    bench = Bench()
    failover = Failover(bench.feed, None, bench.board, bench.clock, limit=2, a_second=5)
    failover.use(KEYS[:3])

    await failover.turn()
    assert failover.counts.unpriced == 1

    bench.feed.state = FeedState.DOWN
    await failover.turn()
    assert failover.counts.unpriced == 3


async def test_a_turn_comes_every_second(bench: Bench) -> None:
    bench.failover.use(KEYS[:1])
    bench.feed.state = FeedState.DOWN
    running = asyncio.create_task(bench.failover.run())
    for _ in range(5):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        bench.clock.advance(SECOND)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(bench.prices.asked) == 5
