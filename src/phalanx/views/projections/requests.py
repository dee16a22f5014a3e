"""Cancels and replaces: requests of their own, hanging on an order."""

from typing import Final

from phalanx.domain.events import (
    CancelRequested,
    ReplaceRequested,
    RequestDispatched,
    RequestDoubted,
    RequestEnded,
)
from phalanx.domain.instructions import Origin
from phalanx.domain.orders import UNSENT, OrdStatus, RequestKind
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Nanoseconds
from phalanx.engine.lifecycle import Trigger, move
from phalanx.views.entries import OrderEntry, RequestEntry
from phalanx.views.projections.log import write_log
from phalanx.views.projections.standing import end_request, enter
from phalanx.views.rows import LogEntry, RequestStatus
from phalanx.views.workspace import Workspace

_TRIGGERS: Final[dict[int, Trigger]] = {
    RequestKind.CANCEL: Trigger.CANCEL_REQUEST,
    RequestKind.REPLACE: Trigger.REPLACE_REQUEST,
}
_PENDING: Final = (
    "SELECT key FROM requests INDEXED BY requests_pending WHERE ended_at_ns = 0 AND status = ?"
)


def cancel_requested(work: Workspace, event: CancelRequested) -> None:
    """A cancel waits for its turn; an order that was never dispatched ends at once."""
    order = work.order(event.cl_ord_id)
    request = ask(work, order, event.request_id, event.origin, event.time)
    if event.reason is not None:
        request.reason_code, request.reason_text = event.reason.code, str(event.reason)
    cancel(work, order, request, unsent=order.status in UNSENT)


def replace_requested(work: Workspace, event: ReplaceRequested) -> None:
    """A replace waits for its turn, with the terms that it asks for."""
    order = work.order(event.cl_ord_id)
    request = ask(work, order, event.request_id, event.origin, event.time, RequestKind.REPLACE)
    request.quantity = event.quantity
    request.limit_price = event.price
    _hang(work, order, request)
    _log(work, order, request)


def request_dispatched(work: Workspace, event: RequestDispatched) -> None:
    """From here on the broker may know the request."""
    request = _request_on(work, event.cl_ord_id, event.request_id)
    request.status = RequestStatus.SENT
    request.dispatched_at_ns = event.time


def request_ended(work: Workspace, event: RequestEnded) -> None:
    """Without effect: the order is what its fills say, or still being replaced."""
    order = work.order(event.cl_ord_id)
    request = _request_on(work, event.cl_ord_id, event.request_id)
    end_request(work, request.key, RequestStatus.FAILED, event.time, event.reason)
    status: OrdStatus | None = OrdStatus(order.status)
    if request.key == order.over_key:
        order.over_key = None
    else:
        order.request_key, order.over_key = order.over_key, None
        if order.request_key is not None and status is OrdStatus.PENDING_CANCEL:
            status = OrdStatus.PENDING_REPLACE
        else:
            status = move(OrdStatus(order.status), Trigger.REQUEST_END, order.cum_quantity)
    enter(work, order, status or OrdStatus(order.status), event.time)


def request_doubted(work: Workspace, event: RequestDoubted) -> None:
    """Sent, not answered: the order itself is not in doubt."""
    request = _request_on(work, event.cl_ord_id, event.request_id)
    request.status = RequestStatus.IN_DOUBT
    request.reason_code, request.reason_text = "", event.text


def doubt_dispatched(work: Workspace) -> None:
    """Another process took over: every request that was written and not answered is in doubt."""
    work.write()
    for (key,) in work.connection.execute(_PENDING, (RequestStatus.SENT,)).fetchall():
        assert isinstance(key, int)
        request = work.request(key)
        request.status = RequestStatus.IN_DOUBT
        work.requests.touch(request)
        work.settle()


def ask(
    work: Workspace,
    order: OrderEntry,
    request_id: str,
    origin: Origin,
    time: Nanoseconds,
    kind: RequestKind = RequestKind.CANCEL,
) -> RequestEntry:
    """A new request for an order; it hangs nowhere yet."""
    who = (origin.actor, origin.door)
    waiting = RequestStatus.WAITING
    key = work.next_key()
    request = RequestEntry(key, 0, request_id, order.key, None, kind, *who, 0, 0, time, waiting)
    work.requests.add(request)
    return request


def cancel(work: Workspace, order: OrderEntry, request: RequestEntry, *, unsent: bool) -> None:
    """Start a cancel. ``unsent``: the order was never dispatched, so it ends here."""
    time = request.requested_at_ns
    if unsent:
        order.request_key = request.key
        _log(work, order, request)
        if order.status == OrdStatus.HELD:
            undone = Reason(ReasonCode.UNDONE)
            order.reason_code, order.reason_text = undone.code, str(undone)
        enter(work, order, OrdStatus.CANCELED, time, text=order.reason_text)
    elif order.request_key is not None and (
        work.request(order.request_key).kind == RequestKind.CANCEL
    ):
        # Another cancel is under way already; the engine lets this one join it.
        request.status = RequestStatus.OVERTAKEN
        request.ended_at_ns = time
    else:
        _hang(work, order, request)
        _log(work, order, request)


def take_terms(work: Workspace, order: OrderEntry, time: Nanoseconds) -> None:
    """The replace under way took effect. A cancel that came over it goes on."""
    for key in (order.over_key, order.request_key):
        if key is not None and work.request(key).kind == RequestKind.REPLACE:
            break
    else:
        return
    if key == order.over_key:
        order.over_key = None
    else:
        order.request_key = None
    request = work.request(key)
    order.quantity = max(request.quantity, order.cum_quantity)
    order.limit_price = request.limit_price
    end_request(work, key, RequestStatus.DONE, time)
    write_log(work, order, LogEntry.REPLACED, time, (order.quantity, order.limit_price))


def _request_on(work: Workspace, cl_ord_id: str, request_id: str) -> RequestEntry:
    """The request under way with that id, to be changed. Raises KeyError when there is none."""
    order = work.order(cl_ord_id)
    for key in (order.request_key, order.over_key):
        if key is not None:
            request = work.request(key)
            if request.id == request_id:
                work.requests.touch(request)
                return request
    raise KeyError(request_id)


def _hang(work: Workspace, order: OrderEntry, request: RequestEntry) -> None:
    """It is the order's request now. One that was under way goes on beneath it if the broker may
    know of it, else it is overtaken.
    """
    time = request.requested_at_ns
    displaced = order.request_key
    if displaced is not None:
        if work.request(displaced).status == RequestStatus.WAITING:
            end_request(work, displaced, RequestStatus.OVERTAKEN, time)
        else:
            order.over_key = displaced
    order.request_key = request.key
    status = move(OrdStatus(order.status), _TRIGGERS[request.kind])
    enter(work, order, status or OrdStatus(order.status), time)


def _log(work: Workspace, order: OrderEntry, request: RequestEntry) -> None:
    cancels = request.kind == RequestKind.CANCEL
    left = (max(0, order.quantity - order.cum_quantity), order.limit_price)
    terms = left if cancels else (request.quantity, request.limit_price)
    entry = LogEntry.CANCEL if cancels else LogEntry.REPLACE
    text = f"{request.id} by {request.actor}"
    if request.reason_text:
        text = f"{text}: {request.reason_text}"
    write_log(work, order, entry, request.requested_at_ns, terms, text)
