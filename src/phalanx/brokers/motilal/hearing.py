"""From frames to reports, with what is known of each order already."""

from phalanx.brokers.motilal.books import LastPrice, Reading
from phalanx.brokers.motilal.endpoints import TRADE_FRAMES
from phalanx.brokers.motilal.known import KnownOrders
from phalanx.brokers.motilal.reports import OrderFrame, TradeFrame, order_reports, trade_report
from phalanx.brokers.motilal.rows import instrument_of, order_of, terms_of, trade_of
from phalanx.domain.accounts import AccountId
from phalanx.domain.orders import ExecutionReport
from phalanx.domain.time import Clock


class Hearing:
    """What was read in books and what comes in frames, put together."""

    def __init__(self, known: KnownOrders, last: LastPrice, clock: Clock) -> None:
        self.known = known
        self._last = last
        self._clock = clock

    def take(self, reading: Reading) -> None:
        """A book was read: what comes now is counted on top of it."""
        for order, terms in zip(reading.book.orders, reading.terms, strict=True):
            self.known.seen(order, terms)
        for trade in reading.book.trades:
            self.known.executed(trade)

    def reports(self, frame: OrderFrame | TradeFrame, account: AccountId) -> list[ExecutionReport]:
        """What a frame about this account says happened. Raises BadData."""
        row = frame.row
        if isinstance(frame, OrderFrame):
            order, terms = order_of(row, account), terms_of(row)
            return order_reports(order, terms, self.known.seen(order, terms))
        before = self.known.get(row.name("uniqueorderid"), account)
        reference = before.limit if before is not None else 0
        if not reference:
            reference = self._last(instrument_of(row, "exchange", "symboltoken"))
        trade = trade_of(row, account, TRADE_FRAMES, self._clock.now(), reference)
        return [trade_report(trade, self.known.executed(trade))]
