"""The risk checks: one list, one order, fail-closed, for every order from every door.

``refusal`` returns the first reason why an order may not go, or None. Reduce-only orders (sells
within what is sellable) pass kills and the limits that stop new risk; nothing passes the rest.
"""

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.instruments import (
    Instrument,
    QuoteSource,
)
from phalanx.domain.kills import KillLevel, stopping
from phalanx.domain.limits import Limit
from phalanx.domain.numbers import (
    FIXED_MAX,
    Money,
    Price,
    Quantity,
    multiply,
)
from phalanx.domain.orders import OrdType, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context
from phalanx.engine.exposure import exposed, sellable, to_cover
from phalanx.engine.priced import PricedInstrument, Terms
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


def refusal(  # noqa: PLR0913, PLR0917  the hot path: one call for each order
    state: State,
    context: Context,
    account: Account,
    book: Book,
    priced: PricedInstrument,
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


def available_cash(account: Account, book: Book, tally: Tally = NOTHING) -> Money:
    """The cash new buys may use: what is there, less holds, less the account's reserve."""
    return book.cash - book.holds - account.reserve - tally.holds


def _book_refusal(
    state: State,
    account: Account,
    book: Book,
    priced: PricedInstrument,
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
