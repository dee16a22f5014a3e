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


def doubtful_requests(
    order: Order, capabilities: Capabilities, now: Nanoseconds
) -> list[PendingRequest]:
    """The requests of an order of which nobody knows what became."""
    requests = dispatched_requests(order)
    return [request for request in requests if is_doubtful(request, capabilities, now)]
