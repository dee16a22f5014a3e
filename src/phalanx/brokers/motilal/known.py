"""What was last seen of each order: what a modify has to repeat, and how much of it is executed.

A trade frame tells one execution and no total, and has no tag; an order frame tells a total and no
execution. Reports need all three, so they are brought together here. Nothing of it is journaled: a book
that is read tells it again.
"""

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerOrder, BrokerTrade
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import ClOrdId

ORDERS_MAX = 100_000
"""Those heard of longest ago are forgotten first: a reading tells what is still wanted of them."""


class Terms(msgspec.Struct, frozen=True):
    """Of one order, as its row has them. ``modified``: when that was done last, the broker's own text, to be
    repeated; of an order that never was, when it was taken.
    """

    modified: str
    was_modified: bool
    traded_today: int
    duration: str
    trigger: Price
    quantity: Quantity
    limit: Price

    def is_version(self, other: "Terms | None") -> bool:
        """Whether no modify can lie between the two."""
        if other is None or self.was_modified != other.was_modified:
            return False
        mine, theirs = (self.modified, self.quantity), (other.modified, other.quantity)
        return mine == theirs and self.limit == other.limit


class KnownOrder(msgspec.Struct):
    """One order of one account. ``terms`` None: not seen, or known to be out of date; ``told``: those that were
    reported last, or that our last modify of it began from. ``total``: the greatest that a row said is
    filled; ``executions``: by ExecID.
    """

    account: AccountId
    cl_ord_id: ClOrdId = ""
    instrument: str = ""
    limit: Price = 0
    terms: Terms | None = None
    told: Terms | None = None
    total: Quantity = 0
    executions: dict[str, Quantity] = {}

    @property
    def cum_quantity(self) -> Quantity:
        """Filled, as far as anything was told."""
        return max(self.total, sum(self.executions.values()))


class KnownOrders:
    """By the broker's order id, which is unique in its day only: an order of another account, tag or
    instrument under a known id is another one.
    """

    def __init__(self, orders_max: int = ORDERS_MAX) -> None:
        self._max = orders_max
        self._orders: dict[str, KnownOrder] = {}
        self._ids: dict[ClOrdId, str] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def get(self, order_id: str, account: AccountId) -> KnownOrder | None:
        """What is known of it; None for an order of somebody else."""
        found = self._orders.get(order_id)
        return found if found is not None and found.account == account else None

    def order_id(self, cl_ord_id: ClOrdId) -> str:
        """The broker's id of one of ours; empty where it was not told."""
        return self._ids.get(cl_ord_id, "")

    def accepted(self, order_id: str, account: AccountId, cl_ord_id: ClOrdId) -> None:
        """The broker gave our order this id."""
        self._of(order_id, account, cl_ord_id, "")

    def seen(self, order: BrokerOrder, terms: Terms) -> KnownOrder:
        """A row of it came, in a book or a frame."""
        found = self._of(order.order_id, order.account, order.cl_ord_id, order.instrument)
        found.limit = order.limit or found.limit
        found.terms = terms
        found.total = max(found.total, order.cum_quantity)
        return found

    def executed(self, trade: BrokerTrade) -> KnownOrder:
        """An execution of it came, perhaps again."""
        found = self._of(trade.order_id, trade.account, trade.cl_ord_id, trade.instrument)
        found.executions[trade.exec_id] = trade.quantity
        return found

    def _of(
        self, order_id: str, account: AccountId, cl_ord_id: ClOrdId, instrument: str
    ) -> KnownOrder:
        found = self._orders.pop(order_id, None)
        if found is not None and not _is_same(found, account, cl_ord_id, instrument):
            self._forget(found)
            found = None
        if found is None:
            found = KnownOrder(account)
        # The youngest stands last.
        self._orders[order_id] = found
        if cl_ord_id:
            found.cl_ord_id = cl_ord_id
            self._ids[cl_ord_id] = order_id
        found.instrument = instrument or found.instrument
        if len(self._orders) > self._max:
            oldest = next(iter(self._orders))
            self._forget(self._orders.pop(oldest))
        return found

    def _forget(self, order: KnownOrder) -> None:
        self._ids.pop(order.cl_ord_id, None)


def _is_same(known: KnownOrder, account: AccountId, cl_ord_id: ClOrdId, instrument: str) -> bool:
    return (
        known.account == account
        and (not cl_ord_id or known.cl_ord_id in ("", cl_ord_id))
        and (not instrument or known.instrument in ("", instrument))
    )
