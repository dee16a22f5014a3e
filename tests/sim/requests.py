"""Requests of every kind, drawn by lot for the world as it is."""

import random
from collections.abc import Callable

from phalanx.domain.allocation import Allocation, Leftover, ListAllocation, ListMethod, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    ExitRequest,
    ExitScope,
    InstructionId,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.numbers import Price, Quantity, whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.engine.state import Book, Order, Position, State
from phalanx.simulation.world import World
from tests.sim.people import GROUPS, LISTS, NAMES, STOCKS, STRATEGIES

_OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}
_NEVER_TAKEN = frozenset({OrdStatus.REJECTED, OrdStatus.NOT_RECEIVED, OrdStatus.EXPIRED})
_PRICED = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT})


def on_tick(price: Price, basis_points: int) -> Price:
    """That much away from a price, on a tick that is good for every instrument of a story."""
    tick = whole(1) // 20
    return (price + price * basis_points // 10_000) // tick * tick


def retry_rows(state: State, instruction: InstructionId) -> BatchRequest | None:
    """Its orders that no broker took, once more."""
    return _rows(
        [
            BatchRow(
                0,
                state.book_of(order).account,
                order.draft.instrument,
                order.draft.side,
                order.draft.product,
                order.draft.ord_type,
                order.quantity,
                order.limit if order.draft.ord_type in _PRICED else 0,
                order.draft.time_in_force,
                order.draft.stop_price,
                order.draft.cl_ord_id,
            )
            for order in _orders(state, instruction)
            if order.status in _NEVER_TAKEN and not order.cum_quantity
        ]
    )


def reverse_rows(state: State, instruction: InstructionId) -> BatchRequest | None:
    """The other side of what its orders filled, at the market."""
    return _rows(
        [
            BatchRow(
                0,
                state.book_of(order).account,
                order.draft.instrument,
                _OPPOSITE[order.draft.side],
                order.draft.product,
                OrdType.MARKET,
                order.cum_quantity,
                source=order.draft.cl_ord_id,
            )
            for order in _orders(state, instruction)
            if order.cum_quantity
        ]
    )


def _long(book: Book) -> list[Position]:
    return [held for held in book.positions.values() if held.quantity > 0]


def _orders(state: State, instruction: InstructionId) -> list[Order]:
    return [order for order in state.orders.values() if order.instruction_id == instruction]


def _rows(rows: list[BatchRow]) -> BatchRequest | None:
    return BatchRequest(tuple(rows)) if rows else None


class Requests:
    """Draws one request after another."""

    def __init__(self, chance: random.Random, world: World) -> None:
        self._chance = chance
        self._world = world
        self._kinds: tuple[tuple[Callable[[], InstructionRequest], int], ...] = (
            (self.signal, 16),
            (self.order, 10),
            (self.priority_buy, 5),
            (self.batch, 6),
            (self.allocated, 5),
            (self.exit, 12),
        )

    def any(self) -> InstructionRequest:
        """Of any kind but a follow-up."""
        kinds, weights = zip(*self._kinds, strict=True)
        request: InstructionRequest = self._chance.choices(kinds, weights)[0]()
        return request

    def signal(self) -> SignalRequest:
        """BUY or SELL."""
        pick = self._chance.choice
        return SignalRequest(pick(STRATEGIES), pick(STOCKS), pick((Side.BUY, Side.SELL)))

    def order(self) -> OrderRequest:
        """One order of one account."""
        row = self._row()
        return OrderRequest(
            0,
            row.account,
            row.instrument,
            row.side,
            row.product,
            row.ord_type,
            row.quantity,
            row.price,
            row.time_in_force,
            row.stop_price,
        )

    def priority_buy(self) -> PriorityBuyRequest:
        """Down a kept list, or one of its own."""
        pick = self._chance.choice
        allocation = ListAllocation(
            pick(list(ListMethod)),
            whole(pick((500, 4_000, 9_000))),
            pick(list(Leftover)),
            pick((0, 0, whole(100))),
        )
        named = pick(LISTS) if self._chance.random() < 0.4 else ""
        own = () if named else tuple(self._chance.sample(NAMES, self._chance.randint(1, 5)))
        product = pick((Product.DELIVERY, Product.DELIVERY, Product.INTRADAY))
        return PriorityBuyRequest(
            named, own, allocation, pick((0, 0, 2)), pick((0, 3)), product, self._selection()
        )

    def batch(self) -> BatchRequest:
        """A small basket."""
        return BatchRequest(tuple(self._row() for _ in range(self._chance.randint(1, 5))))

    def allocated(self) -> AllocatedRequest:
        """One instrument for many, by any method."""
        pick = self._chance.choice
        row = self._row()
        method = pick(list(Method))
        amounts = {
            Method.EQUAL_CASH: whole(pick((3_000, 40_000))),
            Method.FIXED_CASH: whole(pick((1_000, 9_000))),
            Method.PERCENT_OF_CASH: pick((100, 2_500, 10_000)),
            Method.PERCENT_OF_NET_VALUE: pick((100, 2_500)),
            Method.PERCENT_OF_POSITION: pick((5_000, 10_000)),
        }
        quantities = tuple(
            (account, whole(self._chance.randint(0, 6))) for account in self._state.accounts
        )
        allocation = Allocation(
            method,
            amounts.get(method, row.quantity),
            quantities if method in {Method.QUANTITIES, Method.LIKE} else (),
        )
        return AllocatedRequest(
            row.instrument,
            row.side,
            row.product,
            row.ord_type,
            allocation,
            row.price,
            row.time_in_force,
            row.stop_price,
            self._selection(),
        )

    def exit(self) -> ExitRequest:
        """Out of an instrument, a trade, or whatever somebody holds; of some or of all of it."""
        pick = self._chance.choice
        lots = [lot for book in self._state.books.values() for lot in book.all_lots()]
        what = pick(("instrument", "instrument", "trade", "everything"))
        name = ""
        if what == "instrument":
            name = pick(lots).instrument if lots else pick(NAMES)
        caps: tuple[tuple[str, Quantity], ...] = ()
        if self._chance.random() < 0.15:
            caps = ((pick(list(self._state.accounts)), whole(self._chance.randint(1, 9))),)
        return ExitRequest(
            name,
            pick(lots).id if lots and what == "trade" else "",
            pick((10_000, 10_000, 5_000, 3_300)),
            pick(list(ExitScope)),
            self._selection(),
            caps,
            pick((None, None, Product.DELIVERY)),
            self._price(name, 100) if name and self._chance.random() < 0.2 else 0,
        )

    def _row(self) -> BatchRow:
        pick = self._chance.choice
        held = [(book, held) for book in self._state.books.values() for held in _long(book)]
        if held and self._chance.random() < 0.4:
            book, position = pick(held)
            terms = self._terms(position.instrument, Side.SELL)
            quantity = position.quantity // pick((1, 1, 2))
            where = (book.account, position.instrument, Side.SELL, position.product)
        else:
            name = pick(NAMES)
            terms = self._terms(name, Side.BUY)
            quantity = self._quantity(name)
            product = pick((Product.DELIVERY, Product.DELIVERY, *Product))
            where = (pick(list(self._state.accounts)), name, Side.BUY, product)
        ord_type, price, stop_price = terms
        time_in_force = pick((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC))
        return BatchRow(0, *where, ord_type, quantity, price, time_in_force, stop_price)

    def _terms(self, name: str, side: Side) -> tuple[OrdType, Price, Price]:
        """Type, price and stop: some of them rest, some trade at once."""
        pick = self._chance.choice
        ord_type = pick((OrdType.MARKET, OrdType.LIMIT, OrdType.LIMIT, *OrdType))
        price = self._price(name, pick((-200, 0, 200))) if ord_type in _PRICED else 0
        if ord_type not in {OrdType.STOP, OrdType.STOP_LIMIT}:
            return ord_type, price, 0
        away = 60 if side is Side.BUY else -60
        return ord_type, self._price(name, 2 * away) if price else 0, self._price(name, away)

    def _quantity(self, name: str) -> Quantity:
        number = self._chance.randint(1, 20)
        if name == "COIN":
            return whole(number) // 1_000 * self._chance.choice((1, 77, 1_000))
        return whole(5 * number if name == "LOTS" and self._chance.random() < 0.9 else number)

    def _price(self, name: str, basis_points: int) -> Price:
        instrument = self._world.desk.instruments.resolve(name)
        assert instrument is not None
        quote = self._world.quotes.get(instrument.key)
        assert quote is not None
        return on_tick(quote.last, basis_points)

    def _selection(self) -> Selection:
        """Mostly everybody."""
        pick, state = self._chance.choice, self._state
        return Selection(
            *pick(
                (
                    ((), (), ()),
                    ((), (), ()),
                    ((pick(list(state.accounts)),), (), ()),
                    ((), (pick(list(state.clients)),), ()),
                    ((), (), (pick(GROUPS),)),
                )
            )
        )

    @property
    def _state(self) -> State:
        return self._world.desk.state
