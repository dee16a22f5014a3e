"""The risk checks: one list, one order, fail-closed, for every order from every door.

``refusal`` returns the first reason why an order may not go, or None. Reduce-only orders (sells
within what is sellable) pass kills and the limits that stop new risk; nothing passes the rest.
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
from phalanx.domain.kills import KillLevel, stopping
from phalanx.domain.limits import Limit
from phalanx.domain.numbers import (
    BASIS_POINTS,
    FIXED_MAX,
    Money,
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
from phalanx.engine.exposure import exposed, sellable, to_cover
from phalanx.engine.state import Book, Order, State
from phalanx.engine.tally import NOTHING, Tally

_R = ReasonCode
# By their own names: on Python 3.11 finding an enum's member costs as much as the check itself.
_SELL, _MARKET = Side.SELL, OrdType.MARKET
_PAPER = Mode.PAPER
_KILLED = {
    KillLevel.ALL: _R.KILL_ALL,
    KillLevel.BROKER: _R.KILL_BROKER,
    KillLevel.STRATEGY: _R.KILL_STRATEGY,
    KillLevel.CLIENT: _R.KILL_CLIENT,
    KillLevel.ACCOUNT: _R.KILL_ACCOUNT,
}
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


def refusal(  # noqa: PLR0913, PLR0917  the hot path: one call for each order
    state: State,
    context: Context,
    account: Account,
    book: Book,
    priced: "PricedInstrument",
    terms: Terms,
    hold: Money,
    tally: Tally = NOTHING,
) -> Reason | None:
    """The first check that fails, in the documented order. ``book`` is the account's.

    ``tally``: what the same plan has given this book already.
    """
    reason = _standing_refusal(context, account)
    if reason is None and not terms.reduces:
        if account.mode is not _PAPER:
            reason = _arming_refusal(state, context, account)
        if reason is None and state.kills:
            reason = kill_refusal(state, account, terms.strategy)
    if reason is None:
        reason = priced.refusal(state, context, account, terms)
    if reason is None:
        reason = _book_refusal(state, account, book, priced, terms, hold, tally)
    return reason


def account_refusal(
    state: State,
    context: Context,
    account: Account,
    *,
    reduces: bool,
    strategy: str | None = None,
) -> Reason | None:
    """Enabled, open, with a broker for its mode, armed where it is live, and not stopped, nor is the
    ``strategy``.
    """
    reason = _standing_refusal(context, account)
    if reason is not None or reduces:
        return reason
    if account.mode is not _PAPER:
        reason = _arming_refusal(state, context, account)
    if reason is not None or not state.kills:
        return reason
    return kill_refusal(state, account, strategy)


def _standing_refusal(context: Context, account: Account) -> Reason | None:
    """Enabled, open, with a broker for its mode."""
    if not account.enabled:
        return Reason(_R.ACCOUNT_DISABLED, (account.id,))
    closed = context.closed.get(account.id)
    if closed is not None:
        return Reason(_R.ACCOUNT_NOT_RECONCILED, (account.id, closed))
    capabilities = context.capabilities.get(account.broker)
    if capabilities is None or account.mode not in capabilities.modes:
        return Reason(_R.LIVE_NOT_AVAILABLE, (account.id,))
    return None


def _arming_refusal(state: State, context: Context, account: Account) -> Reason | None:
    """New risk of a live account needs a person who armed it today; yesterday's arming counts for nothing,
    also where the event that ends it is late.
    """
    armed = state.armed.get(account.id)
    if armed is None or context.now >= armed.until:
        return Reason(_R.NOT_ARMED, (account.id,))
    return None


def kill_refusal(state: State, account: Account, strategy: str | None = None) -> Reason | None:
    """The standing kill that stops an account's new risk, under this strategy or under none."""
    scope = stopping(state.kills, account, strategy) if state.kills else None
    if scope is None:
        return None
    return Reason(_KILLED[scope.level], (scope.name,) if scope.name else ())


def lessens_risk(order: Order, quantity: Quantity, limit: Price) -> bool:
    """Whether new terms can only lessen the risk of a working order: no more of it, at no worse price."""
    is_dearer = limit > order.limit if order.draft.side is Side.BUY else limit < order.limit
    return order.draft.reduce_only or (quantity <= order.quantity and not is_dearer)


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


def available_cash(account: Account, book: Book, tally: Tally = NOTHING) -> Money:
    """The cash new buys may use: what is there, less holds, less the account's reserve."""
    return book.cash - book.holds - account.reserve - tally.holds


def _book_refusal(
    state: State,
    account: Account,
    book: Book,
    priced: "PricedInstrument",
    terms: Terms,
    hold: Money,
    tally: Tally,
) -> Reason | None:
    if terms.side is _SELL:
        free = sellable(book, priced.instrument.key, terms.product, tally)
        if terms.quantity > free:
            return Reason(_R.NOT_SELLABLE, (terms.quantity, free))
        return None
    if terms.covers:
        short = to_cover(state, book, priced.instrument.key, terms.product, tally)
        if terms.quantity > short:
            return Reason(_R.NOT_SHORT, (terms.quantity, short))
        return None
    if book.doubts or tally.limit is not None:
        reason = entry_refusal(state, book, priced, terms, tally)
        if reason is not None:
            return reason
    available = available_cash(account, book, tally)
    if hold > available:
        return Reason(_R.INSUFFICIENT_CASH, (hold, available))
    settings = state.settings
    more = _orders_of(priced.instrument, terms) + tally.orders
    is_open, sent = book.open_orders + more, book.orders_today + more
    if is_open > settings.open_orders_max:
        return Reason(_R.TOO_MANY_OPEN_ORDERS, (str(is_open - 1),))
    if sent > settings.orders_per_day_max:
        return Reason(_R.TOO_MANY_ORDERS_TODAY, (str(sent - 1),))
    return None


def entry_refusal(
    state: State, book: Book, priced: PricedInstrument, terms: Terms, tally: Tally
) -> Reason | None:
    """What stops new risk in an instrument however much cash there is: a doubt, or the desk's limits."""
    instrument = priced.instrument
    if instrument.key in book.doubts:
        return Reason(_R.ORDER_IN_DOUBT, (instrument.symbol,))
    limit = tally.limit
    if limit is None:
        return None
    reason = _terms_refusal(book, priced, terms, tally)
    if reason is not None:
        return reason
    if limit.position_max is not None:
        after = terms.quantity + exposed(state, book, priced.listings, tally)
        if after > limit.position_max:
            return Reason(_R.POSITION_CAP, (after, limit.position_max))
    sent = book.orders_today + tally.orders + _orders_of(instrument, terms)
    if limit.orders_per_day_max is not None and sent > limit.orders_per_day_max:
        return Reason(_R.TOO_MANY_ORDERS_TODAY, (str(sent - 1),))
    return None


def replace_refusal(
    state: State,
    book: Book,
    priced: PricedInstrument,
    terms: Terms,
    more: Quantity,
    limit: Limit | None,
) -> Reason | None:
    """The same for the new terms of a buy that works already: ``more`` than before is still to be held
    (less: below zero), and it is no further order.
    """
    instrument = priced.instrument
    if instrument.key in book.doubts:
        return Reason(_R.ORDER_IN_DOUBT, (instrument.symbol,))
    if limit is None:
        return None
    reason = _terms_refusal(book, priced, terms, Tally(limit))
    if reason is not None or limit.position_max is None or more <= 0:
        return reason
    after = more + exposed(state, book, priced.listings)
    return (
        Reason(_R.POSITION_CAP, (after, limit.position_max)) if after > limit.position_max else None
    )


def _orders_of(instrument: Instrument, terms: Terms) -> int:
    """How many orders the terms make, sliced at the freeze quantity."""
    freeze = instrument.freeze_quantity
    return -(-terms.quantity // freeze) if freeze else 1


def _terms_refusal(
    book: Book, priced: PricedInstrument, terms: Terms, tally: Tally
) -> Reason | None:
    """The limits that the desk set for this account, as far as they are about the terms themselves."""
    limit = tally.limit
    assert limit is not None
    if not tally.restricted.isdisjoint(priced.listings):
        return Reason(_R.RESTRICTED, (priced.instrument.symbol, book.account))
    if limit.quantity_max is not None and terms.quantity > limit.quantity_max:
        return Reason(_R.QUANTITY_CAP, (terms.quantity, limit.quantity_max))
    value = multiply(terms.limit, terms.quantity)
    if limit.value_max is not None and value > limit.value_max:
        return Reason(_R.VALUE_CAP, (min(value, FIXED_MAX), limit.value_max))
    return None
