"""What reconciliation found: executions of nobody's order, breaks, and people's verdicts."""

import msgspec

from phalanx.domain.breaks import BreakEnd
from phalanx.domain.events import (
    BreakClosed,
    BreakFiled,
    BreakTaken,
    DoubtJudged,
    ForeignFillBooked,
)
from phalanx.domain.numbers import Money, multiply
from phalanx.domain.orders import Side
from phalanx.engine.apply import lots
from phalanx.engine.apply.upkeep import use_key
from phalanx.engine.reconciliation.differences import fingerprint
from phalanx.engine.state import Book, Lot, State, foreign_key

SETTLED_BREAKS_MAX = 10_000
"""So many breaks are remembered that people settled today; of the oldest beyond it one may be filed again."""


def foreign_fill_booked(state: State, event: ForeignFillBooked) -> None:
    """Cash and position, and the lots: sold from the oldest, bought as one of no strategy."""
    state.foreign_fills[foreign_key(event.book, event.exec_id)] = event.time
    book = state.books[event.book]
    value = multiply(event.price, event.quantity)
    if event.side is Side.BUY:
        book.cash -= value + event.charges
        _buy(book, event, value)
        return
    book.cash += value - event.charges
    book.sold_today[event.instrument] = None
    for lot in lots.take_outside(book, event.instrument, event.product, event.quantity):
        lots.settle(book, lot)


def break_filed(state: State, event: BreakFiled) -> None:
    """A new break, or one with other values, in its old place."""
    state.settled_breaks.pop(event.found.id, None)
    state.breaks[event.found.id] = event.found


def break_taken(state: State, event: BreakTaken) -> None:
    """Somebody has it now."""
    use_key(state, event.origin, event.time)
    state.breaks[event.break_id] = msgspec.structs.replace(
        state.breaks[event.break_id], owner=event.owner, note=event.note, deadline=event.deadline
    )


def break_closed(state: State, event: BreakClosed) -> None:
    """It is over; what a person settled is not filed again today unless it changes."""
    use_key(state, event.origin, event.time)
    found = state.breaks.pop(event.break_id)
    if event.end is not BreakEnd.SETTLED:
        return
    settled = state.settled_breaks
    settled[found.id] = fingerprint(found.kind, found.subject, found.ours, found.theirs)
    if len(settled) > SETTLED_BREAKS_MAX:
        del settled[next(iter(settled))]


def doubt_judged(state: State, event: DoubtJudged) -> None:
    """What follows of it is in the next events."""
    use_key(state, event.origin, event.time)


def _buy(book: Book, event: ForeignFillBooked, value: Money) -> None:
    opened_at = min(event.traded_at, event.time) or event.time
    lot = Lot(event.lot, None, event.instrument, event.product, opened_at, by_signal=False)
    lots.insert_by_age(book, lot)
    lots.add(book, lot, event.quantity, value)
    lots.settle(book, lot)
