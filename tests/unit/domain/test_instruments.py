import pytest

from phalanx.domain.instruments import AmbiguousName, Instrument, InstrumentIndex
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
