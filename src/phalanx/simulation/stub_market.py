"""Somebody on the other side of a stub exchange: whatever it takes is filled after a while."""

import asyncio

from phalanx.domain.numbers import Price
from phalanx.domain.orders import ExecType, ExecutionReport
from phalanx.simulation.exchange import StubExchange


class StubMarket:
    """Fills every order whole, ``after_s`` seconds after it was taken, unless it has ended by then: a LIMIT
    at its limit, a MARKET order at ``price``.
    """

    def __init__(self, exchange: StubExchange, price: Price, after_s: float) -> None:
        self._exchange = exchange
        self._price = price
        self._after_s = after_s
        exchange.listeners.append(self._hear)

    def _hear(self, report: ExecutionReport) -> None:
        if report.exec_type is ExecType.NEW:
            later = asyncio.get_running_loop().call_later
            later(self._after_s, self._fill, report.order_id)

    def _fill(self, order_id: str) -> None:
        order = self._exchange.order(order_id)
        if order.is_working:
            self._exchange.fill(order_id, order.leaves_quantity, order.limit or self._price)
