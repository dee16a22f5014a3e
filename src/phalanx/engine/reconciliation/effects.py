"""What a broker's book shows of a cancel or replace that is under way."""

from enum import IntEnum

from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.orders import TERMINAL, RequestKind
from phalanx.domain.time import Nanoseconds
from phalanx.engine.reconciliation.doubt import dispatched_requests, is_doubtful
from phalanx.engine.state import Order, PendingRequest


class Effect(IntEnum):
    """Of one request."""

    SHOWN = 1
    """The order has the terms that were asked for, which are not the old ones."""
    NOT_SHOWN = 2
    """It works, and nothing of the request is to be seen: perhaps not yet."""
    NO_MORE = 3
    """It ended with the old terms: nothing can come of the request any more."""
    NOT_TOLD = 4
    """The book cannot say, or the order's end will."""


def effect_of(order: Order, request: PendingRequest, theirs: BrokerOrder) -> Effect:
    """What the broker's order says about a request of it.

    A cancel that had its effect shows as the order's end, which is booked as such.
    """
    ended = theirs.status in TERMINAL
    if request.kind is RequestKind.CANCEL:
        return Effect.NOT_TOLD if ended else Effect.NOT_SHOWN
    asked = (request.quantity, request.limit)
    shown = (theirs.quantity, theirs.limit or request.limit)
    old = (order.quantity, order.limit if theirs.limit else request.limit)
    if shown == asked != old:
        return Effect.SHOWN
    if ended:
        return Effect.NO_MORE
    return Effect.NOT_TOLD if asked == old else Effect.NOT_SHOWN


def is_doubtfully_shown(
    order: Order, request: PendingRequest, theirs: BrokerOrder, book_time: Nanoseconds
) -> bool:
    """Whether a reading counts as one look at a doubtful replace of an order that had other terms before:
    it shows the terms asked for, by a clock that is past the sending, and may yet be older than it says.
    """
    return (
        order.replaced
        and theirs.status not in TERMINAL
        and effect_of(order, request, theirs) is Effect.SHOWN
        and book_time > request.deadline
    )


def may_believe_shown(
    order: Order,
    request: PendingRequest,
    theirs: BrokerOrder,
    capabilities: Capabilities,
    now: Nanoseconds,
    book_time: Nanoseconds,
    sights: int,
) -> bool:
    """Whether a replace whose terms the broker's order shows was granted.

    An ended order's terms are its last. While an answer may still come nothing is concluded. Terms of an
    order that never had others can come of nothing else; of one that was replaced before they may be
    those of an old reading: it takes ``sights`` of them in a row, all made after the sending.
    """
    if theirs.status in TERMINAL:
        return True
    if not is_doubtful(request, capabilities, now):
        return False
    if not order.replaced:
        return True
    return book_time > request.deadline and sights >= capabilities.looks_to_prove


def doubtful_requests(
    order: Order, capabilities: Capabilities, now: Nanoseconds
) -> list[PendingRequest]:
    """The requests of an order of which nobody knows what became."""
    requests = dispatched_requests(order)
    return [request for request in requests if is_doubtful(request, capabilities, now)]
