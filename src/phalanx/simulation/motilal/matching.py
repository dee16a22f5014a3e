"""The exchange behind the broker: takes orders or turns them away, and fills them against moving prices."""

import random
from collections.abc import Callable

from phalanx.domain.numbers import Price
from phalanx.simulation.motilal.orders import Order, Orders, Status
from phalanx.simulation.motilal.prices import Prices, Quote
from phalanx.simulation.motilal.tickets import Duration, Kind, Side


class Matching:
    """Moves every working order on by one step at a time. ``is_open``: the market's hours; orders that come
    outside of them are rejected, unless they were marked to wait for them.

    ``objection`` says why the risk desk does not want an order; empty: it does.
    """

    def __init__(
        self,
        orders: Orders,
        prices: Prices,
        objection: Callable[[Order], str],
        chance: random.Random,
        partial_percent: int,
    ) -> None:
        self.is_open = True
        self._orders = orders
        self._prices = prices
        self._objection = objection
        self._chance = chance
        self._partial_percent = partial_percent

    def step(self) -> None:
        """One step of the exchange: an order is confirmed in one, and filled in a later one."""
        for order in self._orders.working():
            if order.status is Status.UNKNOWN:
                continue
            if order.status is Status.SENT:
                self._receive(order)
                if order.terms.duration is not Duration.IOC:
                    continue
            elif order.is_called_back:
                self._orders.cancel(order.id)
            elif order.change is not None:
                self._change(order)
                continue
            if order.is_working:
                self._match(order)

    # --- orders and changes arrive -----------------------------------------------------------------

    def _receive(self, order: Order) -> None:
        if text := order.doom or self._fault_of(order) or self._objection(order):
            self._orders.reject(order.id, text)
        else:
            self._orders.confirm(order)

    def _fault_of(self, order: Order) -> str:
        """Why the exchange does not take an order; it knows more than the gateway checked."""
        scrip, terms = order.ticket.scrip, order.terms
        if terms.price % scrip.tick or terms.trigger % scrip.tick:
            return "Order price is not a multiple of the tick size"
        if scrip.freeze and terms.quantity > scrip.freeze:
            return "Quantity exceeds the freeze quantity"
        if not self.is_open and not order.ticket.is_amo:
            return "Market is closed"
        return ""

    def _change(self, order: Order) -> None:
        """A change that came too late, or that is no good, is forgotten; the order stays as it was."""
        terms, standing = order.change, order.terms
        assert terms is not None
        order.change = None
        if terms.quantity <= order.traded:
            return
        order.terms = terms
        is_wanted = not (self._fault_of(order) or self._objection(order))
        order.terms = standing
        if is_wanted:
            self._orders.amend(order, terms)

    # --- trades ------------------------------------------------------------------------------------

    def _match(self, order: Order) -> None:
        if not self.is_open:
            return
        quote = self._prices.of(*order.ticket.scrip.key)
        price = self._price(order, quote)
        if price:
            quantity = self._quantity(order)
            self._orders.fill(order.id, quantity, price)
            self._prices.trade(order.ticket.scrip, price, quantity)
        if order.terms.duration is Duration.IOC and order.is_working:
            self._orders.cancel(order.id)

    def _price(self, order: Order, quote: Quote) -> Price:
        """At which it trades now; 0: not at all. A stop is triggered by the last price and stays so."""
        terms = order.terms
        is_buy = order.ticket.side is Side.BUY
        if terms.kind is Kind.STOPLOSS and not order.is_triggered:
            order.is_triggered = (
                quote.ltp >= terms.trigger if is_buy else quote.ltp <= terms.trigger
            )
            if not order.is_triggered:
                return 0
        there = quote.ask if is_buy else quote.bid
        if terms.price and (there > terms.price if is_buy else there < terms.price):
            return 0
        return there

    def _quantity(self, order: Order) -> int:
        """All that remains, or some whole lots of it."""
        lot = order.ticket.scrip.lot
        lots = order.remaining // lot
        if lots > 1 and self._chance.randrange(100) < self._partial_percent:
            return self._chance.randint(1, lots - 1) * lot
        return order.remaining
