"""The plan of a signal: STRATEGY says BUY or SELL an INSTRUMENT."""

from phalanx.domain.accounts import Account, Mode, book_id
from phalanx.domain.instructions import EVERYBODY, Selection, SignalRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import BASIS_POINTS, Money, Price, Quantity
from phalanx.domain.orders import ClOrdId, Closing, OrdType, Product, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.strategies import SellScope, Sizing, SizingRule, Strategy, Subscription
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.selection import chosen, shuffled
from phalanx.engine.priced import PricedInstrument, Terms
from phalanx.engine.pricing import affordable, hold_for
from phalanx.engine.risk import available_cash, refusal
from phalanx.engine.state import Book, Lot, State
from phalanx.engine.tally import NOTHING

_R = ReasonCode
# By their own names: on Python 3.11 finding an enum's member costs more than comparing with it.
_BUY, _SELL, _MARKET = Side.BUY, Side.SELL, OrdType.MARKET
_LIVE, _ACCOUNT, _FIXED_QUANTITY = Mode.LIVE, SellScope.ACCOUNT, Sizing.FIXED_QUANTITY


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
    signal = _Signal(state, context, plan, strategy, priced, request.lots_of)
    answer = signal.buy if request.side is _BUY else signal.sell
    for subscription in subscriptions:
        account = state.accounts[subscription.account]
        if not subscription.enabled:
            plan.skip(account.id, _R.SUBSCRIPTION_DISABLED, strategy.name)
        else:
            answer(account, subscription)
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


class _Signal:
    """One signal, answered account by account; what many of them have alike is found once."""

    __slots__ = (
        "_charge_bps",
        "_context",
        "_hold",
        "_instrument",
        "_is_limited",
        "_is_traded",
        "_key",
        "_lots_of",
        "_plan",
        "_priced",
        "_state",
        "_strategy",
        "_terms",
    )

    def __init__(
        self,
        state: State,
        context: Context,
        plan: Plan,
        strategy: Strategy,
        priced: PricedInstrument,
        lots_of: tuple[str, ...],
    ) -> None:
        self._state = state
        self._context = context
        self._plan = plan
        self._strategy = strategy.name
        self._lots_of = lots_of
        self._priced = priced
        self._instrument = priced.instrument
        self._key = priced.instrument.key
        self._is_traded = self._key in strategy.instruments
        self._is_limited = bool(state.limits)
        self._terms: Terms | None = None
        self._charge_bps = -1
        self._hold: Money = 0

    def buy(self, account: Account, subscription: Subscription) -> None:
        """An order by the subscription's sizing rule, or a skip."""
        state, plan, priced, instrument = self._state, self._plan, self._priced, self._instrument
        own = subscription.instruments
        if not (self._is_traded if own is None else self._key in own):
            plan.skip(account.id, _R.NOT_IN_SUBSCRIPTION, self._strategy, instrument.symbol)
            return
        book = state.books[book_id(account.id, account.mode)]
        if self._key in book.lots:
            blocking = _blocking_lot(state, book, subscription, instrument)
            if blocking is not None:
                plan.skip_for(account.id, blocking)
                return
        product, ord_type = subscription.product, subscription.ord_type
        limit = priced.protected_buy if ord_type is _MARKET else priced.last
        quantity = instrument.lot_size  # without a price nothing can be sized: the checks say why
        if limit:
            quantity = _size(subscription.sizing, account, book, instrument, limit)
        if quantity <= 0:
            cash = _budget(subscription.sizing, account, book)
            plan.skip(account.id, _R.ZERO_QUANTITY, cash, instrument.lot_size, limit)
            return
        terms = self._terms_of(_BUY, product, ord_type, quantity, limit)
        if account.charge_bps != self._charge_bps:
            self._charge_bps = account.charge_bps
            self._hold = hold_for(account, limit, quantity)
        hold = self._hold
        tally = plan.tally(state, account, book, self._strategy) if self._is_limited else NOTHING
        reason = refusal(state, self._context, account, book, priced, terms, hold, tally)
        if reason is None:
            plan.add(book, instrument, terms, hold, self._strategy)
        else:
            plan.skip_for(account.id, reason)

    def sell(self, account: Account, subscription: Subscription) -> None:
        """Close one lot that a signal opened, or a skip."""
        scope = subscription.sell_scope
        if scope is None:
            if account.mode is _LIVE:
                self._plan.skip(account.id, _R.SELL_SCOPE_NOT_CHOSEN)
                return
            scope = _ACCOUNT
        book = self._state.books[book_id(account.id, account.mode)]
        lots = book.lots.get(self._key)
        lot = None if lots is None else _lot_to_close(lots, self._strategy, scope, self._lots_of)
        if lot is None:
            self._plan.skip(account.id, _R.NO_OPEN_LOT, self._instrument.symbol)
        else:
            self._close(account, book, lot)

    def _close(self, account: Account, book: Book, lot: Lot) -> None:
        """Sell at once what is held and cancel what is still buying; later fills become further sells."""
        state, plan, priced, instrument = self._state, self._plan, self._priced, self._instrument
        available = lot.remaining - lot.reserved
        quantity = available - available % instrument.lot_size
        reason = None
        if quantity:
            terms = self._terms_of(_SELL, lot.product, _MARKET, quantity, priced.protected_sell)
            reason = refusal(state, self._context, account, book, priced, terms, 0)
            if reason is None:
                closes = (Closing(lot.id, quantity),)
                plan.add(book, instrument, terms, 0, lot.strategy, closes)
        if reason is not None:
            # What is held stays, and says why; what still buys is stopped all the same.
            plan.skip_for(account.id, reason)
        elif not quantity and not lot.buys:
            plan.skip(account.id, _R.LOT_MULTIPLE, available, instrument.lot_size)
        for cl_ord_id in lot.buys:
            plan.cancel(state.orders[cl_ord_id])

    def _terms_of(
        self, side: Side, product: Product, ord_type: OrdType, quantity: Quantity, limit: Price
    ) -> Terms:
        """The terms of the account before, as long as they are the same: the checks then know them too,
        and what such an order holds is known as well. ``limit`` follows from the others.
        """
        terms = self._terms
        if (
            terms is None
            or terms.quantity != quantity
            or terms.product is not product
            or terms.ord_type is not ord_type
        ):
            strategy = self._strategy if side is _BUY else None
            terms = Terms(side, product, ord_type, quantity, limit, strategy=strategy)
            self._terms = terms
            self._charge_bps = -1
        return terms


def _blocking_lot(
    state: State, book: Book, subscription: Subscription, instrument: Instrument
) -> Reason | None:
    """An open buy forbids another, and so does one whose cancel had no effect; one still closing in
    another product could not take it in later.
    """
    for lot in book.lots[instrument.key].values():
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
    if rule.sizing is _FIXED_QUANTITY:
        return rule.amount or lot_size
    return affordable(account, limit, _budget(rule, account, book), lot_size)


def _budget(rule: SizingRule, account: Account, book: Book) -> Money:
    """The cash that a rule spends; for a fixed quantity that is no rule of cash, the quantity itself."""
    if rule.sizing is Sizing.CASH_SHARE:
        return available_cash(account, book) * rule.amount // BASIS_POINTS
    return rule.amount


def _lot_to_close(
    lots: dict[ClOrdId, Lot], strategy: str, scope: SellScope, lots_of: tuple[str, ...]
) -> Lot | None:
    """The named strategy's open lot first, then (scope ACCOUNT) the oldest other that a signal opened;
    where ``lots_of`` names strategies, one of theirs.
    """
    oldest = None
    for lot in lots.values():
        if lot.by_signal and lot.is_open and (not lots_of or lot.strategy in lots_of):
            if lot.strategy == strategy:
                return lot
            oldest = oldest or lot
    return oldest if scope is _ACCOUNT else None
