"""What the stream says: types of its own, never the journal's. Exact numbers are strings, enums names."""

import msgspec

from phalanx.domain.numbers import divide, format_fixed
from phalanx.domain.orders import OrdStatus, Side
from phalanx.engine.state import Order


class OrderMessage(msgspec.Struct, frozen=True, gc=False):
    """An order as a screen shows it."""

    order_id: str
    instruction_id: str
    account: str
    instrument: str
    symbol: str
    side: str
    product: str
    type: str
    status: str
    quantity: str
    price: str
    filled: str
    average_price: str
    strategy: str | None
    broker_order_id: str = ""
    reason: str | None = None
    message: str | None = None
    flag: str = ""
    tat_ns: int = 0
    time_ns: int = 0


class InstructionMessage(msgspec.Struct, frozen=True, gc=False):
    """An instruction with its counts."""

    instruction_id: str
    kind: str
    text: str
    source: str
    status: str
    orders: int
    skips: int
    open: int
    outcomes: dict[str, int]
    reason: str | None = None
    tat_ns: int = 0
    time_ns: int = 0


class AccountMessage(msgspec.Struct, frozen=True, gc=False):
    """An account's cash."""

    account: str
    client_id: int
    mode: str
    cash: str
    open_orders: int


class AccountRow(msgspec.Struct, gc=False):
    """What the board remembers of a book: cash as durable events made it."""

    account: str
    client_id: int
    mode: str
    cash: int = 0
    open_orders: int = 0

    def message(self) -> AccountMessage:
        """The row for a screen."""
        cash = format_fixed(self.cash)
        return AccountMessage(self.account, self.client_id, self.mode, cash, self.open_orders)


class DeskMessage(msgspec.Struct, frozen=True, gc=False):
    """A switch or a milestone of the desk itself: ``name`` is the row's key."""

    name: str
    text: str
    time_ns: int = 0


class OrderRow(msgspec.Struct, gc=False):
    """What the board remembers of an order: numbers as integers, turned into a message on demand."""

    cl_ord_id: str
    instruction_id: str
    account: str
    book: str
    instrument: str
    symbol: str
    side: Side
    product: str
    ord_type: str
    quantity: int
    limit: int
    strategy: str | None
    status: OrdStatus = OrdStatus.PENDING_NEW
    filled: int = 0
    filled_value: int = 0
    broker_order_id: str = ""
    reason: str | None = None
    text: str | None = None
    flag: str = ""
    tat: int = 0
    time: int = 0

    def message(self) -> OrderMessage:
        """The row for a screen."""
        return OrderMessage(
            self.cl_ord_id,
            self.instruction_id,
            self.account,
            self.instrument,
            self.symbol,
            self.side.name,
            self.product,
            self.ord_type,
            self.status.name,
            format_fixed(self.quantity),
            format_fixed(self.limit),
            format_fixed(self.filled),
            format_fixed(divide(self.filled_value, self.filled)),
            self.strategy,
            self.broker_order_id,
            self.reason,
            self.text,
            self.flag,
            self.tat,
            self.time,
        )


def row_of(order: Order, account: str, symbol: str, time: int) -> OrderRow:
    """The row of an order that was in memory before the stream began."""
    draft = order.draft
    return OrderRow(
        draft.cl_ord_id,
        order.instruction_id,
        account,
        draft.book,
        draft.instrument,
        symbol,
        draft.side,
        draft.product.name,
        draft.ord_type.name,
        order.quantity,
        order.limit,
        draft.strategy,
        order.status,
        order.cum_quantity,
        order.filled_value,
        order.order_id,
        time=time,
    )
