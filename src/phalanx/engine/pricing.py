"""What an order may cost: protected prices, bands and holds. Exact, and always on the safe side."""

from bisect import bisect_right

from phalanx.domain.accounts import Account
from phalanx.domain.instruments import Instrument, InstrumentFacts, Quote
from phalanx.domain.numbers import (
    BASIS_POINTS,
    FIXED_MAX,
    SCALE,
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
    settings: RiskSettings, instrument: Instrument, quote: Quote, called: str = ""
) -> InstrumentFacts:
    """The band and the protected prices of one instrument now, rounded to its tick.

    The band is the circuit of the day where a feed told it, else the master's; without either it is
    ``band_bps`` around the reference close. A protected price
    is ``protection_bps`` worse than the worse of last and touch, never outside the band.
    """
    tick, last, bid, ask = instrument.tick_size, quote.last, quote.bid, quote.ask
    low, high = _band(settings, instrument, quote)
    worst_buy = worst_sell = last
    if ask > last:
        worst_buy = ask
    if bid and bid < last:
        worst_sell = bid
    margin = settings.protection_bps
    protected_buy = round_up(worst_buy * (BASIS_POINTS + margin) // BASIS_POINTS, tick)
    protected_sell = round_down(worst_sell * (BASIS_POINTS - margin) // BASIS_POINTS, tick)
    return InstrumentFacts(
        instrument.key,
        instrument.symbol,
        instrument.isin,
        instrument.lot_size,
        tick,
        low,
        high,
        last,
        quote.source,
        _within(low, protected_buy, high),
        _within(low, protected_sell, high),
        called,
    )


def _band(settings: RiskSettings, instrument: Instrument, quote: Quote) -> tuple[Price, Price]:
    """The lowest and the highest price: below one tick there is none, and a hold of nothing holds nothing."""
    reference_close, tick = quote.reference_close, instrument.tick_size
    low = quote.circuit_low or instrument.band_low
    high = quote.circuit_high or instrument.band_high
    if not low:
        low = round_up(reference_close * (BASIS_POINTS - settings.band_bps) // BASIS_POINTS, tick)
    if not high:
        high = round_down(
            reference_close * (BASIS_POINTS + settings.band_bps) // BASIS_POINTS, tick
        )
    if low < tick:
        low = tick
    if high < low:
        high = low
    return low, high


def _within(low: Price, price: Price, high: Price) -> Price:
    """The nearest price to it in the band. By comparing: ``min`` and ``max`` cost three times as much."""
    if price > high:
        price = high
    if price < low:
        price = low
    return price


def usable_facts(
    settings: RiskSettings, instrument: Instrument, quote: Quote | None, called: str = ""
) -> InstrumentFacts | None:
    """The facts of now; None without a price that an order can go by: a last one and a close."""
    if quote is None or quote.last <= 0 or quote.reference_close <= 0:
        return None
    return instrument_facts(settings, instrument, quote, called)


def stop_limit(
    settings: RiskSettings, facts: InstrumentFacts, stop_price: Price, *, buys: bool
) -> Price:
    """The protected price of a STOP order: ``protection_bps`` worse than its stop, within the band."""
    margin, tick = settings.protection_bps, facts.tick_size
    if buys:
        worst = round_up(stop_price * (BASIS_POINTS + margin) // BASIS_POINTS, tick)
        return min(worst, round_down(facts.band_high, tick))
    worst = round_down(stop_price * (BASIS_POINTS - margin) // BASIS_POINTS, tick)
    return max(worst, round_up(facts.band_low, tick))


def hold_for(account: Account, limit: Price, quantity: Quantity) -> Money:
    """Cash a buy sets aside: its full value at the limit plus estimated charges."""
    value = multiply(limit, quantity)
    charges = account.charge_bps
    return value + share_up(value, charges) if charges else value


def affordable(account: Account, limit: Price, cash: Money, lot_size: Quantity) -> Quantity:
    """The most whole lots whose hold is within ``cash``; zero when not even one is."""
    if cash <= 0 or limit <= 0:
        return 0
    cost_bps = BASIS_POINTS + account.charge_bps
    most = FIXED_MAX // lot_size
    lots = min(cash * SCALE * BASIS_POINTS // (limit * lot_size * cost_bps), most)
    fits = hold_for(account, limit, lots * lot_size) <= cash
    if not fits or (lots < most and hold_for(account, limit, (lots + 1) * lot_size) <= cash):
        # Holds round to the last decimal, which counts where a lot costs hardly more than that.
        lots = bisect_right(
            range(1, most + 1), cash, key=lambda n: hold_for(account, limit, n * lot_size)
        )
    return lots * lot_size
