"""What an order may cost: protected prices, bands and holds. Exact, and always on the safe side."""

from phalanx.domain.accounts import Account
from phalanx.domain.instruments import Instrument, InstrumentFacts, Quote
from phalanx.domain.numbers import (
    BASIS_POINTS,
    Money,
    Price,
    Quantity,
    multiply,
    round_down,
    round_up,
    share_up,
)
from phalanx.domain.settings import RiskSettings


def instrument_facts(
    settings: RiskSettings, instrument: Instrument, quote: Quote
) -> InstrumentFacts:
    """The band and the protected prices of one instrument now, rounded to its tick.

    Without a band in the master it is ``band_bps`` around the reference close. A protected price
    is ``protection_bps`` worse than the worse of last and touch, never outside the band.
    """
    tick = instrument.tick_size
    close = quote.reference_close
    low = instrument.band_low or round_up(
        close * (BASIS_POINTS - settings.band_bps) // BASIS_POINTS, tick
    )
    high = instrument.band_high or round_down(
        close * (BASIS_POINTS + settings.band_bps) // BASIS_POINTS, tick
    )
    worst_buy = max(quote.last, quote.ask)
    worst_sell = min(quote.last, quote.bid) if quote.bid else quote.last
    margin = settings.protection_bps
    protected_buy = round_up(worst_buy * (BASIS_POINTS + margin) // BASIS_POINTS, tick)
    protected_sell = round_down(worst_sell * (BASIS_POINTS - margin) // BASIS_POINTS, tick)
    return InstrumentFacts(
        instrument.key,
        instrument.symbol,
        instrument.isin,
        instrument.lot_size,
        tick,
        max(low, tick),
        high,
        quote.last,
        quote.source,
        min(protected_buy, high),
        max(protected_sell, low, tick),
    )


def hold_for(account: Account, limit: Price, quantity: Quantity) -> Money:
    """Cash a buy sets aside: its full value at the limit plus estimated charges."""
    value = multiply(limit, quantity)
    return value + share_up(value, account.charge_bps)


def affordable(account: Account, limit: Price, cash: Money, lot_size: Quantity) -> Quantity:
    """The most whole lots whose hold is within ``cash``; zero when not even one is."""
    if cash <= 0 or limit <= 0:
        return 0
    lot_value = hold_for(account, limit, lot_size)
    quantity = cash // lot_value * lot_size
    # Charges are rounded up per lot in lot_value but once per order in a hold: one more may fit.
    if hold_for(account, limit, quantity + lot_size) <= cash:
        quantity += lot_size
    return quantity
