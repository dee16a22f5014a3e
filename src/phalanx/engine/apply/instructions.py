"""An instruction and its whole plan come into force at once."""

import msgspec

from phalanx.domain.events import (
    ApprovalAsked,
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
)
from phalanx.domain.instructions import (
    KINDS,
    BatchRequest,
    CancelDraft,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    InstructionId,
    InstructionStatus,
    OrderRequest,
    Origin,
    SignalRequest,
    WaitsFor,
    called_instrument,
)
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import ClOrdId, OrdStatus, OrdType, Product, RequestKind, Side
from phalanx.domain.time import Nanoseconds
from phalanx.engine.apply import lots
from phalanx.engine.apply.orders import finish_if_done, let_go, pass_on, settle_lots
from phalanx.engine.apply.placing import count_placed, place
from phalanx.engine.apply.requests import start_request
from phalanx.engine.apply.upkeep import remember_followed, use_key
from phalanx.engine.held.waiting import HeldInstruction, UndoWindow, value_named
from phalanx.engine.state import CancelDue, Instruction, Order, RecentOrder, State, due_key

_SELL, _MARKET, _WORKING = Side.SELL, OrdType.MARKET, InstructionStatus.WORKING
# By the numbers of a side and a product: to write an enum's value costs as much as all the rest of a shape.
_NUMBERS = (0, *[product.value for product in Product])
_HOW = ((), *[tuple([f"|{side.value}|{number}|" for number in _NUMBERS]) for side in Side])
RECENT_MAX = 256
"""How many shapes of single orders a book remembers for the duplicate window."""


def instruction_planned(state: State, event: InstructionPlanned) -> None:
    """Count the instruction, place its orders, start its cancels."""
    _count(state, event.instruction_id)
    use_key(state, event.origin, event.time)
    request = event.request
    # Asked by type: for a Struct's type, ``isinstance`` costs as much as placing half an order.
    if type(request) is CancelRestRequest and event.refusal is None:
        _stand_down(state, request.instruction)
    elif type(request) is CancelOpenRequest and request.until:
        _go_on_canceling(state, event, request)
    if not event.orders and not event.cancels:
        return
    # By place, as in ``apply.placing``.
    instruction = Instruction(
        event.instruction_id,
        event.origin,
        KINDS[type(request)],
        event.time,
        event.expires_at,
        event.hops.received,
        _WORKING,
        0,  # orders
        len(event.skips),
        0,  # open_orders
        0,  # watched
        0,  # in_memory
        {},  # ended
        called_instrument(request),
    )
    if type(request) is ExitRequest:
        instruction.percent_bps = request.percent_bps
        instruction.price = request.price
        instruction.scope = request.scope
        instruction.trade = request.trade
        books = [draft.book for draft in event.orders] + [draft.book for draft in event.cancels]
        instruction.caps = request.caps(state.books[book].account for book in books)
    state.instructions[instruction.id] = instruction
    if not event.cancels:
        _place_orders(state, event, instruction)
        return
    for cancel in event.cancels:
        _mark_closed(state, instruction, cancel)
    ended = [_let_go(state, cancel, event.time) for cancel in event.cancels if cancel.unsent]
    _place_orders(state, event, instruction)
    for order in ended:
        settle_lots(state.book_of(order), order)
    for cancel in event.cancels:
        _start_cancel(state, cancel)


def instruction_held(state: State, event: InstructionHeld) -> None:
    """An instruction waits for its time, or for approval."""
    _count(state, event.instruction_id)
    use_key(state, event.origin, event.time)
    state.held[event.instruction_id] = HeldInstruction(
        event.instruction_id,
        event.origin,
        event.request,
        event.fire_at,
        event.expires_at,
        event.note,
        event.parent,
        event.follow_up,
        event.waits_for,
        event.approve_by,
        asked_value=value_named(event.cause),
    )


def approval_asked(state: State, event: ApprovalAsked) -> None:
    """Its time came; it waits for approval now."""
    state.held[event.instruction_id] = msgspec.structs.replace(
        state.held[event.instruction_id],
        expires_at=event.expires_at,
        waits_for=WaitsFor.APPROVAL,
        approve_by=event.approve_by,
        approved_by="",
        asked_value=value_named(event.cause),
    )


def instruction_approved(state: State, event: InstructionApproved) -> None:
    """It waits for its time alone, which may be over; then its plan is the next event."""
    use_key(state, event.origin, event.time)
    held = state.held[event.instruction_id]
    fire_at = max(event.time, held.fire_at)
    approved = held.approved(event.origin.actor, fire_at, event.expires_at)
    state.held[event.instruction_id] = approved


def instruction_ended(state: State, event: InstructionEnded) -> None:
    """A held instruction will never be planned."""
    if event.origin is not None:
        use_key(state, event.origin, event.time)
    del state.held[event.instruction_id]


def _count(state: State, instruction_id: str) -> None:
    """A new id is used up; one that was held is planned under the id it had."""
    if not state.held or state.held.pop(instruction_id, None) is None:
        state.next_instruction += 1


def _place_orders(state: State, event: InstructionPlanned, instruction: Instruction) -> None:
    request, time, name = event.request, event.time, instruction.called
    is_closing = type(request) is SignalRequest and request.side is _SELL
    is_single = type(request) is OrderRequest
    rows = request.rows if type(request) is BatchRequest else ()
    called: dict[InstrumentKey, str] = {}
    for facts in event.instruments:
        if facts.called:
            called[facts.key] = facts.called
    for draft in event.orders:
        if is_closing:
            known = state.books[draft.book].lots[draft.instrument]
            for part in draft.closes:
                known[part.lot].closing = instruction.id
        if called:
            name = called.get(draft.instrument, instruction.called)
        order = place(state, instruction, draft, time, name)
        if is_single:
            _remember(state, order, time)
        elif rows and draft.row:
            _follow(state, rows[draft.row - 1].source, instruction.id)
    count_placed(state, instruction, len(event.orders))
    if event.undo_until:
        _hold_back(state, event)


def _hold_back(state: State, event: InstructionPlanned) -> None:
    """What may open risk can be undone until then."""
    held = tuple(draft.cl_ord_id for draft in event.orders if not draft.reduce_only)
    for cl_ord_id in held:
        state.orders[cl_ord_id].status = OrdStatus.HELD
    state.undo[event.instruction_id] = UndoWindow(event.undo_until, held)


def _follow(state: State, source: ClOrdId, instruction_id: InstructionId) -> None:
    """An order was retried or reversed, whether or not it is in memory still."""
    order = state.orders.get(source)
    if order is not None:
        order.followed_by = instruction_id
    elif source:
        remember_followed(state, source, instruction_id)


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
    price = "" if ord_type is _MARKET else limit
    return f"{instrument}{_HOW[side][product]}{quantity}|{price}"


def _remember(state: State, order: Order, time: Nanoseconds) -> None:
    draft = order.draft
    recent = state.books[draft.book].recent
    key = order_shape(order)
    recent.pop(key, None)
    recent[key] = RecentOrder(draft.cl_ord_id, time)
    if len(recent) > RECENT_MAX:
        del recent[next(iter(recent))]


def _mark_closed(state: State, instruction: Instruction, cancel: CancelDraft) -> None:
    """Say on the buy and on its lot who is closing them, before anything about them ends."""
    order = state.orders[cancel.cl_ord_id]
    earlier = state.instructions.get(order.closed_by or "")
    if earlier is not None:
        # Its cancels had no effect, or the order came back after it had seen it end, or a second exit
        # takes over what the first one waits for: the order is the newer one's now.
        earlier.watched -= 1
        earlier.in_memory -= 1
        finish_if_done(state, earlier)
    order.closed_by = instruction.id
    order.resell = cancel.resell
    instruction.watched += 1
    instruction.in_memory += 1
    if order.draft.side is Side.SELL:
        return
    lot = lots.find_lot(state.books[cancel.book], order.draft.instrument, order.lot)
    assert lot is not None
    if instruction.kind == "cancel":
        pass_on(state, lot)
    elif lot.closing != instruction.id:
        # Sells of whoever was closing it before count no more among those that it waits for.
        lot.closing = instruction.id
        lot.closing_sells = 0


def _let_go(state: State, cancel: CancelDraft, time: Nanoseconds) -> Order:
    """An order that was never dispatched ends, and what it was selling is free for the plan's own
    orders: its lots settle only when those have named them.
    """
    order = state.orders[cancel.cl_ord_id]
    let_go(state, order, state.books[cancel.book], OrdStatus.CANCELED, time)
    return order


def _start_cancel(state: State, cancel: CancelDraft) -> None:
    state.next_request += 1
    if cancel.unsent:
        return
    order = state.orders[cancel.cl_ord_id]
    if not order.is_canceling:
        start_request(state, order, cancel.request_id, RequestKind.CANCEL)


def _go_on_canceling(state: State, event: InstructionPlanned, request: CancelOpenRequest) -> None:
    """One part of such a cancel: another one follows, or that was the last. The key is the first's."""
    key = due_key(request.scope, exits=request.exits)
    if not request.left:
        state.cancels_due.pop(key, None)
        return
    asked = event.origin
    origin = Origin(asked.actor, asked.door, asked.request_id, address=asked.address)
    after = event.cancels[-1].cl_ord_id
    state.cancels_due[key] = CancelDue(
        request.scope, request.exits, after, request.until, origin, event.note
    )


def _stand_down(state: State, instruction_id: InstructionId) -> None:
    """Its rest was cancelled: what its cancelled orders still fill, or give free, stays."""
    instruction = state.instructions.get(instruction_id)
    if instruction is not None:
        instruction.percent_bps = 0
