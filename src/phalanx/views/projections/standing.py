"""Where orders, requests and instructions stand, and how one's end reaches the others.

The rules are ``engine.apply``'s: an instruction works until no order of it is open and no cancel of
another's order is watched any more; an order that ends takes the request on it along.
"""

from typing import Final

from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.numbers import divide
from phalanx.domain.orders import TERMINAL, OrdStatus, RequestKind
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import InstructionEntry, OrderEntry
from phalanx.views.projections.log import write_log
from phalanx.views.rows import LogEntry, RequestStatus
from phalanx.views.schema import Subject
from phalanx.views.workspace import Workspace

_COUNTED: Final[dict[int, str]] = {
    OrdStatus.FILLED: "filled",
    OrdStatus.CANCELED: "canceled",
    OrdStatus.REJECTED: "rejected",
    OrdStatus.EXPIRED: "expired",
    OrdStatus.NOT_RECEIVED: "not_received",
    OrdStatus.IN_DOUBT: "in_doubt",
}

_OPEN: Final = frozenset({InstructionStatus.HELD, InstructionStatus.WORKING})


def enter(
    work: Workspace,
    order: OrderEntry,
    status: OrdStatus,
    time: Nanoseconds,
    *,
    text: str = "",
    logged: bool = False,
) -> None:
    """Another status, with all that follows from it. ``logged``: the log says it already."""
    before = order.status
    order.updated_at_ns = time
    work.orders.touch(order)
    if status == before:
        return
    order.status = status
    is_open = status not in TERMINAL
    if order.is_open and is_open and before not in _COUNTED and status not in _COUNTED:
        return  # the usual move, and nobody else's business
    instruction = work.instruction(order.instruction_key)
    work.instructions.touch(instruction)
    _count(instruction, before, -1)
    _count(instruction, status, 1)
    if order.is_open and is_open:
        return
    work.order_totals[_total(before)] -= 1
    work.order_totals[_total(status)] += 1
    if is_open:
        _reopen(work, order, instruction, time)
        return
    if not logged:
        done = (order.cum_quantity, divide(order.filled_value, order.cum_quantity))
        write_log(work, order, LogEntry.END, time, done, text)
    if order.is_open:
        _end(work, order, instruction, time)


def set_working(work: Workspace, instruction: InstructionEntry, time: Nanoseconds) -> None:
    """There is something open again."""
    if instruction.status != InstructionStatus.WORKING:
        set_status(work, instruction, InstructionStatus.WORKING, time)


def set_status(
    work: Workspace, instruction: InstructionEntry, status: InstructionStatus, time: Nanoseconds
) -> None:
    """Another status of an instruction; what is over ended now."""
    work.instructions.touch(instruction)
    work.instruction_totals[Subject.INSTRUCTION_STATUS, instruction.status] -= 1
    work.instruction_totals[Subject.INSTRUCTION_STATUS, int(status)] += 1
    instruction.status = status
    instruction.ended_at_ns = 0 if status in _OPEN else time


def end_request(
    work: Workspace,
    key: int,
    status: RequestStatus,
    time: Nanoseconds,
    reason: Reason | None = None,
) -> None:
    """A request is over; whoever calls takes it off its order."""
    request = work.request(key)
    request.status = status
    request.ended_at_ns = time
    if reason is not None:
        request.reason_code = reason.code
        request.reason_text = str(reason)
    work.requests.touch(request)


def stop_watching(work: Workspace, order: OrderEntry, time: Nanoseconds) -> None:
    """Whoever closes an order need not wait for its end any more."""
    if order.closed_by is None:
        return
    closer = work.instruction(order.closed_by)
    if closer.watched:
        closer.watched -= 1
        work.instructions.touch(closer)
        _finish_if_done(work, closer, time)


def _end(
    work: Workspace, order: OrderEntry, instruction: InstructionEntry, time: Nanoseconds
) -> None:
    order.is_open = 0
    order.ended_at_ns = time
    if order.request_key is not None:
        kind = work.request(order.request_key).kind
        done = order.status == OrdStatus.CANCELED and kind == RequestKind.CANCEL
        outcome = RequestStatus.DONE if done else RequestStatus.OVERTAKEN
        end_request(work, order.request_key, outcome, time)
        order.request_key = None
    if order.over_key is not None:
        end_request(work, order.over_key, RequestStatus.OVERTAKEN, time)
        order.over_key = None
    instruction.open_orders -= 1
    _finish_if_done(work, instruction, time)
    stop_watching(work, order, time)


def _reopen(
    work: Workspace, order: OrderEntry, instruction: InstructionEntry, time: Nanoseconds
) -> None:
    """An order that was given up lives; whoever closes it waits for its end again."""
    order.is_open = 1
    order.ended_at_ns = 0
    instruction.open_orders += 1
    set_working(work, instruction, time)
    if order.closed_by is not None:
        closer = work.instruction(order.closed_by)
        closer.watched += 1
        work.instructions.touch(closer)
        set_working(work, closer, time)
    left = (max(0, order.quantity - order.cum_quantity), order.limit_price)
    write_log(work, order, LogEntry.REOPENED, time, left)


def _finish_if_done(work: Workspace, instruction: InstructionEntry, time: Nanoseconds) -> None:
    if instruction.open_orders or instruction.watched:
        return
    if instruction.status == InstructionStatus.WORKING:
        set_status(work, instruction, InstructionStatus.DONE, time)


def _count(instruction: InstructionEntry, status: int, change: int) -> None:
    name = _COUNTED.get(status)
    if name is not None:
        setattr(instruction, name, getattr(instruction, name) + change)


def _total(status: int) -> tuple[Subject, int]:
    """Which total an order of that status counts in: all open ones in one."""
    return (Subject.STATUS, int(status)) if status in TERMINAL else (Subject.OPEN, 0)
