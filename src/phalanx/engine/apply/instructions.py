"""An instruction and its whole plan come into force at once."""

from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import KINDS, CancelDraft, OrderRequest, SignalRequest
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import OrdStatus, OrdType, Product, RequestKind, Side
from phalanx.domain.time import Nanoseconds
from phalanx.engine.apply import lots
from phalanx.engine.apply.orders import end, finish_if_done, place
from phalanx.engine.apply.requests import start_request
from phalanx.engine.apply.upkeep import use_key
from phalanx.engine.state import Instruction, Order, RecentOrder, State

RECENT_MAX = 256
"""How many shapes of single orders a book remembers for the duplicate window."""


def instruction_planned(state: State, event: InstructionPlanned) -> None:
    """Count the instruction, place its orders, start its cancels."""
    state.next_instruction += 1
    use_key(state, event.origin, event.time)
    if not event.orders and not event.cancels:
        return
    instruction = Instruction(
        event.instruction_id,
        event.origin,
        KINDS[type(event.request)],
        event.time,
        event.expires_at,
        event.hops.received,
        skips=len(event.skips),
        called=event.request.instrument,
    )
    state.instructions[instruction.id] = instruction
    closing = isinstance(event.request, SignalRequest) and event.request.side is Side.SELL
    for cancel in event.cancels:
        _mark_closed(state, instruction, cancel)
    for draft in event.orders:
        if closing:
            for part in draft.closes:
                lot = lots.find_lot(state.books[draft.book], draft.instrument, part.lot)
                assert lot is not None
                lot.closing = instruction.id
        order = place(state, instruction, draft, event.time)
        if isinstance(event.request, OrderRequest):
            _remember(state, order, event.time)
    for cancel in event.cancels:
        _start_cancel(state, cancel, event.time)


def order_shape(order: Order) -> str:
    """What makes two single orders look like the same one sent twice."""
    d = order.draft
    return shape(d.instrument, d.side, d.product, d.ord_type, d.quantity, d.limit)


def shape(
    instrument: str,
    side: Side,
    product: Product,
    ord_type: OrdType,
    quantity: Quantity,
    limit: Price,
) -> str:
    """The shape of an order of a book. The protected price of a MARKET order is not of its making."""
    price = "" if ord_type is OrdType.MARKET else limit
    return f"{instrument}|{side.value}|{product.value}|{quantity}|{price}"


def _remember(state: State, order: Order, time: Nanoseconds) -> None:
    recent = state.books[order.draft.book].recent
    key = order_shape(order)
    recent.pop(key, None)
    recent[key] = RecentOrder(order.draft.cl_ord_id, time)
    if len(recent) > RECENT_MAX:
        del recent[next(iter(recent))]


def _mark_closed(state: State, instruction: Instruction, cancel: CancelDraft) -> None:
    """Say on the buy and on its lot who is closing them, before anything about them ends."""
    order = state.orders[cancel.cl_ord_id]
    earlier = state.instructions.get(order.closed_by or "")
    if earlier is not None:
        # The order came back after that one had seen it end: it is the newer one's now.
        earlier.watched -= 1
        earlier.in_memory -= 1
        finish_if_done(state, earlier)
    order.closed_by = instruction.id
    instruction.watched += 1
    instruction.in_memory += 1
    lot = lots.find_lot(state.books[cancel.book], order.draft.instrument, order.lot)
    assert lot is not None
    lot.closing = instruction.id


def _start_cancel(state: State, cancel: CancelDraft, time: Nanoseconds) -> None:
    state.next_request += 1
    order = state.orders[cancel.cl_ord_id]
    if cancel.unsent:
        end(state, order, state.books[cancel.book], OrdStatus.CANCELED, time)
    elif order.request is None or order.request.kind is not RequestKind.CANCEL:
        book = state.books[cancel.book]
        start_request(book, order, cancel.request_id, RequestKind.CANCEL)
