"""The plan of an exit: call back what works on the other side, sell what is held, buy back what is short."""

from phalanx.domain.accounts import Account
from phalanx.domain.instructions import ExitRequest, ExitScope
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import Product
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.apply.lots import find_lot_of
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.exposure import WorkingSells, reach
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.position_exit import ExitInProgress, exit_position
from phalanx.engine.plans.selection import chosen
from phalanx.engine.state import Book, State, position_key

_R = ReasonCode
_PRODUCTS = tuple(Product)


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
        found = find_lot_of(state, request.trade)
        if found is None:
            return Plan(state, Reason(_R.UNKNOWN_TRADE, (request.trade,)))
        book, lot = found
        owner, key, named = book.account, lot.instrument, request.trade
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
        request.caps(account.id for account in accounts),
    )
    for account in accounts:
        if not owner or account.id == owner or not request.selection.is_everybody:
            _exit_account(leaving, account, key, named)
    if not plan.orders and not plan.cancels:
        code = _R.NOTHING_VALID if plan.skips else _R.NOTHING_TO_EXIT
        plan.refusal = Reason(code, () if plan.skips else (named,))
    return plan


def _products(book: Book, key: InstrumentKey) -> list[Product]:
    """In which products the book has lots, or a position, of an instrument."""
    # A list: hashing an enum's member costs more than finding it among a few.
    found = [lot.product for lot in book.lots.get(key, {}).values()]
    return [p for p in _PRODUCTS if p in found or position_key(key, p) in book.positions]


def _exit_account(
    leaving: ExitInProgress, account: Account, key: InstrumentKey, named: str
) -> None:
    """One position after the other; an account that somebody named hears also that it has none."""
    plan, book = leaving.plan, leaving.state.books[account.book]
    is_named = not leaving.request.selection.is_everybody
    if leaving.request.quantities and account.id not in leaving.caps:
        if is_named:
            plan.skip_for(account.id, Reason(_R.NOT_IN_QUANTITIES), key)
        return
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
    if is_silent and is_named:
        plan.skip_for(account.id, Reason(_R.NOTHING_TO_EXIT, (named,)), key)
