"""What brokers say, turned into events: fills deduplicated, quantities monotone, doubt kept honest."""

from phalanx.domain.events import (
    DispatchLapsed,
    Event,
    OrderDoubted,
    OrderReported,
    RequestDoubted,
    RequestEnded,
)
from phalanx.domain.numbers import FIXED_MAX, Quantity, multiply
from phalanx.domain.orders import (
    TERMINAL,
    ExecType,
    ExecutionReport,
    OrdStatus,
    RequestKind,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.closing import cancel_again, children, order_ended
from phalanx.engine.commands import BookNeverWritten, BookReport, BookUnknown
from phalanx.engine.context import Context
from phalanx.engine.lifecycle import Trigger, move
from phalanx.engine.state import Order, PendingRequest, State, position_key

_TRIGGERS = {
    ExecType.NEW: Trigger.ACCEPT,
    ExecType.CANCELED: Trigger.CANCELED,
    ExecType.REJECTED: Trigger.REJECT,
    ExecType.EXPIRED: Trigger.EXPIRE,
}

CANCELS_REFUSED_MAX = 3
"""How often a broker may refuse the cancel of one order before nobody asks again: then the buy goes
on working, each fill of it is sold, and no further BUY comes beside it."""

_REFUSED_REQUESTS = frozenset({ExecType.CANCEL_REJECTED, ExecType.REPLACE_REJECTED})

# By their own names: on Python 3.11 finding an enum's member costs as much as a whole check.
_NEW, _TRADE, _REPLACED, _REJECTED = (
    ExecType.NEW,
    ExecType.TRADE,
    ExecType.REPLACED,
    ExecType.REJECTED,
)
_FILL_ALL, _FILL_PART = Trigger.FILL_ALL, Trigger.FILL_PART
_NOT_RECEIVED = OrdStatus.NOT_RECEIVED
_WORKING = (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)


def book_report(state: State, command: BookReport, context: Context) -> list[Event]:
    """One report. Nothing comes of a duplicate, or of one that no order in memory fits."""
    report = command.report
    order = state.orders.get(report.cl_ord_id)
    if order is None:
        return []
    if _is_absurd(report):
        return [_absurd(order, command, context)]
    if report.exec_type is _TRADE:
        return _book_trade(state, order, command, context)
    if report.exec_type is _REPLACED:
        return _book_replaced(state, order, command, context)
    if report.exec_type in _REFUSED_REQUESTS:
        return _book_refused_request(state, order, command, context)
    return _book_status(state, order, command, context)


def _book_status(state: State, order: Order, command: BookReport, context: Context) -> list[Event]:
    """The order was accepted, or it ended."""
    report = command.report
    status = _moved(order, _TRIGGERS[report.exec_type], order.cum_quantity)
    waits = status in TERMINAL and not command.complete and _is_ahead(order, report)
    if waits:
        if order.ends_as is status and report.cum_quantity <= order.known_cum:
            return []
        # Some executions are still on their way. Until they are booked, nothing of it is free.
        status = _moved(order, Trigger.ACCEPT, order.cum_quantity) or order.status
    elif status is None:
        if not _is_late_news(order, command):
            return []
        status = order.status
    reason = None
    if report.exec_type is _REJECTED:
        reason = Reason(ReasonCode.BROKER_REJECTED, (report.text,))
    events = [_reported(state, order, status, command, context, reason)]
    if order.status in TERMINAL and status not in TERMINAL and not waits:
        events += cancel_again(state, order, context)
    return events


def _moved(order: Order, trigger: Trigger, cum_quantity: Quantity) -> OrdStatus | None:
    """As the table has it; what was on its way when its cancel was asked for is then to be canceled."""
    status = move(order.status, trigger, cum_quantity)
    if order.request is None or status not in _WORKING:
        return status
    return OrdStatus.PENDING_CANCEL if order.is_canceling else status


def _is_ahead(order: Order, report: ExecutionReport) -> bool:
    """The broker has filled more than is booked: those executions were not told yet."""
    booked = order.cum_quantity
    return order.known_cum > booked or report.cum_quantity > booked


def _is_late_news(order: Order, command: BookReport) -> bool:
    """A fill, or another acknowledgement, came first: the OrderID and the hops are news all the same."""
    report = command.report
    if report.exec_type is not _NEW:
        return False
    return bool((report.order_id and not order.order_id) or command.hops.sent)


def _reported(
    state: State,
    order: Order,
    status: OrdStatus,
    command: BookReport,
    context: Context,
    reason: Reason | None = None,
) -> Event:
    """A report that fills nothing; what an end gives free may go on being closed."""
    return OrderReported(
        context.now,
        order.draft.cl_ord_id,
        status,
        order.cum_quantity,
        0,
        command.report,
        reason,
        "LATE" if order.status is _NOT_RECEIVED else "",
        children(state, order, status, context),
        command.hops,
    )


def _is_absurd(report: ExecutionReport) -> bool:
    """Numbers that no order of ours can have, such as a fill for nothing, or that fit no snapshot."""
    return not (
        0 <= report.cum_quantity <= FIXED_MAX
        and 0 <= report.last_quantity <= FIXED_MAX
        and 0 <= report.last_price <= FIXED_MAX
        and 0 <= report.quantity <= FIXED_MAX
        and 0 <= report.price <= FIXED_MAX
        and 0 <= report.time <= FIXED_MAX
        and -FIXED_MAX <= report.charges <= FIXED_MAX
        and (report.last_price > 0 or report.exec_type is not _TRADE)
    )


def _absurd(order: Order, command: BookReport, context: Context) -> Event:
    """Nothing of it is booked, and a person sees it: kept as a trade of nothing, with what was said."""
    report = command.report
    said = (
        f"{report.exec_type.name} cum {report.cum_quantity} last {report.last_quantity}"
        f" at {report.last_price} charges {report.charges}"
    )
    kept = ExecutionReport(report.cl_ord_id, _TRADE, exec_id=report.exec_id, text=said[:200])
    return OrderReported(
        context.now, report.cl_ord_id, order.status, order.cum_quantity, 0, kept, flag="ABSURD"
    )


def _book_replaced(
    state: State, order: Order, command: BookReport, context: Context
) -> list[Event]:
    """The replace under way was granted; another one's echo says nothing about it."""
    report, replace = command.report, order.replacing
    if replace is None or not replace.dispatched:
        return []
    if report.quantity and report.quantity != replace.quantity:
        return []
    if report.price and report.price != replace.limit:
        return []
    if _is_ahead(order, report) and max(order.known_cum, report.cum_quantity) > replace.quantity:
        # More was filled than it was to shrink to, and not all of that is told: its book settles it.
        return []
    status = order.status
    if replace.quantity <= order.cum_quantity:
        status = OrdStatus.FILLED
    elif replace is order.request:
        status = move(order.status, Trigger.REQUEST_END, order.cum_quantity) or order.status
    return [_reported(state, order, status, command, context)]


def _book_refused_request(
    state: State, order: Order, command: BookReport, context: Context
) -> list[Event]:
    report = command.report
    request = order.request
    if report.exec_type is ExecType.REPLACE_REJECTED:
        request = order.replacing
    elif request is not None and request.kind is not RequestKind.CANCEL:
        return []
    if request is None or not request.dispatched:
        return []
    reason = Reason(ReasonCode.BROKER_REJECTED, (report.text,))
    ended = _request_ended(state, order, request, reason, report, context)
    may_ask = order.cancels_refused + 1 < CANCELS_REFUSED_MAX
    if isinstance(ended, RequestEnded) and request.kind is RequestKind.CANCEL and may_ask:
        return [ended, *cancel_again(state, order, context)]
    return [ended]


def _request_ended(
    state: State,
    order: Order,
    request: PendingRequest,
    reason: Reason,
    report: ExecutionReport,
    context: Context,
) -> Event:
    """Without effect: the state follows from CumQty, and a replace may have been what kept it open."""
    cl_ord_id = order.draft.cl_ord_id
    keeps_open = request is not order.replacing and order.replacing is not None
    if order.cum_quantity >= order.quantity and not keeps_open:
        further = children(state, order, OrdStatus.FILLED, context)
        return OrderReported(
            context.now,
            cl_ord_id,
            OrdStatus.FILLED,
            order.cum_quantity,
            0,
            report,
            reason,
            children=further,
        )
    return RequestEnded(context.now, cl_ord_id, request.id, reason)


def _book_trade(state: State, order: Order, command: BookReport, context: Context) -> list[Event]:
    report = command.report
    if report.exec_id and report.exec_id in order.exec_ids:
        return []
    filled = _newly_filled(order, report)
    if filled <= 0:
        return []
    if _breaks_the_book(state, order, report, filled):
        return [_absurd(order, command, context)]
    goal = _goal(order)
    cum_quantity = order.cum_quantity + filled
    trigger = _FILL_ALL if cum_quantity >= goal else _FILL_PART
    status = _moved(order, trigger, cum_quantity)
    assert status is not None, f"{order.status.name} has no row for a fill"
    if order.ends_as is not None and status not in TERMINAL:
        known_cum = max(order.known_cum, report.cum_quantity)
        if cum_quantity >= known_cum:
            status = order.ends_as
    flag = ""
    if cum_quantity > goal:
        flag = "OVERFILL"
    elif order.status in TERMINAL:
        flag = "LATE"
    events: list[Event] = [
        OrderReported(
            context.now,
            report.cl_ord_id,
            status,
            cum_quantity,
            filled,
            report,
            None,
            flag,
            children(state, order, status, context, filled=filled, price=report.last_price),
            command.hops,
        )
    ]
    if order.status in TERMINAL and status not in TERMINAL:
        events += cancel_again(state, order, context)
    return events


def _newly_filled(order: Order, report: ExecutionReport) -> Quantity:
    """What an execution that is not booked adds, at its own price: what it says, and never more than the
    broker's total allows. What that total says beyond it was filled by others, which are missing.

    Without an ExecID nothing tells one execution from another: then the total alone counts.
    """
    if not report.exec_id:
        return report.cum_quantity - order.cum_quantity
    known = order.known_cum
    told = report.last_quantity or report.cum_quantity - known
    if report.cum_quantity > known:
        known = report.cum_quantity
    untold = known - order.cum_quantity
    if told > untold:
        return untold
    return told


def _goal(order: Order) -> Quantity:
    """The most the broker may fill: with a replace in flight, the greater of both quantities."""
    replace = order.replacing if order.request is not None else None
    if replace is None or not replace.dispatched:
        return order.quantity
    return max(order.quantity, replace.quantity)


def _breaks_the_book(state: State, order: Order, report: ExecutionReport, filled: Quantity) -> bool:
    """The fill would take cash or position beyond what a number can hold."""
    book = state.book_of(order)
    held = book.positions.get(position_key(order.draft.instrument, order.draft.product))
    value = multiply(report.last_price, filled) + abs(report.charges)
    position = abs(held.quantity) if held is not None else 0
    return abs(book.cash) + value > FIXED_MAX or position + filled > FIXED_MAX


def book_unknown(state: State, command: BookUnknown, context: Context) -> list[Event]:
    """Written, no trustworthy answer: the order, or its request, is in doubt."""
    order = state.orders.get(command.cl_ord_id)
    if order is None:
        return []
    if command.request_id:
        if order.request_of(command.request_id) is None:
            return []
        return [RequestDoubted(context.now, command.cl_ord_id, command.request_id, command.text)]
    if move(order.status, Trigger.DOUBT) is None:
        return []
    return [OrderDoubted(context.now, command.cl_ord_id, command.text, command.hops)]


def book_never_written(state: State, command: BookNeverWritten, context: Context) -> list[Event]:
    """Definite: not a byte left. The order waits again, or ends; a request ends without effect."""
    order = state.orders.get(command.cl_ord_id)
    if order is None:
        return []
    if command.request_id:
        request = order.request_of(command.request_id)
        if request is None:
            return []
        return end_request(state, order, request, command.reason, context)
    if move(order.status, Trigger.LAPSE) is None:
        return []
    if command.again and order.request is None:
        return [DispatchLapsed(context.now, (command.cl_ord_id,))]
    if command.again or command.reason.code is ReasonCode.CANCELED_BEFORE_SENT:
        # Somebody asked for its cancel while it was on its way out: there is nothing to try again.
        reason = Reason(ReasonCode.CANCELED_BEFORE_SENT)
        return [order_ended(state, order, OrdStatus.CANCELED, reason, context)]
    return [order_ended(state, order, OrdStatus.REJECTED, command.reason, context)]


def end_request(
    state: State, order: Order, request: PendingRequest, reason: Reason, context: Context
) -> list[Event]:
    """A request that had no effect; the cancel of a closing instruction is asked for again."""
    exec_type = ExecType.CANCEL_REJECTED
    if request.kind is RequestKind.REPLACE:
        exec_type = ExecType.REPLACE_REJECTED
    report = ExecutionReport(order.draft.cl_ord_id, exec_type, order.order_id, text=str(reason))
    ended = _request_ended(state, order, request, reason, report, context)
    if isinstance(ended, RequestEnded) and request is order.request:
        return [ended, *cancel_again(state, order, context)]
    return [ended]
