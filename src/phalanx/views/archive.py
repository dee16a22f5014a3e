"""What is on record of orders that left the desk's memory."""

from collections.abc import Callable
from typing import Final

from phalanx.domain.accounts import book_id
from phalanx.domain.orders import ClOrdId
from phalanx.engine.commands import ArchivedOrder
from phalanx.views.feed import ViewsFeed
from phalanx.views.queries import Views
from phalanx.views.readers import QueryTooLong, ViewsUnavailable

CATCH_UP_S: Final = 30.0
"""How long an answer waits for the views to have taken in what is durable."""


class ViewsArchive:
    """Orders as the views have them, once these have caught up with the journal (``durable_seq``)."""

    def __init__(self, views: Views, feed: ViewsFeed, durable_seq: Callable[[], int]) -> None:
        self._views = views
        self._feed = feed
        self._durable_seq = durable_seq

    async def order(self, cl_ord_id: ClOrdId) -> ArchivedOrder | None:
        """The order as all that is durable now has made it; None: there never was one.

        Raises OSError while the views cannot say.
        """
        if not await self._feed.wait_for(self._durable_seq(), CATCH_UP_S):
            raise OSError("the views have not caught up with the journal")
        try:
            return await self._views.ask(self._order, cl_ord_id)
        except (ViewsUnavailable, QueryTooLong) as failure:
            raise OSError(f"the views cannot be read: {failure}") from failure

    def _order(self, cl_ord_id: ClOrdId) -> ArchivedOrder | None:
        row = self._views.order(cl_ord_id)
        if row is None:
            return None
        fills = self._views.fills(cl_ord_id)
        return ArchivedOrder(
            cl_ord_id,
            book_id(row.account, row.mode),
            row.instrument,
            row.side,
            row.product,
            row.cum_quantity,
            frozenset(fill.exec_id for fill in fills),
        )
