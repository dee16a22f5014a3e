"""The plan of a single order: one account, one instrument, one side."""

from phalanx.domain.accounts import Account
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Quantity
from phalanx.domain.orders import Closing, OrdType, Product, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine.apply.instructions import shape
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.plans.plan import Plan
from phalanx.engine.pricing import hold_for
from phalanx.engine.risk import PricedInstrument, Terms, refusal
from phalanx.engine.state import Book, State

_R = ReasonCode


def plan_order(state: State, context: Context, request: OrderRequest, *, keyed: bool) -> Plan:
    """One order or one skip. ``keyed``: the caller's idempotency key replaces the duplicate window."""
    account = _account(state, request)
    if account is None:
        named = request.account or str(request.client)
        return Plan(state, Reason(_R.UNKNOWN_ACCOUNT, (named,)))
    if request.client and account.client_id != request.client:
        return Plan(state, Reason(_R.ACCOUNT_NOT_CLIENTS, (account.id, str(request.client))))
    instrument = find_instrument(state, context, request.instrument)
    if instrument is None:
        return Plan(state, Reason(_R.UNKNOWN_INSTRUMENT, (request.instrument,)))
    plan = Plan(state)
    priced = plan.price(state, context, instrument)
    reason = _plan_one(state, context, plan, account, priced, request, keyed=keyed)
    if reason is not None:
        plan.skip_for(account.id, reason)
        plan.refusal = Reason(_R.NOTHING_VALID)
    return plan


def _account(state: State, request: OrderRequest) -> Account | None:
    account_id = request.account or state.primary_accounts.get(request.client, "")
    return state.accounts.get(account_id)


def _plan_one(
    state: State,
    context: Context,
    plan: Plan,
    account: Account,
    priced: PricedInstrument,
    request: OrderRequest,
    *,
    keyed: bool,
) -> Reason | None:
    buys = request.side is Side.BUY
    limit = request.price
    if request.ord_type is OrdType.MARKET:
        limit = priced.protected_buy if buys else priced.protected_sell
    terms = Terms(
        request.side,
        request.product,
        request.ord_type,
        request.quantity,
        limit,
        request.time_in_force,
    )
    hold = hold_for(account, limit, request.quantity) if buys else 0
    book = state.books[account.book]
    reason = refusal(state, context, account, book, priced, terms, hold)
    if reason is None and not keyed:
        reason = _duplicate(state, context, book, priced.instrument.key, terms)
    if reason is not None:
        return reason
    closes = () if buys else oldest_first(book, priced.instrument.key, terms)
    plan.add(book, priced.instrument, terms, hold, closes=closes)
    return None


def oldest_first(book: Book, instrument: InstrumentKey, terms: Terms) -> tuple[Closing, ...]:
    """The lots a sell of ``terms.quantity`` closes: the oldest available ones of that product."""
    left: Quantity = terms.quantity
    product: Product = terms.product
    closes = []
    for lot in book.lots.get(instrument, {}).values():
        if left and lot.product is product and lot.available:
            part = min(left, lot.available)
            closes.append(Closing(lot.id, part))
            left -= part
    return tuple(closes)


def _duplicate(
    state: State, context: Context, book: Book, instrument: InstrumentKey, terms: Terms
) -> Reason | None:
    window_s = state.settings.duplicate_window_s
    key = shape(instrument, terms.side, terms.product, terms.ord_type, terms.quantity, terms.limit)
    last = book.recent.get(key)
    if last is None or context.now - last.time >= window_s * SECOND:
        return None
    return Reason(_R.DUPLICATE_ORDER, (str(window_s), last.cl_ord_id))
