"""What happens to orders: placed, dispatched, reported, doubted, ended."""

from typing import Final

import msgspec

from phalanx.domain.accounts import split_book
from phalanx.domain.events import (
    DispatchLapsed,
    FillOrdered,
    OrderDoubted,
    OrderEnded,
    OrderFlagged,
    OrderReported,
    OrdersDispatched,
    OrdersReleased,
    TermBegan,
)
from phalanx.domain.numbers import multiply
from phalanx.domain.orders import ExecType, Hops, OrderDraft, OrdStatus
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import InstructionEntry, OrderEntry
from phalanx.views.projections import trades
from phalanx.views.projections.log import write_log
from phalanx.views.projections.requests import doubt_dispatched, take_terms
from phalanx.views.projections.standing import enter, set_working
from phalanx.views.rows import LogEntry
from phalanx.views.schema import Subject
from phalanx.views.workspace import FILLS, Workspace

_RESTARTED: Final = "the process ended before an answer came"
_json: Final = msgspec.json.Encoder()


def place(
    work: Workspace,
    instruction: InstructionEntry,
    draft: OrderDraft,
    time: Nanoseconds,
    received_ns: Nanoseconds = 0,
    status: OrdStatus = OrdStatus.PENDING_NEW,
) -> None:
    """A planned order, with its line in the log."""
    account, mode = split_book(draft.book)
    closes = _json.encode(draft.closes).decode() if draft.closes else "[]"
    order = OrderEntry(
        work.next_key(),
        0,
        draft.cl_ord_id,
        instruction.key,
        account,
        mode,
        work.client_of(account) or 0,
        draft.instrument,
        draft.side,
        draft.product,
        draft.ord_type,
        draft.time_in_force,
        draft.quantity,
        draft.stop_price,
        draft.hold,
        draft.strategy,
        closes,
        draft.reduce_only,
        draft.row,
        time,
        draft.quantity,
        draft.limit,
        status,
        received_ns=received_ns,
        updated_at_ns=time,
        lot=draft.lot,
    )
    work.orders.add(order)
    if draft.lot:
        first = work.order(draft.lot)
        first.lot = draft.lot
        work.orders.touch(first)
    work.order_totals[Subject.OPEN, 0] += 1
    instruction.orders += 1
    instruction.open_orders += 1
    work.instructions.touch(instruction)
    write_log(work, order, LogEntry.PLACED, time, (draft.quantity, draft.limit))


def term_began(work: Workspace, event: TermBegan) -> None:
    """What was sent and never answered, orders and requests, is in doubt."""
    for cl_ord_id in event.doubted:
        order = work.order(cl_ord_id)
        enter(work, order, OrdStatus.IN_DOUBT, event.time)
        left = (max(0, order.quantity - order.cum_quantity), order.limit_price)
        write_log(work, order, LogEntry.DOUBT, event.time, left, _RESTARTED)
        work.settle()
    doubt_dispatched(work)


def orders_dispatched(work: Workspace, event: OrdersDispatched) -> None:
    """From here on the broker may know them."""
    for cl_ord_id in event.cl_ord_ids:
        enter(work, work.order(cl_ord_id), OrdStatus.SENT, event.time)
        work.settle()


def orders_released(work: Workspace, event: OrdersReleased) -> None:
    """Their undo window is over."""
    for cl_ord_id in event.cl_ord_ids:
        enter(work, work.order(cl_ord_id), OrdStatus.PENDING_NEW, event.time)
        work.settle()


def dispatch_lapsed(work: Workspace, event: DispatchLapsed) -> None:
    """Not a byte left: they wait for another turn."""
    for cl_ord_id in event.cl_ord_ids:
        enter(work, work.order(cl_ord_id), OrdStatus.PENDING_NEW, event.time)
        work.settle()


def order_reported(work: Workspace, event: OrderReported) -> None:
    """A report: new terms, a fill, the children it causes, then the status it carries."""
    order = work.order(event.cl_ord_id)
    report = event.report
    if report.order_id:
        order.order_id = report.order_id
    if report.text:
        order.text = report.text
    if event.flag:
        order.flag = event.flag
    if event.reason is not None:
        order.reason_code = event.reason.code
        order.reason_text = str(event.reason)
    _merge(order, event.hops, event.time)
    if report.exec_type is ExecType.REPLACED:
        take_terms(work, order, event.time)
    if event.last_quantity:
        _fill(work, order, event)
    _place_children(work, order, event.children, event.time)
    text = order.reason_text if event.reason is not None else report.text
    enter(work, order, event.status, event.time, text=text, logged=bool(event.last_quantity))


def order_doubted(work: Workspace, event: OrderDoubted) -> None:
    """Written, and no trustworthy answer."""
    order = work.order(event.cl_ord_id)
    order.text = event.text
    _merge(order, event.hops, event.time)
    enter(work, order, OrdStatus.IN_DOUBT, event.time)
    left = (max(0, order.quantity - order.cum_quantity), order.limit_price)
    write_log(work, order, LogEntry.DOUBT, event.time, left, event.text)


def order_ended(work: Workspace, event: OrderEnded) -> None:
    """An end that no report told, then the children that sell what it gave free."""
    order = work.order(event.cl_ord_id)
    order.reason_code = event.reason.code
    order.reason_text = str(event.reason)
    enter(work, order, event.status, event.time, text=order.reason_text)
    _place_children(work, order, event.children, event.time)


def order_flagged(work: Workspace, event: OrderFlagged) -> None:
    """A person is to look at it."""
    order = work.order(event.cl_ord_id)
    order.flag = event.flag
    order.updated_at_ns = event.time
    work.orders.touch(order)
    text = f"{event.flag}: {event.text}" if event.text else event.flag
    left = (max(0, order.quantity - order.cum_quantity), order.limit_price)
    write_log(work, order, LogEntry.FLAGGED, event.time, left, text)


def fill_ordered(work: Workspace, event: FillOrdered) -> None:
    """Somebody has the paper broker fill it; the fill comes as a report of its own."""
    order = work.order(event.cl_ord_id)
    text = f"by {event.origin.actor}"
    write_log(work, order, LogEntry.BY_HAND, event.time, (event.quantity, event.price), text)


def _place_children(
    work: Workspace, order: OrderEntry, drafts: tuple[OrderDraft, ...], time: Nanoseconds
) -> None:
    key = order.instruction_key if order.closed_by is None else order.closed_by
    for draft in drafts:
        instruction = work.instruction(key)
        set_working(work, instruction, time)
        place(work, instruction, draft, time)


def _fill(work: Workspace, order: OrderEntry, event: OrderReported) -> None:
    report = event.report
    quantity, price = event.last_quantity, report.last_price
    trades.book_fill(work, order, event)
    order.cum_quantity = event.cum_quantity
    order.filled_value += multiply(price, quantity)
    order.charges += report.charges
    if not order.first_fill_at_ns:
        order.first_fill_at_ns = event.time
    row = (work.seq, order.key, report.exec_id, quantity, price, report.charges)
    work.put(FILLS, (*row, report.time or event.time, event.time))
    line = event.flag or report.text
    write_log(work, order, LogEntry.FILL, event.time, (quantity, price), line, event.status)


def _merge(order: OrderEntry, hops: Hops, time: Nanoseconds) -> None:
    """What is known of an order's way at ``time``; the event that knows more comes later."""
    if hops.received:
        order.received_ns = hops.received
    elif hops.sent:
        # Written by another process than the one that planned it: instants of two clocks.
        order.received_ns = order.planned_ns = 0
    if hops.planned:
        order.planned_ns = hops.planned
    if hops.held:
        order.held_ns = hops.held
    if hops.committed:
        order.committed_ns = hops.committed
    if hops.waited:
        order.waited_ns = hops.waited
    if hops.sent:
        order.sent_ns = hops.sent
    if hops.acknowledged:
        order.acknowledged_ns = hops.acknowledged
        order.acknowledged_at_ns = time
