"""What a person says about a doubt that no reading can settle, as far as the broker's book bears it out."""

from phalanx.domain.breaks import BreakKind
from phalanx.domain.events import DoubtJudged, Event, OrderReported
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Product, RequestKind, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.closing import order_ended
from phalanx.engine.commands import BookReport
from phalanx.engine.context import Context
from phalanx.engine.ids import new_break_id
from phalanx.engine.reconciliation.breaks import judged
from phalanx.engine.reconciliation.commands import JudgeDoubt
from phalanx.engine.reconciliation.doubt import open_doubts
from phalanx.engine.reconciliation.matching import orders_of
from phalanx.engine.refused import Refused
from phalanx.engine.reports import book_report, end_request
from phalanx.engine.state import Order, PendingRequest, State


def judge_doubt(state: State, command: JudgeDoubt, context: Context) -> list[Event]:
    """A person's verdict about an order in doubt, or about a request of it that is; the break that it had
    is settled with it.

    With an ``order_id`` the order is accepted under it, and the next reading brings its executions
    and its end. While no book shows an order under the id that it was judged to have, it may be judged
    again. Raises Refused ``UNKNOWN_ORDER``, ``NOT_IN_DOUBT``, ``ORDER_ID_TAKEN``, ``ORDER_ID_UNFIT``,
    ``VERDICT_UNFIT``.
    """
    order = state.orders.get(command.cl_ord_id)
    if order is None:
        raise Refused("UNKNOWN_ORDER", f"no order {command.cl_ord_id} in memory")
    if command.granted is not None:
        return _request_judged(state, order, command, context)
    if order.status is not OrdStatus.IN_DOUBT and not _is_nowhere(state, order):
        raise Refused("NOT_IN_DOUBT", f"order {command.cl_ord_id} is {order.status.name}")
    if command.order_id:
        _check_order_id(state, order, command)
        follows = _accepted(state, order, command, context)
    else:
        reason = Reason(ReasonCode.JUDGED_ABSENT, (command.origin.actor,))
        follows = [order_ended(state, order, OrdStatus.NOT_RECEIVED, reason, context)]
    said = DoubtJudged(
        context.now, command.origin, command.cl_ord_id, command.order_id, command.note
    )
    return [said, *follows, *judged(state, state.book_of(order).account, command, context)]


def _is_nowhere(state: State, order: Order) -> bool:
    """A person said under which id the broker has it, nothing was filled, and no book shows it there."""
    if not order.judged or order.cum_quantity:
        return False
    account, cl_ord_id = state.book_of(order).account, order.draft.cl_ord_id
    return new_break_id(account, BreakKind.ORDER_MISSING, cl_ord_id) in state.breaks


def _check_order_id(state: State, order: Order, command: JudgeDoubt) -> None:
    """The id is nobody's, and the last reading shows an order under it that this one could be."""
    order_id, found, draft = command.order_id, command.found, order.draft
    for other in orders_of(state, state.book_of(order).account):
        if other is not order and other.order_id == order_id:
            raise Refused("ORDER_ID_TAKEN", f"{order_id} is order {other.draft.cl_ord_id}'s")
    if found is None or found.order_id != order_id:
        detail = f"the last reading of the broker's book shows no {order_id} that it could be"
        raise Refused("ORDER_ID_UNFIT", detail)
    ours: tuple[InstrumentKey, Side, Product] = (draft.instrument, draft.side, draft.product)
    if (found.instrument, found.side, found.product) != ours:
        detail = f"{order_id} is {found.side.name} {found.instrument} {found.product.name}"
        raise Refused("ORDER_ID_UNFIT", detail)
    replace = order.replacing
    quantities = [order.quantity] if replace is None else [order.quantity, replace.quantity]
    if found.quantity not in quantities:
        raise Refused("ORDER_ID_UNFIT", f"{order_id} has another quantity")


def _accepted(state: State, order: Order, command: JudgeDoubt, context: Context) -> list[Event]:
    cl_ord_id, account = order.draft.cl_ord_id, state.book_of(order).account
    report = ExecutionReport(cl_ord_id, ExecType.NEW, command.order_id, account=account)
    if order.status is OrdStatus.IN_DOUBT:
        return book_report(state, BookReport(report), context)
    # It was accepted already, under an id that was not its own.
    return [
        OrderReported(context.now, cl_ord_id, order.status, order.cum_quantity, 0, report),
    ]


def _request_judged(
    state: State, order: Order, command: JudgeDoubt, context: Context
) -> list[Event]:
    """Of two requests in doubt the one that was sent first; the break stays while the other is."""
    doubts = open_doubts(state, order, context)
    if not doubts:
        raise Refused("NOT_IN_DOUBT", f"no request of order {command.cl_ord_id} is in doubt")
    request, granted = doubts[0], command.granted is True
    if granted:
        report = BookReport(_granted(order, request), complete=True)
        follows = book_report(state, report, context)
    else:
        reason = Reason(ReasonCode.JUDGED_NOT_GRANTED, (command.origin.actor,))
        follows = end_request(state, order, request, reason, context)
    if not follows:
        detail = "more of the order was filled than that, and not all of it is told: read its book"
        raise Refused("VERDICT_UNFIT", detail)
    said = DoubtJudged(
        context.now, command.origin, command.cl_ord_id, "", command.note, request.id, granted
    )
    events: list[Event] = [said, *follows]
    if len(doubts) == 1:
        events += judged(state, state.book_of(order).account, command, context)
    return events


def _granted(order: Order, request: PendingRequest) -> ExecutionReport:
    """As if the broker had told it."""
    is_replace = request.kind is RequestKind.REPLACE
    return ExecutionReport(
        order.draft.cl_ord_id,
        ExecType.REPLACED if is_replace else ExecType.CANCELED,
        order.order_id,
        cum_quantity=0 if is_replace else order.cum_quantity,
        text="a person says so",
        quantity=request.quantity,
        price=request.limit,
    )
