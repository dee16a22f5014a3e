"""What brokers say, turned into events: fills deduplicated, quantities monotone, doubt kept honest."""

from phalanx.domain.events import (
    CancelRequested,
    DispatchLapsed,
    Event,
    OrderDoubted,
    OrderEnded,
    OrderReported,
    RequestDoubted,
    RequestEnded,
)
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import Quantity
from phalanx.domain.orders import (
    TERMINAL,
    Closing,
    ExecType,
    ExecutionReport,
    OrderDraft,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.commands import BookLookUp, BookNeverWritten, BookReport, BookUnknown
from phalanx.engine.context import Context
from phalanx.engine.ids import base36, prefix
from phalanx.engine.lifecycle import Trigger, move
from phalanx.engine.plans.plan import request_code
from phalanx.engine.pricing import instrument_facts
from phalanx.engine.state import Order, State

_TRIGGERS = {
    ExecType.NEW: Trigger.ACCEPT,
    ExecType.CANCELED: Trigger.CANCELED,
    ExecType.REJECTED: Trigger.REJECT,
    ExecType.EXPIRED: Trigger.EXPIRE,
    ExecType.REPLACED: Trigger.REQUEST_END,
}


def book_report(state: State, command: BookReport, context: Context) -> list[Event]:
    """One report. Nothing comes of a duplicate, or of one that no order in memory fits."""
    order = state.orders.get(command.report.cl_ord_id)
    if order is None:
        return []
    report = command.report
    if report.exec_type is ExecType.TRADE:
        return _book_trade(state, order, command, context)
    if report.exec_type in {ExecType.CANCEL_REJECTED, ExecType.REPLACE_REJECTED}:
        if order.request is None:
            return []
        reason = Reason(ReasonCode.BROKER_REJECTED, (report.text,))
        return [RequestEnded(context.now, report.cl_ord_id, order.request.id, reason)]
    if report.exec_type is ExecType.REPLACED and order.request is None:
        return []
    status = move(order.status, _TRIGGERS[report.exec_type], order.cum_quantity)
    if status is None:
        return []
    if report.exec_type is ExecType.REPLACED:
        status = _after_replace(order, status)
    reason_given = None
    if report.exec_type is ExecType.REJECTED:
        reason_given = Reason(ReasonCode.BROKER_REJECTED, (report.text,))
    flag = "LATE" if order.status is OrdStatus.NOT_RECEIVED else ""
    return [
        OrderReported(
            context.now,
            report.cl_ord_id,
            status,
            order.cum_quantity,
            0,
            report,
            reason_given,
            flag,
            hops=command.hops,
        )
    ]


def _after_replace(order: Order, status: OrdStatus) -> OrdStatus:
    """A replace down to what is filled already leaves nothing to work."""
    request = order.request
    assert request is not None
    return OrdStatus.FILLED if request.quantity <= order.cum_quantity else status


def _book_trade(state: State, order: Order, command: BookReport, context: Context) -> list[Event]:
    report = command.report
    if report.exec_id and report.exec_id in order.exec_ids:
        return []
    cum_quantity = max(order.cum_quantity, report.cum_quantity)
    filled = cum_quantity - order.cum_quantity
    if filled <= 0:
        return []
    trigger = Trigger.FILL_ALL if cum_quantity >= order.quantity else Trigger.FILL_PART
    status = move(order.status, trigger, cum_quantity)
    if status is None:
        # A fill of an order that was never dispatched is real money all the same.
        status = OrdStatus.FILLED if trigger is Trigger.FILL_ALL else OrdStatus.PARTIALLY_FILLED
    flag = ""
    if cum_quantity > order.quantity:
        flag = "OVERFILL"
    elif order.status in TERMINAL:
        flag = "LATE"
    return [
        OrderReported(
            context.now,
            report.cl_ord_id,
            status,
            cum_quantity,
            filled,
            report,
            None,
            flag,
            _children(state, order, filled, context),
            command.hops,
        )
    ]


def _children(
    state: State, order: Order, filled: Quantity, context: Context
) -> tuple[OrderDraft, ...]:
    """A late fill of a buy whose lot is being closed is sold at once, reduce-only, by the same instruction."""
    draft = order.draft
    if draft.side is Side.SELL or order.closed_by not in state.instructions:
        return ()
    lot = state.books[draft.book].lots.get(draft.instrument, {}).get(order.lot)
    if lot is None or lot.closing != order.closed_by:
        return ()
    instrument = context.instruments.get(draft.instrument) or state.local_instruments.get(
        draft.instrument
    )
    quote = context.quote(draft.instrument)
    limit = order.limit
    if instrument is not None and quote is not None:
        limit = instrument_facts(state.settings, instrument, quote).protected_sell
    child = OrderDraft(
        prefix(state.desk_id, state.shard) + base36(state.next_order),
        draft.book,
        draft.instrument,
        Side.SELL,
        draft.product,
        OrdType.MARKET,
        TimeInForce.DAY,
        filled,
        limit,
        0,
        draft.strategy,
        (Closing(lot.id, filled),),
        reduce_only=True,
    )
    return (child,)


def book_unknown(state: State, command: BookUnknown, context: Context) -> list[Event]:
    """Written, no trustworthy answer: the order, or its request, is in doubt."""
    order = state.orders.get(command.cl_ord_id)
    if order is None:
        return []
    if command.request_id:
        if order.request is None or order.request.id != command.request_id:
            return []
        return [RequestDoubted(context.now, command.cl_ord_id, command.request_id, command.text)]
    if order.status is not OrdStatus.SENT:
        return []
    return [OrderDoubted(context.now, command.cl_ord_id, command.text, command.hops)]


def book_never_written(state: State, command: BookNeverWritten, context: Context) -> list[Event]:
    """Definite: not a byte left. The order waits again, or ends; a request ends without effect."""
    order = state.orders.get(command.cl_ord_id)
    if order is None:
        return []
    if command.request_id:
        if order.request is None or order.request.id != command.request_id:
            return []
        ended = RequestEnded(context.now, command.cl_ord_id, command.request_id, command.reason)
        return [ended, *_cancel_again(state, order, context)]
    if order.status is not OrdStatus.SENT:
        return []
    if command.again:
        return [DispatchLapsed(context.now, (command.cl_ord_id,))]
    return [OrderEnded(context.now, command.cl_ord_id, OrdStatus.REJECTED, command.reason)]


def book_look_up(state: State, command: BookLookUp, context: Context) -> list[Event]:
    """A complete look-up by tag: what the broker knows is adopted, what it does not was not received."""
    order = state.orders.get(command.cl_ord_id)
    if order is None:
        return []
    if not command.found:
        if order.status is not OrdStatus.IN_DOUBT:
            return []
        reason = Reason(ReasonCode.ABSENT_AT_BROKER)
        return [OrderEnded(context.now, command.cl_ord_id, OrdStatus.NOT_RECEIVED, reason)]
    if order.request is not None and order.request.in_doubt and command.status not in TERMINAL:
        reason = Reason(ReasonCode.ABSENT_AT_BROKER)
        ended = RequestEnded(context.now, command.cl_ord_id, order.request.id, reason)
        return [ended, *_cancel_again(state, order, context)]
    if order.status is OrdStatus.IN_DOUBT:
        report = ExecutionReport(command.cl_ord_id, ExecType.NEW, command.order_id)
        return book_report(state, BookReport(report), context)
    return []


def _cancel_again(state: State, order: Order, context: Context) -> list[Event]:
    """A closing instruction's cancel that had no effect is asked for again, under a new id."""
    if order.closed_by not in state.instructions or order.status in TERMINAL:
        return []
    request_id = request_code(prefix(state.desk_id, state.shard), state.next_request)
    origin = Origin("desk", Door.DESK)
    return [CancelRequested(context.now, origin, request_id, order.draft.cl_ord_id)]
