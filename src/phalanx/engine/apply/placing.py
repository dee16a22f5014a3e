"""A planned order comes into being: its book, its lots and its instruction know of it."""

from phalanx.domain.instructions import InstructionId, InstructionStatus
from phalanx.domain.numbers import Money, multiply
from phalanx.domain.orders import ClOrdId, OrderDraft, OrdStatus, Side
from phalanx.domain.time import Nanoseconds
from phalanx.engine.apply import lots
from phalanx.engine.state import Instruction, Order, State

# By their own names: on Python 3.11 finding an enum's member costs as much as a step of what is below.
_BUY, _PENDING_NEW, _WORKING = Side.BUY, OrdStatus.PENDING_NEW, InstructionStatus.WORKING


def place(
    state: State, instruction: Instruction, draft: OrderDraft, time: Nanoseconds, called: str = ""
) -> Order:
    """Take a planned order in: set its cash or its lots aside. It is still to be counted.

    ``called``: the caller's name for the instrument.
    """
    cl_ord_id, hold = draft.cl_ord_id, draft.hold
    book = state.books[draft.book]
    book.open_orders += 1
    book.orders_today += 1
    lot_id = ""
    if draft.side is _BUY:
        lot = lots.open_lot(book, draft, time, instruction.kind == "signal", called)
        lot.buys.append(cl_ord_id)
        lot_id = lot.id
    else:
        lots.reserve(book, draft, instruction.id)
    if hold:
        book.holds += hold
    if instruction.caps and draft.reduce_only and book.account in instruction.caps:
        instruction.caps[book.account] -= draft.quantity
    value = 0
    if not draft.reduce_only:
        value = multiply(draft.limit, draft.quantity)
        instruction.value_planned += value
        instruction.value_at_risk += value
    order = _new_order(draft, instruction.id, lot_id, time, value)
    state.orders[cl_ord_id] = order
    book.orders[cl_ord_id] = None
    return order


def _new_order(
    draft: OrderDraft,
    instruction_id: InstructionId,
    lot_id: ClOrdId,
    time: Nanoseconds,
    at_risk: Money,
) -> Order:
    """By place up to the last field that is no default: one by name, or set afterwards, costs as much as
    fifteen places do.
    """
    return Order(
        draft,
        instruction_id,
        draft.quantity,
        draft.limit,
        draft.hold,  # hold_total
        draft.hold,
        _PENDING_NEW,
        0,  # cum_quantity
        0,  # filled_value
        0,  # charges
        "",  # order_id
        0,  # deadline
        None,  # request
        {},  # exec_ids
        lot_id,
        None,  # closed_by
        0,  # cancels_refused
        0,  # resell
        0,  # repricings
        None,  # followed_by
        False,  # noqa: FBT003  unfilled
        time,
        at_risk,
    )


def count_placed(state: State, instruction: Instruction, count: int) -> None:
    """So many orders more of an instruction, each of them placed."""
    state.next_order += count
    instruction.orders += count
    instruction.open_orders += count
    instruction.in_memory += count
    if count:
        instruction.status = _WORKING
