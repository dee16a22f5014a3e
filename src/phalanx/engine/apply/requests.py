"""Pending cancels and replaces: requests with their own id and their own doubt."""

from phalanx.domain.events import (
    CancelRequested,
    ReplaceRequested,
    RequestDispatched,
    RequestDoubted,
    RequestEnded,
)
from phalanx.domain.orders import UNSENT, OrdStatus, RequestKind
from phalanx.domain.reasons import ReasonCode
from phalanx.engine.apply.orders import end, needed_hold, set_hold
from phalanx.engine.apply.resting import rest, rest_no_longer
from phalanx.engine.apply.upkeep import use_key
from phalanx.engine.apply.value import count_value
from phalanx.engine.lifecycle import Trigger, move
from phalanx.engine.state import Order, PendingRequest, State

_TRIGGERS = {
    RequestKind.CANCEL: Trigger.CANCEL_REQUEST,
    RequestKind.REPLACE: Trigger.REPLACE_REQUEST,
}


def start_request(state: State, order: Order, request_id: str, kind: RequestKind) -> PendingRequest:
    """Hang a request on a working order; a cancel displaces a replace, and keeps what may come of it."""
    rest_no_longer(state, order)
    status = move(order.status, _TRIGGERS[kind])
    if status is not None:
        order.status = status
    displaced = order.request
    request = order.request = PendingRequest(request_id, kind)
    if displaced is not None:
        request.over = displaced if displaced.dispatched else None
        _count(state, order)
    return request


def cancel_requested(state: State, event: CancelRequested) -> None:
    """A cancel waits for its turn; an order that was never dispatched ends at once."""
    state.next_request += 1
    use_key(state, event.origin, event.time)
    order = state.orders[event.cl_ord_id]
    if order.status in UNSENT:
        end(state, order, state.book_of(order), OrdStatus.CANCELED, event.time)
    else:
        start_request(state, order, event.request_id, RequestKind.CANCEL)


def replace_requested(state: State, event: ReplaceRequested) -> None:
    """A replace waits for its turn; the greater of both holds is set aside meanwhile."""
    state.next_request += 1
    use_key(state, event.origin, event.time)
    order = state.orders[event.cl_ord_id]
    request = start_request(state, order, event.request_id, RequestKind.REPLACE)
    request.quantity = event.quantity
    request.limit = event.price
    request.hold = event.hold
    if event.repricing:
        order.repricings = event.repricing
    _count(state, order)


def request_dispatched(state: State, event: RequestDispatched) -> None:
    """From here on the broker may know the request."""
    request = state.orders[event.cl_ord_id].request
    assert request is not None
    request.dispatched = True
    request.deadline = event.deadline


def request_ended(state: State, event: RequestEnded) -> None:
    """Without effect: the order is what its fills say, or still being replaced."""
    order = state.orders[event.cl_ord_id]
    request = order.request
    assert request is not None
    if request.kind is RequestKind.CANCEL and event.reason.code is ReasonCode.BROKER_REJECTED:
        order.cancels_refused += 1
    if request.id != event.request_id:
        request.over = None
    else:
        order.request = request.over
        order.status = _after_request(order)
        rest(state, order, event.time)
    _count(state, order)


def request_doubted(state: State, event: RequestDoubted) -> None:
    """Sent, not answered: the order itself is not in doubt."""
    request = state.orders[event.cl_ord_id].request_of(event.request_id)
    assert request is not None
    request.in_doubt = True


def _count(state: State, order: Order) -> None:
    """Its hold and its value follow from its terms and from those that a replace asks for."""
    set_hold(state.book_of(order), order, needed_hold(order))
    count_value(state.instructions[order.instruction_id], order)


def _after_request(order: Order) -> OrdStatus:
    if order.request is not None and order.status is OrdStatus.PENDING_CANCEL:
        return OrdStatus.PENDING_REPLACE
    return move(order.status, Trigger.REQUEST_END, order.cum_quantity) or order.status
