"""What packets of one instrument come to."""

import math
import struct

import pytest

from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import DAY, SECOND, trading_day
from phalanx.market.feeds.broadcast.codec import decode
from phalanx.market.feeds.broadcast.picture import Counts, Dropped, Picture, price_of
from phalanx.market.quotes import DayRange
from tests.fakes.broadcast import circuit, day, packet, touch, trade
from tests.fakes.clock import START

NOW = START // SECOND * SECOND
TODAY = trading_day(NOW, 19_800)
TICK = parse_fixed("0.05")
BAD = [math.nan, math.inf, -math.inf, -1.0, 0.004, 3e38]


def _f32(rate: float) -> float:
    (found,) = struct.unpack("=f", struct.pack("=f", rate))
    return float(found)


class Screen:
    """A picture, and how packets are put to it."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.picture = Picture(TICK, self.counts)

    def take(self, *packets: bytes, now: int = NOW) -> list[bool]:
        return [self.picture.take(decode(one), now) for one in packets]

    def quote(self, known_close: int = 0) -> Quote:
        told = self.picture.quote(known_close)
        assert told is not None
        return told[0]

    def day(self) -> DayRange:
        told = self.picture.quote(0)
        assert told is not None
        return told[1]


@pytest.mark.parametrize(
    ("rate", "price"),
    [
        *((text, text) for text in ("0.01", "0.05", "19.95", "1364.45", "99999.99", "131071.99")),
        ("1364.454", "1364.45"),
        ("0.125", "0.12"),
    ],
)
def test_a_rate_is_the_price_to_the_paisa(rate: str, price: str) -> None:
    assert price_of(_f32(float(rate))) == parse_fixed(price)


@pytest.mark.parametrize("rate", [*BAD, 0.0, -0.0])
def test_what_is_no_price_is_none(rate: float) -> None:
    assert price_of(rate) == 0


def test_a_rate_too_great_for_every_paisa_is_put_on_a_tick() -> None:
    screen = Screen()

    screen.take(day(1, 1, 1, 150_000), trade(_f32(150_123.40)))

    assert price_of(_f32(150_123.40)) != parse_fixed("150123.40")
    assert screen.quote().last == parse_fixed("150123.40")
    assert screen.counts.coarse == 2


def test_there_is_no_quote_before_there_is_a_price_and_a_close() -> None:
    screen = Screen()
    screen.take(touch(99, 101))
    assert screen.picture.quote(whole(98)) is None

    screen.take(trade(100))
    assert screen.picture.quote(0) is None
    assert screen.quote(whole(98)).reference_close == whole(98)

    screen.take(day(99, 101, 98, 97))
    assert screen.quote(whole(98)).reference_close == whole(97)


def test_a_quote_is_last_touch_close_and_circuit() -> None:
    screen = Screen()

    changed = screen.take(
        *(day(99, 102, 98, 97), circuit(116.4, 77.6)),
        *(trade(100.05, 5_000, at=NOW - SECOND), touch(100, 100.1, at=NOW - 2 * SECOND)),
    )

    assert changed == [True] * 4
    low, high = parse_fixed("77.6"), parse_fixed("116.4")
    assert screen.quote() == Quote(
        *(parse_fixed("100.05"), whole(97), NOW - SECOND, QuoteSource.FEED),
        *(whole(100), parse_fixed("100.1"), low, high),
    )
    assert screen.day() == DayRange(
        TODAY, whole(99), whole(102), whole(98), whole(97), whole(5_000)
    )


def test_an_index_has_a_last_price_only() -> None:
    screen = Screen()

    screen.take(packet(b"H", struct.pack("=f", 25_000.5)), day(0, 0, 0, 24_900))

    assert screen.quote().last == parse_fixed("25000.5")
    assert screen.day().volume == 0


def test_the_day_is_what_was_traded_until_the_exchange_says_it() -> None:
    screen = Screen()
    screen.take(trade(100), trade(98), trade(103, 10), day(0, 0, 0, 97))
    assert screen.day() == DayRange(TODAY, whole(100), whole(103), whole(98), whole(97), whole(10))

    screen.take(day(101, 105, 95, 97), trade(106, 20))
    assert screen.day() == DayRange(TODAY, whole(101), whole(106), whole(95), whole(97), whole(20))


def test_a_side_on_which_nobody_stands_is_not_known() -> None:
    screen = Screen()
    screen.take(day(1, 1, 1, 97), trade(100), touch(99, 101))

    assert screen.take(touch(0, 101)) == [True]
    assert (screen.quote().bid, screen.quote().ask) == (0, whole(101))


@pytest.mark.parametrize("rate", BAD)
def test_a_packet_with_a_bad_rate_is_dropped_whole(rate: float) -> None:
    screen = Screen()
    screen.take(day(99, 102, 98, 97), circuit(116, 77), trade(100), touch(99, 101))
    before = screen.picture.quote(0)

    bad = (trade(rate), touch(rate, 101), touch(99, rate), circuit(rate, 77), circuit(116, rate))
    assert screen.take(*bad, day(rate, 102, 98, rate)) == [False] * 6

    assert screen.picture.quote(0) == before
    assert screen.counts.dropped == {Dropped.BAD_RATE: 6}


def test_a_circuit_is_the_ticks_inside_it() -> None:
    screen = Screen()

    screen.take(day(1, 1, 1, 97), trade(100), circuit(_f32(116.43), _f32(77.61)))

    low, high = screen.quote().circuit_low, screen.quote().circuit_high
    assert (low, high) == (parse_fixed("77.65"), parse_fixed("116.4"))


def test_a_circuit_or_a_day_upside_down_is_no_news() -> None:
    screen = Screen()

    assert screen.take(circuit(77, 116), day(99, 98, 102, 0), trade(0)) == [False] * 3
    assert screen.counts.dropped == {Dropped.BAD_RATE: 3}


def test_deeper_levels_and_open_interest_change_nothing_and_unknown_types_are_counted() -> None:
    screen = Screen()

    packets = [packet(kind) for kind in (b"C", b"D", b"E", b"F", b"m", b"X", b"g")]
    assert screen.take(*packets) == [False] * 7
    assert screen.counts.dropped == {Dropped.UNKNOWN_TYPE: 2}


def test_what_is_older_than_the_one_before_of_its_kind_is_late() -> None:
    screen = Screen()
    screen.take(day(1, 1, 1, 97), trade(100, at=NOW - SECOND), touch(99, 101, at=NOW - SECOND))

    late = (trade(90, at=NOW - 2 * SECOND), touch(89, 91, at=NOW - 2 * SECOND))
    assert screen.take(*late) == [False, False]

    assert screen.quote().last == whole(100)
    assert screen.counts.dropped == {Dropped.LATE: 2}


@pytest.mark.parametrize("at", [0, SECOND * 315_513_000, NOW + 3_600 * SECOND])
def test_a_time_that_is_none_or_to_come_is_the_time_it_came(at: int) -> None:
    screen = Screen()

    screen.take(day(1, 1, 1, 97, at=at), trade(100, at=at))

    assert screen.quote().time == NOW


def test_a_quote_is_as_old_as_the_newer_of_trade_and_touch() -> None:
    screen = Screen()
    screen.take(day(1, 1, 1, 97), trade(100, at=NOW - 60 * SECOND))
    assert screen.quote().time == NOW - 60 * SECOND

    screen.take(touch(99, 101, at=NOW - 3 * SECOND))
    assert screen.quote().time == NOW - 3 * SECOND


def test_another_day_begins_with_nothing_and_ends_the_one_before() -> None:
    screen = Screen()
    screen.take(day(99, 102, 98, 97), circuit(116, 77), trade(100, 5), touch(99, 101))
    tomorrow = NOW + DAY

    screen.take(trade(110, 1, at=tomorrow), now=tomorrow)

    quote = screen.quote(whole(100))
    assert quote == Quote(whole(110), whole(100), tomorrow, QuoteSource.FEED)
    assert screen.picture.day == TODAY + 1
    assert screen.take(trade(100, at=NOW), now=tomorrow) == [False]
    assert screen.counts.dropped == {Dropped.LATE: 1}


def test_volume_does_not_go_back() -> None:
    screen = Screen()

    screen.take(day(1, 1, 1, 97), trade(100, 500), trade(101, 400), trade(101, -1))

    assert screen.day().volume == whole(500)
