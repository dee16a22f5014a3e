"""What happens to orders: dispatched, reported, doubted, ended."""

from collections.abc import Sequence

from phalanx.domain.events import (
    DispatchLapsed,
    OrderDoubted,
    OrderEnded,
    OrderReported,
    OrdersDispatched,
    OrdersReleased,
)
from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.numbers import BASIS_POINTS, Money, Quantity, multiply
from phalanx.domain.orders import (
    TERMINAL,
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrderDraft,
    OrdStatus,
    Side,
)
from phalanx.domain.time import Nanoseconds
from phalanx.engine.apply import lots
from phalanx.engine.apply.placing import count_placed, place
from phalanx.engine.apply.resting import rest, rest_no_longer
from phalanx.engine.apply.value import count_value
from phalanx.engine.state import Book, Instruction, Lot, Order, State

# By their own names: on Python 3.11 finding an enum's member costs as much as a whole small step of these.
_BUY, _SELL = Side.BUY, Side.SELL
_SENT, _IN_DOUBT, _REPLACED = OrdStatus.SENT, OrdStatus.IN_DOUBT, ExecType.REPLACED
_WORKING, _DONE = InstructionStatus.WORKING, InstructionStatus.DONE
_ENDS = {
    ExecType.CANCELED: OrdStatus.CANCELED,
    ExecType.REJECTED: OrdStatus.REJECTED,
    ExecType.EXPIRED: OrdStatus.EXPIRED,
}


def orders_dispatched(state: State, event: OrdersDispatched) -> None:
    """PENDING_NEW → SENT: from here on the broker may know them."""
    orders, deadline = state.orders, event.deadline
    for cl_ord_id in event.cl_ord_ids:
        order = orders[cl_ord_id]
        order.status = _SENT
        order.deadline = deadline


def orders_released(state: State, event: OrdersReleased) -> None:
    """HELD → PENDING_NEW: their undo window is over."""
    for cl_ord_id in event.cl_ord_ids:
        state.orders[cl_ord_id].status = OrdStatus.PENDING_NEW
    del state.undo[event.instruction_id]


def dispatch_lapsed(state: State, event: DispatchLapsed) -> None:
    """SENT → PENDING_NEW: not a byte left, they wait for another turn."""
    for cl_ord_id in event.cl_ord_ids:
        order = state.orders[cl_ord_id]
        order.status = OrdStatus.PENDING_NEW
        order.deadline = 0


def order_reported(state: State, event: OrderReported) -> None:
    """Book a report: the fill, the new status, the children these cause; then its lots settle."""
    order = state.orders[event.cl_ord_id]
    book = state.books[order.draft.book]
    report, status, time = event.report, event.status, event.time
    exec_type, ends = report.exec_type, status in TERMINAL
    _take_note(order, report, event.cum_quantity)
    if not ends and order.status in TERMINAL:
        _reopen(state, order, book, time)
    if exec_type is _REPLACED and order.replacing is not None:
        _replace(state, order, book)
    touched = _fill(state, event, order, book) if event.last_quantity else ()
    if exec_type in _ENDS or (ends and order.ends_as is not None):
        _learn_end(order, event, ends=ends)
    if ends or order.status is not status:
        _enter(state, order, book, status, time)
    if event.children:
        _place_children(state, order, event.children, time)
    if order.known_cum > order.cum_quantity:
        rest_no_longer(state, order)
    elif not ends:
        rest(state, order, time)
    for lot in touched:
        lots.settle(book, lot)
    if ends or exec_type is _REPLACED:
        settle_lots(book, order)
    state.hand_fills.pop(report.exec_id, None)


def _take_note(order: Order, report: ExecutionReport, cum_quantity: Quantity) -> None:
    """What the broker calls the order, and the most that is filled of it."""
    order_id, known = report.order_id, report.cum_quantity
    if order_id and order_id != order.order_id:
        order.order_id = order_id
    if cum_quantity > known:
        known = cum_quantity
    if known > order.known_cum:
        order.known_cum = known


def _learn_end(order: Order, event: OrderReported, *, ends: bool) -> None:
    """The order ended, or the broker says so while executions are missing."""
    end = _ENDS.get(event.report.exec_type)
    if ends:
        if order.ends_as is not None:
            order.ends_as = None
    elif end is not None:
        order.ends_as = end
    if ends and end is not None:
        # The broker's last word: it ends only when all is booked, or read and found to be all.
        order.known_cum = max(order.cum_quantity, event.report.cum_quantity)


def order_doubted(state: State, event: OrderDoubted) -> None:
    """SENT → IN_DOUBT: its book takes no new entries in the instrument until it is known."""
    order = state.orders[event.cl_ord_id]
    _enter(state, order, state.book_of(order), _IN_DOUBT, event.time)


def order_ended(state: State, event: OrderEnded) -> None:
    """An end that no report told us."""
    order = state.orders[event.cl_ord_id]
    book = state.book_of(order)
    _enter(state, order, book, event.status, event.time)
    _place_children(state, order, event.children, event.time)
    settle_lots(book, order)


def closer_of(state: State, order: Order) -> Instruction | None:
    """Whose further orders come of this one's fills and of its end: the instruction that closes it,
    or the exit that sent it. A mere cancel closes nothing.
    """
    if order.closed_by is not None:
        closer = state.instructions.get(order.closed_by)
        return None if closer is None or closer.kind == "cancel" else closer
    own = state.instructions[order.instruction_id]
    return own if own.kind == "exit" else None


def _place_children(
    state: State, order: Order, drafts: tuple[OrderDraft, ...], time: Nanoseconds
) -> None:
    """After the order let go of what they take, and before its lots settle: they name those lots."""
    for draft in drafts:
        closer = closer_of(state, order)
        assert closer is not None
        place(state, closer, draft, time)
        count_placed(state, closer, 1)
        if draft.side is order.draft.side:
            order.resell = max(0, order.resell - draft.quantity)


def settle_lots(book: Book, order: Order) -> None:
    """What follows for the lots of an order that ended, was filled late or shrank."""
    draft = order.draft
    known = book.lots.get(draft.instrument)
    if known is None:
        return
    for lot_id in (order.lot,) if draft.side is _BUY else [c.lot for c in draft.closes]:
        lot = known.get(lot_id)
        if lot is not None:
            lots.settle(book, lot)


def set_hold(book: Book, order: Order, hold: Money) -> None:
    """Change what an order has set aside."""
    book.holds += hold - order.hold
    order.hold = hold
    assert book.holds >= 0, f"negative hold in {book.id}"


def needed_hold(order: Order) -> Money:
    """The part of the full hold that what is left needs, rounded up; with a replace under way, the greater."""
    if order.draft.side is _SELL:
        return 0
    needed = _part(order.hold_total, order.quantity - order.cum_quantity, order.quantity)
    replace = order.replacing if order.request is not None else None
    if replace is not None:
        left = replace.quantity - order.cum_quantity
        needed = max(needed, _part(replace.hold, left, replace.quantity))
    return needed


def enter_doubt(book: Book, order: Order) -> None:
    """Count a doubtful order against its instrument."""
    instrument = order.draft.instrument
    book.doubts[instrument] = book.doubts.get(instrument, 0) + 1


def finish_if_done(state: State, instruction: Instruction) -> None:
    """An instruction with nothing open any more is DONE, and forgotten when no order keeps it."""
    if instruction.open_orders or instruction.watched:
        return
    instruction.status = _DONE
    if not instruction.in_memory:
        state.instructions.pop(instruction.id, None)


def end(state: State, order: Order, book: Book, status: OrdStatus, time: Nanoseconds) -> None:
    """An open order ends, and nothing comes of it."""
    let_go(state, order, book, status, time)
    settle_lots(book, order)


def let_go(state: State, order: Order, book: Book, status: OrdStatus, time: Nanoseconds) -> None:
    """Let go of everything an open order held, and tell its instruction; its lots are to be settled."""
    draft = order.draft
    if order.hold:
        set_hold(book, order, 0)
    book.open_orders -= 1
    order.status = status
    if order.request is not None:
        order.request = None
    state.ended[draft.cl_ord_id] = time
    rest_no_longer(state, order)
    if state.hand_fills:
        _forget_hand_fills(state, order)
    if draft.side is _BUY:
        lot = lots.find_lot(book, draft.instrument, order.lot)
        if lot is not None:
            lot.buys.remove(draft.cl_ord_id)
            if lot.closing is not None:
                pass_on(state, lot)
    else:
        if order.cum_quantity < order.quantity:
            lots.release(book, order, order.cum_quantity, order.quantity)
        lots.stop_closing(book, order)
    _tell_instructions(state, order, status)


def forget_end(state: State, cl_ord_id: ClOrdId) -> None:
    """An order that ended lives again, or leaves memory."""
    if state.ended.pop(cl_ord_id, None) is None:
        del state.kept[cl_ord_id]


def pass_on(state: State, lot: Lot) -> None:
    """A lot whose closer cancels none of its buys any more is closed by whoever cancels one now."""
    if lot.closing is None or not lot.buys:
        return
    closers = [state.orders[cl_ord_id].closed_by for cl_ord_id in lot.buys]
    if lot.closing not in closers:
        heir = next((id for id in closers if id in state.instructions), None)
        if heir is not None:
            # Sells of whoever was closing it before count no more among those that it waits for.
            lot.closing, lot.closing_sells = heir, 0


def _forget_hand_fills(state: State, order: Order) -> None:
    """Nothing can be filled any more, whatever a person ordered."""
    cl_ord_id = order.draft.cl_ord_id
    for exec_id in [key for key, fill in state.hand_fills.items() if fill.cl_ord_id == cl_ord_id]:
        del state.hand_fills[exec_id]


def _fill(state: State, event: OrderReported, order: Order, book: Book) -> Sequence[Lot]:
    """Returns the lots that shrank."""
    report = event.report
    quantity = event.last_quantity
    value = multiply(report.last_price, quantity)
    touched: Sequence[Lot] = ()
    if report.exec_id:
        order.exec_ids[report.exec_id] = quantity
    if order.draft.side is _BUY:
        book.cash -= value + report.charges
        _fill_buy(state, event, order, book, value)
    else:
        book.cash += value - report.charges
        book.sold_today[order.draft.instrument] = None
        if order.status not in TERMINAL and order.cum_quantity < order.quantity:
            upto = min(order.cum_quantity + quantity, order.quantity)
            lots.release(book, order, order.cum_quantity, upto)
        touched = lots.take(book, order, quantity)
    order.cum_quantity = event.cum_quantity
    if order.resell:
        order.resell = max(0, order.resell - quantity)
    order.filled_value += value
    if order.status in TERMINAL:
        count_value(state.instructions[order.instruction_id], order)
    if report.charges:
        order.charges += report.charges
    if order.hold and order.status not in TERMINAL and event.status not in TERMINAL:
        set_hold(book, order, needed_hold(order))
    return touched


def _fill_buy(state: State, event: OrderReported, order: Order, book: Book, value: Money) -> None:
    draft = order.draft
    lot = lots.find_lot(book, draft.instrument, order.lot) or lots.home(book, order, reopens=False)
    if lot is None:
        instruction = state.instructions.get(order.instruction_id)
        by_signal = instruction is not None and instruction.kind == "signal"
        lot = lots.open_lot(book, draft, event.time, by_signal)
    if order.lot != lot.id:
        order.lot = lot.id
    lots.add(book, lot, event.last_quantity, value)


def _enter(state: State, order: Order, book: Book, status: OrdStatus, time: Nanoseconds) -> None:
    """Take the new status, and with it whatever begins or ends with it; lots are settled later."""
    before = order.status
    if before is not status:
        if before is _IN_DOUBT:
            _leave_doubt(book, order)
        if status is _IN_DOUBT:
            enter_doubt(book, order)
    if status not in TERMINAL:
        order.status = status
    elif before not in TERMINAL:
        let_go(state, order, book, status, time)
    elif before is not status:
        _recount(state.instructions[order.instruction_id], before, status)
        order.status = status


def _recount(instruction: Instruction, before: OrdStatus, after: OrdStatus) -> None:
    """An order that had ended so ended otherwise: a late fill completed it, or it was known after all."""
    ended = instruction.ended
    ended[before.value] -= 1
    if not ended[before.value]:
        del ended[before.value]
    ended[after.value] = ended.get(after.value, 0) + 1


def _leave_doubt(book: Book, order: Order) -> None:
    instrument = order.draft.instrument
    book.doubts[instrument] -= 1
    if not book.doubts[instrument]:
        del book.doubts[instrument]


def _reopen(state: State, order: Order, book: Book, time: Nanoseconds) -> None:
    """An order we had given up lives: what ``end`` let go is taken again."""
    forget_end(state, order.draft.cl_ord_id)
    instruction = state.instructions[order.instruction_id]
    instruction.ended[order.status.value] -= 1
    if not instruction.ended[order.status.value]:
        del instruction.ended[order.status.value]
    instruction.open_orders += 1
    instruction.status = _WORKING
    book.open_orders += 1
    order.status = OrdStatus.NEW
    count_value(instruction, order)
    set_hold(book, order, needed_hold(order))
    closer = state.instructions.get(order.closed_by or "")
    if closer is not None:
        closer.watched += 1
        closer.status = _WORKING
    if order.draft.side is _BUY:
        _join_again(book, order, instruction, closer_of(state, order), time)
    else:
        _reserve_again(book, order)
        if closer is not None and closer.percent_bps == BASIS_POINTS:
            # What it blocks now was free for others to sell, who find less than they want.
            order.resell = order.quantity - order.cum_quantity


def _join_again(
    book: Book,
    order: Order,
    instruction: Instruction,
    closer: Instruction | None,
    time: Nanoseconds,
) -> None:
    """A buy that lives again needs a lot; a new one is being closed by whoever was closing its old one."""
    draft = order.draft
    lot = lots.home(book, order, reopens=True)
    if lot is None:
        lot = lots.open_lot(book, draft, time, instruction.kind == "signal")
        if closer is not None and not lot.buys and not lot.remaining:
            lot.closing = closer.id
    lot.buys.append(draft.cl_ord_id)
    order.lot = lot.id


def _reserve_again(book: Book, order: Order) -> None:
    draft = order.draft
    held = lots.position(book, draft.instrument, draft.product)
    held.selling += order.quantity - order.cum_quantity
    for closing in draft.closes:
        lot = lots.find_lot(book, draft.instrument, closing.lot)
        if lot is not None:
            lot.reserved += min(closing.quantity, lot.available)
            lot.closing_sells += lot.closing == order.instruction_id


def _replace(state: State, order: Order, book: Book) -> None:
    """The order has its new terms. A cancel that came over the replace goes on."""
    replace, request = order.replacing, order.request
    assert replace is not None
    assert request is not None
    quantity = max(replace.quantity, order.cum_quantity)
    if order.draft.side is _SELL:
        lots.release(book, order, quantity, order.quantity)
    order.quantity = quantity
    order.limit = replace.limit
    order.hold_total = replace.hold
    order.replaced = True
    if request is replace:
        order.request = None
    else:
        request.over = None
    set_hold(book, order, needed_hold(order))
    count_value(state.instructions[order.instruction_id], order)


def _tell_instructions(state: State, order: Order, status: OrdStatus) -> None:
    instruction = state.instructions[order.instruction_id]
    count_value(instruction, order)
    instruction.open_orders -= 1
    ended = instruction.ended
    if status in ended:
        ended[status] += 1
    else:
        ended[int(status)] = 1
    if not instruction.open_orders:
        finish_if_done(state, instruction)
    if order.closed_by is not None:
        closer = state.instructions.get(order.closed_by)
        if closer is not None:
            closer.watched -= 1
            finish_if_done(state, closer)


def _part(total: Money, left: int, whole: int) -> Money:
    """``total × left ÷ whole`` rounded up, and nothing once nothing is left."""
    return -(-total * left // whole) if left > 0 else 0
