"""What of a book may still be sold or bought back: its lots, what is free of them, and what works on them."""

from collections.abc import Container, Iterable, Iterator, Sequence

import msgspec

from phalanx.domain.accounts import BookId
from phalanx.domain.instructions import ExitScope
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Quantity, round_down
from phalanx.domain.orders import ClOrdId, Closing, Product, Side, parts_closed
from phalanx.domain.time import Nanoseconds, trading_day
from phalanx.engine.state import Book, Lot, Order, State, position_key
from phalanx.engine.tally import NOTHING, Tally

# By their own names: on Python 3.11 finding an enum's member costs more than comparing with it.
_BOTH, _HOLDINGS, _SELL = ExitScope.BOTH, ExitScope.HOLDINGS, Side.SELL

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
        return self.scope is _BOTH and not self.trade

    @property
    def has_positions(self) -> bool:
        """It is about what is bought and sold today, and not about a single trade."""
        return self.scope is not _HOLDINGS and not self.trade

    def holds(self, lot: Lot) -> bool:
        """Bought before today and delivered, or financed, is a holding; all else is a position."""
        if self.trade and lot.id != self.trade:
            return False
        if self.scope is _BOTH:
            return True
        before = trading_day(lot.opened_at, self.zone_offset_s) < self.today
        is_holding = before and lot.product is not Product.INTRADAY
        return is_holding == (self.scope is _HOLDINGS)

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
    free = lot.remaining - lot.reserved - tally.reserved.get(lot.id, 0)
    if tally.unreserved:
        free += min(lot.reserved, tally.unreserved.get(lot.id, 0))
    return max(0, free)


def sold_of(order: Order, lots: Container[ClOrdId]) -> Quantity:
    """How much of these lots a working sell may still take."""
    edge = order.quantity
    parts = parts_closed(order.draft.closes, min(order.cum_quantity, edge), edge)
    return sum(part for closing, part in parts if closing.lot in lots)


def coming(
    state: State, book: Book, instrument: InstrumentKey, product: Product | None = None
) -> Quantity:
    """What working buys of one position, or of the instrument in any product, may still fill."""
    return sum(
        state.orders[cl_ord_id].leaves_quantity
        for lot in book.lots.get(instrument, {}).values()
        if product is None or lot.product is product
        for cl_ord_id in lot.buys
    )


def sellable(
    book: Book, instrument: InstrumentKey, product: Product, tally: Tally = NOTHING
) -> Quantity:
    """What of the position may be sold now."""
    key = position_key(instrument, product)
    position = book.positions.get(key)
    if position is None:
        return 0
    free = position.quantity - position.selling
    if tally is not NOTHING:
        free -= tally.selling.get(key, 0) - tally.freed.get(key, 0)
    if free < 0:
        return 0
    return free


def to_cover(
    state: State, book: Book, instrument: InstrumentKey, product: Product, tally: Tally = NOTHING
) -> Quantity:
    """What of a short nobody is buying back yet."""
    key = position_key(instrument, product)
    position = book.positions.get(key)
    if position is None or position.quantity >= 0:
        return 0
    back = coming(state, book, instrument, product) + tally.covering.get(key, 0)
    return max(0, -position.quantity - back)


def exposed(
    state: State, book: Book, listings: Sequence[InstrumentKey], tally: Tally = NOTHING
) -> Quantity:
    """What the book holds of a stock, on all its exchanges in any product, and may still buy."""
    held = sum(
        position.quantity
        for instrument in listings
        for product in Product
        if (position := book.positions.get(position_key(instrument, product))) is not None
    )
    buying = sum(coming(state, book, key) + tally.buying.get(key, 0) for key in listings)
    return max(0, held) + buying


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
    if 0 < quantity <= step:
        yield quantity, tuple(closes)
        return
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
                if draft.side is _SELL:
                    place = draft.book, position_key(draft.instrument, draft.product)
                    self._found.setdefault(place, []).append(order)
        return self._found.get((book.id, key), [])
