"""The topic ``quotes``: the last one between two tellings, of what is shown, with its staleness."""

import json
from typing import Any

import msgspec
import pytest

from phalanx.desk.showing import quote_topic as module
from phalanx.desk.showing.quote_topic import SHOWN_MAX, QuoteTopic
from phalanx.desk.showing.stream import Reader, Stream
from phalanx.domain.instruments import Instrument, InstrumentIndex, Quote, QuoteSource
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import SECOND
from phalanx.market.quotes import DayRange, QuoteBoard
from tests.fakes.clock import ManualClock

KEYS = [f"NSE:{number}" for number in range(1, SHOWN_MAX + 11)]
INDEX = InstrumentIndex(
    Instrument(key, "NSE", key[4:], f"S{key[4:]}", "EQ", whole(1), parse_fixed("0.05"))
    for key in KEYS
)


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.board = QuoteBoard(INDEX.get)
        self.stream = Stream((), 7)
        self.topic = QuoteTopic(self.stream, self.board, INDEX.get, self.clock.now, lambda: 15)
        self.reader: Reader = self.stream.join(("quotes",))
        self.take()

    def take(self) -> list[dict[str, Any]]:
        found = [json.loads(message) for message in self.reader._messages]
        self.reader._messages.clear()
        return found

    def tell(self) -> list[dict[str, Any]]:
        self.topic.tell()
        return self.take()

    def feed(self, key: str, last: int, **facts: int) -> Quote:
        quote = Quote(whole(last), whole(90), self.clock.now(), QuoteSource.FEED)
        quote = msgspec.structs.replace(quote, **facts)
        self.board.put(key, quote)
        return quote


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_is_shown_is_told_with_all_that_is_known_of_it(bench: Bench) -> None:
    sides = {
        "bid": whole(99),
        "ask": whole(101),
        "circuit_low": whole(80),
        "circuit_high": whole(120),
    }
    quote = Quote(whole(100), whole(90), bench.clock.now(), QuoteSource.FEED)
    quote = msgspec.structs.replace(quote, **sides)
    day = DayRange(1, whole(95), whole(105), whole(94), whole(90), whole(7))
    bench.board.put(KEYS[0], quote, day=day)

    bench.topic.show(KEYS[:1])

    assert bench.tell() == [
        {
            "topic": "quotes",
            "type": "delta",
            "n": 1,
            "seq": 7,
            "gone": [],
            "items": [
                {
                    "instrument": "NSE:1",
                    "symbol": "S1",
                    "last": "100",
                    "bid": "99",
                    "ask": "101",
                    "open": "95",
                    "high": "105",
                    "low": "94",
                    "close": "90",
                    "volume": "7",
                    "circuit_low": "80",
                    "circuit_high": "120",
                    "source": "FEED",
                    "is_stale": False,
                    "time_ns": quote.time,
                }
            ],
        }
    ]


def test_of_many_quotes_between_two_tellings_the_last_one_is_told(bench: Bench) -> None:
    bench.topic.show(KEYS[:2])
    bench.tell()
    for last in range(100, 150):
        bench.feed(KEYS[0], last)

    (message,) = bench.tell()

    assert [(item["instrument"], item["last"]) for item in message["items"]] == [("NSE:1", "149")]
    assert bench.tell() == []


def test_what_is_not_shown_is_not_told_and_what_no_longer_is_goes(bench: Bench) -> None:
    bench.topic.show(KEYS[:2])
    bench.tell()
    bench.feed(KEYS[2], 100)
    assert bench.tell() == []

    bench.feed(KEYS[0], 100)
    bench.topic.show([KEYS[1], KEYS[2]])
    (message,) = bench.tell()

    assert message["gone"] == [KEYS[0]]
    assert [item["instrument"] for item in message["items"]] == [KEYS[2]]


def test_what_is_no_instrument_any_more_is_passed_over(bench: Bench) -> None:
    bench.topic.show(["NSE:0"])

    assert bench.tell() == []


def test_a_live_price_that_grows_too_old_is_told_once(bench: Bench) -> None:
    bench.feed(KEYS[0], 100)
    bench.topic.show(KEYS[:2])
    bench.tell()
    assert bench.topic.stale == 0

    bench.clock.advance(16 * SECOND)
    (message,) = bench.tell()

    assert [(one["instrument"], one["is_stale"]) for one in message["items"]] == [("NSE:1", True)]
    assert (bench.topic.stale, bench.tell()) == (1, [])
    bench.feed(KEYS[0], 100)
    (message,) = bench.tell()
    assert (message["items"][0]["is_stale"], bench.topic.stale) == (False, 0)


def test_a_telling_has_so_many_rows_and_the_others_wait_their_turn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOLD_AT_ONCE_MAX", 2)
    bench.topic.show(KEYS[:3])

    told: list[str] = []
    for _ in range(3):
        # The first one moves all the time, and takes nobody's turn.
        bench.feed(KEYS[0], 100 + len(told))
        told += [item["instrument"] for message in bench.tell() for item in message["items"]]

    assert told == [KEYS[0], KEYS[1], KEYS[2], KEYS[0], KEYS[0]]


def test_a_late_reader_gets_the_whole_table_and_it_is_bounded(bench: Bench) -> None:
    bench.topic.show(KEYS)
    while bench.tell():
        pass

    reader = bench.stream.join(("quotes",))

    snapshot = json.loads(reader._messages[0])
    assert snapshot["type"] == "snapshot"
    assert [item["instrument"] for item in snapshot["items"]] == KEYS[:SHOWN_MAX]
