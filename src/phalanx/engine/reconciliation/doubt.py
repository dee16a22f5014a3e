"""Doubt: how long it lasts, and when a reading of a broker's book proves that something is absent.

Absence is a verdict with proof. A request can arrive late, so nothing is proved before its quiet
time is over by our clock and by the broker's, for one of them may jump; a reading may lag, so
several in a row must agree; and a broker's book is of one day, so it says nothing about a request
of another. Where nothing can arrive late, because the broker lives in our process, none of that is
needed. A broker that keeps no tag proves nothing about an order whose id it never told us.
"""

from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.orders import OrdStatus, TimeInForce
from phalanx.domain.time import MILLISECOND, Nanoseconds, trading_day
from phalanx.engine.context import Context
from phalanx.engine.state import Order, PendingRequest, State

_IN_DOUBT = OrdStatus.IN_DOUBT

DOUBT_ASKS_MAX = 20
"""How often more is asked about a doubt than its proof takes; then a person sees it."""


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
    if order.status is _IN_DOUBT:
        return True
    # Most orders have no request; without one there is none to be replaced either.
    return order.request is not None and any(
        is_doubtful(request, capabilities, now) for request in dispatched_requests(order)
    )


def open_doubts(state: State, order: Order, context: Context) -> list[PendingRequest]:
    """The requests of an order of which nobody knows what became, that sent first before the other."""
    account = state.accounts[state.book_of(order).account]
    capabilities = context.capabilities.get(account.broker)
    return [
        request
        for request in dispatched_requests(order)
        if request.in_doubt
        or (capabilities is not None and is_doubtful(request, capabilities, context.now))
    ]


def may_prove_absence(
    state: State, order: Order, capabilities: Capabilities, now: Nanoseconds, book_time: Nanoseconds
) -> bool:
    """Whether a reading made now, which does not show an order in doubt, counts as one look."""
    if order.status is not _IN_DOUBT or cannot_be_looked_up(order, capabilities):
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


def may_prove_end(state: State, order: Order, now: Nanoseconds, book_time: Nanoseconds) -> bool:
    """Whether a reading made now, which does not show an order that works with us, counts as one look that
    it ended with its day: it is a DAY order of an earlier day, by our clock and by the broker's.
    """
    zone = state.settings.zone_offset_s
    is_day = order.draft.time_in_force is TimeInForce.DAY
    return is_day and trading_day(order.placed_at, zone) < trading_day(min(now, book_time), zone)


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
