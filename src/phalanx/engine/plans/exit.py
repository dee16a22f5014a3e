"""The plan of an exit: call back what works on the other side, sell what is held, buy back what is short."""

from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.instructions import ExitRequest, ExitScope
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import ClOrdId, Product
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.plans.exposure import WorkingSells, reach
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.position_exit import ExitInProgress, exit_position
from phalanx.engine.plans.selection import chosen
from phalanx.engine.state import Book, State, position_key

_R = ReasonCode


_NAMES = {
    ExitScope.POSITIONS: "today's positions",
    ExitScope.HOLDINGS: "the holdings",
    ExitScope.BOTH: "all that is held",
}


def plan_exit(state: State, context: Context, request: ExitRequest) -> Plan:
    """Orders and cancels for every chosen account that has something within the exit's reach."""
    key: InstrumentKey = ""
    owner = ""
    named = _NAMES[request.scope]
    if request.trade:
        found = _trade(state, request.trade)
        if found is None:
            return Plan(state, Reason(_R.UNKNOWN_TRADE, (request.trade,)))
        owner, key, named = *found, request.trade
    elif request.instrument:
        instrument = find_instrument(state, context, request.instrument)
        if instrument is None:
            return Plan(state, Reason(_R.UNKNOWN_INSTRUMENT, (request.instrument,)))
        key, named = instrument.key, instrument.symbol
    accounts = chosen(state, context.seed, request.selection, primary_only=False)
    if isinstance(accounts, Reason):
        return Plan(state, accounts)
    plan = Plan(state)
    leaving = ExitInProgress(
        state,
        context,
        request,
        plan,
        reach(state, context.now, request.scope, request.trade),
        WorkingSells(state),
        dict(request.quantities),
    )
    for account in accounts:
        if not owner or account.id == owner or not request.selection.is_everybody:
            _exit_account(leaving, account, key, named)
    if not plan.orders and not plan.cancels:
        code = _R.NOTHING_VALID if plan.skips else _R.NOTHING_TO_EXIT
        plan.refusal = Reason(code, () if plan.skips else (named,))
    return plan


def _trade(state: State, trade: ClOrdId) -> tuple[AccountId, InstrumentKey] | None:
    """Whose lot has that id, and of what it is."""
    order = state.orders.get(trade)
    books = state.books.values() if order is None else (state.book_of(order),)
    for book in books:
        for key, lots in book.lots.items():
            if trade in lots:
                return book.account, key
    return None


def _products(book: Book, key: InstrumentKey) -> list[Product]:
    """In which products the book has lots, or a position, of an instrument."""
    lots = book.lots.get(key)
    found = set() if lots is None else {lot.product for lot in lots.values()}
    return [p for p in Product if p in found or position_key(key, p) in book.positions]


def _exit_account(
    leaving: ExitInProgress, account: Account, key: InstrumentKey, named: str
) -> None:
    """One position after the other; an account that somebody named hears also that it has none."""
    plan, book = leaving.plan, leaving.state.books[account.book]
    before = len(plan.orders), len(plan.cancels), len(plan.skips)
    keys = [key]
    if not key:
        held = (position.instrument for position in book.positions.values())
        keys = list(dict.fromkeys((*book.lots, *held)))
    for each in keys:
        for product in _products(book, each):
            if leaving.request.product in {None, product}:
                exit_position(leaving, account, book, each, product)
    is_silent = before == (len(plan.orders), len(plan.cancels), len(plan.skips))
    if is_silent and not leaving.request.selection.is_everybody:
        plan.skip_for(account.id, Reason(_R.NOTHING_TO_EXIT, (named,)), key)
