"""Cancel, replace and fill by hand of single working orders."""

from phalanx.domain.accounts import Account, Mode, split_book
from phalanx.domain.events import (
    CancelRequested,
    Event,
    FillOrdered,
    OrderFlagged,
    ReplaceRequested,
    RequestDispatched,
)
from phalanx.domain.instruments import Instrument, known_instrument
from phalanx.domain.numbers import (
    Price,
    Quantity,
    format_fixed,
    multiply,
    round_down,
    round_up,
    share_up,
)
from phalanx.domain.orders import PRICED, TERMINAL, OrdStatus, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine.commands import (
    CancelOrder,
    DispatchRequest,
    FillByHand,
    RefuseHandFill,
    ReplaceOrder,
)
from phalanx.engine.context import Context
from phalanx.engine.held.approval import approval_refusal
from phalanx.engine.ids import new_hand_fill_id, new_request_id
from phalanx.engine.limits import limit_for
from phalanx.engine.plans.plan import Plan
from phalanx.engine.priced import Terms
from phalanx.engine.pricing import hold_for, usable_facts
from phalanx.engine.refused import Refused
from phalanx.engine.risk import account_refusal, available_cash, lessens_risk, replace_refusal
from phalanx.engine.state import Order, State

_R = ReasonCode
_REPLACEABLE = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})
_AT_BROKER = _REPLACEABLE | {OrdStatus.PENDING_CANCEL, OrdStatus.PENDING_REPLACE}


def cancel_order(state: State, command: CancelOrder, context: Context) -> list[Event]:
    """Ask for the cancel of one order, also over a replace whose end is not known.

    Raises Refused: ``UNKNOWN_ORDER``, ``ORDER_NOT_WORKING``, ``REQUEST_PENDING``.
    """
    order = _working(state, command.cl_ord_id)
    if order.is_canceling:
        raise Refused("REQUEST_PENDING", f"{command.cl_ord_id} has a cancel under way")
    request_id = _next_request_id(state)
    return [CancelRequested(context.now, command.origin, request_id, command.cl_ord_id)]


def replace_order(state: State, command: ReplaceOrder, context: Context) -> list[Event]:
    """Ask for another total quantity or limit of one working order.

    What reduces may only shrink: what it closes was set aside when it was planned. Raises Refused with
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


def fill_by_hand(state: State, command: FillByHand, context: Context) -> list[Event]:
    """Have the paper broker fill so much of a working order, without a price at the last one.

    What was ordered before and is not reported yet counts as filled. Raises Refused:
    ``UNKNOWN_ORDER``, ``ORDER_NOT_WORKING``, ``NOT_PAPER``, ``UNKNOWN_INSTRUMENT``,
    ``LOT_MULTIPLE``, ``ABOVE_LEAVES``, ``NO_PRICE``, ``OFF_TICK``, ``OUTSIDE_BAND``,
    ``BEYOND_LIMIT``.
    """
    order = _working(state, command.cl_ord_id)
    draft = order.draft
    if order.status not in _AT_BROKER:
        raise Refused("ORDER_NOT_WORKING", f"{draft.cl_ord_id} is {order.status.name}")
    if split_book(draft.book)[1] is not Mode.PAPER:
        raise Refused("NOT_PAPER", f"{draft.cl_ord_id} is not a paper order")
    instrument = known_instrument(context.instruments, state.local_instruments, draft.instrument)
    if instrument is None:
        raise Refused("UNKNOWN_INSTRUMENT", draft.instrument)
    if command.quantity <= 0 or command.quantity % instrument.lot_size:
        raise _refused(_R.LOT_MULTIPLE, command.quantity, instrument.lot_size)
    ordered = sum(
        fill.quantity for fill in state.hand_fills.values() if fill.cl_ord_id == draft.cl_ord_id
    )
    left = max(0, order.leaves_quantity - ordered)
    if command.quantity > left:
        detail = f"{format_fixed(command.quantity)} asked, {format_fixed(left)} left"
        raise Refused("ABOVE_LEAVES", detail)
    price = _fill_price(state, context, order, instrument, command.price)
    exec_id = new_hand_fill_id(state.desk_id, state.shard, state.next_request)
    return [
        FillOrdered(context.now, command.origin, draft.cl_ord_id, command.quantity, price, exec_id)
    ]


def refuse_hand_fill(state: State, command: RefuseHandFill, context: Context) -> list[Event]:
    """The broker does not do it: nothing waits for it any more, and a person sees that."""
    fill = state.hand_fills.get(command.exec_id)
    if fill is None:
        return []
    reason = Reason(_R.NOT_FILLED_BY_HAND, (command.why,))
    return [
        OrderFlagged(context.now, fill.cl_ord_id, reason.code.value, str(reason), command.exec_id)
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


def _fill_price(
    state: State, context: Context, order: Order, instrument: Instrument, asked: Price
) -> Price:
    """What a fill by hand trades at: on the tick, inside the band, within the order's limit."""
    facts = usable_facts(state.settings, instrument, context.quote(instrument.key))
    if facts is None:
        raise _refused(_R.NO_PRICE, instrument.symbol)
    buys = order.draft.side is Side.BUY
    price, tick = asked, facts.tick_size
    if not asked:
        price = round_up(facts.last, tick) if buys else max(round_down(facts.last, tick), tick)
    if price <= 0 or price % tick:
        raise _refused(_R.OFF_TICK, price, tick)
    if asked and not facts.band_low <= price <= facts.band_high:
        raise _refused(_R.OUTSIDE_BAND, price, facts.band_low, facts.band_high)
    if price > order.limit if buys else price < order.limit:
        detail = f"{format_fixed(price)} is beyond the order's limit {format_fixed(order.limit)}"
        raise Refused("BEYOND_LIMIT", detail)
    return price


def _refused(code: ReasonCode, *facts: int | str) -> Refused:
    reason = Reason(code, facts)
    return Refused(code.value, str(reason))


def _working(state: State, cl_ord_id: str) -> Order:
    order = state.orders.get(cl_ord_id)
    if order is None:
        raise Refused("UNKNOWN_ORDER", f"no order {cl_ord_id} in memory")
    if order.status in TERMINAL:
        raise Refused("ORDER_NOT_WORKING", f"{cl_ord_id} is {order.status.name}")
    return order


def _next_request_id(state: State) -> str:
    return new_request_id(state.desk_id, state.shard, state.next_request)


def _check_replace(state: State, context: Context, order: Order, quantity: int, limit: int) -> None:
    _check_change(order, quantity, limit)
    book = state.book_of(order)
    account = state.accounts[book.account]
    key = order.draft.instrument
    instrument = known_instrument(context.instruments, state.local_instruments, key)
    if instrument is None:
        raise Refused("UNKNOWN_INSTRUMENT", key)
    freeze = instrument.freeze_quantity
    if freeze and quantity > freeze and quantity != order.quantity:
        detail = f"{format_fixed(quantity)} asked, {format_fixed(freeze)} in one order at most"
        raise Refused("ABOVE_FREEZE", detail)
    reason = _risk_of(state, context, account, order, instrument, quantity, limit)
    if reason is not None:
        raise Refused(reason.code.value, str(reason))
    if not context.capabilities[account.broker].replace:
        raise Refused("NOT_REPLACEABLE", f"broker {account.broker} replaces nothing")
    if order.draft.side is Side.BUY:
        left = multiply(limit, quantity - order.cum_quantity)
        more = left + share_up(left, account.charge_bps) - order.hold
        if more > available_cash(account, book):
            raise Refused("INSUFFICIENT_CASH", "the new terms need more cash than is available")


def _check_change(order: Order, quantity: Quantity, limit: Price) -> None:
    """Whether such a change makes sense at all."""
    if order.draft.ord_type not in PRICED and limit != order.limit:
        raise Refused("NOT_REPLACEABLE", "a market order has no price to change")
    if (quantity, limit) == (order.quantity, order.limit):
        raise Refused("NOTHING_TO_CHANGE", "the order has these terms already")
    if quantity <= order.cum_quantity:
        raise Refused("BELOW_FILLED", "the new quantity is not above what is filled already")
    if _reduces(order) and quantity > order.quantity:
        raise Refused("SELL_MAY_ONLY_SHRINK", "place another order for more")


def _risk_of(
    state: State,
    context: Context,
    account: Account,
    order: Order,
    instrument: Instrument,
    quantity: Quantity,
    limit: Price,
) -> Reason | None:
    """The risk check that the new terms fail."""
    draft, reduces = order.draft, _reduces(order)
    priced = Plan(state).price(state, context, instrument)
    # Without the stop: the price may have reached it since, and that is no fault of the new terms.
    terms = Terms(
        draft.side,
        draft.product,
        draft.ord_type,
        quantity,
        limit,
        draft.time_in_force,
        covers=reduces and draft.side is Side.BUY,
    )
    lessens = reduces or lessens_risk(order, quantity, limit)
    reason = (
        account_refusal(state, context, account, reduces=lessens, strategy=draft.strategy)
        or priced.refusal(state, context, account, terms)
        or _beyond_stop(order, limit)
    )
    if reason is not None or lessens:
        return reason
    tightest = limit_for(state, account, draft.strategy)
    more = quantity - order.quantity
    return replace_refusal(
        state, state.book_of(order), priced, terms, more, tightest
    ) or approval_refusal(state, order, quantity, limit)


def _reduces(order: Order) -> bool:
    return order.draft.side is Side.SELL or order.draft.reduce_only


def _beyond_stop(order: Order, limit: Price) -> Reason | None:
    stop = order.draft.stop_price
    if stop and (limit < stop if order.draft.side is Side.BUY else limit > stop):
        return Reason(_R.STOP_BEYOND_LIMIT, (stop, limit))
    return None
