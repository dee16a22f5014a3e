"""The plan of a single order: one account, one instrument, one side."""

from phalanx.domain.accounts import Account
from phalanx.domain.instructions import AllocatedRequest, BatchRow, OrderRequest
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Quantity
from phalanx.domain.orders import Closing, OrdType, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND
from phalanx.engine.apply.instructions import shape
from phalanx.engine.context import Context, find_instrument
from phalanx.engine.exposure import closings, lots_of
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.selection import account_of
from phalanx.engine.priced import PricedInstrument, Terms
from phalanx.engine.pricing import hold_for, stop_limit
from phalanx.engine.risk import refusal
from phalanx.engine.state import Book, State

_R = ReasonCode
# By their own names: on Python 3.11 finding an enum's member costs more than comparing with it.
_BUY, _MARKET, _STOP = Side.BUY, OrdType.MARKET, OrdType.STOP


def plan_order(state: State, context: Context, request: OrderRequest, *, keyed: bool) -> Plan:
    """One order or one skip. ``keyed``: the caller's idempotency key replaces the duplicate window."""
    account = account_of(state, request)
    if account is None:
        code = _R.UNKNOWN_ACCOUNT if request.account else _R.UNKNOWN_CLIENT
        return Plan(state, Reason(code, (request.account or str(request.client),)))
    if request.client and account.client_id != request.client:
        return Plan(state, Reason(_R.ACCOUNT_NOT_CLIENTS, (account.id, str(request.client))))
    if request.mode is not None and request.mode is not account.mode:
        return Plan(state, Reason(_R.OTHER_MODE, (account.id,)))
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
    terms = terms_of(state.settings, priced, request, request.quantity)
    reduces = terms.reduces
    hold = 0 if reduces else hold_for(account, terms.limit, terms.quantity)
    book = state.books[account.book]
    tally = plan.tally_of_one(state, account, book)
    reason = refusal(state, context, account, book, priced, terms, hold, tally)
    if reason is None and not keyed:
        reason = _duplicate(state, context, book, priced.instrument.key, terms)
    if reason is not None:
        return reason
    closes = oldest_first(book, priced.instrument.key, terms) if reduces else ()
    plan.add(book, priced.instrument, terms, hold, None, closes)
    return None


def terms_of(
    settings: RiskSettings,
    priced: PricedInstrument,
    asked: OrderRequest | BatchRow | AllocatedRequest,
    quantity: Quantity,
) -> Terms:
    """What is asked, with the limit that will be sent: zero without a price, which no order survives."""
    side, ord_type, limit = asked.side, asked.ord_type, asked.price
    if ord_type is _MARKET:
        limit = priced.protected_buy if side is _BUY else priced.protected_sell
    elif ord_type is _STOP:
        facts, buys = priced.facts, side is _BUY
        limit = 0 if facts is None else stop_limit(settings, facts, asked.stop_price, buys=buys)
    return Terms(
        side,
        asked.product,
        ord_type,
        quantity,
        limit,
        asked.time_in_force,
        asked.stop_price,
    )


def oldest_first(book: Book, instrument: InstrumentKey, terms: Terms) -> tuple[Closing, ...]:
    """The lots a sell of ``terms.quantity`` closes: the oldest available ones of that product."""
    lots = lots_of(book, instrument, terms.product)
    return closings(((lot.id, lot.available) for lot in lots), terms.quantity)


def _duplicate(
    state: State, context: Context, book: Book, instrument: InstrumentKey, terms: Terms
) -> Reason | None:
    window_s = state.settings.duplicate_window_s
    key = shape(instrument, terms.side, terms.product, terms.ord_type, terms.quantity, terms.limit)
    last = book.recent.get(key)
    if last is None or context.now - last.time >= window_s * SECOND:
        return None
    return Reason(_R.DUPLICATE_ORDER, (str(window_s), last.cl_ord_id))
