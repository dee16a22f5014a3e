"""Doubt: when a reading of a broker's book may be believed, and when it proves that something is absent.

Absence is a verdict with proof. A request can arrive late, so nothing is proved before its quiet
time is over by our clock and by the broker's, for one of them may jump; a reading may lag, so
several in a row must agree; and a broker's book is of one day, so it says nothing about a request
of another. Where nothing can arrive late, because the broker lives in our process, none of that is
needed. A broker that keeps no tag proves nothing about an order whose id it never told us.
"""

from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.numbers import FIXED_MAX, Quantity
from phalanx.domain.orders import OrdStatus
from phalanx.domain.time import MILLISECOND, Nanoseconds, trading_day
from phalanx.engine.ids import counter_of
from phalanx.engine.state import Order, PendingRequest, State

DOUBT_ASKS_MAX = 20
"""How often more is asked about a doubt than its proof takes; then a person sees it."""

BOOK_ROWS_MAX = 100_000
"""Most orders, or trades, or positions, that one reading may have; one with more is not believed."""

_NEVER_SHOWN = frozenset({OrdStatus.HELD, OrdStatus.IN_DOUBT, OrdStatus.NOT_RECEIVED})


def quiet_until(order: Order, capabilities: Capabilities) -> Nanoseconds:
    """Until when what is in doubt about this order may still reach its broker (UTC ns).

    Of an order in doubt its own quiet time, else that of its requests under way; 0 where nothing
    can arrive late.
    """
    deadlines = [order.deadline] if order.status is OrdStatus.IN_DOUBT else []
    deadlines += [request.deadline for request in dispatched_requests(order)]
    return max((_quiet(deadline, capabilities) for deadline in deadlines), default=0)


def dispatched_requests(order: Order) -> list[PendingRequest]:
    """The requests of an order that its broker may know, a replace before the cancel that came over it."""
    requests = [] if order.replacing is None else [order.replacing]
    if order.request is not None and order.request is not order.replacing:
        requests.append(order.request)
    return [request for request in requests if request.dispatched]


def is_doubtful(request: PendingRequest, capabilities: Capabilities, now: Nanoseconds) -> bool:
    """Whether nobody knows what became of a request: it has no trustworthy answer, or what was to
    come of it was not reported within its quiet time. Reports of our own process are never lost.
    """
    if request.in_doubt:
        return True
    if not request.dispatched or capabilities.late_ms is None:
        return False
    return now > _quiet(request.deadline, capabilities)


def has_doubt(order: Order, capabilities: Capabilities, now: Nanoseconds) -> bool:
    """The order is in doubt, or a request of it is."""
    return order.status is OrdStatus.IN_DOUBT or any(
        is_doubtful(request, capabilities, now) for request in dispatched_requests(order)
    )


def may_prove_absence(
    state: State, order: Order, capabilities: Capabilities, now: Nanoseconds, book_time: Nanoseconds
) -> bool:
    """Whether a reading made now, which does not show an order in doubt, counts as one look."""
    if order.status is not OrdStatus.IN_DOUBT or cannot_be_looked_up(order, capabilities):
        return False
    if capabilities.late_ms is None:
        return True
    is_quiet = _is_quiet(order.deadline, capabilities, now, book_time)
    return is_quiet and not _is_of_another_day(state, order, book_time)


def may_prove_no_effect(
    request: PendingRequest, capabilities: Capabilities, now: Nanoseconds, book_time: Nanoseconds
) -> bool:
    """Whether a reading made now, which shows no effect of a request, counts as one look."""
    if not is_doubtful(request, capabilities, now):
        return False
    if capabilities.late_ms is None:
        return True
    return _is_quiet(request.deadline, capabilities, now, book_time)


def is_for_a_person(
    state: State, order: Order, capabilities: Capabilities, now: Nanoseconds, book_time: Nanoseconds
) -> bool:
    """Whether no reading will ever prove what became of an order in doubt, and its quiet time is over."""
    if order.status is not OrdStatus.IN_DOUBT:
        return False
    if not _is_quiet(order.deadline, capabilities, now, book_time):
        return False
    if cannot_be_looked_up(order, capabilities):
        return True
    return capabilities.late_ms is not None and _is_of_another_day(state, order, book_time)


def cannot_be_looked_up(order: Order, capabilities: Capabilities) -> bool:
    """The broker keeps no tag and never told us the order's id."""
    return capabilities.kind is BrokerKind.NO_TAG and not order.order_id


def is_complete(state: State, book: BrokerBook) -> str:
    """Why a reading is not to be believed as a whole, one sentence; empty: it is complete and sane."""
    rows = (len(book.orders), len(book.trades), len(book.positions or ()))
    if max(rows) > BOOK_ROWS_MAX:
        return f"more than {BOOK_ROWS_MAX} rows of one kind"
    return _odd_trade(book) or _odd_order(state, book) or _odd_position(book)


def _odd_trade(book: BrokerBook) -> str:
    seen: dict[str, None] = {}
    for trade in book.trades:
        if trade.account != book.account:
            return f"execution {trade.exec_id} is of account {trade.account}"
        if not trade.exec_id or trade.exec_id in seen:
            return f"execution {trade.exec_id or '(without id)'} is there twice"
        seen[trade.exec_id] = None
        numbers = 0 < trade.quantity <= FIXED_MAX and 0 < trade.price <= FIXED_MAX
        if not (numbers and abs(trade.charges) <= FIXED_MAX and 0 <= trade.time <= FIXED_MAX):
            return f"execution {trade.exec_id} has absurd numbers"
    return ""


def _odd_order(state: State, book: BrokerBook) -> str:
    filled: dict[str, Quantity] = {}
    for trade in book.trades:
        filled[trade.order_id] = filled.get(trade.order_id, 0) + trade.quantity
    seen: dict[str, None] = {}
    for order in book.orders:
        name = order.order_id or "(without id)"
        if order.account != book.account:
            return f"order {name} is of account {order.account}"
        tag = order.cl_ord_id
        ours = counter_of(tag, state.desk_id, state.shard) is not None
        for id in (order.order_id, f"tag {tag}") if ours else (order.order_id,):
            if not id or id in seen:
                return f"order {id or name} is there twice"
            seen[id] = None
        numbers = 0 < order.quantity <= FIXED_MAX and 0 <= order.cum_quantity <= FIXED_MAX
        if not (numbers and 0 <= order.limit <= FIXED_MAX) or order.status in _NEVER_SHOWN:
            return f"order {name} has absurd numbers"
        if order.status is OrdStatus.FILLED and not order.cum_quantity:
            return f"order {name} is filled with nothing"
        if order.cum_quantity > filled.get(order.order_id, 0):
            return f"executions of order {name} are missing"
    return ""


def _odd_position(book: BrokerBook) -> str:
    seen: dict[tuple[str, int], None] = {}
    for held in book.positions or ():
        if (held.instrument, held.product) in seen:
            return f"position {held.instrument} is there twice"
        seen[held.instrument, held.product] = None
        if abs(held.quantity) > FIXED_MAX:
            return f"position {held.instrument} has absurd numbers"
    if book.cash is not None and abs(book.cash) > FIXED_MAX:
        return "cash is absurd"
    return ""


def _quiet(deadline: Nanoseconds, capabilities: Capabilities) -> Nanoseconds:
    late_ms = capabilities.late_ms
    return 0 if late_ms is None else deadline + late_ms * MILLISECOND


def _is_quiet(
    deadline: Nanoseconds, capabilities: Capabilities, now: Nanoseconds, book_time: Nanoseconds
) -> bool:
    """By our clock and by the broker's: one of them may have jumped, and ours shows no less for it."""
    return min(now, book_time) > _quiet(deadline, capabilities)


def _is_of_another_day(state: State, order: Order, book_time: Nanoseconds) -> bool:
    """A broker's book is of its day: an order of another is in none, whatever became of it."""
    zone = state.settings.zone_offset_s
    return trading_day(order.deadline, zone) != trading_day(book_time, zone)
