"""The boards: what the stream shows, kept from durable events alone."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from phalanx.desk.showing.book_rows import BookRows
from phalanx.desk.showing.break_rows import BreakRows
from phalanx.desk.showing.change_rows import ChangeRows
from phalanx.desk.showing.instruction_rows import InstructionRows
from phalanx.desk.showing.messages import (
    ORD_TYPE_NAMES,
    PRODUCT_NAMES,
    AccountRow,
    BreakRow,
    ChangeRow,
    DeskMessage,
    InstructionRow,
    OrderRow,
    Replacement,
    kill_name,
    row_of,
)
from phalanx.desk.showing.stream import Stream, Topic
from phalanx.domain import events as e
from phalanx.domain.kills import KillScope
from phalanx.domain.numbers import multiply
from phalanx.domain.orders import (
    TERMINAL,
    UNANSWERED,
    UNSENT,
    ClOrdId,
    ExecType,
    Hops,
    OrderDraft,
    OrdStatus,
    Side,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.lifecycle import Trigger, move
from phalanx.engine.state import State

INSTRUCTIONS_SHOWN_MAX = 1_000
"""Instructions kept on the board; older ones are in the views."""


class Boards:
    """Keeps the topics ``orders``, ``instructions``, ``accounts``, ``desk``, ``breaks`` and ``changes`` true
    as of each group.

    Orders, accounts, kills, breaks, changes that wait and what is held begin as the state has them; other
    instructions are those planned since. ``ended`` is told the status of every order when it ends,
    ``answered`` of every change of an order that its broker (or the desk for it) has said something
    about; ``hops`` once of every order how it came to the answer to its write.
    """

    def __init__(
        self,
        state: State,
        symbol: Callable[[str], str],
        ended: Callable[[OrdStatus], None] = lambda _: None,
        answered: Callable[[OrderRow], None] = lambda _: None,
        hops: Callable[[Hops], None] = lambda _: None,
    ) -> None:
        self._symbol = symbol
        self._ended_as = ended
        self._answered = answered
        self._hops_known = hops
        self._orders = Topic("orders", OrderRow.message)
        instructions = Topic("instructions", InstructionRow.message)
        self._accounts = Topic("accounts", AccountRow.message)
        self._desk = Topic("desk", _as_it_is)
        breaks = Topic("breaks", BreakRow.message)
        self._books = BookRows(state)
        self._changed: dict[Topic, dict[str, None]] = {}
        self._gone: dict[Topic, dict[str, None]] = {}
        self._instructions = InstructionRows(
            instructions.rows,
            partial(self._touch, instructions),
            partial(self._drop, instructions),
            INSTRUCTIONS_SHOWN_MAX,
        )
        self._breaks = BreakRows(
            breaks.rows, partial(self._touch, breaks), partial(self._drop, breaks)
        )
        waiting = Topic("changes", ChangeRow.message)
        self._waiting = ChangeRows(
            waiting.rows, partial(self._touch, waiting), partial(self._drop, waiting)
        )
        topics = (self._orders, instructions, self._accounts, self._desk, breaks, waiting)
        self.stream = Stream(topics, state.seq)
        self._load(state)
        self._handlers = self._handlers_by_event()

    @property
    def orders(self) -> Mapping[ClOrdId, OrderRow]:
        """The orders as the last published group left them."""
        return self._orders.rows

    def publish(self, events: Sequence[e.Event], seq: int) -> None:
        """Book a durable group and send one delta for each topic it touched."""
        for event in events:
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(event)
        self._show_books()
        self.stream.seq = seq
        for topic, keys in self._changed.items():
            topic.publish(seq, keys, tuple(self._gone.get(topic, ())))
        self._changed.clear()
        self._gone.clear()

    def _handlers_by_event(self) -> dict[type, Callable[[Any], None]]:
        return {
            e.InstructionPlanned: self._planned,
            e.InstructionHeld: self._instructions.held,
            e.InstructionEnded: self._instructions.ended,
            e.ApprovalAsked: self._instructions.approval_asked,
            e.InstructionApproved: self._instructions.approved,
            e.OrdersReleased: self._released,
            e.OrdersDispatched: self._dispatched,
            e.DispatchLapsed: self._lapsed,
            e.OrderReported: self._reported,
            e.OrderDoubted: self._doubted,
            e.OrderEnded: self._ended,
            e.OrderFlagged: self._flagged,
            e.CancelRequested: self._cancel_requested,
            e.ReplaceRequested: self._replace_requested,
            e.RequestDispatched: self._request_dispatched,
            e.RequestEnded: self._request_ended,
            e.OrdersRetired: self._retired,
            e.AccountPut: self._account_put,
            e.CashAdjusted: self._cash_adjusted,
            e.ForeignFillBooked: self._foreign_fill,
            e.KillPut: self._killed,
            e.KillLifted: self._lifted,
            e.TermBegan: self._term_began,
            e.BreakFiled: self._breaks.filed,
            e.BreakTaken: self._breaks.taken,
            e.BreakClosed: self._breaks.closed,
            **self._waiting.handlers(),
        }

    def _load(self, state: State) -> None:
        symbol = cache(self._symbol)
        for id, order in state.orders.items():
            account = state.book_of(order).account
            self._orders.rows[id] = row_of(
                order, account, symbol(order.draft.instrument), state.time
            )
        self._accounts.rows.update(self._books.shown())
        for held in state.held.values():
            self._instructions.held_before(held, state.time)
        self._breaks.load(state.breaks.values(), state.time)
        self._waiting.load(state.changes.values())
        for kill in state.kills.values():
            said = _killed(kill.scope, kill.note, kill.time)
            self._desk.rows[said.name] = said
        self._changed.clear()
        self._gone.clear()

    def _touch(self, topic: Topic, key: str) -> None:
        changed = self._changed.get(topic)
        if changed is None:
            changed = self._changed[topic] = {}
        changed[key] = None
        if self._gone and topic in self._gone:
            self._gone[topic].pop(key, None)

    def _drop(self, topic: Topic, key: str) -> None:
        self._changed.setdefault(topic, {})
        self._gone.setdefault(topic, {})[key] = None

    def _show_books(self) -> None:
        """Whether a book is shown is settled by what it is at the end of a group."""
        for key, row in self._books.changes():
            if row is not None:
                self._accounts.rows[key] = row
                self._touch(self._accounts, key)
            elif key in self._accounts.rows:
                self._drop(self._accounts, key)

    # --- instructions and orders -----------------------------------------------------------------

    def _planned(self, event: e.InstructionPlanned) -> None:
        row = self._instructions.planned(event)
        symbols = {facts.key: facts.symbol for facts in event.instruments}
        for cancel in event.cancels:
            self._watch(cancel.cl_ord_id, row)
        for draft in event.orders:
            self._add(draft, row.instruction_id, event.time, symbols.get(draft.instrument))
        if event.undo_until:
            for draft in event.orders:
                if not draft.reduce_only:
                    self._orders.rows[draft.cl_ord_id].status = OrdStatus.HELD
        for cancel in event.cancels:
            self._cancel(cancel.cl_ord_id, cancel.request_id, event.time)

    def _watch(self, cl_ord_id: str, closer: InstructionRow) -> None:
        row = self._orders.rows.get(cl_ord_id)
        if row is None:
            return
        self._count_watched(row, -1)
        row.closed_by = closer.instruction_id
        self._count_watched(row, 1)

    def _add(self, draft: OrderDraft, instruction_id: str, time: int, symbol: str | None) -> None:
        self._orders.rows[draft.cl_ord_id] = OrderRow(
            draft.cl_ord_id,
            instruction_id,
            self._books.account_of(draft.book),
            draft.book,
            draft.instrument,
            symbol or self._symbol(draft.instrument),
            draft.side,
            PRODUCT_NAMES[draft.product],
            ORD_TYPE_NAMES[draft.ord_type],
            draft.quantity,
            draft.limit,
            draft.strategy,
            time=time,
            stop_price=draft.stop_price,
        )
        self._touch(self._orders, draft.cl_ord_id)
        self._books.add_open(draft.book, 1)
        instruction = self._instructions.row(instruction_id)
        if instruction is not None:
            instruction.orders += 1
            instruction.open += 1

    def _set(
        self, cl_ord_id: str, status: OrdStatus, time: int, reason: Reason | None = None
    ) -> OrderRow | None:
        row: OrderRow | None = self._orders.rows.get(cl_ord_id)
        if row is None:
            return None
        before = row.status
        row.status = status
        row.time = time
        if reason is not None:
            row.reason = reason.code.value
            row.text = str(reason)
        self._touch(self._orders, cl_ord_id)
        if before is not status:
            self._count(row, before)
            if status not in UNANSWERED:
                self._answered(row)
        return row

    def _count(self, row: OrderRow, before: OrdStatus) -> None:
        """What an end, a second life, or another end than was thought changes in the counts."""
        ends, ended = row.status in TERMINAL, before in TERMINAL
        if not ends and not ended:
            return
        step = ended - ends
        if step:
            self._books.add_open(row.book, step)
            self._count_watched(row, step)
        if ends:
            row.replacement = None
            row.canceling = ""
        if ends and not ended:
            self._ended_as(row.status)
        instruction = self._instructions.row(row.instruction_id)
        if instruction is None:
            return
        instruction.open += step
        instruction.time = row.time
        if ended:
            instruction.count(before.name, -1)
        if ends:
            instruction.count(row.status.name, 1)

    def _count_watched(self, row: OrderRow, step: int) -> None:
        closer = self._instructions.row(row.closed_by)
        if closer is not None:
            closer.watched += step

    def _dispatched(self, event: e.OrdersDispatched) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self._set(cl_ord_id, OrdStatus.SENT, event.time)

    def _released(self, event: e.OrdersReleased) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self._set(cl_ord_id, OrdStatus.PENDING_NEW, event.time)

    def _lapsed(self, event: e.DispatchLapsed) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self._set(cl_ord_id, OrdStatus.PENDING_NEW, event.time)

    def _reported(self, event: e.OrderReported) -> None:
        row: OrderRow | None = self._orders.rows.get(event.cl_ord_id)
        if row is None:
            return
        if event.hops.sent:
            self._clock(row, event.hops)
        if event.report.exec_type is ExecType.REPLACED and row.replacement is not None:
            row.quantity = max(row.replacement.quantity, row.filled)
            row.limit = row.replacement.limit
            row.replacement = None
        row.filled = event.cum_quantity
        if event.last_quantity:
            value = multiply(event.report.last_price, event.last_quantity)
            row.filled_value += value
            signed = -value if row.side is Side.BUY else value
            self._books.add_cash(row.book, signed - event.report.charges)
        row.flag = event.flag or row.flag
        row.broker_order_id = event.report.order_id or row.broker_order_id
        self._add_children(row, event.children, event.time)
        self._set(event.cl_ord_id, event.status, event.time, event.reason)

    def _add_children(self, row: OrderRow, children: Sequence[OrderDraft], time: int) -> None:
        for child in children:
            self._add(child, row.closed_by or row.instruction_id, time, row.symbol)

    def _clock(self, row: OrderRow, hops: Hops) -> None:
        """Once per order: only the answer to its write carries when it was sent."""
        self._hops_known(hops)
        row.tat = tat = hops.tat
        instruction = self._instructions.row(row.instruction_id)
        if instruction is not None:
            if tat > instruction.tat:
                instruction.tat = tat
            instruction.answered(hops)

    def _doubted(self, event: e.OrderDoubted) -> None:
        row = self._set(event.cl_ord_id, OrdStatus.IN_DOUBT, event.time)
        if row is not None:
            row.text = event.text
            if event.hops.sent:
                self._clock(row, event.hops)

    def _ended(self, event: e.OrderEnded) -> None:
        row = self._set(event.cl_ord_id, event.status, event.time, event.reason)
        if row is not None:
            self._add_children(row, event.children, event.time)

    def _flagged(self, event: e.OrderFlagged) -> None:
        row: OrderRow | None = self._orders.rows.get(event.cl_ord_id)
        if row is not None:
            row.flag = event.flag
            row.text = event.text or row.text
            row.time = event.time
            self._touch(self._orders, event.cl_ord_id)

    # --- requests --------------------------------------------------------------------------------

    def _cancel(self, cl_ord_id: str, request_id: str, time: int) -> None:
        """A cancel was asked for; one that is under way already goes on under its own id."""
        row: OrderRow | None = self._orders.rows.get(cl_ord_id)
        if row is None or row.canceling:
            return
        if row.status in UNSENT:
            undone = Reason(ReasonCode.UNDONE) if row.status is OrdStatus.HELD else None
            self._set(cl_ord_id, OrdStatus.CANCELED, time, undone)
            return
        if row.replacement is not None and not row.replacement.sent:
            row.replacement = None
        row.canceling = request_id
        self._move(row, Trigger.CANCEL_REQUEST, time)

    def _cancel_requested(self, event: e.CancelRequested) -> None:
        row: OrderRow | None = self._orders.rows.get(event.cl_ord_id)
        if row is not None and event.reason is not None:
            row.text = str(event.reason)
        self._cancel(event.cl_ord_id, event.request_id, event.time)

    def _replace_requested(self, event: e.ReplaceRequested) -> None:
        row: OrderRow | None = self._orders.rows.get(event.cl_ord_id)
        if row is not None:
            row.replacement = Replacement(event.request_id, event.quantity, event.price)
            self._move(row, Trigger.REPLACE_REQUEST, event.time)

    def _request_dispatched(self, event: e.RequestDispatched) -> None:
        row: OrderRow | None = self._orders.rows.get(event.cl_ord_id)
        if row is not None and row.replacement is not None:
            row.replacement.sent |= row.replacement.request_id == event.request_id

    def _request_ended(self, event: e.RequestEnded) -> None:
        row: OrderRow | None = self._orders.rows.get(event.cl_ord_id)
        if row is None:
            return
        if row.canceling == event.request_id:
            row.canceling = ""
        replacement = row.replacement
        if replacement is not None and replacement.request_id == event.request_id:
            row.replacement = None
            if row.status is OrdStatus.PENDING_CANCEL:
                return
        elif replacement is not None and row.status is OrdStatus.PENDING_CANCEL:
            self._set(row.cl_ord_id, OrdStatus.PENDING_REPLACE, event.time)
            return
        self._move(row, Trigger.REQUEST_END, event.time)

    def _move(self, row: OrderRow, trigger: Trigger, time: int) -> None:
        """The same table that the engine goes by."""
        status = move(row.status, trigger, row.filled)
        self._set(row.cl_ord_id, row.status if status is None else status, time)

    # --- the rest --------------------------------------------------------------------------------

    def _retired(self, event: e.OrdersRetired) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self._drop(self._orders, cl_ord_id)

    def _account_put(self, event: e.AccountPut) -> None:
        self._books.put(event.account)

    def _cash_adjusted(self, event: e.CashAdjusted) -> None:
        self._books.add_cash(event.book, event.amount)

    def _foreign_fill(self, event: e.ForeignFillBooked) -> None:
        value = multiply(event.price, event.quantity)
        signed = -value if event.side is Side.BUY else value
        self._books.add_cash(event.book, signed - event.charges)

    def _killed(self, event: e.KillPut) -> None:
        self._say(_killed(event.whom, event.note, event.time))

    def _lifted(self, event: e.KillLifted) -> None:
        said = f"lifted {event.note}".strip()
        self._say(DeskMessage(kill_name(event.whom), said, event.time))

    def _term_began(self, event: e.TermBegan) -> None:
        for cl_ord_id in event.doubted:
            self._set(cl_ord_id, OrdStatus.IN_DOUBT, event.time)
        self._say(DeskMessage("term", f"epoch {event.epoch}", event.time))

    def _say(self, message: DeskMessage) -> None:
        self._desk.rows[message.name] = message
        self._touch(self._desk, message.name)


def _killed(scope: KillScope, note: str, time: int) -> DeskMessage:
    return DeskMessage(kill_name(scope), f"killed {note}".strip(), time)


def _as_it_is(row: Any) -> Any:  # noqa: ANN401  the topic's row is its own message
    return row
