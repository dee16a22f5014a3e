"""What of a book an exit is about: which lots, what of them is free, and what is sold of them already."""

from collections.abc import Container, Iterable, Iterator, Sequence

import msgspec

from phalanx.domain.accounts import BookId
from phalanx.domain.instructions import ExitScope
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Quantity, round_down
from phalanx.domain.orders import ClOrdId, Closing, Product, Side
from phalanx.domain.pnl import parts_closed
from phalanx.domain.time import Nanoseconds, trading_day
from phalanx.engine.state import Book, Lot, Order, State, position_key
from phalanx.engine.tally import Tally

Share = tuple[ClOrdId, Quantity]
"""A lot, and how much of it may be sold."""


class Reach(msgspec.Struct, frozen=True, gc=False):
    """Which lots an exit closes: those of its scope on its day (``today``, a day number), or its one
    trade.
    """

    scope: ExitScope
    trade: ClOrdId
    today: int
    zone_offset_s: int

    @property
    def is_whole(self) -> bool:
        """Every lot is within it."""
        return self.scope is ExitScope.BOTH and not self.trade

    @property
    def has_positions(self) -> bool:
        """It is about what is bought and sold today, and not about a single trade."""
        return self.scope is not ExitScope.HOLDINGS and not self.trade

    def holds(self, lot: Lot) -> bool:
        """Bought before today and delivered, or financed, is a holding; all else is a position."""
        if self.trade and lot.id != self.trade:
            return False
        if self.scope is ExitScope.BOTH:
            return True
        before = trading_day(lot.opened_at, self.zone_offset_s) < self.today
        is_holding = before and lot.product is not Product.INTRADAY
        return is_holding == (self.scope is ExitScope.HOLDINGS)

    def covers(self, scope: ExitScope, trade: ClOrdId) -> bool:
        """Whatever an exit of that scope or trade closes is within this one too."""
        return self.is_whole or (scope, trade) == (self.scope, self.trade)


def reach(state: State, time: Nanoseconds, scope: ExitScope, trade: ClOrdId) -> Reach:
    """The reach of an exit that was asked for at ``time``."""
    zone_offset_s = state.settings.zone_offset_s
    return Reach(scope, trade, trading_day(time, zone_offset_s), zone_offset_s)


def lots_of(book: Book, instrument: InstrumentKey, product: Product) -> list[Lot]:
    """The lots of one position, oldest first."""
    lots = book.lots.get(instrument)
    return [] if lots is None else [lot for lot in lots.values() if lot.product is product]


def free_of(lot: Lot, tally: Tally) -> Quantity:
    """What of a lot nobody sells yet, after what the plan did so far. Where others sold from a lot,
    less than a sell says is set aside for it.
    """
    back = min(lot.reserved, tally.unreserved.get(lot.id, 0))
    return max(0, lot.available + back - tally.reserved.get(lot.id, 0))


def sold_of(order: Order, lots: Container[ClOrdId]) -> Quantity:
    """How much of these lots a working sell may still take."""
    edge = order.quantity
    parts = parts_closed(order.draft.closes, min(order.cum_quantity, edge), edge)
    return sum(part for closing, part in parts if closing.lot in lots)


def coming(state: State, book: Book, instrument: InstrumentKey, product: Product) -> Quantity:
    """What working buys of one position may still fill."""
    return sum(
        state.orders[cl_ord_id].leaves_quantity
        for lot in lots_of(book, instrument, product)
        for cl_ord_id in lot.buys
    )


def closings(shares: Iterable[Share], quantity: Quantity) -> tuple[Closing, ...]:
    """The lots that a sell of ``quantity`` closes, in their order."""
    closes = []
    for lot_id, free in shares:
        part = min(quantity, free)
        if part > 0:
            closes.append(Closing(lot_id, part))
            quantity -= part
    return tuple(closes)


def slices(
    quantity: Quantity, closes: Sequence[Closing], most: Quantity, lot_size: Quantity
) -> Iterator[tuple[Quantity, tuple[Closing, ...]]]:
    """``quantity`` in whole lots of at most ``most`` (but one lot at least), each with what it closes."""
    step = max(round_down(most, lot_size), lot_size)
    for start in range(0, quantity, step):
        end = min(start + step, quantity)
        parts = parts_closed(closes, start, end)
        yield end - start, tuple(Closing(closing.lot, part) for closing, part in parts)


class WorkingSells:
    """The working sells of every position, looked for once, and only when somebody sells at all."""

    __slots__ = ("_found", "_state")

    def __init__(self, state: State) -> None:
        self._state = state
        self._found: dict[tuple[BookId, str], list[Order]] | None = None

    def of(self, book: Book, instrument: InstrumentKey, product: Product) -> list[Order]:
        """Those of one position, oldest first."""
        key = position_key(instrument, product)
        held = book.positions.get(key)
        if held is None or not held.selling:
            return []
        if self._found is None:
            self._found = {}
            for order in self._state.open_orders():
                draft = order.draft
                if draft.side is Side.SELL:
                    place = draft.book, position_key(draft.instrument, draft.product)
                    self._found.setdefault(place, []).append(order)
        return self._found.get((book.id, key), [])
