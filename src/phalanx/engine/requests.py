"""Cancel and replace of single working orders."""

from phalanx.domain.events import CancelRequested, Event, ReplaceRequested, RequestDispatched
from phalanx.domain.instruments import known_instrument
from phalanx.domain.numbers import multiply, share_up
from phalanx.domain.orders import TERMINAL, OrdStatus, OrdType, RequestKind, Side
from phalanx.domain.time import SECOND
from phalanx.engine.commands import CancelOrder, DispatchRequest, ReplaceOrder
from phalanx.engine.context import Context
from phalanx.engine.ids import prefix
from phalanx.engine.plans.plan import Plan, request_code
from phalanx.engine.pricing import hold_for
from phalanx.engine.refused import Refused
from phalanx.engine.risk import Terms, account_refusal, available_cash
from phalanx.engine.state import Order, State

_REPLACEABLE = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})


def cancel_order(state: State, command: CancelOrder, context: Context) -> list[Event]:
    """Ask for the cancel of one order, also over a replace whose end is not known.

    Raises Refused: ``UNKNOWN_ORDER``, ``ORDER_NOT_WORKING``, ``REQUEST_PENDING``.
    """
    order = _working(state, command.cl_ord_id)
    if order.request is not None and order.request.kind is RequestKind.CANCEL:
        raise Refused("REQUEST_PENDING", f"{command.cl_ord_id} has a cancel under way")
    request_id = _next_request_id(state)
    return [CancelRequested(context.now, command.origin, request_id, command.cl_ord_id)]


def replace_order(state: State, command: ReplaceOrder, context: Context) -> list[Event]:
    """Ask for another total quantity or limit of one working order.

    A sell may only shrink: what it closes was set aside when it was planned. Raises Refused with
    a code of its own, or with the risk code that forbids the new terms.
    """
    order = _working(state, command.cl_ord_id)
    if order.request is not None:
        raise Refused("REQUEST_PENDING", f"{command.cl_ord_id} has a request under way")
    if order.status not in _REPLACEABLE:
        raise Refused("NOT_REPLACEABLE", f"{command.cl_ord_id} is {order.status.name}")
    quantity = order.quantity if command.quantity is None else command.quantity
    limit = order.limit if command.price is None else command.price
    _check_replace(state, context, order, quantity, limit)
    hold = 0
    if order.draft.side is Side.BUY:
        account = state.accounts[state.book_of(order).account]
        hold = hold_for(account, limit, quantity)
    request_id = _next_request_id(state)
    return [
        ReplaceRequested(
            context.now, command.origin, request_id, command.cl_ord_id, quantity, limit, hold
        )
    ]


def dispatch_request(state: State, command: DispatchRequest, context: Context) -> list[Event]:
    """The pending request's turn has come."""
    order = state.orders.get(command.cl_ord_id)
    if order is None or order.request is None or order.request.dispatched:
        return []
    deadline = context.now + state.settings.send_timeout_s * SECOND
    request = order.request
    return [
        RequestDispatched(
            context.now, command.cl_ord_id, request.id, request.kind, command.epoch, deadline
        )
    ]


def _working(state: State, cl_ord_id: str) -> Order:
    order = state.orders.get(cl_ord_id)
    if order is None:
        raise Refused("UNKNOWN_ORDER", f"no order {cl_ord_id} in memory")
    if order.status in TERMINAL:
        raise Refused("ORDER_NOT_WORKING", f"{cl_ord_id} is {order.status.name}")
    return order


def _next_request_id(state: State) -> str:
    return request_code(prefix(state.desk_id, state.shard), state.next_request)


def _check_replace(state: State, context: Context, order: Order, quantity: int, limit: int) -> None:
    draft = order.draft
    if draft.ord_type is OrdType.MARKET and limit != order.limit:
        raise Refused("NOT_REPLACEABLE", "a market order has no price to change")
    if (quantity, limit) == (order.quantity, order.limit):
        raise Refused("NOTHING_TO_CHANGE", "the order has these terms already")
    if quantity <= order.cum_quantity:
        raise Refused("BELOW_FILLED", "the new quantity is not above what is filled already")
    sells = draft.side is Side.SELL
    if sells and quantity > order.quantity:
        raise Refused("SELL_MAY_ONLY_SHRINK", "place another order for more")
    book = state.book_of(order)
    account = state.accounts[book.account]
    instrument = known_instrument(context.instruments, state.local_instruments, draft.instrument)
    if instrument is None:
        raise Refused("UNKNOWN_INSTRUMENT", draft.instrument)
    priced = Plan(state).price(state, context, instrument)
    terms = Terms(draft.side, draft.product, draft.ord_type, quantity, limit, draft.time_in_force)
    reason = account_refusal(state, context, account, reduces=sells) or priced.refusal(
        state, context, account, terms
    )
    if reason is not None:
        raise Refused(reason.code.value, str(reason))
    if not context.capabilities[account.broker].replace:
        raise Refused("NOT_REPLACEABLE", f"broker {account.broker} replaces nothing")
    if not sells:
        left = multiply(limit, quantity - order.cum_quantity)
        more = left + share_up(left, account.charge_bps) - order.hold
        if more > available_cash(account, book):
            raise Refused("INSUFFICIENT_CASH", "the new terms need more cash than is available")
