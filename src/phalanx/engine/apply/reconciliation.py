"""What reconciliation found: executions of nobody's order, breaks, and people's verdicts."""

import msgspec

from phalanx.domain.breaks import BreakEnd, BreakKind, fingerprint
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
from phalanx.engine.ids import counter_of
from phalanx.engine.state import Book, Lot, State, foreign_key

SETTLED_BREAKS_MAX = 10_000
"""So many breaks are remembered that people settled today; of the oldest beyond it one may be filed again."""

LOST_IDS_MAX = 10_000_000
"""A lost tail had no more orders than that: an id farther away is somebody's who typed it in."""

LOST_TAILS_MAX = 1_000
"""So many stretches of lost ids are remembered, the latest."""


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
    state.breaks_of.setdefault(event.found.account, {})[event.found.id] = None
    if event.found.kind is BreakKind.ORDER_UNKNOWN:
        state.lost[event.found.id] = None
        counter = counter_of(event.found.subject, state.desk_id, state.shard)
        if counter is not None and state.next_order <= counter < state.next_order + LOST_IDS_MAX:
            # No id is given twice, also when the journal forgot that it gave it.
            state.lost_ids = [*state.lost_ids, (state.next_order, counter + 1)][-LOST_TAILS_MAX:]
            state.next_order = counter + 1


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
    state.lost.pop(event.break_id, None)
    of_account = state.breaks_of[found.account]
    del of_account[found.id]
    if not of_account:
        del state.breaks_of[found.account]
    if event.end is not BreakEnd.SETTLED:
        return
    settled = state.settled_breaks
    settled[found.id] = fingerprint(found.kind, found.subject, found.ours, found.theirs)
    if len(settled) > SETTLED_BREAKS_MAX:
        del settled[next(iter(settled))]


def doubt_judged(state: State, event: DoubtJudged) -> None:
    """What follows of it is in the next events."""
    use_key(state, event.origin, event.time)
    if event.order_id:
        state.orders[event.cl_ord_id].judged = True


def _buy(book: Book, event: ForeignFillBooked, value: Money) -> None:
    opened_at = min(event.traded_at, event.time) or event.time
    lot = Lot(event.lot, None, event.instrument, event.product, opened_at, by_signal=False)
    lots.insert_by_age(book, lot)
    lots.add(book, lot, event.quantity, value)
    lots.settle(book, lot)
