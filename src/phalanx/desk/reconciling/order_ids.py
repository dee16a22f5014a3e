"""Which order of ours a broker means that tells its own id of it, and no tag."""

from collections.abc import Iterable

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import Event, OrderReported, OrdersRetired
from phalanx.domain.orders import ClOrdId
from phalanx.engine.state import Order, State

KEPT_MIN = 1_000
"""So many ids of orders that left memory may be kept, and as many as there are orders in it."""


class OrderIds:
    """Every order in memory by (account, order id). A broker may use an id again on another day: then
    the newest order is meant.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._orders: dict[tuple[AccountId, str], ClOrdId] = self._all()

    def __len__(self) -> int:
        return len(self._orders)

    def find(self, account: AccountId, order_id: str) -> ClOrdId:
        """The order; empty when no order in memory has that id."""
        cl_ord_id = self._orders.get((account, order_id), "")
        return cl_ord_id if cl_ord_id in self._state.orders else ""

    def learn(self, events: Iterable[Event]) -> None:
        """These events were applied."""
        for event in events:
            if type(event) is OrderReported:
                if event.report.order_id:
                    self._learn(self._state.orders[event.cl_ord_id])
            elif type(event) is OrdersRetired:
                self._forget()

    def _forget(self) -> None:
        """Some orders left memory: once they are most of what is kept, begin anew with the others."""
        if len(self._orders) > 2 * len(self._state.orders) + KEPT_MIN:
            self._orders = self._all()

    def _all(self) -> dict[tuple[AccountId, str], ClOrdId]:
        books, orders = self._state.books, self._state.orders
        return {
            (books[order.draft.book].account, order.order_id): id
            for id, order in orders.items()
            if order.order_id
        }

    def _learn(self, order: Order) -> None:
        self._orders[self._state.book_of(order).account, order.order_id] = order.draft.cl_ord_id
