"""Past days again: the file, the way through a day, the end of it."""

from pathlib import Path

import pytest

from phalanx.domain.instruments import Instrument, InstrumentIndex, QuoteSource
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import iso
from phalanx.market.feeds import replay
from phalanx.market.feeds.replay import Replay, read_bars
from phalanx.market.quotes import DayRange, QuoteBoard
from phalanx.market.table import ImportCode, ImportFault

X = Instrument("NSE:7", "NSE", "7", "X", "EQ", whole(1), parse_fixed("0.05"))
Y = Instrument("NSE:8", "NSE", "8", "Y", "EQ", whole(1), parse_fixed("0.05"))
HEADER = "date,symbol,open,high,low,close,volume\n"
TWO_DAYS = f"""{HEADER}\
2025-09-02,X,102,106,101,104.02,1001
2025-09-01,X,100,103,98,101,10
2025-09-01,Y,50,50,50,50,0
2025-09-01,NOBODY,1,1,1,1,1
2025-09-02,Y,50,51,44,45,8
"""
DAYS = Path(__file__).parents[3] / "data" / "nifty_days.csv"


def _board() -> tuple[QuoteBoard, InstrumentIndex]:
    index = InstrumentIndex([X, Y])
    return QuoteBoard(index.get), index


def _fault(text: str) -> ImportFault:
    with pytest.raises(ImportFault) as caught:
        read_bars(text.encode())
    return caught.value


def _prices(key: str) -> list[str]:
    """Last price, close and moment of every quote of a replay."""
    board, index = _board()
    again = Replay(board, read_bars(TWO_DAYS.encode()), index)
    heard = []
    board.listen(lambda it, quote: heard.append((it, quote)))
    while again.step():
        pass
    return [
        f"{quote.last / 10**8:g} {quote.reference_close / 10**8:g} {iso(quote.time, 19_800)[:16]}"
        for it, quote in heard
        if it == key and quote.source is QuoteSource.SIMULATED
    ]


def test_a_day_goes_from_its_open_over_low_and_high_to_its_close() -> None:
    assert _prices(X.key) == [
        "100 100 2025-09-01T09:15",
        "98 100 2025-09-01T11:15",
        "103 100 2025-09-01T13:15",
        "101 100 2025-09-01T15:30",
        "102 101 2025-09-02T09:15",
        "101 101 2025-09-02T11:15",
        "106 101 2025-09-02T13:15",
        "104 101 2025-09-02T15:30",
    ]


def test_a_day_that_fell_had_its_high_first() -> None:
    assert _prices(Y.key)[4:] == [
        "50 50 2025-09-02T09:15",
        "51 50 2025-09-02T11:15",
        "44 50 2025-09-02T13:15",
        "45 50 2025-09-02T15:30",
    ]


def test_the_board_knows_the_day_and_stays_at_the_last_prices() -> None:
    board, index = _board()
    again = Replay(board, read_bars(TWO_DAYS.encode()), index)

    steps = [again.step() for _ in range(10)]

    assert steps == [True] * 8 + [False] * 2
    day = board.day(X.key)
    assert day is not None
    assert day == DayRange(day.day, whole(102), whole(106), whole(101), whole(101), whole(1_001))


def test_many_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "REPLAYED_AT_ONCE_MAX", 1)
    board, index = _board()
    again = Replay(board, read_bars(TWO_DAYS.encode()), index)

    count = 0
    while again.step():
        count += 1

    assert count == 16
    assert len(board) == 2


def test_a_file_of_which_nothing_is_known_is_refused() -> None:
    board, index = _board()
    bars = read_bars(f"{HEADER}2025-09-01,7,1,1,1,1,1\n".encode())

    with pytest.raises(ImportFault, match="none of its symbols") as caught:
        Replay(board, bars, index)
    assert caught.value.code == ImportCode.EMPTY_FILE


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("2025-09-01,X,100,99,98,98.5,1", "BAD_RANGE", "high"),
        ("2025-09-01,X,100,103,101,102,1", "BAD_RANGE", "high"),
        ("2025-09-01,X,100,103,98,104,1", "BAD_RANGE", "high"),
        ("2025-09-31,X,1,1,1,1,1", "BAD_DATE", "date"),
        ("1.9.2025,X,1,1,1,1,1", "BAD_DATE", "date"),
        ("2025-09-01,X,0,1,1,1,1", "NOT_POSITIVE", "open"),
        ("2025-09-01,X,1,1,1,nan,1", "BAD_NUMBER", "close"),
        ("2025-09-01,X,1,1,1,1,-1", "NOT_POSITIVE", "volume"),
        ("2025-09-01,,1,1,1,1,1", "EMPTY_FIELD", "symbol"),
        ("2025-09-01,X,1,1,1,1", "WRONG_FIELD_COUNT", ""),
    ],
)
def test_a_bad_row_is_refused_with_its_line(row: str, code: str, column: str) -> None:
    fault = _fault(f"{HEADER}2025-08-29,X,1,1,1,1,1\n{row}\n")

    assert (fault.line, fault.column) == (3, column)
    assert fault.code.value in code.split(",")


def test_a_second_bar_of_a_day_is_refused() -> None:
    fault = _fault(f"{HEADER}2025-09-01,X,1,1,1,1,1\n2025-09-01,X,2,2,2,2,1\n")

    assert (fault.code, fault.line) == (ImportCode.DUPLICATE_KEY, 3)
    assert "line 2" in fault.detail


def test_a_file_without_its_columns_is_refused() -> None:
    assert _fault("date,symbol,close\n2025-09-01,X,1\n").code == ImportCode.MISSING_COLUMN


def test_real_days_are_read_in_their_order() -> None:
    bars = read_bars(DAYS.read_bytes())

    assert len(bars) == 15
    assert list(bars) == sorted(bars)
    assert {bar.symbol for of_day in bars.values() for bar in of_day} == {
        "GRASIM",
        "INFY",
        "RELIANCE",
        "TCS",
    }
