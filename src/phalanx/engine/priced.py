"""One instrument with its price, and the checks that any account's terms about it have to pass.

They ask nothing of an account but its mode and its broker, so a fan-out checks equal terms once.
"""

import msgspec

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.instruments import (
    LIVE_SOURCES,
    Instrument,
    InstrumentFacts,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import (
    BASIS_POINTS,
    FIXED_MAX,
    Price,
    Quantity,
    multiply,
    round_down,
)
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND
from phalanx.engine.context import Context
from phalanx.engine.day.phases import phase_refusal, ticked_until
from phalanx.engine.day.square_off import cutoff_refusal
from phalanx.engine.state import State

_R = ReasonCode
# By their own names: on Python 3.11 finding an enum's member costs as much as the check itself.
_SELL, _MARKET = Side.SELL, OrdType.MARKET
_PAPER = Mode.PAPER
_MADE_UP = frozenset({QuoteSource.SYNTHETIC, QuoteSource.SIMULATED})


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What is proposed about one instrument, the same for every account that proposes it.

    ``limit`` is the price asked, or the protected one of a MARKET order (zero while none is known).
    ``covers``: a BUY that only buys a short back. ``strategy``: whose BUY it is.
    """

    side: Side
    product: Product
    ord_type: OrdType
    quantity: Quantity
    limit: Price
    time_in_force: TimeInForce = TimeInForce.DAY
    stop_price: Price = 0
    covers: bool = False
    strategy: str | None = None

    @property
    def reduces(self) -> bool:
        """It can only lessen risk."""
        return self.side is _SELL or self.covers


def cap_refusal(
    settings: RiskSettings, quantity: Quantity, limit: Price, *, reduces: bool
) -> Reason | None:
    """The caps on one order. An exit has no value cap: a price that rose must not lock a position in."""
    if quantity > settings.quantity_max:
        return Reason(_R.QUANTITY_CAP, (quantity, settings.quantity_max))
    if reduces:
        return None
    value = multiply(limit, quantity)
    if value > settings.value_max:
        # A price of hundreds of thousands times a million shares fits no journaled number.
        return Reason(_R.VALUE_CAP, (min(value, FIXED_MAX), settings.value_max))
    return None


_NEVER_ASKED: tuple[Terms | None, Mode | None, str, Reason | None] = (None, None, "", None)


class PricedInstrument:
    """One instrument with its price now; remembers verdicts, so a fan-out checks equal terms once.

    ``protected_buy`` and ``protected_sell`` are the worst prices of MARKET orders, ``last`` the last
    price on its tick: all zero without a price, which no order survives. ``listings``: the keys of
    the same stock on all exchanges, which are one for the desk's limits.
    """

    __slots__ = (
        "_last",
        "_verdicts",
        "facts",
        "instrument",
        "last",
        "listings",
        "protected_buy",
        "protected_sell",
        "quote",
    )

    def __init__(
        self,
        instrument: Instrument,
        quote: Quote | None,
        facts: InstrumentFacts | None,
        listings: tuple[InstrumentKey, ...],
    ) -> None:
        self.instrument = instrument
        self.listings = listings
        self.quote = quote
        self.facts = facts
        self.protected_buy: Price = 0 if facts is None else facts.protected_buy
        self.protected_sell: Price = 0 if facts is None else facts.protected_sell
        self.last: Price = 0 if facts is None else round_down(facts.last, facts.tick_size)
        self._verdicts: dict[tuple[Terms, Mode, str], Reason | None] = {}
        self._last = _NEVER_ASKED

    def refusal(
        self, state: State, context: Context, account: Account, terms: Terms
    ) -> Reason | None:
        """Tradable, supported, lot, tick, price, band, distance, caps; the same for equal terms."""
        last, mode, broker, verdict = self._last
        if last is terms and mode is account.mode and broker == account.broker:
            # A fan-out asks with one and the same terms: their hash alone costs five times as much.
            return verdict
        if last is None:
            # A single order asks once: nothing else to compare with, and nobody to remember it for.
            verdict = self._judge(state, context, account, terms)
            self._last = (terms, account.mode, account.broker, verdict)
            return verdict
        key = (terms, account.mode, account.broker)
        if key in self._verdicts:
            verdict = self._verdicts[key]
        else:
            verdict = self._verdicts[key] = self._judge(state, context, account, terms)
        self._last = (*key, verdict)
        return verdict

    def _judge(
        self, state: State, context: Context, account: Account, terms: Terms
    ) -> Reason | None:
        instrument = self.instrument
        if not instrument.tradable:
            return Reason(_R.INSTRUMENT_NOT_TRADABLE, (instrument.symbol,))
        if account.mode is not _PAPER and instrument.is_local:
            return Reason(_R.INSTRUMENT_PAPER_ONLY, (instrument.symbol,))
        capabilities = context.capabilities[account.broker]
        unsupported = _unsupported(capabilities, terms)
        if unsupported:
            return Reason(_R.ORDER_TYPE_NOT_SUPPORTED, (account.broker, unsupported))
        return (
            self._session_refusal(state, context, account, terms)
            or _opening_refusal(instrument, terms)
            or self._shape_refusal(terms)
            or self._price_refusal(state, context, account)
            or self._distance_refusal(state, terms)
            or self._stop_refusal(terms)
            or cap_refusal(state.settings, terms.quantity, terms.limit, reduces=terms.reduces)
        )

    def _session_refusal(
        self, state: State, context: Context, account: Account, terms: Terms
    ) -> Reason | None:
        settings, instrument = state.settings, self.instrument
        if account.mode is _PAPER and not (settings.paper_keeps_sessions or settings.square_off):
            return None
        wanted = (terms.ord_type, terms.time_in_force, terms.product)
        return phase_refusal(state, context, account, instrument, wanted) or cutoff_refusal(
            state, context, instrument, terms.product, reduces=terms.reduces
        )

    def _shape_refusal(self, terms: Terms) -> Reason | None:
        quantity, lot_size, tick = (
            terms.quantity,
            self.instrument.lot_size,
            self.instrument.tick_size,
        )
        if quantity <= 0 or quantity % lot_size:
            return Reason(_R.LOT_MULTIPLE, (quantity, lot_size))
        if terms.ord_type is not _MARKET and terms.limit % tick:
            return Reason(_R.OFF_TICK, (terms.limit, tick))
        if terms.stop_price % tick:
            return Reason(_R.OFF_TICK, (terms.stop_price, tick))
        return None

    def _price_refusal(self, state: State, context: Context, account: Account) -> Reason | None:
        quote = self.quote
        if quote is None or self.facts is None:
            return Reason(_R.NO_PRICE, (self.instrument.symbol,))
        if quote.source not in LIVE_SOURCES and account.mode is _PAPER:
            return None
        if quote.source in _MADE_UP:
            return Reason(_R.SYNTHETIC_PRICE, (self.instrument.symbol,))
        age_s = (context.now - quote.time) // SECOND
        if age_s > state.settings.stale_after_s:
            age_s = (ticked_until(state, context, self.instrument) - quote.time) // SECOND
        if age_s > state.settings.stale_after_s:
            facts = (self.instrument.symbol, str(age_s), str(state.settings.stale_after_s))
            return Reason(_R.STALE_PRICE, facts)
        return None

    def _distance_refusal(self, state: State, terms: Terms) -> Reason | None:
        facts = self.facts
        assert facts is not None
        if terms.ord_type is _MARKET:
            return None
        stop, limit, last = terms.stop_price, terms.limit, facts.last
        if stop and not facts.band_low <= stop <= facts.band_high:
            return Reason(_R.OUTSIDE_BAND, (stop, facts.band_low, facts.band_high))
        if not facts.band_low <= limit <= facts.band_high:
            return Reason(_R.OUTSIDE_BAND, (limit, facts.band_low, facts.band_high))
        allowed = last * state.settings.distance_bps // BASIS_POINTS
        if abs(limit - last) > allowed:
            return Reason(_R.FAR_FROM_LAST, (limit, last))
        return None

    def _stop_refusal(self, terms: Terms) -> Reason | None:
        """A stop waits on the far side of the last price, and its limit lies beyond the stop."""
        stop, facts = terms.stop_price, self.facts
        if not stop:
            return None
        assert facts is not None
        buys = terms.side is not _SELL
        if stop <= facts.last if buys else stop >= facts.last:
            return Reason(_R.STOP_NOT_BEYOND_LAST, (stop, facts.last))
        if terms.limit < stop if buys else terms.limit > stop:
            return Reason(_R.STOP_BEYOND_LIMIT, (stop, terms.limit))
        return None


def _opening_refusal(instrument: Instrument, terms: Terms) -> Reason | None:
    """What the exchange does not let begin; what is there may be closed."""
    if terms.reduces:
        return None
    if instrument.banned:
        return Reason(_R.BAN_PERIOD, (instrument.symbol,))
    if terms.product is Product.INTRADAY and instrument.is_trade_to_trade:
        return Reason(_R.TRADE_TO_TRADE, (instrument.symbol, instrument.series))
    return None


def _unsupported(capabilities: Capabilities, terms: Terms) -> str:
    """The name of what this broker does not take, or nothing."""
    if terms.ord_type not in capabilities.ord_types:
        return terms.ord_type.name
    if terms.product not in capabilities.products:
        return terms.product.name
    if terms.time_in_force not in capabilities.times_in_force:
        return terms.time_in_force.name
    return ""
