import msgspec
import pytest

from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import SECOND
from phalanx.market.master import read_index
from phalanx.market.quotes import (
    SYNTHETIC_HIGH,
    SYNTHETIC_LOW,
    DayRange,
    QuoteBoard,
    is_stale,
    synthetic_price,
)
from phalanx.market.shipped import CLOSES, INSTRUMENTS, shipped_file
from phalanx.market.table import ImportCode, ImportFault

X = Instrument("NSE:7", "NSE", "7", "X", "EQ", whole(1), parse_fixed("0.05"))
LOCAL = Instrument("LOCAL:ABC", "LOCAL", "ABC", "ABC", "LOCAL", whole(1), parse_fixed("0.05"))


@pytest.fixture
def index() -> InstrumentIndex:
    return InstrumentIndex([X, LOCAL])


@pytest.fixture
def board(index: InstrumentIndex) -> QuoteBoard:
    return QuoteBoard(index.get, seed=1)


def _fed(last: str, time: int = SECOND) -> Quote:
    return Quote(parse_fixed(last), parse_fixed("100"), time, QuoteSource.FEED)


@pytest.mark.parametrize("key", [X.key, LOCAL.key])
def test_an_instrument_without_a_price_gets_a_synthetic_one(
    board: QuoteBoard, key: InstrumentKey
) -> None:
    quote = board.get(key)

    assert quote is not None
    assert quote.source == QuoteSource.SYNTHETIC
    assert quote.last == quote.reference_close
    assert quote.time == 0
    assert board.get(key) is quote


def test_what_is_no_instrument_has_no_price(board: QuoteBoard) -> None:
    assert board.get("NSE:8") is None
    assert len(board) == 0


def test_a_synthetic_price_is_the_same_in_every_process_for_ever() -> None:
    # Paper books are valued with it: another price after an upgrade would be a loss or a gain.
    assert synthetic_price(X, 1) == parse_fixed("3217.05")


def test_synthetic_prices_differ_by_seed_and_key() -> None:
    prices = {synthetic_price(msgspec.structs.replace(X, key=f"NSE:{n}"), 1) for n in range(100)}

    assert len(prices) > 90
    assert synthetic_price(X, 1) != synthetic_price(X, 2)


@pytest.mark.parametrize("tick", ["0.01", "0.05", "0.3", "7", "3000", "5000", "6000"])
def test_synthetic_prices_are_on_the_tick_and_in_range_where_a_tick_is(tick: str) -> None:
    for number in range(200):
        instrument = msgspec.structs.replace(X, key=f"NSE:{number}", tick_size=parse_fixed(tick))
        price = synthetic_price(instrument, 3)
        assert price > 0
        assert price % instrument.tick_size == 0
        assert SYNTHETIC_LOW <= price <= max(SYNTHETIC_HIGH, instrument.tick_size)


def test_a_synthetic_price_is_inside_the_band() -> None:
    for number in range(200):
        instrument = msgspec.structs.replace(
            X, key=f"NSE:{number}", band_low=whole(9_000), band_high=whole(9_100)
        )
        assert whole(9_000) <= synthetic_price(instrument, 3) <= whole(9_100)


def test_a_fed_price_replaces_the_synthetic_one_and_listeners_hear_of_it(
    board: QuoteBoard,
) -> None:
    heard: list[tuple[InstrumentKey, Quote]] = []
    board.get(X.key)
    stop = board.listen(lambda key, quote: heard.append((key, quote)))

    assert board.put(X.key, _fed("101"))
    stop()
    stop()
    assert board.put(X.key, _fed("102"))

    assert heard == [(X.key, _fed("101"))]
    assert board.get(X.key) == _fed("102")


def test_nobody_hears_of_the_same_or_an_older_quote(board: QuoteBoard) -> None:
    heard: list[InstrumentKey] = []
    board.put(X.key, _fed("101", 2 * SECOND))
    board.listen(lambda key, _: heard.append(key))

    assert not board.put(X.key, _fed("101", 2 * SECOND))
    assert not board.put(X.key, _fed("99", SECOND))

    assert heard == []
    assert board.get(X.key) == _fed("101", 2 * SECOND)


@pytest.mark.parametrize("last", ["0", "-1"])
def test_a_price_is_above_zero(board: QuoteBoard, last: str) -> None:
    with pytest.raises(ValueError, match="above zero"):
        board.put(X.key, _fed(last))


def test_closes_are_reference_and_last_price_on_the_tick(
    board: QuoteBoard, index: InstrumentIndex
) -> None:
    content = b"symbol,date,close\nX,1970-01-02,101.03\nNOBODY,1970-01-02,5\n7,1970-01-02,5\n"

    assert board.load_closes(content, index) == 1

    price = parse_fixed("101.05")
    time = (24 + 10) * 3_600 * SECOND
    assert board.get(X.key) == Quote(price, price, time, QuoteSource.CLOSE)


def test_a_close_never_replaces_a_fed_price(board: QuoteBoard, index: InstrumentIndex) -> None:
    board.put(X.key, _fed("101"))

    board.load_closes(b"symbol,date,close\nX,2025-09-30,99\n", index)

    assert board.get(X.key) == _fed("101")


def test_a_bare_token_of_many_exchanges_is_no_symbol() -> None:
    twin = msgspec.structs.replace(X, key="BSE:7", exchange="BSE")
    index = InstrumentIndex([X, twin])

    assert QuoteBoard(index.get).load_closes(b"symbol,date,close\n7,2025-09-30,99\n", index) == 0


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ("X,2025-09-30,0", ImportCode.NOT_POSITIVE, "close"),
        ("X,2025-09-31,1", ImportCode.BAD_DATE, "date"),
        ("X,30.9.2025,1", ImportCode.BAD_DATE, "date"),
        ("X,2025-09-30,x", ImportCode.BAD_NUMBER, "close"),
    ],
)
def test_of_a_bad_file_nothing_is_taken(
    board: QuoteBoard, index: InstrumentIndex, row: str, code: ImportCode, column: str
) -> None:
    with pytest.raises(ImportFault) as caught:
        board.load_closes(f"symbol,date,close\nX,2025-09-29,5\n{row}\n".encode(), index)

    assert (caught.value.code, caught.value.line, caught.value.column) == (code, 3, column)
    assert len(board) == 0


def test_the_shipped_closes_are_taken_whole() -> None:
    index = read_index(shipped_file(INSTRUMENTS).read_bytes())
    board = QuoteBoard(index.get)

    assert board.load_closes(shipped_file(CLOSES).read_bytes(), index) == 49

    reliance = index.resolve("RELIANCE")
    assert reliance is not None
    quote = board.get(reliance.key)
    assert quote is not None
    assert quote.last == whole(1_364)


# --- the day -----------------------------------------------------------------------------------


def _moved(last: str, hour: int, close: str = "100") -> Quote:
    time = hour * 3_600 * SECOND
    return Quote(parse_fixed(last), parse_fixed(close), time, QuoteSource.SIMULATED)


def test_the_day_has_its_range_and_volume(board: QuoteBoard) -> None:
    for last, hour in (("101", 4), ("99", 5), ("104", 6), ("102", 9)):
        board.put(X.key, _moved(last, hour), whole(5))

    assert board.day(X.key) == DayRange(0, whole(101), whole(104), whole(99), whole(100), whole(20))


def test_a_new_day_of_the_exchange_begins_anew(board: QuoteBoard) -> None:
    board.put(X.key, _moved("101", 18), whole(5))
    board.put(X.key, _moved("120", 19, close="101"), whole(7))

    assert board.day(X.key) == DayRange(1, whole(120), whole(120), whole(120), whole(101), whole(7))


def test_a_quote_that_is_not_taken_leaves_the_day_alone(board: QuoteBoard) -> None:
    board.put(X.key, _moved("101", 5), whole(5))
    before = board.day(X.key)

    assert not board.put(X.key, _moved("90", 4), whole(5))
    assert board.day(X.key) == before


def test_a_synthetic_quote_has_a_day_of_its_one_price(board: QuoteBoard) -> None:
    quote = board.get(X.key)
    assert quote is not None

    price = quote.last

    assert board.day(X.key) == DayRange(0, price, price, price, price, 0)
    assert board.day("NSE:8") is None


def test_a_close_never_replaces_a_price_that_moves(
    board: QuoteBoard, index: InstrumentIndex
) -> None:
    board.put(X.key, _moved("101", 5))

    board.load_closes(b"symbol,date,close\nX,2025-09-30,99\n", index)

    assert board.get(X.key) == _moved("101", 5)


def test_a_source_that_knows_the_whole_day_is_believed(board: QuoteBoard) -> None:
    day = DayRange(20_000, whole(99), whole(110), whole(95), whole(98), whole(7))
    board.put(X.key, _fed("100"), day=day)
    assert board.day(X.key) == day

    heard = []
    board.listen(lambda key, _quote: heard.append(key))
    assert not board.put(X.key, _fed("100"), day=day)
    more = msgspec.structs.replace(day, volume=whole(8))
    assert board.put(X.key, _fed("100"), day=more)
    assert (board.day(X.key), heard) == (more, [X.key])


@pytest.mark.parametrize(
    ("source", "age_s", "expected"),
    [
        *((source, 15, False) for source in QuoteSource),
        *((source, 16, True) for source in (QuoteSource.FEED, QuoteSource.REST)),
        *((source, 16, False) for source in (QuoteSource.CLOSE, QuoteSource.SIMULATED)),
    ],
)
def test_what_is_live_and_too_old_is_stale(source: QuoteSource, age_s: int, expected: bool) -> None:
    quote = msgspec.structs.replace(_fed("100"), source=source)

    assert is_stale(quote, quote.time + age_s * SECOND + 1, 15) is expected


def test_a_close_does_not_replace_a_price_that_was_asked_for(index: InstrumentIndex) -> None:
    board = QuoteBoard(index.get)
    asked = msgspec.structs.replace(_fed("101"), source=QuoteSource.REST)
    board.put(X.key, asked)

    board.load_closes(b"symbol,date,close\nX,2025-09-30,100\n", index)

    assert board.get(X.key) == asked
