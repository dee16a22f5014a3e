"""The broker's orders and what becomes of them: sent, confirmed, filled in parts, canceled or rejected."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from phalanx.domain.numbers import Money, Price
from phalanx.domain.time import Nanoseconds
from phalanx.simulation.motilal.refusals import Refused
from phalanx.simulation.motilal.tickets import Terms, Ticket

ORDERS_MAX: Final = 200_000
"""More are refused as a technical error; the whole book is in memory."""


class Status(StrEnum):
    """The broker's words. A stop that waits for its trigger is Confirm like everything else."""

    UNKNOWN = "Unknown"
    SENT = "Sent"
    CONFIRM = "Confirm"
    PARTIAL = "Partial"
    TRADED = "Traded"
    CANCEL = "Cancel"
    REJECTED = "Rejected"
    ERROR = "Error"


REFUSAL_OF: Final = {
    Status.UNKNOWN: "MO1065",
    Status.CANCEL: "MO1066",
    Status.TRADED: "MO1067",
    Status.REJECTED: "MO1068",
    Status.ERROR: "MO1069",
}
"""Why an order of this status can be neither changed nor canceled."""

ENDED: Final = frozenset({Status.TRADED, Status.CANCEL, Status.REJECTED, Status.ERROR})


class Order(msgspec.Struct, kw_only=True):
    """One order. ``value``: price × shares of all its trades; ``modified``: 0 until somebody changed it;
    ``doom``: why it will be rejected, though it was accepted; ``change``, ``is_called_back``: what is on its
    way to the exchange.
    """

    id: str
    ticket: Ticket
    terms: Terms
    inserted: Nanoseconds
    status: Status = Status.SENT
    exchange_id: str = ""
    error: str = ""
    entered: Nanoseconds = 0
    modified: Nanoseconds = 0
    traded: int = 0
    value: Money = 0
    is_triggered: bool = False
    doom: str = ""
    change: Terms | None = None
    is_called_back: bool = False

    @property
    def remaining(self) -> int:
        """Shares that are not traded."""
        return self.terms.quantity - self.traded

    @property
    def average(self) -> Price:
        """Of its trades; 0 without any."""
        return self.value // self.traded if self.traded else 0

    @property
    def is_working(self) -> bool:
        """Not at its end."""
        return self.status not in ENDED


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One execution, of so many shares."""

    number: str
    order: Order
    price: Price
    quantity: int
    time: Nanoseconds


class _Book(msgspec.Struct):
    """One client's."""

    orders: list[Order] = []
    working: dict[str, Order] = {}
    trades: list[Trade] = []


Listener: TypeAlias = Callable[[Order, Trade | None], None]


class Orders:
    """All orders and trades of the day. ``listeners`` hear of every change, and of the trade that caused it."""

    def __init__(self, now: Callable[[], Nanoseconds]) -> None:
        self._now = now
        self._orders: dict[str, Order] = {}
        self._working: dict[str, Order] = {}
        self._clients: defaultdict[str, _Book] = defaultdict(_Book)
        self._numbers = itertools.count(1)
        self.listeners: list[Listener] = []

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._orders.values()))

    def __len__(self) -> int:
        return len(self._orders)

    # --- what is there -----------------------------------------------------------------------------

    def get(self, unique_id: str) -> Order:
        """Raises KeyError."""
        return self._orders[unique_id]

    def of_client(self, client: str) -> list[Order]:
        """The client's orders, the oldest first."""
        return list(self._clients[client].orders)

    def trades_of(self, client: str) -> list[Trade]:
        """The client's trades, the oldest first."""
        return list(self._clients[client].trades)

    def working(self) -> list[Order]:
        """Those that have not ended, the oldest first."""
        return list(self._working.values())

    def standing(self, client: str, beside: Order | None = None) -> Iterator[Order]:
        """The client's working orders. ``beside`` one that is looked at: those that were taken before it."""
        for order in self._clients[client].working.values():
            if beside is None or (order is not beside and order.status is not Status.SENT):
                yield order

    # --- what clients ask for ----------------------------------------------------------------------

    def place(self, ticket: Ticket, doom: str = "") -> Order:
        """Take an order; the exchange hears of it later. A tag that was used before is no reason to refuse it.

        ``doom``: the reason for which it will be rejected then. Raises Refused MO8000 where the book is full.
        """
        if len(self._orders) >= ORDERS_MAX:
            raise Refused("MO8000")
        number = next(self._numbers)
        order = Order(
            id=f"{ticket.scrip.segment.number}{number:06d}{ticket.client}",
            ticket=ticket,
            terms=ticket.terms,
            inserted=self._now(),
            doom=doom,
        )
        book = self._clients[ticket.client]
        book.orders.append(order)
        self._orders[order.id] = self._working[order.id] = book.working[order.id] = order
        self._tell(order)
        return order

    def check_working(self, order: Order) -> None:
        """Raises Refused for an order that can be neither changed nor canceled any more."""
        if code := REFUSAL_OF.get(order.status):
            raise Refused(code)

    # --- what the exchange does --------------------------------------------------------------------

    def confirm(self, order: Order) -> None:
        """The exchange has it."""
        order.entered = self._now()
        order.exchange_id = f"{1_100_000_000_000_000 + next(self._numbers)}"
        order.status = Status.CONFIRM
        self._tell(order)

    def fill(self, unique_id: str, quantity: int, price: Price) -> Trade:
        """So many shares of a working order trade at a price. Raises KeyError, and ValueError where that
        cannot be.
        """
        order = self._orders[unique_id]
        if not order.is_working or not 0 < quantity <= order.remaining or price <= 0:
            raise ValueError(f"{order.status}: {order.remaining} shares remain, not {quantity}")
        if order.status is Status.SENT:
            self.confirm(order)
        trade = Trade(
            number=f"{50_000_000 + next(self._numbers)}",
            order=order,
            price=price,
            quantity=quantity,
            time=self._now(),
        )
        self._clients[order.ticket.client].trades.append(trade)
        order.traded += quantity
        order.value += price * quantity
        order.status = Status.PARTIAL if order.remaining else Status.TRADED
        self._tell(order, trade)
        return trade

    def reject(self, unique_id: str, text: str) -> None:
        """The exchange, or the broker's risk desk, does not want it. Raises as ``mark``."""
        self.mark(unique_id, Status.REJECTED, text)

    def cancel(self, unique_id: str, text: str = "") -> None:
        """What remains of it is canceled. Raises as ``mark``."""
        self.mark(unique_id, Status.CANCEL, text)

    def mark(self, unique_id: str, status: Status, text: str = "") -> None:
        """A working order ends in this status; as Unknown it neither ends nor moves on by itself.

        Raises KeyError for an order there is not, ValueError for one that has ended.
        """
        order = self._orders[unique_id]
        if not order.is_working:
            raise ValueError(f"{unique_id} has ended: {order.status}")
        order.status = status
        order.error = text
        self._tell(order)

    def amend(self, order: Order, terms: Terms) -> None:
        """The exchange has the new terms."""
        order.terms = terms
        order.modified = self._now()
        order.is_triggered = False
        order.change = None
        self._tell(order)

    def _tell(self, order: Order, trade: Trade | None = None) -> None:
        if not order.is_working:
            self._working.pop(order.id, None)
            self._clients[order.ticket.client].working.pop(order.id, None)
        for listener in self.listeners:
            listener(order, trade)
