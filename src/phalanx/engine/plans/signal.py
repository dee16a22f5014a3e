"""The plan of a signal: STRATEGY says BUY or SELL an INSTRUMENT."""

from phalanx.domain.accounts import Account, Mode
from phalanx.domain.instructions import EVERYBODY, Selection, SignalRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import BASIS_POINTS, Money, Price, Quantity, round_down
from phalanx.domain.orders import Closing, OrdType, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.strategies import SellScope, Sizing, SizingRule, Strategy, Subscription
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.selection import chosen, shuffled
from phalanx.engine.pricing import affordable, hold_for
from phalanx.engine.risk import PricedInstrument, Terms, available_cash, refusal
from phalanx.engine.state import Book, Lot, State

_R = ReasonCode
_BUY, _SELL, _MARKET = Side.BUY, Side.SELL, OrdType.MARKET


def plan_signal(state: State, context: Context, request: SignalRequest) -> Plan:
    """One order, cancel or skip for every account subscribed to the strategy, or named."""
    strategy = state.strategies.get(request.strategy)
    if strategy is None:
        return Plan(state, Reason(_R.UNKNOWN_STRATEGY, (request.strategy,)))
    if not strategy.enabled:
        return Plan(state, Reason(_R.STRATEGY_DISABLED, (request.strategy,)))
    instrument = find_instrument(state, context, request.instrument)
    if instrument is None:
        return Plan(state, Reason(_R.UNKNOWN_INSTRUMENT, (request.instrument,)))
    plan = Plan(state)
    subscriptions = _subscribed(state, context, plan, strategy, request.selection)
    if isinstance(subscriptions, Reason):
        return Plan(state, subscriptions)
    priced = plan.price(state, context, instrument)
    plan_one = _buy if request.side is Side.BUY else _sell
    for subscription in subscriptions:
        account = state.accounts[subscription.account]
        if not subscription.enabled:
            plan.skip(account.id, _R.SUBSCRIPTION_DISABLED, strategy.name)
        else:
            plan_one(state, context, plan, account, subscription, priced)
    if not plan.orders and not plan.cancels:
        code = _R.NOTHING_VALID if plan.skips else _R.NO_SUBSCRIBERS
        plan.refusal = Reason(code, () if plan.skips else (strategy.name,))
    return plan


def _subscribed(
    state: State, context: Context, plan: Plan, strategy: Strategy, selection: Selection
) -> list[Subscription] | Reason:
    """The subscriptions of those chosen, in an order drawn by the seed. Who was named and has none is
    skipped.
    """
    subscriptions = state.subscriptions.get(strategy.name, {})
    if selection is EVERYBODY or selection == EVERYBODY:
        return shuffled(list(subscriptions.values()), context.seed)
    accounts = chosen(state, context.seed, selection, primary_only=False)
    if isinstance(accounts, Reason):
        return accounts
    if not selection.is_everybody:
        for account in accounts:
            if account.id not in subscriptions:
                plan.skip(account.id, _R.NOT_SUBSCRIBED, strategy.name)
    return [subscriptions[account.id] for account in accounts if account.id in subscriptions]


def _buy(
    state: State,
    context: Context,
    plan: Plan,
    account: Account,
    subscription: Subscription,
    priced: PricedInstrument,
) -> None:
    instrument = priced.instrument
    strategy = subscription.strategy
    if instrument.key not in _traded(state, subscription):
        plan.skip(account.id, _R.NOT_IN_SUBSCRIPTION, strategy, instrument.symbol)
        return
    book = state.books[account.book]
    blocking = _blocking_lot(state, book, subscription, instrument)
    if blocking is not None:
        plan.skip_for(account.id, blocking)
        return
    limit = priced.protected_buy if subscription.ord_type is _MARKET else priced.last
    quantity = instrument.lot_size  # without a price nothing can be sized: the checks say why
    if limit:
        quantity = _size(subscription.sizing, account, book, instrument, limit)
    if quantity <= 0:
        cash = _budget(subscription.sizing, account, book)
        plan.skip(account.id, _R.ZERO_QUANTITY, cash, instrument.lot_size, limit)
        return
    product, ord_type = subscription.product, subscription.ord_type
    terms = Terms(_BUY, product, ord_type, quantity, limit, strategy=strategy)
    hold = hold_for(account, limit, quantity)
    tally = plan.tally_of_one(state, account, book, strategy)
    reason = refusal(state, context, account, book, priced, terms, hold, tally)
    if reason is None:
        plan.add(book, instrument, terms, hold, strategy=strategy)
    else:
        plan.skip_for(account.id, reason)


def _traded(state: State, subscription: Subscription) -> tuple[str, ...]:
    if subscription.instruments is not None:
        return subscription.instruments
    return state.strategies[subscription.strategy].instruments


def _blocking_lot(
    state: State, book: Book, subscription: Subscription, instrument: Instrument
) -> Reason | None:
    """An open buy forbids another, and so does one whose cancel had no effect; one still closing in
    another product could not take it in later.
    """
    for lot in book.lots.get(instrument.key, {}).values():
        if lot.strategy != subscription.strategy:
            continue
        if lot.is_open:
            facts = (subscription.strategy, instrument.symbol, lot.id)
            return Reason(_R.LOT_ALREADY_OPEN, facts)
        if lot.product is not subscription.product:
            return Reason(_R.PRODUCT_CONFLICT, (instrument.symbol, lot.id))
        for cl_ord_id in lot.buys:
            if state.orders[cl_ord_id].request is None:
                return Reason(_R.BUY_STILL_WORKING, (instrument.symbol, cl_ord_id))
    return None


def _size(
    rule: SizingRule, account: Account, book: Book, instrument: Instrument, limit: Price
) -> Quantity:
    lot_size = instrument.lot_size
    if rule.sizing is Sizing.FIXED_QUANTITY:
        return rule.amount or lot_size
    return affordable(account, limit, _budget(rule, account, book), lot_size)


def _budget(rule: SizingRule, account: Account, book: Book) -> Money:
    """The cash that a rule spends; for a fixed quantity that is no rule of cash, the quantity itself."""
    if rule.sizing is Sizing.CASH_SHARE:
        return available_cash(account, book) * rule.amount // BASIS_POINTS
    return rule.amount


def _sell(
    state: State,
    context: Context,
    plan: Plan,
    account: Account,
    subscription: Subscription,
    priced: PricedInstrument,
) -> None:
    scope = subscription.sell_scope
    if scope is None:
        if account.mode is Mode.LIVE:
            plan.skip(account.id, _R.SELL_SCOPE_NOT_CHOSEN)
            return
        scope = SellScope.ACCOUNT
    instrument = priced.instrument
    book = state.books[account.book]
    lot = _lot_to_close(book, subscription.strategy, scope, instrument)
    if lot is None:
        plan.skip(account.id, _R.NO_OPEN_LOT, instrument.symbol)
        return
    _close(state, context, plan, account, book, lot, priced)


def _lot_to_close(
    book: Book, strategy: str, scope: SellScope, instrument: Instrument
) -> Lot | None:
    """The named strategy's open lot first, then (scope ACCOUNT) the oldest other that a signal opened."""
    lots = book.lots.get(instrument.key)
    if not lots:
        return None
    oldest = None
    for lot in lots.values():
        if lot.by_signal and lot.is_open:
            if lot.strategy == strategy:
                return lot
            oldest = oldest or lot
    return oldest if scope is SellScope.ACCOUNT else None


def _close(
    state: State,
    context: Context,
    plan: Plan,
    account: Account,
    book: Book,
    lot: Lot,
    priced: PricedInstrument,
) -> None:
    """Sell at once what is held and cancel what is still buying; later fills become further sells."""
    instrument = priced.instrument
    quantity = round_down(lot.available, instrument.lot_size)
    buys = [state.orders[cl_ord_id] for cl_ord_id in lot.buys]
    reason = None
    if quantity:
        limit = priced.protected_sell
        terms = Terms(_SELL, lot.product, _MARKET, quantity, limit)
        reason = refusal(state, context, account, book, priced, terms, 0)
        if reason is None:
            closes = (Closing(lot.id, quantity),)
            plan.add(book, instrument, terms, 0, strategy=lot.strategy, closes=closes)
    if reason is not None:
        # What is held stays, and says why; what still buys is stopped all the same.
        plan.skip_for(account.id, reason)
    elif not buys and not quantity:
        plan.skip(account.id, _R.LOT_MULTIPLE, lot.available, instrument.lot_size)
    for order in buys:
        plan.cancel(order)
