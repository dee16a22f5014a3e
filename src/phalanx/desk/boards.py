"""The boards: what the stream shows, kept from durable events alone."""

from collections.abc import Callable, Sequence
from typing import Any

from phalanx.desk.messages import (
    AccountRow,
    DeskMessage,
    InstructionMessage,
    OrderRow,
    row_of,
)
from phalanx.desk.stream import Stream, Topic
from phalanx.domain import events as e
from phalanx.domain.accounts import Mode, book_id
from phalanx.domain.instructions import KINDS, InstructionRequest, SignalRequest
from phalanx.domain.numbers import format_fixed, multiply
from phalanx.domain.orders import TERMINAL, OrderDraft, OrdStatus, Side
from phalanx.domain.reasons import Reason
from phalanx.engine.state import State

INSTRUCTIONS_SHOWN_MAX = 1_000
"""Instructions kept on the board; older ones are in the views."""


class Boards:
    """Keeps the topics ``orders``, ``instructions``, ``accounts`` and ``desk`` true as of each group."""

    def __init__(self, state: State, symbol: Callable[[str], str]) -> None:
        self._symbol = symbol
        self._orders = Topic("orders", OrderRow.message)
        self._instructions = Topic("instructions", _as_it_is)
        self._accounts = Topic("accounts", AccountRow.message)
        self._desk = Topic("desk", _as_it_is)
        self._changed: dict[Topic, dict[str, None]] = {}
        self._gone: dict[Topic, list[str]] = {}
        self.stream = Stream(
            (self._orders, self._instructions, self._accounts, self._desk), state.seq
        )
        for order in state.orders.values():
            account = state.book_of(order).account
            shown = row_of(order, account, symbol(order.draft.instrument), state.time)
            self._orders.rows[shown.cl_ord_id] = shown
        for book in state.books.values():
            client_id = state.accounts[book.account].client_id
            row = AccountRow(book.account, client_id, book.mode.name, book.cash, book.open_orders)
            self._accounts.rows[book.id] = row
        self._handlers: dict[type, Callable[[Any], None]] = {
            e.InstructionPlanned: self._planned,
            e.OrdersDispatched: self._dispatched,
            e.DispatchLapsed: self._lapsed,
            e.OrderReported: self._reported,
            e.OrderDoubted: self._doubted,
            e.OrderEnded: self._ended,
            e.CancelRequested: self._cancel_requested,
            e.OrdersRetired: self._retired,
            e.AccountPut: self._account_put,
            e.CashAdjusted: self._cash_adjusted,
            e.KillPut: self._killed,
            e.KillLifted: self._lifted,
            e.TermBegan: self._term_began,
        }

    def publish(self, events: Sequence[e.Event], seq: int) -> None:
        """Book a durable group and send one delta for each topic it touched."""
        for event in events:
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(event)
        self.stream.seq = seq
        for topic, keys in self._changed.items():
            topic.publish(seq, keys, self._gone.get(topic, ()))
        self._changed.clear()
        self._gone.clear()

    def _touch(self, topic: Topic, key: str) -> None:
        self._changed.setdefault(topic, {})[key] = None

    def _drop(self, topic: Topic, key: str) -> None:
        self._changed.setdefault(topic, {})
        self._gone.setdefault(topic, []).append(key)

    def _planned(self, event: e.InstructionPlanned) -> None:
        symbols = {facts.key: facts.symbol for facts in event.instruments}
        for draft in event.orders:
            self._add(draft, event.instruction_id, event.time, symbols.get(draft.instrument))
        status = "WORKING" if event.orders or event.cancels else "REJECTED"
        message = InstructionMessage(
            event.instruction_id,
            KINDS[type(event.request)],
            describe(event.request),
            event.origin.door.value,
            status,
            len(event.orders),
            len(event.skips),
            len(event.orders),
            {},
            event.refusal.code.value if event.refusal is not None else None,
            time_ns=event.time,
        )
        rows = self._instructions.rows
        rows[event.instruction_id] = message
        self._touch(self._instructions, event.instruction_id)
        if len(rows) > INSTRUCTIONS_SHOWN_MAX:
            oldest = next(iter(rows))
            del rows[oldest]
            self._drop(self._instructions, oldest)

    def _add(self, draft: OrderDraft, instruction_id: str, time: int, symbol: str | None) -> None:
        self._orders.rows[draft.cl_ord_id] = OrderRow(
            draft.cl_ord_id,
            instruction_id,
            self._accounts.rows[draft.book].account,
            draft.book,
            draft.instrument,
            symbol or self._symbol(draft.instrument),
            draft.side,
            draft.product.name,
            draft.ord_type.name,
            draft.quantity,
            draft.limit,
            draft.strategy,
            time=time,
        )
        self._touch(self._orders, draft.cl_ord_id)
        self._accounts.rows[draft.book].open_orders += 1
        self._touch(self._accounts, draft.book)

    def _set(
        self, cl_ord_id: str, status: OrdStatus, time: int, reason: Reason | None = None
    ) -> OrderRow | None:
        row = self._orders.rows.get(cl_ord_id)
        if row is None:
            return None
        was_open = row.status not in TERMINAL
        row.status = status
        row.time = time
        if reason is not None:
            row.reason = reason.code.value
            row.text = str(reason)
        self._touch(self._orders, cl_ord_id)
        if was_open and status in TERMINAL:
            self._accounts.rows[row.book].open_orders -= 1
            self._touch(self._accounts, row.book)
            self._count_end(row)
        found: OrderRow = row
        return found

    def _count_end(self, row: OrderRow) -> None:
        message = self._instructions.rows.get(row.instruction_id)
        if message is None:
            return
        outcomes = dict(message.outcomes)
        outcomes[row.status.name] = outcomes.get(row.status.name, 0) + 1
        left = message.open - 1
        self._instructions.rows[row.instruction_id] = InstructionMessage(
            message.instruction_id,
            message.kind,
            message.text,
            message.source,
            "DONE" if left == 0 else message.status,
            message.orders,
            message.skips,
            left,
            outcomes,
            message.reason,
            max(message.tat_ns, row.tat),
            row.time,
        )
        self._touch(self._instructions, row.instruction_id)

    def _dispatched(self, event: e.OrdersDispatched) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self._set(cl_ord_id, OrdStatus.SENT, event.time)

    def _lapsed(self, event: e.DispatchLapsed) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self._set(cl_ord_id, OrdStatus.PENDING_NEW, event.time)

    def _reported(self, event: e.OrderReported) -> None:
        row = self._orders.rows.get(event.cl_ord_id)
        if row is None:
            return
        if event.hops.sent:
            row.tat = event.hops.tat
        row.filled = event.cum_quantity
        if event.last_quantity:
            value = multiply(event.report.last_price, event.last_quantity)
            row.filled_value += value
            signed = -value if row.side is Side.BUY else value
            self._accounts.rows[row.book].cash += signed - event.report.charges
            self._touch(self._accounts, row.book)
        row.flag = event.flag or row.flag
        row.broker_order_id = event.report.order_id or row.broker_order_id
        for child in event.children:
            self._add(child, row.instruction_id, event.time, row.symbol)
        self._set(event.cl_ord_id, event.status, event.time, event.reason)

    def _doubted(self, event: e.OrderDoubted) -> None:
        row = self._set(event.cl_ord_id, OrdStatus.IN_DOUBT, event.time)
        if row is not None:
            row.text = event.text

    def _ended(self, event: e.OrderEnded) -> None:
        self._set(event.cl_ord_id, event.status, event.time, event.reason)

    def _cancel_requested(self, event: e.CancelRequested) -> None:
        row = self._orders.rows.get(event.cl_ord_id)
        if row is None:
            return
        unsent = row.status is OrdStatus.PENDING_NEW
        self._set(
            event.cl_ord_id, OrdStatus.CANCELED if unsent else OrdStatus.PENDING_CANCEL, event.time
        )

    def _retired(self, event: e.OrdersRetired) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self._drop(self._orders, cl_ord_id)

    def _account_put(self, event: e.AccountPut) -> None:
        account = event.account
        for mode in Mode:
            key = book_id(account.id, mode)
            if key not in self._accounts.rows:
                self._accounts.rows[key] = AccountRow(account.id, account.client_id, mode.name)
        self._touch(self._accounts, account.book)

    def _cash_adjusted(self, event: e.CashAdjusted) -> None:
        self._accounts.rows[event.book].cash += event.amount
        self._touch(self._accounts, event.book)

    def _killed(self, event: e.KillPut) -> None:
        self._say(f"kill:{event.account or 'all'}", f"killed {event.note}".strip(), event.time)

    def _lifted(self, event: e.KillLifted) -> None:
        self._say(f"kill:{event.account or 'all'}", f"lifted {event.note}".strip(), event.time)

    def _term_began(self, event: e.TermBegan) -> None:
        for cl_ord_id in event.doubted:
            self._set(cl_ord_id, OrdStatus.IN_DOUBT, event.time)
        self._say("term", f"epoch {event.epoch}", event.time)

    def _say(self, name: str, text: str, time: int) -> None:
        self._desk.rows[name] = DeskMessage(name, text, time)
        self._touch(self._desk, name)


def describe(request: InstructionRequest) -> str:
    """An instruction in a few words."""
    if isinstance(request, SignalRequest):
        return f"{request.strategy} {request.side.name} {request.instrument}"
    who = request.account or f"client {request.client}"
    return f"{request.side.name} {format_fixed(request.quantity)} {request.instrument} for {who}"


def _as_it_is(row: Any) -> Any:  # noqa: ANN401  the topic's row is its own message
    return row
