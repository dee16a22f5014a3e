import pytest

from phalanx.domain.instruments import (
    AmbiguousName,
    Instrument,
    InstrumentIndex,
    instrument_key,
    known_instrument,
    known_symbol,
    split_key,
)
from phalanx.domain.numbers import SCALE


def instrument(exchange: str, token: str, symbol: str) -> Instrument:
    return Instrument(f"{exchange}:{token}", exchange, token, symbol, "EQ", SCALE, SCALE // 20)


INDEX = InstrumentIndex(
    [
        instrument("NSE", "2885", "RELIANCE"),
        instrument("BSE", "500325", "RELIANCE"),
        instrument("NSE", "11", "TCS"),
        instrument("BSE", "11", "ELEVEN"),
        instrument("NSE", "12", "2885"),
    ],
    {"RIL": "RELIANCE", "TCS": "RELIANCE", "GONE": "DELISTED"},
    "hash",
)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("RELIANCE", "NSE:2885"),  # listed twice: the one loaded first
        ("RIL", "NSE:2885"),
        ("TCS", "NSE:11"),  # a symbol goes before an alias
        ("BSE:500325", "BSE:500325"),
        ("500325", "BSE:500325"),
        ("2885", "NSE:12"),  # a symbol goes before a token
        ("GONE", None),
        ("reliance", None),
        ("NSE:1", None),
        ("", None),
    ],
)
def test_a_name_is_a_symbol_then_an_alias_then_a_key_then_a_token(
    name: str, key: str | None
) -> None:
    found = INDEX.resolve(name)

    assert (found.key if found else None) == key


def test_a_token_of_two_exchanges_is_ambiguous() -> None:
    with pytest.raises(AmbiguousName) as ambiguous:
        INDEX.resolve("11")

    assert ambiguous.value.keys == ("NSE:11", "BSE:11")


def test_an_index_knows_what_it_has() -> None:
    assert len(INDEX) == len(list(INDEX)) == 5
    assert INDEX.sha256 == "hash"
    assert INDEX.aliases["RIL"] == "RELIANCE"
    assert INDEX.get("NSE:11") is INDEX.resolve("TCS")
    assert INDEX.get("TCS") is None


def test_local_instruments_are_marked_by_their_exchange() -> None:
    assert instrument("LOCAL", "X", "X").is_local
    assert not instrument("NSE", "X", "X").is_local


@pytest.mark.parametrize(("exchange", "token"), [("NSE", "2885"), ("LOCAL", "a:b"), ("NSE", "")])
def test_a_key_tells_its_exchange_and_token(exchange: str, token: str) -> None:
    assert split_key(instrument_key(exchange, token)) == (exchange, token)


def test_a_known_instrument_is_the_masters_or_a_local_one() -> None:
    local = instrument("LOCAL", "X", "X")
    shadowed = instrument("NSE", "11", "OTHER")
    locals_ = {local.key: local, shadowed.key: shadowed}

    assert known_instrument(INDEX, locals_, "NSE:11") is INDEX.get("NSE:11")
    assert known_instrument(INDEX, locals_, "LOCAL:X") is local
    assert known_instrument(INDEX, locals_, "X") is None
    assert [known_symbol(INDEX, locals_, key) for key in ("NSE:11", "LOCAL:X", "NSE:9")] == [
        *("TCS", "X", "NSE:9")
    ]


@pytest.mark.parametrize(
    ("exchange", "series", "is_one"),
    [
        ("NSE", "EQ", False),
        ("NSE", "BE", True),
        ("NSE", "T", False),
        ("BSE", "T", True),
        ("BSE", "BE", False),
        ("NSE", "", False),
    ],
)
def test_which_series_are_trade_to_trade_depends_on_the_exchange(
    exchange: str, series: str, is_one: bool
) -> None:
    stock = Instrument(f"{exchange}:1", exchange, "1", "X", "EQ", SCALE, 1, series=series)

    assert stock.is_trade_to_trade is is_one
