"""Breaks: filed when nobody can explain a difference, taken by somebody, closed when it is over.

A break that is found again with other values keeps its id, its owner and its deadline. One that a
person settled is filed again on the same trading day only when its values changed; from the next
day on whatever is still there is filed anew.
"""

from phalanx.domain.accounts import AccountId
from phalanx.domain.breaks import Break, BreakEnd, BreakId, BreakKind, fingerprint
from phalanx.domain.broker_books import BrokerTrade
from phalanx.domain.events import BreakClosed, BreakFiled, BreakTaken, Event
from phalanx.domain.instructions import DESK_ORIGIN
from phalanx.domain.orders import OrdStatus
from phalanx.domain.time import SECOND
from phalanx.engine.context import Context
from phalanx.engine.ids import new_break_id
from phalanx.engine.reconciliation.commands import (
    BookUnread,
    CloseBreak,
    FileDifferences,
    JudgeDoubt,
    TakeBreak,
)
from phalanx.engine.reconciliation.comparison import unbookable_fill
from phalanx.engine.reconciliation.differences import Comparison, Difference
from phalanx.engine.reconciliation.doubt import (
    DOUBT_ASKS_MAX,
    open_doubts,
    quiet_until,
)
from phalanx.engine.reconciliation.matching import is_booked
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

BREAKS_MAX = 10_000
"""Most open breaks; what goes beyond is only counted in its account's report, and the last filed says so."""

BREAKS_AT_ONCE_MAX = 500
"""Most breaks filed because of one reading, so that it is never a long turn of the loop; the next
reading files the rest.
"""

_AT_ONCE = frozenset({BreakKind.ORDER_UNKNOWN, BreakKind.ORDER_IN_DOUBT, BreakKind.FILL_UNBOOKABLE})
"""A second reading could not show that these were a matter of moments."""


def reconcile(state: State, command: FileDifferences, context: Context) -> list[Event]:
    """File what still differs and stood in the reading before, close what does not differ any more. An order
    that has its day behind it is nobody's matter while further looks are to prove its end.

    Nothing comes of a reading that was not compared, or of no account of ours.
    """
    book, comparison = command.book, command.left
    account = state.accounts.get(book.account)
    capabilities = None if account is None else context.capabilities.get(account.broker)
    if capabilities is None or comparison is None:
        return []
    found = [
        one
        for one in comparison.differences
        if one.kind in _AT_ONCE or one.fingerprint in command.standing
        if not (one.kind is BreakKind.ORDER_MISSING and one.subject in comparison.overdue)
        if not (one.kind is BreakKind.ORDER_IN_DOUBT and one.subject in command.early)
    ]
    named = {one.subject for one in found if one.kind is BreakKind.ORDER_IN_DOUBT}
    for cl_ord_id in comparison.doubtful:
        order = state.orders[cl_ord_id]
        asks_max = capabilities.looks_to_prove + DOUBT_ASKS_MAX
        is_over = context.now > quiet_until(order, capabilities)
        if is_over and cl_ord_id not in named and command.asked.get(cl_ord_id, 0) >= asks_max:
            found.append(_asked_enough(cl_ord_id, order.status.name, asks_max))
    filed = _filed(state, book.account, found, context)
    return [*_matched(state, comparison, context), *filed]


def book_unread(state: State, command: BookUnread, context: Context) -> list[Event]:
    """The break of an account whose book could not be read; one that is open stays as it is."""
    if command.account not in state.accounts:
        return []
    reason = f"its book could not be read: {command.why}"
    unread = Difference(BreakKind.BOOK_UNREADABLE, "", "", "", reason)
    return _filed(state, command.account, [unread], context)


def unbookable(
    state: State, account: AccountId, trade: BrokerTrade, why: str, context: Context
) -> list[Event]:
    """The break of an execution that cannot be booked."""
    return _filed(state, account, [unbookable_fill(trade, why)], context)


def take_break(state: State, command: TakeBreak, context: Context) -> list[Event]:
    """Change whose it is, its note or its deadline. Raises Refused ``NO_SUCH_BREAK``."""
    found = _open(state, command.break_id)
    owner = found.owner if command.owner is None else command.owner
    note = found.note if command.note is None else command.note
    deadline = found.deadline if command.deadline is None else command.deadline
    return [BreakTaken(context.now, command.origin, found.id, owner, note, deadline)]


def close_break(state: State, command: CloseBreak, context: Context) -> list[Event]:
    """A person says that it is settled; that of a doubt ends with the verdict about it.

    Raises Refused ``NO_SUCH_BREAK``, ``SETTLE_THE_ORDER``.
    """
    found = _open(state, command.break_id)
    order = state.orders.get(found.subject)
    if found.kind is BreakKind.ORDER_IN_DOUBT and order is not None:
        if order.status is OrdStatus.IN_DOUBT:
            raise Refused("SETTLE_THE_ORDER", f"order {found.subject} is still in doubt")
        if open_doubts(state, order, context):
            raise Refused("SETTLE_THE_ORDER", f"a request of order {found.subject} is in doubt")
    return [BreakClosed(context.now, command.origin, found.id, BreakEnd.SETTLED, command.note)]


def judged(state: State, account: AccountId, command: JudgeDoubt, context: Context) -> list[Event]:
    """The end of the break that a doubt had, or an order under a wrong id, because a person said what
    became of it.
    """
    kinds = (BreakKind.ORDER_IN_DOUBT, BreakKind.ORDER_MISSING)
    break_ids = [new_break_id(account, kind, command.cl_ord_id) for kind in kinds]
    return [
        BreakClosed(context.now, command.origin, break_id, BreakEnd.SETTLED, command.note)
        for break_id in break_ids
        if break_id in state.breaks
    ]


def why_closed(state: State, comparison: Comparison) -> str:
    """Why an account stays closed although its book was read; empty: it may open.

    An order that the journal does not know keeps every account closed until a person settled that,
    whatever later readings show: what one journal lost it lost for all of them. Also one beyond the
    bound of open breaks, as long as it is shown.
    """
    for break_id in state.lost:
        found = state.breaks[break_id]
        return f"{found.subject} of account {found.account}: {found.reason}"
    for one in comparison.differences:
        if one.kind is BreakKind.ORDER_UNKNOWN and not is_settled(state, comparison.account, one):
            return f"{one.subject}: {one.reason}"
    return ""


def breaks_of(state: State, account: AccountId) -> list[Break]:
    """The open breaks of an account, the oldest first."""
    return [state.breaks[break_id] for break_id in state.breaks_of.get(account, {})]


def is_settled(state: State, account: AccountId, found: Difference) -> bool:
    """Whether a person closed the break of this difference, with these values, since the day began."""
    break_id = new_break_id(account, found.kind, found.subject)
    return state.settled_breaks.get(break_id) == found.fingerprint


def _open(state: State, break_id: BreakId) -> Break:
    found = state.breaks.get(break_id)
    if found is None:
        raise Refused("NO_SUCH_BREAK", f"no open break {break_id}")
    return found


def _filed(
    state: State, account: AccountId, found: list[Difference], context: Context
) -> list[Event]:
    """Those that are new, or have other values than they had, within the bounds."""
    events: list[Event] = []
    room = BREAKS_MAX - len(state.breaks)
    deadline = context.now + state.settings.break_deadline_s * SECOND
    for one in found:
        if len(events) >= BREAKS_AT_ONCE_MAX:
            break
        break_id = new_break_id(account, one.kind, one.subject)
        old = state.breaks.get(break_id)
        if old is None:
            if room <= 0 or is_settled(state, account, one):
                continue
            room -= 1
        elif _fingerprint(old) == one.fingerprint:
            continue
        reason = one.reason
        if old is None and not room:
            reason += f" (no more breaks are filed while {BREAKS_MAX} are open)"
        filed = Break(
            break_id, account, one.kind, one.subject, one.ours, one.theirs, reason,
            context.now if old is None else old.filed_at,
            deadline if old is None else old.deadline,
            "" if old is None else old.owner,
            "" if old is None else old.note,
        )  # fmt: skip
        events.append(BreakFiled(context.now, filed))
    return events


def _matched(state: State, comparison: Comparison, context: Context) -> list[Event]:
    """The ends of the account's breaks that this reading does not show any more."""
    shown = {(one.kind, one.subject): None for one in comparison.differences}
    shown |= {(BreakKind.ORDER_IN_DOUBT, one): None for one in comparison.doubtful}
    return [
        BreakClosed(context.now, DESK_ORIGIN, one.id, BreakEnd.MATCHED)
        for one in breaks_of(state, comparison.account)
        if (one.kind, one.subject) not in shown and _is_over(state, one)
    ]


def _is_over(state: State, found: Break) -> bool:
    """Whether a break that is not shown any more is over with that. What proves that the journal lost
    something only a person ends; an execution that cannot be booked leaves a broker's book with the day,
    and is no less missing.
    """
    if found.kind is BreakKind.FILL_UNBOOKABLE:
        return is_booked(state, found.account, found.subject)
    return found.kind is not BreakKind.ORDER_UNKNOWN


def _fingerprint(found: Break) -> str:
    return fingerprint(found.kind, found.subject, found.ours, found.theirs)


def _asked_enough(cl_ord_id: str, status: str, asks: int) -> Difference:
    reason = f"asked {asks} times, and nothing proves what became of it"
    return Difference(BreakKind.ORDER_IN_DOUBT, cl_ord_id, status, "", reason)
