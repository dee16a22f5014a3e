"""What reconciliation found, and what people say about it: breaks, executions of nobody's order, verdicts."""

from phalanx.domain.accounts import split_book
from phalanx.domain.breaks import BreakEnd
from phalanx.domain.events import (
    BreakClosed,
    BreakFiled,
    BreakTaken,
    DoubtJudged,
    ForeignFillBooked,
)
from phalanx.domain.numbers import multiply
from phalanx.domain.orders import OrdStatus
from phalanx.views.entries import BreakEntry
from phalanx.views.projections import trades
from phalanx.views.projections.log import write_log
from phalanx.views.projections.standing import enter
from phalanx.views.rows import LogEntry
from phalanx.views.workspace import FILLS, LOG, Workspace

LATE = "LATE"
"""The flag of an order that was filled after its end."""


def break_filed(work: Workspace, event: BreakFiled) -> None:
    """A new break, or one that is open with other values."""
    found = event.found
    key = work.open_breaks.get(found.id)
    if key is None:
        owner = work.client_of(found.account) or 0
        made = (found.id, found.account, owner, found.kind.value, found.subject, found.filed_at)
        entry = BreakEntry(work.next_key(), 0, *made)
        work.breaks.add(entry)
        work.open_breaks[found.id] = entry.key
    else:
        entry = work.break_(key)
    entry.ours, entry.theirs, entry.reason = found.ours, found.theirs, found.reason
    entry.deadline_ns, entry.owner, entry.note = found.deadline, found.owner, found.note
    entry.updated_at_ns = event.time
    work.breaks.touch(entry)


def break_taken(work: Workspace, event: BreakTaken) -> None:
    """Somebody has it now."""
    entry = work.break_(work.open_breaks[event.break_id])
    entry.owner, entry.note, entry.deadline_ns = event.owner, event.note, event.deadline
    entry.updated_at_ns = event.time
    work.breaks.touch(entry)


def break_closed(work: Workspace, event: BreakClosed) -> None:
    """A later reading agrees, or a person settled it."""
    entry = work.break_(work.open_breaks.pop(event.break_id))
    entry.ending = event.end.value
    entry.closed_by = event.origin.actor if event.end is BreakEnd.SETTLED else ""
    entry.closing_note = event.note
    entry.ended_at_ns = entry.updated_at_ns = event.time
    work.breaks.touch(entry)


def foreign_fill_booked(work: Workspace, event: ForeignFillBooked) -> None:
    """What it did to the trades; and of a late one the row of its order, with its line in the log."""
    trades.foreign_fill_booked(work, event)
    if event.cl_ord_id:
        _late_fill(work, event)
        return
    account, _ = split_book(event.book)
    whose = (event.lot, account, work.client_of(account) or 0, None)
    what = (event.instrument, event.side, event.quantity, event.price, OrdStatus.FILLED)
    text = f"execution {event.exec_id} of broker order {event.order_id}"
    work.put(LOG, (work.next_key(), event.time, LogEntry.OUTSIDE, *whose, *what, text))


def doubt_judged(work: Workspace, event: DoubtJudged) -> None:
    """A person's verdict; what follows of it comes in events of its own."""
    order = work.order(event.cl_ord_id)
    verdict = f"it is {event.order_id}" if event.order_id else "the broker never received it"
    if event.request_id:
        verdict = f"{event.request_id} was {'granted' if event.granted else 'not granted'}"
    left = (max(0, order.quantity - order.cum_quantity), order.limit_price)
    text = f"by {event.origin.actor}: {verdict}; {event.note}"
    write_log(work, order, LogEntry.JUDGED, event.time, left, text)


def _late_fill(work: Workspace, event: ForeignFillBooked) -> None:
    """The order ended and left the engine's memory: what it ended as stays, unless all of it is filled."""
    order = work.order(event.cl_ord_id)
    terms = (event.quantity, event.price)
    order.cum_quantity += event.quantity
    order.filled_value += multiply(event.price, event.quantity)
    order.charges += event.charges
    order.flag = LATE
    if not order.first_fill_at_ns:
        order.first_fill_at_ns = event.time
    row = (work.seq, order.key, event.exec_id, *terms, event.charges)
    work.put(FILLS, (*row, event.traded_at or event.time, event.time))
    all_of_it = order.cum_quantity >= order.quantity
    status = OrdStatus.FILLED if all_of_it else OrdStatus(order.status)
    write_log(work, order, LogEntry.FILL, event.time, terms, LATE, status)
    enter(work, order, status, event.time, logged=True)
