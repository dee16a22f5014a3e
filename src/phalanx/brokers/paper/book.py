"""The paper broker's book: the orders that work, and those that ended."""

from collections import deque

from phalanx.brokers.paper.orders import PaperOrder
from phalanx.domain.accounts import AccountId
from phalanx.domain.orders import ClOrdId

ENDED_MAX = 10_000
"""So many ended orders are remembered, the latest; ``book`` knows nothing of older ones."""


class PaperBook:
    """Every order the broker knows: all that work, and the last ``ended_max`` that ended."""

    __slots__ = ("_ended", "_ended_ids", "_ended_max", "_of_account", "working")

    def __init__(self, ended_max: int = ENDED_MAX) -> None:
        self.working: dict[ClOrdId, PaperOrder] = {}
        self._ended: dict[ClOrdId, PaperOrder] = {}
        self._ended_ids: deque[ClOrdId] = deque()
        self._ended_max = ended_max
        self._of_account: dict[AccountId, dict[ClOrdId, PaperOrder]] = {}

    def __contains__(self, cl_ord_id: ClOrdId) -> bool:
        return cl_ord_id in self.working or cl_ord_id in self._ended

    def __len__(self) -> int:
        return len(self.working) + len(self._ended)

    def get(self, cl_ord_id: ClOrdId) -> PaperOrder | None:
        """The order, working or ended."""
        return self.working.get(cl_ord_id) or self._ended.get(cl_ord_id)

    def of(self, account: AccountId) -> list[PaperOrder]:
        """The orders of one account, working and ended, oldest first."""
        return list(self._of_account.get(account, {}).values())

    def take(self, order: PaperOrder) -> None:
        """Take in a new order."""
        assert order.cl_ord_id not in self, "once each"
        self.working[order.cl_ord_id] = order
        self._of_account.setdefault(order.account, {})[order.cl_ord_id] = order

    def end(self, order: PaperOrder) -> None:
        """Move an order to the ended ones; the oldest of them may be forgotten for it."""
        assert order.is_ended
        del self.working[order.cl_ord_id]
        self._ended[order.cl_ord_id] = order
        self._ended_ids.append(order.cl_ord_id)
        if len(self._ended_ids) > self._ended_max:
            self._forget(self._ended.pop(self._ended_ids.popleft()))

    def _forget(self, order: PaperOrder) -> None:
        orders = self._of_account[order.account]
        del orders[order.cl_ord_id]
        if not orders:
            del self._of_account[order.account]
