"""What clients hold and owe: positions that move with fills, holdings, and what may be sold of them."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from phalanx.domain.numbers import Money, Price
from phalanx.simulation.motilal.config import Client, Holding
from phalanx.simulation.motilal.orders import Order, Orders, Trade
from phalanx.simulation.motilal.scrips import Scrip, ScripKey, ScripTable
from phalanx.simulation.motilal.tickets import Product, Side

PositionKey: TypeAlias = tuple[str, int, Product]
"""Exchange, scrip code, product."""

FROM_HOLDINGS: Final = frozenset({Product.DELIVERY, Product.SELLFROMDP, Product.BTST, Product.MTF})
"""A sale of one of these delivers what the client has."""


class Position(msgspec.Struct, kw_only=True):
    """One client's day in one scrip and product. ``carried``: shares of earlier days, below zero if short, at
    ``cost`` a share. The last close stands for the cost wherever the broker speaks of today.
    """

    client: str
    scrip: Scrip
    product: Product
    carried: int = 0
    cost: Price = 0
    bought: int = 0
    bought_for: Money = 0
    sold: int = 0
    sold_for: Money = 0

    @property
    def net(self) -> int:
        """Shares that are open."""
        return self.carried + self.bought - self.sold

    def sides(self, cost: Price) -> tuple[int, Money, int, Money]:
        """Shares bought, what for, shares sold, what for: today's and, at ``cost``, those of earlier days."""
        long, short = max(self.carried, 0), max(-self.carried, 0)
        return (
            self.bought + long,
            self.bought_for + long * cost,
            self.sold + short,
            self.sold_for + short * cost,
        )

    def result(self, cost: Price, ltp: Price) -> tuple[Money, Money]:
        """Booked and open profit, with earlier shares at ``cost``."""
        bought, paid, sold, got = self.sides(cost)
        matched = min(bought, sold)
        booked = 0
        if matched:
            booked = got * matched // sold - paid * matched // bought
        if bought > sold:
            return booked, (bought - sold) * ltp - (paid - paid * sold // bought)
        if sold > bought:
            return booked, (got - got * bought // sold) - (sold - bought) * ltp
        return booked, 0


class Portfolio:
    """Positions and holdings of all clients. It hears of every fill."""

    def __init__(self, clients: Iterable[Client], table: ScripTable, orders: Orders) -> None:
        self.clients = {client.code: client for client in clients}
        self._orders = orders
        self._positions: dict[str, dict[PositionKey, Position]] = {
            code: {} for code in self.clients
        }
        for client in self.clients.values():
            for old in client.carried:
                position = self._position(
                    client.code, table.scrips[old.exchange, old.code], Product(old.product)
                )
                position.carried, position.cost = old.quantity, old.cost
        orders.listeners.append(self._hear)

    def positions(self, client: str) -> list[Position]:
        """The client's, the oldest first; those that are closed too."""
        return list(self._positions[client].values())

    def net(self, client: str, scrip: Scrip, product: Product) -> int:
        """Open shares of one position; 0 where there is none."""
        position = self._positions[client].get((*scrip.key, product))
        return position.net if position else 0

    def convert(self, client: str, scrip: Scrip, old: Product, new: Product, quantity: int) -> bool:
        """Move so many open shares of today to another product, at their average; false: there are too few."""
        source = self._positions[client].get((*scrip.key, old))
        if source is None or source.carried or not 0 < quantity <= abs(source.net) or old is new:
            return False
        target = self._position(client, scrip, new)
        if source.net > 0:
            value = source.bought_for * quantity // source.bought
            source.bought, source.bought_for = source.bought - quantity, source.bought_for - value
            target.bought, target.bought_for = target.bought + quantity, target.bought_for + value
        else:
            value = source.sold_for * quantity // source.sold
            source.sold, source.sold_for = source.sold - quantity, source.sold_for - value
            target.sold, target.sold_for = target.sold + quantity, target.sold_for + value
        return True

    # --- holdings ----------------------------------------------------------------------------------

    def holding_of(self, client: str, scrip: Scrip) -> Holding | None:
        """What the client has of a share, whichever exchange the scrip is of."""
        for holding in self.clients[client].holdings:
            if scrip.key in _keys(holding):
                return holding
        return None

    def blocked(self, client: str, holding: Holding) -> int:
        """Shares of a holding that are sold today, or stand in sells."""
        return self._committed(client, _keys(holding))

    def shortage(self, order: Order) -> str:
        """Why a sale that delivers is not wanted: too little may be sold. Empty otherwise."""
        ticket = order.ticket
        if ticket.side is not Side.SELL or ticket.product not in FROM_HOLDINGS:
            return ""
        holding = self.holding_of(ticket.client, ticket.scrip)
        keys = _keys(holding) if holding else frozenset({ticket.scrip.key})
        free = sum(one.bought for one in self._delivered(ticket.client, keys))
        free -= self._committed(ticket.client, keys, beside=order)
        if holding is not None:
            free += holding.free + (holding.btst if ticket.product is Product.BTST else 0)
        if order.remaining <= free:
            return ""
        if holding is not None and order.remaining <= free + holding.tpin:
            return "RMS: eDIS authorisation with TPIN is needed to sell"
        return f"RMS: Holding quantity is insufficient: {max(free, 0)} of {order.remaining}"

    def _delivered(self, client: str, keys: Collection[ScripKey]) -> Iterator[Position]:
        for one in self.positions(client):
            if one.scrip.key in keys and one.product in FROM_HOLDINGS:
                yield one

    def _committed(
        self, client: str, keys: Collection[ScripKey], beside: Order | None = None
    ) -> int:
        """Shares that are sold today, or stand in sells beside one."""
        standing = sum(
            other.remaining
            for other in self._orders.standing(client, beside)
            if other.ticket.scrip.key in keys
            and other.ticket.product in FROM_HOLDINGS
            and other.ticket.side is Side.SELL
        )
        return standing + sum(one.sold for one in self._delivered(client, keys))

    # --- fills -------------------------------------------------------------------------------------

    def _hear(self, order: Order, trade: Trade | None) -> None:
        if trade is None:
            return
        ticket = order.ticket
        position = self._position(ticket.client, ticket.scrip, ticket.product)
        if ticket.side is Side.BUY:
            position.bought += trade.quantity
            position.bought_for += trade.price * trade.quantity
        else:
            position.sold += trade.quantity
            position.sold_for += trade.price * trade.quantity

    def _position(self, client: str, scrip: Scrip, product: Product) -> Position:
        mine, key = self._positions[client], (*scrip.key, product)
        if key not in mine:
            mine[key] = Position(client=client, scrip=scrip, product=product)
        return mine[key]


def _keys(holding: Holding) -> frozenset[ScripKey]:
    """The scrips as which a share of a depository is traded."""
    return frozenset({("NSE", holding.nse_code), ("BSE", holding.bse_code)})
