"""The plan of an allocated batch: one instrument, shared out over accounts."""

from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.allocation import Method
from phalanx.domain.instructions import AllocatedRequest, Selection
from phalanx.domain.instruments import InstrumentKey, known_symbol
from phalanx.domain.numbers import BASIS_POINTS, FIXED_MAX, SCALE, Fixed, Money, Quantity, multiply
from phalanx.domain.orders import Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.exposure import sellable
from phalanx.engine.plans.order import oldest_first, terms_of
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.selection import chosen
from phalanx.engine.plans.sharing import whole_lots, worth
from phalanx.engine.priced import PricedInstrument, Terms
from phalanx.engine.pricing import affordable, hold_for
from phalanx.engine.risk import available_cash, refusal
from phalanx.engine.state import Book, State, position_key

_R = ReasonCode
_LISTED = frozenset({Method.QUANTITIES, Method.LIKE})
_OF_CASH = frozenset(
    {
        Method.EQUAL_CASH,
        Method.FIXED_CASH,
        Method.PERCENT_OF_CASH,
        Method.PERCENT_OF_NET_VALUE,
    }
)


def plan_allocated(state: State, context: Context, request: AllocatedRequest) -> Plan:
    """One order or skip for each account, in an order drawn by the seed.

    Everything is rounded down to whole lots; what that leaves of a total is given to nobody. A sell
    is cut to what of the position may be sold.

    Raises Refused ``AMBIGUOUS_TOKEN``.
    """
    instrument = find_instrument(state, context, request.instrument)
    if instrument is None:
        return Plan(state, Reason(_R.UNKNOWN_INSTRUMENT, (request.instrument,)))
    plan = Plan(state)
    accounts = _for_whom(state, context, request, plan, instrument.key)
    if isinstance(accounts, Reason):
        return Plan(state, accounts)
    priced = plan.price(state, context, instrument)
    shares = _Shares(state, context, request, priced, len(accounts))
    for account in accounts:
        book = state.books[account.book]
        asked = shares.of(account, book)
        reason = asked if isinstance(asked, Reason) else None
        if not isinstance(asked, Reason):
            reason = _plan_one(state, context, plan, account, book, priced, asked)
        if reason is not None:
            plan.skip_for(account.id, reason, instrument.key)
    if not plan.orders:
        plan.refusal = Reason(_R.NOTHING_VALID)
    return plan


def _for_whom(
    state: State, context: Context, request: AllocatedRequest, plan: Plan, key: InstrumentKey
) -> list[Account] | Reason:
    """Those chosen. With quantities by account, nobody else than those that have one, unless others are
    named; a quantity of somebody who is not among those named is skipped.
    """
    selection = request.selection
    if request.allocation.method not in _LISTED:
        return chosen(state, context.seed, selection, primary_only=True)
    listed = dict(request.allocation.quantities)
    for account_id in listed:
        if account_id not in state.accounts:
            return Reason(_R.UNKNOWN_ACCOUNT, (account_id,))
    if not listed:
        return Reason(_R.NOBODY_CHOSEN)
    if selection.is_everybody:
        selection = Selection(tuple(listed), mode=selection.mode)
    accounts = chosen(state, context.seed, selection, primary_only=True)
    if isinstance(accounts, Reason):
        return accounts
    among = {account.id for account in accounts}
    for account_id in listed:
        is_of_mode = selection.mode in {None, state.accounts[account_id].mode}
        if account_id not in among and is_of_mode:
            plan.skip_for(account_id, Reason(_R.NOT_CHOSEN, (account_id,)), key)
    return accounts


def _plan_one(
    state: State,
    context: Context,
    plan: Plan,
    account: Account,
    book: Book,
    priced: PricedInstrument,
    terms: Terms,
) -> Reason | None:
    sells = terms.side is Side.SELL
    hold = 0 if sells else hold_for(account, terms.limit, terms.quantity)
    tally = plan.tally_of_one(state, account, book)
    reason = refusal(state, context, account, book, priced, terms, hold, tally)
    if reason is not None:
        return reason
    closes = oldest_first(book, priced.instrument.key, terms) if sells else ()
    plan.add(book, priced.instrument, terms, hold, closes=closes)
    return None


class _Shares:
    """What the allocation gives each account."""

    def __init__(
        self,
        state: State,
        context: Context,
        request: AllocatedRequest,
        priced: PricedInstrument,
        count: int,
    ) -> None:
        self._state = state
        self._context = context
        self._request = request
        self._priced = priced
        self._count = count
        self._method = request.allocation.method
        self._sells = request.side is Side.SELL
        self._limit = terms_of(state.settings, priced, request, 0).limit
        self._quantities: dict[AccountId, Quantity] = {}
        for account_id, quantity in request.allocation.quantities:
            self._quantities[account_id] = self._quantities.get(account_id, 0) + quantity
        self._multipliers: dict[AccountId, Fixed] = {}
        for name in reversed(request.selection.groups):
            group = state.groups.get(name)
            for member in () if group is None else group.members:
                self._multipliers[member.account] = member.multiplier

    def of(self, account: Account, book: Book) -> Terms | Reason:
        """The terms of an account's order, or why there is none."""
        lot_size = self._priced.instrument.lot_size
        share = (
            self._cash(account, book) if self._method in _OF_CASH else self._units(account, book)
        )
        if isinstance(share, Reason):
            return share
        quantity = lot_size  # without a price cash buys nothing: the checks say why
        if self._method not in _OF_CASH:
            quantity = whole_lots(share, lot_size)
        elif self._limit:
            quantity = self._for_cash(account, share)
        if not quantity:
            facts = (max(-FIXED_MAX, min(share, FIXED_MAX)), lot_size, self._limit)
            return Reason(_R.ZERO_QUANTITY, facts)
        if self._sells:
            free = sellable(book, self._priced.instrument.key, self._request.product)
            # Where nothing may be sold the quantity stays as asked, and the checks say so.
            quantity = whole_lots(min(quantity, free), lot_size) or quantity
        return terms_of(self._state.settings, self._priced, self._request, quantity)

    def _units(self, account: Account, book: Book) -> Quantity:
        amount = self._request.allocation.amount
        match self._method:
            case Method.EQUAL_QUANTITY:
                return amount // self._count
            case Method.MULTIPLIER:
                return amount * self._multipliers.get(account.id, SCALE) // SCALE
            case Method.PERCENT_OF_POSITION:
                key = position_key(self._priced.instrument.key, self._request.product)
                position = book.positions.get(key)
                return 0 if position is None else position.quantity * amount // BASIS_POINTS
            case Method.QUANTITIES | Method.LIKE:
                return self._quantities.get(account.id, 0)
            case _:
                return amount

    def _cash(self, account: Account, book: Book) -> Money | Reason:
        amount = self._request.allocation.amount
        match self._method:
            case Method.EQUAL_CASH:
                return amount // self._count
            case Method.PERCENT_OF_CASH:
                return available_cash(account, book) * amount // BASIS_POINTS
            case Method.PERCENT_OF_NET_VALUE:
                value = _net_value(self._state, self._context, book)
                return value if isinstance(value, Reason) else value * amount // BASIS_POINTS
            case _:
                return amount

    def _for_cash(self, account: Account, cash: Money) -> Quantity:
        """Buys at the limit with charges; sells so much as is worth no more, now and at the limit."""
        lot_size = self._priced.instrument.lot_size
        if self._sells:
            return worth(cash, max(self._limit, self._priced.last), lot_size)
        return affordable(account, self._limit, cash, lot_size)


def _net_value(state: State, context: Context, book: Book) -> Money | Reason:
    """Cash and all positions at their last price; one without a price is valued by nobody."""
    total = book.cash
    for position in book.positions.values():
        if position.quantity:
            quote = context.quote(position.instrument)
            if quote is None or quote.last <= 0:
                local = state.local_instruments
                symbol = known_symbol(context.instruments, local, position.instrument)
                return Reason(_R.NO_PRICE, (symbol,))
            total += multiply(quote.last, position.quantity)
    return total
