"""What is found, and in which order."""

import pytest

from phalanx.domain.instruments import Instrument, InstrumentIndex, instrument_key
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.market.finding import finder as finding
from phalanx.market.finding.finder import Finder
from phalanx.market.finding.search import SearchIndex


def stock(
    symbol: str, token: str, exchange: str = "NSE", *, isin: str = "", name: str = ""
) -> Instrument:
    key, tick = instrument_key(exchange, token), parse_fixed("0.05")
    return Instrument(key, exchange, token, symbol, "EQ", whole(1), tick, isin=isin, name=name)


def option(symbol: str, token: str, expiry: str, strike: str, right: str) -> Instrument:
    key = instrument_key("NSEFO", token)
    return Instrument(
        key,
        "NSEFO",
        token,
        symbol,
        "OPTIDX",
        whole(75),
        parse_fixed("0.05"),
        expiry=expiry,
        strike=parse_fixed(strike),
        right=right,
    )


OPTIONS = [
    option("NIFTY 31-DEC-2026 17000 CE", "51", "2026-12-31", "17000", "CE"),
    option("NIFTY 24-DEC-2026 17000 PE", "52", "2026-12-24", "17000", "PE"),
    option("NIFTY 24-DEC-2026 17000 CE", "53", "2026-12-24", "17000", "CE"),
    option("NIFTY 03-DEC-2026 24000 CE", "54", "2026-12-03", "24000", "CE"),
    option("BANKNIFTY 24-DEC-2026 17000 CE", "55", "2026-12-24", "17000", "CE"),
    option("NIFTYNXT50 24-DEC-2026 17000 CE", "56", "2026-12-24", "17000", "CE"),
    option("NIFTY24DEC17000CE", "57", "2024-12-26", "17000", "CE"),
]


def symbols(instruments: list[Instrument], query: str, limit: int = 9) -> list[str]:
    found = Finder().find(InstrumentIndex(instruments), query, limit)
    return [one.symbol for one in found]


@pytest.mark.parametrize(
    ("query", "limit", "found"),
    [
        ("lt", 9, ["LT", "LTF", "ZED", "ABLT"]),
        ("LT", 2, ["LT", "LTF"]),
        (" LT ", 1, ["LT"]),
        ("l&", 9, ["LT"]),
        ("l&t", 9, ["LT"]),
        ("sig", 9, ["ZED"]),
        ("23", 9, ["ZED"]),
        ("3", 9, ["LT", "ZED"]),
        ("nse:3", 9, ["LT"]),
        ("NSE:12", 9, ["ZED"]),
        ("", 2, ["LTF", "ABLT"]),
        ("  ", 1, ["LTF"]),
        ("nothing", 9, []),
        ("!", 9, []),
        ("\n", 1, ["LTF"]),
        ("lt", 0, []),
        ("lt", -1, []),
    ],
)
def test_whole_names_come_first_then_beginnings_then_the_rest(
    query: str, limit: int, found: list[str]
) -> None:
    listed = [stock("LTF", "1"), stock("ABLT", "2"), stock("LT", "3"), stock("ZED", "1234")]
    index = InstrumentIndex(listed, {"L&T": "LT", "SIGMALT": "ZED"})

    assert [one.symbol for one in Finder().find(index, query, limit)] == found


def test_short_names_come_first_then_those_by_the_alphabet() -> None:
    names = ("RELIGARE", "RELIANCE25NOVFUT", "RELIANCE", "RELX", "RELA", "BREL", "ABREL", "REL")
    listed = [stock(name, str(at)) for at, name in enumerate(names)]

    assert symbols(listed, "rel") == [
        *("REL", "RELA", "RELX", "RELIANCE", "RELIGARE", "RELIANCE25NOVFUT", "BREL", "ABREL")
    ]


def test_an_option_is_found_by_underlying_strike_and_right_the_nearest_first() -> None:
    assert symbols(OPTIONS, "NIFTY 17000 CE") == [
        "NIFTY 24-DEC-2026 17000 CE",
        "NIFTY 31-DEC-2026 17000 CE",
        "NIFTY24DEC17000CE",
        "NIFTYNXT50 24-DEC-2026 17000 CE",
    ]


def test_an_option_is_found_by_its_day_and_by_its_year() -> None:
    assert symbols(OPTIONS, "nifty 24 dec 17000 ce")[:2] == [
        "NIFTY 24-DEC-2026 17000 CE",
        # Of the year 24, and its symbol has all of that in one word.
        "NIFTY24DEC17000CE",
    ]
    assert symbols(OPTIONS, "nifty dec 26 17000 pe") == ["NIFTY 24-DEC-2026 17000 PE"]
    assert symbols(OPTIONS, "nifty 3 dec") == [
        "NIFTY 03-DEC-2026 24000 CE",
        "NIFTY 31-DEC-2026 17000 CE",
    ]


def test_words_may_stand_in_any_order_and_be_begun_only() -> None:
    assert symbols(OPTIONS, "ce 170 bankn") == ["BANKNIFTY 24-DEC-2026 17000 CE"]


def test_a_company_is_found_by_words_of_its_name_after_symbols_that_begin_so() -> None:
    listed = [
        stock("TM", "1", name="TATA MOTORS LIMITED"),
        stock("TATAPOWER", "2", name="TATA POWER"),
        stock("MOTORS", "3"),
    ]

    assert symbols(listed, "tata") == ["TATAPOWER", "TM"]
    assert symbols(listed, "motors") == ["MOTORS", "TM"]
    assert symbols(listed, "tata mot") == ["TM"]


def test_a_stock_is_found_by_its_isin_on_every_exchange() -> None:
    listed = [
        stock("INFY", "1594", isin="INE009A01021"),
        stock("INFY", "500209", "BSE", isin="INE009A01021"),
        stock("TCS", "1", isin="INE467B01029"),
    ]

    found = Finder().find(InstrumentIndex(listed), "ine009a01021", 9)

    assert [one.key for one in found] == ["BSE:500209", "NSE:1594"]
    assert [one.key for one in Finder().find(InstrumentIndex(listed), "infy bse", 9)] == [
        "BSE:500209"
    ]


def test_a_symbol_that_is_meant_comes_before_a_token_and_local_ones_are_among_the_others() -> None:
    index = InstrumentIndex([stock("TOKEN", "77"), stock("77", "1"), stock("77LONGER", "2")])
    local = (stock("77X", "77X", "LOCAL"), stock("हिंदी", "हिंदी", "LOCAL"))

    finder = Finder()

    assert [one.symbol for one in finder.find(index, "77", 3, local)] == ["77", "TOKEN", "77X"]
    assert [one.symbol for one in finder.find(index, "हिंदी", 3, local)] == ["हिंदी"]
    assert [one.symbol for one in finder.find(index, "", 9, local)][-1] == "हिंदी"


def test_a_local_instrument_that_came_since_is_found() -> None:
    index, finder = InstrumentIndex([stock("ABC", "1")]), Finder()
    first, second = stock("NEW", "NEW", "LOCAL"), stock("NEWER", "NEWER", "LOCAL")
    finder.find(index, "new", 9, (first,))

    assert finder.find(index, "new", 9, (first, second)) == [first, second]


def test_a_new_master_is_searched_as_soon_as_it_is_there() -> None:
    finder = Finder()
    before, after = InstrumentIndex([stock("OLD", "1")]), InstrumentIndex([stock("NEW", "1")])

    assert len(finder.find(before, "1", 9)) == 1
    assert [one.symbol for one in finder.find(after, "1", 9)] == ["NEW"]
    assert [one.symbol for one in finder.find(before, "1", 9)] == ["OLD"]


def test_a_large_master_is_made_ready_once_and_a_small_one_when_it_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[InstrumentIndex] = []

    def count(index: InstrumentIndex) -> SearchIndex:
        made.append(index)
        return SearchIndex(index)

    monkeypatch.setattr(finding, "SearchIndex", count)
    monkeypatch.setattr(finding, "LARGE", 2)
    small = InstrumentIndex([stock("A", "1")])
    large = InstrumentIndex([stock("A", "1"), stock("B", "2")])
    finder = Finder()

    finder.prepare(small)
    finder.prepare(large)
    finder.prepare(large)
    assert made == [large]
    finder.find(large, "a", 1)
    finder.find(small, "a", 1)
    finder.find(small, "b", 1)
    assert made == [large, small]


def test_of_a_query_the_first_words_count() -> None:
    assert symbols([stock("A", "1")], "a " * 8 + "nowhere") == ["A"]
