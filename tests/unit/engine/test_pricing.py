import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.accounts import Account
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import FIXED_MAX, SCALE, whole
from phalanx.domain.settings import RiskSettings
from phalanx.engine.pricing import affordable, hold_for, instrument_facts, usable_facts
from tests.engine_world import fixed, stock

INFY = stock("6", "INFY")


def quote(last: str, close: str = "", bid: str = "0", ask: str = "0") -> Quote:
    return Quote(fixed(last), fixed(close or last), 0, QuoteSource.FEED, fixed(bid), fixed(ask))


@pytest.mark.parametrize(
    ("given_quote", "low", "high", "buy", "sell"),
    [
        (quote("100"), "80", "120", "101", "99"),
        (quote("100.03"), "80.05", "120", "101.05", "99"),  # to the tick, on the safe side
        (quote("100", bid="99", ask="102"), "80", "120", "103.05", "98"),
        (quote("119.5", close="100"), "80", "120", "120", "118.3"),  # never outside the band
        (quote("80.5", close="100"), "80", "120", "81.35", "80"),
        (quote("0.05"), "0.05", "0.05", "0.05", "0.05"),  # a band is never narrower than a tick
    ],
)
def test_bands_and_protected_prices(
    given_quote: Quote, low: str, high: str, buy: str, sell: str
) -> None:
    facts = instrument_facts(RiskSettings(), INFY, given_quote)

    assert (facts.band_low, facts.band_high) == (fixed(low), fixed(high))
    assert (facts.protected_buy, facts.protected_sell) == (fixed(buy), fixed(sell))
    assert facts.last == given_quote.last


@pytest.mark.parametrize("given_quote", [None, quote("0", "100"), quote("100", "0")])
def test_without_a_last_price_and_a_close_there_are_no_facts(given_quote: Quote | None) -> None:
    assert usable_facts(RiskSettings(), INFY, given_quote) is None


def test_a_usable_price_gives_the_facts_of_now() -> None:
    facts = usable_facts(RiskSettings(), INFY, quote("100"), "Infosys")

    assert facts == instrument_facts(RiskSettings(), INFY, quote("100"), "Infosys")


def test_the_circuit_of_the_day_replaces_the_masters_band() -> None:
    banded = msgspec.structs.replace(INFY, band_low=fixed("95"), band_high=fixed("100.5"))
    low, high = fixed("98"), fixed("100.2")
    told = msgspec.structs.replace(quote("100"), circuit_low=low, circuit_high=high)

    facts = instrument_facts(RiskSettings(), banded, told)

    assert (facts.band_low, facts.band_high) == (low, high)
    assert (facts.protected_buy, facts.protected_sell) == (high, fixed("99"))


def test_the_masters_band_replaces_the_derived_one() -> None:
    banded = msgspec.structs.replace(INFY, band_low=fixed("95"), band_high=fixed("100.5"))

    facts = instrument_facts(RiskSettings(), banded, quote("100"))

    assert (facts.band_low, facts.band_high) == (fixed("95"), fixed("100.5"))
    assert facts.protected_buy == fixed("100.5")


@given(
    last=st.integers(1, 10**13),
    close=st.integers(1, 10**13),
    tick=st.sampled_from([1, SCALE // 100, SCALE // 20, SCALE]),
    band=st.integers(0, 9_999),
    margin=st.integers(0, 9_999),
)
def test_every_price_is_a_positive_tick_inside_the_band(
    last: int, close: int, tick: int, band: int, margin: int
) -> None:
    settings = RiskSettings(band_bps=band, protection_bps=margin)
    instrument = msgspec.structs.replace(INFY, tick_size=tick)

    facts = instrument_facts(settings, instrument, Quote(last, close, 0, QuoteSource.FEED))

    assert 0 < facts.band_low <= facts.band_high
    for price in (facts.protected_buy, facts.protected_sell):
        assert facts.band_low <= price <= facts.band_high
        assert price % tick == 0


@pytest.mark.parametrize(
    ("limit", "quantity", "bps", "hold"),
    [
        ("101", "10", 0, "1010"),
        ("101", "10", 12, "1011.212"),
        ("0.01", "0.00000001", 0, "0"),
        ("0.01", "0.001", 1, "0.00001001"),
    ],
)
def test_a_hold_is_value_and_charges(limit: str, quantity: str, bps: int, hold: str) -> None:
    account = Account("A", 1, charge_bps=bps)

    assert hold_for(account, fixed(limit), fixed(quantity)) == fixed(hold)


@given(
    limit=st.integers(1, 10**13),
    cash=st.integers(-10, FIXED_MAX),
    lot=st.sampled_from([1, 10, SCALE // 1_000, SCALE, 25 * SCALE]),
    bps=st.integers(0, 500),
)
def test_the_most_lots_that_the_cash_covers(limit: int, cash: int, lot: int, bps: int) -> None:
    account = Account("A", 1, charge_bps=bps)

    quantity = affordable(account, limit, cash, lot)

    assert quantity % lot == 0
    assert 0 <= quantity <= FIXED_MAX
    assert quantity == 0 or hold_for(account, limit, quantity) <= cash
    if quantity + lot <= FIXED_MAX and cash > 0:
        assert hold_for(account, limit, quantity + lot) > cash


@pytest.mark.parametrize(("limit", "cash"), [(0, whole(5)), (whole(5), 0), (-1, 1), (1, -1)])
def test_without_price_or_cash_nothing_is_affordable(limit: int, cash: int) -> None:
    assert affordable(Account("A", 1), limit, cash, SCALE) == 0
