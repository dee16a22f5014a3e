"""Orders that wait for a price."""

from phalanx.brokers.paper.orders import PaperOrder
from phalanx.domain.numbers import FIXED_MAX, Price
from phalanx.domain.orders import ClOrdId


class Waiting:
    """The orders of one instrument that wait for its price, oldest first: to trade, or for their stops.

    ``allows`` is the cheap look that every quote gets: it may say yes for nobody after an order
    left, never no for somebody.
    """

    __slots__ = ("_at_or_above", "_at_or_below", "_orders")

    def __init__(self) -> None:
        self._orders: dict[ClOrdId, PaperOrder] = {}
        self._at_or_below: Price = 0
        self._at_or_above: Price = FIXED_MAX + 1

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, order: PaperOrder) -> None:
        """Let an order wait."""
        self._orders[order.cl_ord_id] = order
        if order.waits_below:
            self._at_or_below = max(self._at_or_below, order.waits_for)
        else:
            self._at_or_above = min(self._at_or_above, order.waits_for)

    def discard(self, order: PaperOrder) -> bool:
        """Let an order wait no longer; whether it did."""
        return self._orders.pop(order.cl_ord_id, None) is not None

    def allows(self, last: Price) -> bool:
        """Whether some order may have waited for that price."""
        return last <= self._at_or_below or last >= self._at_or_above

    def take(self, last: Price) -> list[PaperOrder]:
        """The orders that waited for that price; they wait no longer."""
        orders = list(self._orders.values())
        self._orders.clear()
        self._at_or_below = 0
        self._at_or_above = FIXED_MAX + 1
        taken: list[PaperOrder] = []
        for order in orders:
            if order.allows(last):
                taken.append(order)
            else:
                self.add(order)
        return taken
