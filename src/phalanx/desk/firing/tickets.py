"""The desk's side of one request to a broker: the gate before the write, the verdict after it."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from phalanx.brokers.outcome import believed
from phalanx.brokers.port import Accepted, NeverWritten, Outcome, Refused, Unknown
from phalanx.desk.firing.gate import Gate
from phalanx.desk.firing.lanes import Lane
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.orders import TERMINAL, ClOrdId, ExecType, ExecutionReport, Hops, RequestKind
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Clock, Nanoseconds
from phalanx.engine.commands import BookNeverWritten, BookReport, BookUnknown, Command
from phalanx.engine.state import Order

OVERDUE = "no answer in time"


class Sender(Protocol):
    """What a ticket tells of its way; the wire is the one."""

    gate: Gate
    clock: Clock
    handle: Callable[[Command], None]

    def answered(self, key: str) -> None:
        """The broker has said something about the order or request with this id."""
        ...

    def written(self, lane: Lane, now: Nanoseconds) -> None:
        """A place in the lane's window was used."""
        ...

    def never_written(self, lane: Lane, *, again: bool) -> None:
        """A place was not used; ``again``: the same is to be tried again."""
        ...

    def wait_longer(self, cl_ord_id: ClOrdId, hops: Hops) -> None:
        """The order waits once more; its time in a limit adds up, and that in an undo window stays."""
        ...


class OrderTicket(msgspec.Struct, eq=False):
    """A new order on its way; ``hops`` is how far it came before the write, ``sent`` when that was."""

    sender: Sender
    order: Order
    lane: Lane
    hops: Hops
    capabilities: Capabilities
    sent: Nanoseconds | None = None
    is_done: bool = False

    def admit(self) -> Reason | None:
        """The gate and the limits, in the same synchronous block as the write."""
        if self.is_done or self.sent is not None:
            return Reason(ReasonCode.NEVER_SENT, ("once is enough",))
        sender = self.sender
        return sender.gate.admit_order(self.order) or _limited(sender, self.lane)

    def written(self) -> None:
        """The kernel took the order."""
        if self.sent is None:
            sender = self.sender
            self.sent = now = sender.clock.monotonic()
            sender.written(self.lane, now)

    def done(self, outcome: Outcome) -> None:
        """Accepted, refused, never written, or unknown: each becomes a command. Only the first counts."""
        if self.is_done:
            return
        self.is_done = True
        sender = self.sender
        cl_ord_id = self.order.draft.cl_ord_id
        sender.answered(cl_ord_id)
        match believed(outcome, self.capabilities, written=self.sent is not None):
            case Accepted(order_id):
                report = ExecutionReport(cl_ord_id, ExecType.NEW, order_id)
                sender.handle(BookReport(report, self._answered()))
            case Refused(code, text):
                said = f"{code} {text}".strip()
                report = ExecutionReport(cl_ord_id, ExecType.REJECTED, text=said)
                sender.handle(BookReport(report, self._answered()))
            case NeverWritten(reason, again):
                again = again or sender.gate.closed or reason.code is ReasonCode.RATE_LIMITED
                if again:
                    sender.wait_longer(cl_ord_id, self.hops)
                sender.never_written(self.lane, again=again)
                sender.handle(BookNeverWritten(cl_ord_id, reason, again))
            case Unknown(text):
                sender.handle(BookUnknown(cl_ord_id, text, hops=self._sent_at_last(0)))

    def overdue(self) -> None:
        """The session has not said anything for too long. An answer may still come, and is booked then."""
        if self.sent is None:
            self.done(NeverWritten(Reason(ReasonCode.SEND_DEADLINE)))
        else:
            cl_ord_id = self.order.draft.cl_ord_id
            self.sender.handle(BookUnknown(cl_ord_id, OVERDUE))

    def _answered(self) -> Hops:
        """All hops; the last is when the answer was read, which may be later than it came."""
        return self._sent_at_last(self.sender.clock.monotonic())

    def _sent_at_last(self, acknowledged: Nanoseconds) -> Hops:
        """All hops; zero: nobody acknowledged it. Without ``written`` before, the bytes left at some time."""
        if self.sent is None:
            self.sent = now = self.sender.clock.monotonic()
            self.sender.written(self.lane, now)
        hops = self.hops
        return Hops(
            received=hops.received,
            planned=hops.planned,
            held=hops.held,
            committed=hops.committed,
            waited=hops.waited,
            sent=self.sent,
            acknowledged=acknowledged,
        )


class RequestTicket:
    """A cancel or replace on its way."""

    __slots__ = (
        "_capabilities",
        "_done",
        "_kind",
        "_lane",
        "_order",
        "_request_id",
        "_sender",
        "_sent",
    )

    def __init__(
        self,
        sender: Sender,
        order: Order,
        lane: Lane,
        request_id: str,
        kind: RequestKind,
        capabilities: Capabilities,
    ) -> None:
        self._sender = sender
        self._order = order
        self._lane = lane
        self._request_id = request_id
        self._kind = kind
        self._capabilities = capabilities
        self._sent = False
        self._done = False

    def admit(self) -> Reason | None:
        """The gate and the limits, in the same synchronous block as the write."""
        if self._done or self._sent or not self._is_pending():
            return Reason(ReasonCode.NEVER_SENT, (self._order.status.name,))
        return self._sender.gate.admit_request(self._order) or _limited(self._sender, self._lane)

    def written(self) -> None:
        """The kernel took the request."""
        if not self._sent:
            self._sent = True
            self._sender.written(self._lane, self._sender.clock.monotonic())

    def done(self, outcome: Outcome) -> None:
        """Accepted says nothing yet: the broker's report ends the request. Only the first counts."""
        if self._done:
            return
        self._done = True
        sender = self._sender
        sender.answered(self._request_id)
        cl_ord_id = self._order.draft.cl_ord_id
        outcome = believed(outcome, self._capabilities, written=self._sent)
        if isinstance(outcome, NeverWritten):
            sender.never_written(self._lane, again=self._is_pending())
            again = outcome.again
            sender.handle(BookNeverWritten(cl_ord_id, outcome.reason, again, self._request_id))
            return
        self.written()
        match outcome:
            case Refused(code, text) if self._order.request_of(self._request_id) is not None:
                cancel = self._kind is RequestKind.CANCEL
                rejected = ExecType.CANCEL_REJECTED if cancel else ExecType.REPLACE_REJECTED
                report = ExecutionReport(cl_ord_id, rejected, text=f"{code} {text}".strip())
                sender.handle(BookReport(report))
            case Unknown(text):
                sender.handle(BookUnknown(cl_ord_id, text, self._request_id))
            case _:
                pass

    def overdue(self) -> None:
        """The session has not said anything for too long. An answer may still come, and is booked then."""
        if self._sent:
            cl_ord_id = self._order.draft.cl_ord_id
            self._sender.handle(BookUnknown(cl_ord_id, OVERDUE, self._request_id))
        else:
            self.done(NeverWritten(Reason(ReasonCode.SEND_DEADLINE)))

    def _is_pending(self) -> bool:
        """Still the one to be sent: a cancel may have come over a replace."""
        request = self._order.request
        return (
            request is not None
            and request.id == self._request_id
            and self._order.status not in TERMINAL
        )


def _limited(sender: Sender, lane: Lane) -> Reason | None:
    """A limit was changed since the place was reserved, and this would be one too many for it."""
    if not lane.is_limited or lane.has_room(sender.clock.monotonic()):
        return None
    return Reason(ReasonCode.RATE_LIMITED)
