"""Prices and fills, and what others do at a broker without asking us."""

from collections.abc import Container

from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ClOrdId, Product, Side
from phalanx.simulation.exchange import StubExchange, StubOrder
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.people import KEYS
from phalanx.simulation.faults.trace import Trace, What
from phalanx.simulation.faults.wishes import on_tick
from phalanx.simulation.world import World


class Market:
    """One move after another; it goes on whoever of us is alive to see it."""

    def __init__(self, seed: int, world: World, trace: Trace | None) -> None:
        self._chance = Chance(f"market {seed}")
        self._world = world
        self._trace = trace

    def move(self) -> None:
        """One price moves, and some of what works is filled."""
        if self._chance.happens(50):
            self._move_price()
        for exchange in self._world.exchanges.values():
            for order in exchange.working():
                if self._chance.happens(50):
                    self._fill(exchange, order)

    def trade_outside(self) -> None:
        """Somebody trades in one of our accounts at the broker's own screen, or cancels there."""
        exchange = self._some_exchange()
        if exchange is None:
            return
        pick = self._chance.choice
        account, key = pick(list(exchange.accounts)), pick(KEYS)
        side, quantity = pick((Side.BUY, Side.BUY, Side.SELL)), whole(self._chance.randint(1, 5))
        price = self._price(key)
        orders = exchange.working(account)
        what = pick(("trade", "trade", "order", "cancel"))
        if what == "cancel" and orders:
            exchange.cancel_outside(pick(orders).order_id)
        elif what == "order":
            exchange.order_outside(account, key, side, Product.DELIVERY, quantity, price)
        else:
            exchange.trade(account, key, side, Product.DELIVERY, quantity, price)
        self._say(f"outside at {exchange.name}: {what} of {account} {key} {side.name} {quantity}")

    def reject_later(self) -> None:
        """The exchange behind a broker refuses what that broker had accepted."""
        exchange = self._some_exchange()
        orders = exchange.working() if exchange is not None else []
        if exchange is not None and orders:
            order = self._chance.choice(orders)
            exchange.reject_later(order.order_id, "refused behind the broker")
            self._say(f"{exchange.name} rejects {order.order_id} after all")

    def cancel_outside(self, lost: Container[ClOrdId] = ()) -> None:
        """What somebody left working at a broker's own screen is cancelled there, and so are orders of ours
        that were ``lost``.
        """
        for exchange in self._world.exchanges.values():
            for order in exchange.working():
                if not order.tag or order.tag in lost:
                    exchange.cancel_outside(order.order_id)

    def _fill(self, exchange: StubExchange, order: StubOrder) -> None:
        left = order.quantity - order.cum_quantity
        part = left if self._chance.happens(60) else max(whole(1), left // 2)
        price = order.limit or self._price(order.instrument)
        exchange.fill(order.order_id, min(part, left), price)
        self._say(f"{exchange.name} fills {min(part, left)} of {order.order_id} {order.tag}")

    def _move_price(self) -> None:
        key = self._chance.choice(KEYS)
        quote = self._world.quotes.get(key)
        assert quote is not None
        last = on_tick(quote.last, self._chance.choice((-100, -30, 30, 100)))
        now = self._world.clock.now()
        moved = Quote(last, quote.reference_close, now, QuoteSource.SIMULATED)
        self._world.put_quote(key, moved)

    def _price(self, key: str) -> int:
        quote = self._world.quotes.get(key)
        assert quote is not None
        return quote.last

    def _some_exchange(self) -> StubExchange | None:
        found = list(self._world.exchanges.values())
        return self._chance.choice(found) if found else None

    def _say(self, text: str) -> None:
        if self._trace is not None:
            self._trace.add(What.MARKET, text)
