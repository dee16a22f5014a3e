"""The broadcast as a feed, over a link that a test speaks through, by a clock that a test moves."""

import asyncio
from collections.abc import Sequence

import pytest

from phalanx.domain.instruments import Instrument, InstrumentIndex, Quote, QuoteSource
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import DAY, SECOND
from phalanx.market.feeds.broadcast import BroadcastFeed
from phalanx.market.feeds.broadcast import feed as module
from phalanx.market.feeds.broadcast.codec import login, register
from phalanx.market.feeds.broadcast.picture import Dropped
from phalanx.market.feeds.port import Feed
from phalanx.market.quotes import QuoteBoard
from tests.fakes.broadcast import HEARTBEAT, commands, day, trade
from tests.fakes.clock import ManualClock

TICK = parse_fixed("0.05")
X, Y, Z = (Instrument(f"NSE:{n}", "NSE", str(n), f"S{n}", "EQ", whole(1), TICK) for n in (1, 2, 3))
LOCAL = Instrument("LOCAL:A", "LOCAL", "A", "A", "LOCAL", whole(1), TICK)
INDEX = InstrumentIndex([X, Y, Z, LOCAL])
CODE = "AA17"
TURNS = 20


class FakeLink:
    def __init__(self) -> None:
        self.said = b""
        self.aborted = False
        self.takes = True
        self._came: asyncio.Queue[bytes | OSError] = asyncio.Queue()

    def come(self, *data: bytes | OSError) -> None:
        for one in data:
            self._came.put_nowait(one)

    async def read(self) -> bytes:
        came = await self._came.get()
        if isinstance(came, OSError):
            raise came
        return came

    async def write(self, commands: Sequence[bytes]) -> None:
        if not self.takes:
            raise ConnectionResetError("gone")
        self.said += b"".join(commands)

    def abort(self) -> None:
        self.aborted = True
        self.come(b"")


class Bench:
    """A feed, and every link that it got."""

    def __init__(self, limit: int = 200) -> None:
        self.clock = ManualClock()
        self.board = QuoteBoard(INDEX.get)
        self.links: list[FakeLink] = []
        self.refused: list[OSError] = []
        self.feed = BroadcastFeed(
            *(self.board, INDEX.get, self._dial, CODE, self.clock, self.clock), limit
        )

    async def _dial(self) -> FakeLink:
        if self.refused:
            raise self.refused.pop(0)
        self.links.append(FakeLink())
        return self.links[-1]

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    def is_left(self) -> bool:
        return self.link.aborted

    @property
    def state(self) -> str:
        feed: Feed = self.feed
        return feed.state.name

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def start(self, *keys: str) -> None:
        self.feed.subscribe(keys)
        self.feed.start()
        await self.settle()

    async def come(self, *data: bytes | OSError) -> None:
        self.link.come(*data)
        await self.settle()

    async def wait(self, seconds: float) -> None:
        self.clock.advance(int(seconds * SECOND))
        await self.settle()


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def _stopped(bench: Bench) -> None:
    await bench.feed.stop()
    await bench.settle()


async def test_it_logs_in_registers_and_tells_the_board(bench: Bench) -> None:
    await bench.start(X.key, Y.key)
    assert bench.link.said == login(CODE) + register(b"N", b"C", 1) + register(b"N", b"C", 2)
    assert bench.state == "DOWN"

    await bench.come(day(99, 102, 98, 97)[:1] + b"\1\0\0\0" + day(99, 102, 98, 97)[5:])
    await bench.come(trade(100, 7, scrip=1))

    assert bench.state == "UP"
    now = bench.clock.now()
    assert bench.board.get(X.key) == Quote(whole(100), whole(97), now, QuoteSource.FEED)
    told = bench.board.day(X.key)
    assert told is not None
    assert (told.open, told.high, told.low, told.volume) == tuple(map(whole, (99, 102, 98, 7)))
    await _stopped(bench)
    assert bench.state == "STOPPED"


async def test_many_packets_of_one_read_are_one_quote(bench: Bench) -> None:
    bench.board.put(X.key, Quote(whole(97), whole(97), bench.clock.now(), QuoteSource.CLOSE))
    heard = []
    bench.board.listen(lambda key, quote: heard.append((key, quote.last)))
    await bench.start(X.key)

    await bench.come(b"".join(trade(100 + number, scrip=1) for number in range(50)))

    assert heard == [(X.key, whole(149))]
    told = bench.board.day(X.key)
    assert told is not None
    assert (told.open, told.high, told.low) == (whole(100), whole(149), whole(100))
    await _stopped(bench)


async def test_every_heartbeat_is_answered(bench: Bench) -> None:
    await bench.start()

    await bench.come(HEARTBEAT + HEARTBEAT)

    assert commands(bench.link.said)[1:] == [b"1\0\0", b"1\0\0"]
    assert (bench.feed.counts.packets, bench.feed.counts.heartbeats) == (2, 2)
    assert bench.state == "UP"
    await _stopped(bench)


async def test_what_is_wanted_later_is_registered_after_another_login(bench: Bench) -> None:
    await bench.start(X.key)

    assert bench.feed.subscribe([X.key, Y.key]) == ()
    bench.feed.unsubscribe([X.key, Z.key])
    await bench.settle()

    assert commands(bench.link.said)[2:] == [
        *(login(CODE), register(b"N", b"C", 2)),
        register(b"N", b"C", 1, wanted=False),
    ]
    assert bench.feed.registered == 1
    await _stopped(bench)


async def test_no_more_are_registered_than_the_broker_lets() -> None:
    bench = Bench(limit=2)

    assert bench.feed.subscribe([LOCAL.key, X.key, "NSE:99", Y.key, Z.key]) == (
        *(LOCAL.key, "NSE:99"),
        Z.key,
    )
    bench.feed.unsubscribe([X.key])
    assert bench.feed.subscribe([Z.key]) == ()


async def test_what_we_did_not_ask_for_and_what_is_no_packet_is_counted(bench: Bench) -> None:
    await bench.start(X.key)

    await bench.come(trade(100, scrip=99), b"?" * 40, trade(float("nan"), scrip=1), HEARTBEAT)

    counts = bench.feed.counts
    assert counts.dropped == {Dropped.NOT_REGISTERED: 1, Dropped.BAD_RATE: 1}
    assert counts.skipped_bytes == 40
    await _stopped(bench)


async def test_a_lost_connection_is_made_anew_and_everything_registered_again(bench: Bench) -> None:
    await bench.start(X.key)
    await bench.come(HEARTBEAT)
    await bench.come(ConnectionResetError("reset"))
    assert (bench.state, bench.link.aborted) == ("DOWN", True)
    bench.feed.subscribe([Y.key])

    await bench.wait(1)

    assert len(bench.links) == 2
    assert commands(bench.link.said) == [
        login(CODE, again=True),
        *(register(b"N", b"C", number) for number in (1, 2)),
    ]
    assert (bench.feed.counts.connections, bench.feed.counts.reconnects) == (2, 1)
    await _stopped(bench)


async def test_a_half_of_a_packet_dies_with_its_connection(bench: Bench) -> None:
    await bench.start(X.key)
    await bench.come(trade(100, scrip=1)[:15], b"")
    await bench.wait(1)

    await bench.come(HEARTBEAT)

    assert (bench.feed.counts.packets, bench.feed.counts.skipped_bytes) == (1, 0)
    await _stopped(bench)


async def test_pauses_double_while_nothing_is_heard(bench: Bench) -> None:
    bench.refused = [ConnectionRefusedError("nobody there") for _ in range(8)]
    await bench.start(X.key)

    left = []
    for pause in (1, 2, 4, 8, 16, 30, 30):
        await bench.wait(pause - 0.001)
        left.append(len(bench.refused))
        await bench.wait(0.001)
    assert left == [7, 6, 5, 4, 3, 2, 1]

    await bench.wait(30)
    assert len(bench.links) == 1

    await bench.come(HEARTBEAT)
    await bench.come(b"")
    await bench.wait(1)
    assert len(bench.links) == 2
    await _stopped(bench)


async def test_silence_makes_it_stale_and_then_connects_again(bench: Bench) -> None:
    await bench.start(X.key)
    await bench.wait(10)
    await bench.come(HEARTBEAT)

    await bench.wait(14.999)
    assert bench.state == "UP"
    await bench.wait(0.001)
    assert bench.state == "STALE"
    await bench.wait(14.999)
    assert not bench.is_left()
    await bench.wait(0.001)

    assert (bench.link.aborted, bench.state) == (True, "DOWN")
    await bench.wait(1)
    assert len(bench.links) == 2
    await _stopped(bench)


async def test_a_server_that_never_says_anything_is_left(bench: Bench) -> None:
    await bench.start(X.key)
    await bench.come(b"?" * 90)

    await bench.wait(29.999)
    assert not bench.is_left()
    await bench.wait(0.001)

    assert bench.is_left()
    await _stopped(bench)


async def test_a_server_that_takes_no_commands_is_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DUE_MAX", 5)
    await bench.start()

    await bench.come(HEARTBEAT * 6)
    assert bench.is_left()

    await bench.wait(1)
    bench.link.takes = False
    await bench.come(HEARTBEAT)
    assert bench.is_left()
    await _stopped(bench)


async def test_a_listener_that_fails_is_not_the_end_of_the_feed(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_key: str, _quote: Quote) -> None:
        raise RuntimeError("a bug")

    stop = bench.board.listen(fail)
    await bench.start(X.key)
    await bench.come(day(1, 1, 1, 97)[:1] + b"\1\0\0\0" + day(1, 1, 1, 97)[5:])
    await bench.come(trade(100, scrip=1))
    assert "a bug" in caplog.text
    stop()

    await bench.wait(1)
    await bench.come(trade(101, scrip=1))

    quote = bench.board.get(X.key)
    assert quote is not None
    assert quote.last == whole(101)
    await _stopped(bench)


@pytest.mark.parametrize(
    ("known", "close"),
    [
        (Quote(whole(90), whole(80), -DAY, QuoteSource.CLOSE), 90),
        (Quote(whole(90), whole(80), -DAY, QuoteSource.FEED), 90),
        (Quote(whole(90), whole(80), 0, QuoteSource.REST), 80),
        (Quote(whole(90), whole(80), -8 * DAY, QuoteSource.CLOSE), None),
        (Quote(whole(90), whole(80), 0, QuoteSource.SIMULATED), None),
        (None, None),
    ],
)
async def test_until_a_close_is_told_the_one_that_is_known_stands_in(
    bench: Bench, known: Quote | None, close: int | None
) -> None:
    if known is not None:
        time = bench.clock.now() + known.time
        bench.board.put(X.key, Quote(known.last, known.reference_close, time, known.source))
    await bench.start(X.key)

    await bench.come(trade(100, scrip=1))

    quote = bench.board.get(X.key)
    assert quote is not None
    told = quote.reference_close // 10**8 if quote.source is QuoteSource.FEED else None
    assert told == close
    await _stopped(bench)


async def test_it_may_be_stopped_twice_before_the_start_and_start_again(bench: Bench) -> None:
    await _stopped(bench)
    await bench.start(X.key)
    bench.feed.start()
    await bench.come(HEARTBEAT)
    await _stopped(bench)
    await _stopped(bench)
    assert bench.is_left()

    bench.clock.advance(60 * SECOND)
    await bench.start()
    assert (len(bench.links), bench.link.aborted) == (2, False)
    await _stopped(bench)


def test_a_code_that_cannot_log_in_is_refused_at_once() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="client code"):
        BroadcastFeed(QuoteBoard(INDEX.get), INDEX.get, Bench()._dial, "", clock, clock)
