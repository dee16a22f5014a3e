"""Lots and positions: what fills do to them.

Kept true after every event (and asserted by the property tests): for each (book, instrument,
product) the unsold filled quantity of all lots equals the long position; at most one lot of a
(book, named strategy, instrument) is open.
"""

from itertools import takewhile

from phalanx.domain.instructions import InstructionId
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Quantity
from phalanx.domain.orders import ClOrdId, OrderDraft, Product, parts_closed
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import Book, Lot, Order, Position, State, position_key


def position(book: Book, instrument: InstrumentKey, product: Product) -> Position:
    """The position, made flat when it was not there."""
    key = position_key(instrument, product)
    found = book.positions.get(key)
    if found is None:
        found = book.positions[key] = Position(instrument, product)
    return found


def drop_if_flat(book: Book, held: Position) -> None:
    """Memory follows what is open: a flat position nobody sells is forgotten; views keep its past."""
    if held.quantity == 0 and held.selling == 0:
        book.positions.pop(position_key(held.instrument, held.product), None)


def open_lot(
    book: Book,
    draft: OrderDraft,
    opened_at: Nanoseconds,
    by_signal: bool,  # noqa: FBT001  the hot path: an argument by name costs as much as a field
    called: str = "",
) -> Lot:
    """The lot that a buy's fills go to: the book's open one of that strategy, else a new one.

    ``called``: the caller's name for its instrument.

    A later slice finds its first one's. Else only a late arrival finds one open; a plan refuses a
    second buy. In another product it cannot join, and becomes a lot of no strategy.
    """
    strategy, instrument = draft.strategy, draft.instrument
    own_lot = draft.lot or draft.cl_ord_id
    lots = book.lots.get(instrument)
    if lots is None:
        lots = book.lots[instrument] = {}
    else:
        other = None if strategy is None else open_lot_of(book, strategy, instrument)
        found = lots.get(own_lot)
        if other is not None:
            if other.product is draft.product:
                found = other
            else:
                strategy = None
        if found is not None:
            found.called = found.called or called
            return found
    # By place, as in ``apply.orders``; zeros and nothing up to the name.
    lot = Lot(
        own_lot,
        strategy,
        instrument,
        draft.product,
        opened_at,
        by_signal,
        0,  # remaining
        0,  # reserved
        0,  # cost
        [],  # buys
        None,  # closing
        called,
    )
    lots[own_lot] = lot
    return lot


def open_lot_of(book: Book, strategy: str, instrument: InstrumentKey) -> Lot | None:
    """The one open lot of (book, named strategy, instrument)."""
    for lot in book.lots.get(instrument, {}).values():
        if lot.strategy == strategy and lot.is_open:
            return lot
    return None


def home(book: Book, order: Order, *, reopens: bool) -> Lot | None:
    """The lot that the next fill of a buy goes to; None: a new one, under the id of its own.

    ``reopens``: the order had been given up and lives again; it then leaves a lot that only sells.
    """
    draft = order.draft
    lots = book.lots.get(draft.instrument)
    lot = None if lots is None else lots.get(order.lot)
    if draft.strategy is None:
        return lot
    if lot is not None and (not reopens or lot.closing is not None or lot.is_open):
        return lot
    other = open_lot_of(book, draft.strategy, draft.instrument)
    return other if other is not None and other.product is draft.product else lot


def find_lot(book: Book, instrument: InstrumentKey, lot_id: str) -> Lot | None:
    """A lot that may have gone already."""
    lots = book.lots.get(instrument)
    return None if lots is None else lots.get(lot_id)


def find_lot_of(state: State, lot_id: ClOrdId) -> tuple[Book, Lot] | None:
    """The lot of that id, whoever's it is, with its book. All are looked through only where the order
    that opened it has left memory.
    """
    order = state.orders.get(lot_id)
    if order is not None:
        book = state.book_of(order)
        lot = find_lot(book, order.draft.instrument, lot_id)
        return None if lot is None else (book, lot)
    for book in state.books.values():
        for lots in book.lots.values():
            if lot_id in lots:
                return book, lots[lot_id]
    return None


def add(book: Book, lot: Lot, quantity: Quantity, value: Money) -> None:
    """A buy filled: the position grows, and so does the lot by what is not covering a short."""
    held = position(book, lot.instrument, lot.product)
    held.quantity += quantity
    if held.quantity >= quantity:
        lot.remaining += quantity
        lot.cost += value
        return
    long_part = max(0, held.quantity)
    lot.remaining += long_part
    lot.cost += value * long_part // quantity
    drop_if_flat(book, held)


def insert_by_age(book: Book, lot: Lot) -> None:
    """A lot that may not be the youngest: sales close the oldest first. Only younger ones move, each time:
    whoever has many to book begins with the oldest.
    """
    known = book.lots.get(lot.instrument)
    if known is None:
        known = book.lots[lot.instrument] = {}
    assert lot.id not in known, f"{lot.id} is a lot already"
    younger = list(takewhile(lambda one: one.opened_at > lot.opened_at, reversed(known.values())))
    for one in younger:
        del known[one.id]
    known[lot.id] = lot
    for one in reversed(younger):
        known[one.id] = one


def adopt(book: Book, lot: Lot, quantity: Quantity, cost: Money) -> None:
    """A position that was there before us comes in as one lot, in its place by age."""
    insert_by_age(book, lot)
    held = position(book, lot.instrument, lot.product)
    held.quantity += quantity
    lot.remaining = lot.adopted = quantity
    lot.cost = cost


def reserve(book: Book, draft: OrderDraft, instruction: InstructionId) -> None:
    """A sell was planned: what it is meant to close is no longer available."""
    instrument = draft.instrument
    position(book, instrument, draft.product).selling += draft.quantity
    for closing in draft.closes:
        lot = book.lots[instrument][closing.lot]
        lot.reserved += closing.quantity
        if lot.closing == instruction:
            lot.closing_sells += 1


def stop_closing(book: Book, order: Order) -> None:
    """A sell ended: it counts no more among those that close its lots."""
    lots = book.lots.get(order.draft.instrument)
    if lots is None:
        return
    for closing in order.draft.closes:
        lot = lots.get(closing.lot)
        if lot is not None and lot.closing_sells and lot.closing == order.instruction_id:
            lot.closing_sells -= 1


def take(book: Book, order: Order, quantity: Quantity) -> list[Lot]:
    """A sell filled: its lots shrink in their order, then (overfills, late fills) the oldest others.

    Returns the lots that shrank. The filled part must have been released first.
    """
    draft = order.draft
    held = position(book, draft.instrument, draft.product)
    from_lots = quantity
    if held.quantity < quantity:
        from_lots = max(0, held.quantity)
    held.quantity -= quantity
    start, lots = order.cum_quantity, book.lots.get(draft.instrument, {})
    touched = []
    for closing, part in parts_closed(draft.closes, start, start + quantity):
        lot = lots.get(closing.lot)
        if lot is not None:
            from_lots -= _shrink(lot, part) if part < from_lots else _shrink(lot, from_lots)
            touched.append(lot)
    if from_lots:
        touched += _take_oldest(book, held, from_lots)
    if not held.quantity:
        drop_if_flat(book, held)
    return touched


def take_outside(
    book: Book, instrument: InstrumentKey, product: Product, quantity: Quantity
) -> list[Lot]:
    """Somebody sold outside: the oldest lots shrink, and what goes beyond all of them is short.

    Returns the lots that shrank.
    """
    held = position(book, instrument, product)
    from_lots = min(quantity, max(0, held.quantity))
    held.quantity -= quantity
    touched = _take_oldest(book, held, from_lots)
    drop_if_flat(book, held)
    return touched


def _take_oldest(book: Book, held: Position, quantity: Quantity) -> list[Lot]:
    touched = []
    for lot in book.lots.get(held.instrument, {}).values():
        if not quantity:
            break
        if lot.product is held.product:
            quantity -= _shrink(lot, quantity)
            touched.append(lot)
    assert quantity == 0, f"lots of {held.instrument} in {book.id} do not cover the position"
    return touched


def release(book: Book, order: Order, start: Quantity, end: Quantity) -> None:
    """The part ``start..end`` of a sell's quantity is not being sold any more: filled or given up."""
    if start == end:
        return
    draft = order.draft
    held, released = position(book, draft.instrument, draft.product), end - start
    held.selling = held.selling - released if held.selling > released else 0
    lots = book.lots.get(draft.instrument, {})
    for closing, part in parts_closed(draft.closes, start, end):
        lot = lots.get(closing.lot)
        if lot is not None:
            lot.reserved = lot.reserved - part if lot.reserved > part else 0
    if not held.quantity:
        drop_if_flat(book, held)


def settle(book: Book, lot: Lot) -> None:
    """After anything ended: give up a finished closing, join the open lot, forget an empty one."""
    if lot.buys:
        return
    if lot.closing is not None and not lot.closing_sells:
        lot.closing = None
    if lot.remaining > lot.reserved and lot.closing is None and lot.strategy is not None:
        _join(book, lot)
    if lot.remaining == 0 and lot.reserved == 0:
        lots = book.lots.get(lot.instrument)
        if lots is None:
            return
        lots.pop(lot.id, None)
        if not lots:
            del book.lots[lot.instrument]


def _join(book: Book, lot: Lot) -> None:
    """What is left of a lot goes to another open lot of its strategy, if there is one by then."""
    for other in book.lots[lot.instrument].values():
        if other is lot or other.strategy != lot.strategy:
            continue
        if other.product is lot.product and other.is_open:
            moved = lot.available
            cost = lot.cost * moved // lot.remaining
            other.remaining += moved
            other.cost += cost
            lot.remaining -= moved
            lot.cost -= cost
            return


def _shrink(lot: Lot, quantity: Quantity) -> Quantity:
    remaining = lot.remaining
    if quantity >= remaining:
        if remaining:
            lot.cost = lot.remaining = lot.reserved = 0
        return remaining
    if quantity:
        lot.cost -= lot.cost * quantity // remaining
        lot.remaining = remaining - quantity
        if lot.reserved > lot.remaining:
            lot.reserved = lot.remaining
    return quantity
