"""The desk's side of one request to a broker: the gate before the write, the verdict after it."""

from typing import TYPE_CHECKING

from phalanx.brokers.port import Accepted, NeverWritten, Outcome, Refused, Unknown
from phalanx.desk.lanes import Lane
from phalanx.domain.orders import ExecType, ExecutionReport, Hops, RequestKind
from phalanx.domain.reasons import Reason
from phalanx.engine.commands import BookNeverWritten, BookReport, BookUnknown
from phalanx.engine.state import Order

if TYPE_CHECKING:
    from phalanx.desk.firing import Firing


class OrderTicket:
    """A new order on its way; ``hops`` is how far it came before the write."""

    __slots__ = ("_firing", "_hops", "_lane", "_order", "_sent")

    def __init__(self, firing: "Firing", order: Order, lane: Lane, hops: Hops) -> None:
        self._firing = firing
        self._order = order
        self._lane = lane
        self._hops = hops
        self._sent = 0

    def admit(self) -> Reason | None:
        """The gate, in the same synchronous block as the write."""
        return self._firing.gate.admit_order(self._order)

    def written(self) -> None:
        """The kernel took the order."""
        self._sent = self._firing.clock.monotonic()
        self._lane.window.written(self._sent)

    def done(self, outcome: Outcome) -> None:
        """Accepted, refused, never written, or unknown: each becomes a command."""
        firing = self._firing
        cl_ord_id = self._order.draft.cl_ord_id
        match outcome:
            case Accepted(order_id):
                report = ExecutionReport(cl_ord_id, ExecType.NEW, order_id)
                firing.handle(BookReport(report, self._answered()))
            case Refused(code, text):
                said = f"{code} {text}".strip()
                report = ExecutionReport(cl_ord_id, ExecType.REJECTED, text=said)
                firing.handle(BookReport(report, self._answered()))
            case NeverWritten(reason, again):
                if not self._sent:
                    self._lane.window.give_back()
                firing.handle(BookNeverWritten(cl_ord_id, reason, again))
            case Unknown(text):
                firing.handle(BookUnknown(cl_ord_id, text, hops=self._answered()))

    def _answered(self) -> Hops:
        hops = self._hops
        return Hops(
            received=hops.received,
            planned=hops.planned,
            committed=hops.committed,
            waited=hops.waited,
            sent=self._sent,
            acknowledged=self._firing.clock.monotonic(),
        )


class RequestTicket:
    """A cancel or replace on its way."""

    __slots__ = ("_firing", "_kind", "_lane", "_order", "_request_id", "_sent")

    def __init__(
        self, firing: "Firing", order: Order, lane: Lane, request_id: str, kind: RequestKind
    ) -> None:
        self._firing = firing
        self._order = order
        self._lane = lane
        self._request_id = request_id
        self._kind = kind
        self._sent = False

    def admit(self) -> Reason | None:
        """The gate, in the same synchronous block as the write."""
        return self._firing.gate.admit_request(self._order)

    def written(self) -> None:
        """The kernel took the request."""
        self._sent = True
        self._lane.window.written(self._firing.clock.monotonic())

    def done(self, outcome: Outcome) -> None:
        """Accepted says nothing yet: the broker's report ends the request."""
        firing = self._firing
        cl_ord_id = self._order.draft.cl_ord_id
        match outcome:
            case Accepted():
                return
            case Refused(code, text):
                cancel = self._kind is RequestKind.CANCEL
                rejected = ExecType.CANCEL_REJECTED if cancel else ExecType.REPLACE_REJECTED
                report = ExecutionReport(cl_ord_id, rejected, text=f"{code} {text}".strip())
                firing.handle(BookReport(report))
            case NeverWritten(reason, again):
                if not self._sent:
                    self._lane.window.give_back()
                firing.handle(BookNeverWritten(cl_ord_id, reason, again, self._request_id))
            case Unknown(text):
                firing.handle(BookUnknown(cl_ord_id, text, self._request_id))
