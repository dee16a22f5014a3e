"""From a reading to what is to be decided: one command at a time.

Each step is made of the state as the one before it left it: a second execution of the same order, or a
sale of what another order bought, must find the first one booked. So this is a generator, and whoever
runs it handles every command before asking for the next::

    for command in steps(state, reading, capabilities, now):
        desk.handle(command)

Handling the same reading twice changes nothing the second time, and a crash between two steps loses
nothing: the next reading begins again.
"""

from collections.abc import Iterator
from operator import attrgetter

import msgspec

from phalanx.domain.broker_books import BrokerOrder, BrokerTrade
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.numbers import Quantity
from phalanx.domain.orders import TERMINAL, ExecType, ExecutionReport, OrdStatus
from phalanx.domain.time import Nanoseconds
from phalanx.engine.commands import BookReport, Command
from phalanx.engine.reconciliation.adoption import is_news, is_settling
from phalanx.engine.reconciliation.commands import (
    BookAbsent,
    BookForeignFill,
    BookFound,
    FileDifferences,
)
from phalanx.engine.reconciliation.comparison import compare
from phalanx.engine.reconciliation.doubt import may_prove_absence, may_prove_end
from phalanx.engine.reconciliation.matching import (
    Matched,
    Matching,
    is_booked,
    match,
    proves_loss,
)
from phalanx.engine.state import Order, State

_IN_DOUBT = OrdStatus.IN_DOUBT

_FOUND_MAX = 3
"""What a broker's order can settle at most: its acceptance, a replace, and the cancel that came over it."""

_ENDS = {
    OrdStatus.CANCELED: ExecType.CANCELED,
    OrdStatus.REJECTED: ExecType.REJECTED,
    OrdStatus.EXPIRED: ExecType.EXPIRED,
    # Filled, and yet something is left with us: somebody made it smaller. The rest is gone.
    OrdStatus.FILLED: ExecType.CANCELED,
}

_SAID = "as the broker's book has it"


def steps(
    state: State,
    reading: FileDifferences,
    capabilities: Capabilities,
    now: Nanoseconds,
    matching: Matching | None = None,
) -> Iterator[Command]:
    """What makes ours whatever the broker knows, then the verdicts of absence, then the reading itself,
    with how it compares after all that (``left``), which files and closes breaks. Of one that proves that
    the journal lost its tail only that.

    The reading must be complete (``sanity.why_incomplete``) and of an account of ours: as with ``match`` and
    ``compare``, whoever made it sees to that before anything is made of it. ``matching`` as of ``compare``;
    a ``left`` that the reading has is how it compares in this very state.
    """
    before = state.seq
    book = reading.book
    matching = matching or match(state, book, capabilities)
    if not proves_loss(state, book.account, matching):
        # Else whatever is adopted of it could lead to orders under ids that the broker has seen already.
        yield from _adopted(state, reading, capabilities, now, matching)
    left = reading.left
    if left is None or state.seq != before:
        left = compare(state, book, capabilities, now)
    yield msgspec.structs.replace(reading, left=left)


def _adopted(
    state: State,
    reading: FileDifferences,
    capabilities: Capabilities,
    now: Nanoseconds,
    matching: Matching,
) -> Iterator[Command]:
    """What is known there, executions, ends; then what is proved to be absent or over."""
    book = reading.book
    for one in matching.matched.values():
        if one.theirs is not None:
            yield from _found(one.ours, one.theirs, reading)
    yield from _executions(state, reading, matching)
    for one in matching.matched.values():
        if one.theirs is not None:
            yield from _ended(one, one.theirs, reading)
    # None has come to be in doubt since they were matched: nothing is sent meanwhile.
    for order in matching.own:
        cl_ord_id = order.draft.cl_ord_id
        is_absent = order.status is _IN_DOUBT and cl_ord_id not in matching.matched
        if is_absent and may_prove_absence(state, order, capabilities, now, book.time):
            yield BookAbsent(cl_ord_id, reading.absences.get(cl_ord_id, 0), book.time)
    for order in matching.missing:
        looks = reading.absences.get(order.draft.cl_ord_id, 0)
        is_over = may_prove_end(state, order, now, book.time)
        if is_over and looks >= capabilities.looks_to_prove:
            yield BookReport(_report(order, ExecType.EXPIRED, order.order_id))


def _found(ours: Order, theirs: BrokerOrder, reading: FileDifferences) -> Iterator[Command]:
    """Its acceptance, and what became of its requests, as far as there is anything to say."""
    looks = reading.absences.get(ours.draft.cl_ord_id, 0)
    for _ in range(_FOUND_MAX):
        if not (is_news(ours, theirs) or is_settling(ours, theirs, looks)):
            return
        sights = reading.sights.get(ours.draft.cl_ord_id, 0)
        yield BookFound(ours.draft.cl_ord_id, theirs, looks, reading.book.time, sights)


def _executions(state: State, reading: FileDifferences, matching: Matching) -> Iterator[Command]:
    """Those that are not booked, ours and others', the oldest first, whatever the book's order: so a sale
    finds what was bought before it, and each lot comes after the lots that are there.
    """
    ours = {trade.exec_id: one for one, trade in matching.ours}
    unnamed = {id: one.unnamed for id, one in matching.matched.items()}
    foreign = {trade.exec_id: None for trade in matching.foreign}
    for trade in sorted(reading.book.trades, key=attrgetter("time")):
        one = ours.get(trade.exec_id)
        if one is not None:
            cl_ord_id = one.ours.draft.cl_ord_id
            if trade.exec_id in one.ours.exec_ids:
                continue
            known = min(unnamed[cl_ord_id], trade.quantity)
            unnamed[cl_ord_id] -= known
            if known < trade.quantity:
                yield BookReport(_execution(one.ours, trade, trade.quantity - known))
        elif trade.exec_id in foreign and not is_booked(state, reading.book.account, trade.exec_id):
            yield BookForeignFill(reading.book.account, trade)


def _execution(order: Order, trade: BrokerTrade, quantity: Quantity) -> ExecutionReport:
    """The report that never came."""
    return ExecutionReport(
        order.draft.cl_ord_id,
        ExecType.TRADE,
        trade.order_id,
        trade.exec_id,
        order.cum_quantity + quantity,
        quantity,
        trade.price,
        trade.charges,
        time=trade.time,
    )


def _ended(one: Matched, theirs: BrokerOrder, reading: FileDifferences) -> Iterator[Command]:
    """The end that the broker's book shows, once all it filled is booked."""
    order = one.ours
    booked = order.cum_quantity + one.elsewhere
    if theirs.status not in TERMINAL or booked < theirs.cum_quantity:
        return
    if order.status not in TERMINAL:
        # Nothing can come of its requests any more, and one may be all that keeps it open.
        yield from _found(order, theirs, reading)
    if order.status not in TERMINAL or order.status is OrdStatus.NOT_RECEIVED:
        report = _report(order, _ENDS[theirs.status], theirs.order_id)
        yield BookReport(report, complete=True)


def _report(order: Order, exec_type: ExecType, order_id: str) -> ExecutionReport:
    return ExecutionReport(
        order.draft.cl_ord_id,
        exec_type,
        order_id,
        cum_quantity=order.cum_quantity,
        text=_SAID,
    )
