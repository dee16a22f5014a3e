"""Quotes that walk: seeded, on the tick, inside the range, going nowhere by themselves."""

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.instruments import Instrument, InstrumentIndex, Quote, QuoteSource
from phalanx.domain.numbers import FIXED_MAX, Price, parse_fixed, whole
from phalanx.market.feeds import walk
from phalanx.market.feeds.walk import STEP_MAX, Walk, move, walked, walking_range
from phalanx.market.quotes import QuoteBoard
from tests.fakes.clock import ManualClock

X = Instrument("NSE:7", "NSE", "7", "X", "EQ", whole(1), parse_fixed("0.05"))
Y = msgspec.structs.replace(X, key="NSE:8", token="8", symbol="Y")
Z = msgspec.structs.replace(X, key="NSE:9", token="9", symbol="Z")
CLOSES = b"symbol,date,close\nX,2025-09-30,100\nY,2025-09-30,2000\n"


def _board() -> QuoteBoard:
    index = InstrumentIndex([X, Y, Z])
    board = QuoteBoard(index.get)
    board.load_closes(CLOSES, index)
    return board


def _walk(board: QuoteBoard, seed: int = 1) -> Walk:
    return Walk(board, InstrumentIndex([X, Y, Z]).get, seed, ManualClock())


def _last(board: QuoteBoard, key: str = X.key) -> Price:
    quote = board.get(key)
    assert quote is not None
    return quote.last


def _prices(seed: int, steps: int) -> list[Price]:
    board = _board()
    stroll = _walk(board, seed)
    prices = []
    for _ in range(steps):
        assert stroll.step()
        prices.append(_last(board))
    return prices


def test_the_same_seed_walks_the_same_way_and_another_one_another() -> None:
    assert _prices(1, 200) == _prices(1, 200) != _prices(2, 200)


def test_the_way_is_the_same_for_ever() -> None:
    assert [move(1, X.key, number) for number in range(4)] == [267, 400, -204, 385]


def test_it_moves_from_the_close_by_little_at_a_time() -> None:
    prices = [whole(100), *_prices(1, 500)]

    assert len(set(prices)) > 10
    for before, after in pairwise(prices):
        assert abs(after - before) <= before * STEP_MAX // 1_000_000 + X.tick_size
        assert after % X.tick_size == 0


def test_quotes_say_that_they_are_simulated_and_keep_their_close() -> None:
    board = _board()
    stroll = _walk(board)
    while _last(board) == whole(100):
        stroll.step()

    quote = board.get(X.key)

    assert quote is not None
    assert (quote.source, quote.reference_close) == (QuoteSource.SIMULATED, whole(100))
    assert quote.time == ManualClock().now()


def test_a_cheap_one_moves_too_once_its_small_moves_add_up_to_a_tick() -> None:
    index = InstrumentIndex([X])
    board = QuoteBoard(index.get)
    board.load_closes(b"symbol,date,close\nX,2025-09-30,20\n", index)
    stroll = Walk(board, index.get, 1, ManualClock())
    prices = set()
    for _ in range(2_000):
        stroll.step()
        prices.add(_last(board))

    assert len(prices) > 2


def test_what_nobody_has_asked_for_stays_out_and_joins_when_it_is() -> None:
    board = _board()
    stroll = _walk(board)
    stroll.step()
    assert list(board.quoted()) == [X.key, Y.key]
    made_up = _last(board, Z.key)

    for _ in range(100):
        stroll.step()

    assert _last(board, Z.key) != made_up


def test_a_fed_price_is_left_alone() -> None:
    board = _board()
    fed = Quote(whole(101), whole(100), 1, QuoteSource.FEED)
    board.put(X.key, fed)
    stroll = _walk(board)

    for _ in range(100):
        stroll.step()

    assert board.get(X.key) == fed


def test_an_instrument_that_is_no_more_is_left_alone() -> None:
    board = _board()
    stroll = Walk(board, InstrumentIndex([Y]).get, 1, ManualClock())

    for _ in range(100):
        stroll.step()

    assert _last(board) == whole(100)
    assert _last(board, Y.key) != whole(2_000)


def test_closes_that_are_loaded_again_do_not_stop_the_walk() -> None:
    board = _board()
    stroll = _walk(board)
    for _ in range(100):
        stroll.step()
    there = _last(board)

    board.load_closes(CLOSES, InstrumentIndex([X, Y, Z]))

    assert _last(board) == there != whole(100)


def test_many_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "WALKED_AT_ONCE_MAX", 2)
    board = _board()
    board.get(Z.key)
    stroll = _walk(board)

    for _ in range(10):
        stroll.step()

    assert {key: steps for key, (_, steps) in stroll._paths.items()} == {
        X.key: 5,
        Y.key: 5,
        Z.key: 5,
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda it: it, ("90", "110")),
        (
            lambda it: msgspec.structs.replace(it, band_low=whole(95), band_high=whole(105)),
            ("95", "105"),
        ),
        (lambda it: msgspec.structs.replace(it, tick_size=whole(7)), ("91", "105")),
        (lambda it: msgspec.structs.replace(it, tick_size=whole(300)), ("300", "300")),
    ],
)
def test_the_range_is_within_the_band_and_on_the_tick(
    change: Callable[[Instrument], Instrument], expected: tuple[str, str]
) -> None:
    low, high = walking_range(change(X), whole(100))

    assert (low, high) == (parse_fixed(expected[0]), parse_fixed(expected[1]))


@given(st.integers(1, FIXED_MAX // 2), st.integers(-STEP_MAX, STEP_MAX))
def test_up_and_down_are_alike(price: Price, millionths: int) -> None:
    up = walked(price, millionths, 1, FIXED_MAX)
    down = walked(price, -millionths, 1, FIXED_MAX)

    assert up + down == 2 * price or min(up, down) <= 1


@given(
    st.integers(1, 10**14),
    st.integers(0, 10**14),
    st.integers(0, 100),
    st.integers(-STEP_MAX, STEP_MAX),
)
def test_no_step_leaves_the_range(low: Price, width: Price, place: int, millionths: int) -> None:
    high = low + width

    assert low <= walked(low + width * place // 100, millionths, low, high) <= high
