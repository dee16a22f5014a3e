"""The wire: what is on its way to the brokers, and what they answer.

Nothing is written before its dispatch is on disk, nothing is ever written twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from phalanx.brokers.placing import place_request
from phalanx.brokers.port import (
    Broker,
    CancelRequest,
    PutsAnswersOff,
    ReplaceRequest,
    Ticket,
    Unknown,
)
from phalanx.desk.firing.gate import Gate
from phalanx.desk.firing.hand_fills import send_hand_fill
from phalanx.desk.firing.lanes import Lane
from phalanx.desk.firing.tickets import OrderTicket, RequestTicket
from phalanx.desk.firing.turns import Turns
from phalanx.desk.firing.ways import Ways
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import Event, FillOrdered, OrdersDispatched, RequestDispatched
from phalanx.domain.orders import TERMINAL, ClOrdId, Hops, RequestKind
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND, Clock, Nanoseconds
from phalanx.engine.commands import BookNeverWritten, Command
from phalanx.engine.state import Order, State

ANSWER_NS_MAX: Nanoseconds = 60 * SECOND
"""A broker that has not answered by then is not waited for any longer: the order is in doubt."""


class Wire:
    """The brokers, and the tickets of what they have not answered."""

    def __init__(
        self,
        state: State,
        brokers: Mapping[str, Broker],
        gate: Gate,
        clock: Clock,
        handle: Callable[[Command], None],
        turns: Turns,
        ways: Ways,
    ) -> None:
        self.gate = gate
        self.clock = clock
        self.handle = handle
        self._state = state
        self._brokers = brokers
        self._turns = turns
        self._ways = ways
        self._unanswered: dict[str, tuple[Nanoseconds, OrderTicket | RequestTicket]] = {}

    def __len__(self) -> int:
        """How many orders and requests are on their way and not answered."""
        return len(self._unanswered)

    def released(self, events: Iterable[Event], at_once: int) -> Iterator[None]:
        """These events are durable: write what they allow. Yields after each ``at_once`` of them, where a
        kill may come in between; answers to what was written so far, as far as they can, wait for the end.
        """
        written = 0
        try:
            for written, _ in enumerate(self._writes(events), 1):
                if written % at_once == 0:
                    self._put_off_answers(wait=True)
                    yield
        finally:
            if written >= at_once:
                self._put_off_answers(wait=False)

    def _writes(self, events: Iterable[Event]) -> Iterator[None]:
        """Write what these events allow, one order or request after the other."""
        for event in events:
            if type(event) is OrdersDispatched:
                committed = self.clock.monotonic()
                for cl_ord_id in event.cl_ord_ids:
                    self._place(cl_ord_id, committed)
                    yield
            elif type(event) is RequestDispatched:
                self._request(event)
                yield
            elif type(event) is FillOrdered:
                send_hand_fill(self._state, self._brokers, event.exec_id, self.handle)

    def _put_off_answers(self, *, wait: bool) -> None:
        for broker in self._brokers.values():
            # Without our tags a report is known by the order id that only the answer tells.
            keeps_tags = broker.capabilities.kind is not BrokerKind.NO_TAG
            if keeps_tags and isinstance(broker, PutsAnswersOff):
                broker.put_off(wait=wait)

    def resume_hand_fills(self) -> None:
        """Order the fills by hand again that no report came of, at start."""
        for exec_id in tuple(self._state.hand_fills):
            send_hand_fill(self._state, self._brokers, exec_id, self.handle)

    def doubt_unanswered(self) -> None:
        """Stop waiting for answers that are long overdue; one that comes all the same is booked."""
        limit = self.clock.monotonic() - ANSWER_NS_MAX
        overdue = []
        for key, (since, _) in self._unanswered.items():
            if since > limit:
                break
            overdue.append(key)
        for key in overdue:
            _, ticket = self._unanswered.pop(key)
            ticket.overdue()

    # --- what tickets tell (`Sender`) ------------------------------------------------------------

    def answered(self, key: str) -> None:
        """The broker has said something about the order or request with this id."""
        self._unanswered.pop(key, None)

    def written(self, lane: Lane, now: Nanoseconds) -> None:
        """A place was used. Where there is no limit, nobody waits for it to be free again."""
        lane.written(now)
        if lane.is_limited:
            self._turns.look(lane)

    def never_written(self, lane: Lane, *, again: bool) -> None:
        """A place that was not used; what is to be tried again waits a little first."""
        if again:
            lane.pause(self.clock.monotonic())
        self._turns.unused(lane)

    def wait_longer(self, cl_ord_id: ClOrdId, hops: Hops) -> None:
        """The order was not written and waits again; its time in a limit adds up."""
        self._ways.again(cl_ord_id, hops)

    # --- writing ---------------------------------------------------------------------------------

    def _place(self, cl_ord_id: ClOrdId, committed: Nanoseconds) -> None:
        state = self._state
        order = state.orders.get(cl_ord_id)
        if order is None:
            return
        account = state.accounts[state.books[order.draft.book].account]
        lane = self._turns.lane(account)
        if cl_ord_id in self._unanswered:
            # The last line against sending anything twice: an order is on its way once at a time.
            self._turns.unused(lane)
            return
        hops = self._ways.hops(order, committed)
        broker = self._brokers.get(account.broker)
        if broker is None:
            self._unreachable(lane, cl_ord_id)
            return
        ticket = OrderTicket(self, order, lane, hops, broker.capabilities)
        self._unanswered[cl_ord_id] = (committed, ticket)
        try:
            broker.place(place_request(order, account.id), ticket)
        except Exception as failure:  # noqa: BLE001  see _failed
            _failed(ticket, failure)

    def _request(self, event: RequestDispatched) -> None:
        order = self._state.orders.get(event.cl_ord_id)
        if order is None:
            return
        lane = self._lane(order)
        request = order.request
        if request is None or request.id != event.request_id or order.status in TERMINAL:
            self._turns.unused(lane)
            # A cancel came over the replace before that was written; now it need not be.
            reason = Reason(ReasonCode.CANCELED_BEFORE_SENT)
            self.handle(BookNeverWritten(event.cl_ord_id, reason, request_id=event.request_id))
            return
        broker = self._broker(lane)
        if broker is None:
            self._unreachable(lane, event.cl_ord_id, request.id)
            return
        ticket = RequestTicket(self, order, lane, request.id, request.kind, broker.capabilities)
        self._unanswered[request.id] = (self.clock.monotonic(), ticket)
        ids = (request.id, event.cl_ord_id, order.order_id, lane.account)
        try:
            if request.kind is RequestKind.CANCEL:
                broker.cancel(CancelRequest(*ids), ticket)
            else:
                broker.replace(ReplaceRequest(*ids, request.quantity, request.limit), ticket)
        except Exception as failure:  # noqa: BLE001  see _failed
            _failed(ticket, failure)

    def _unreachable(self, lane: Lane, cl_ord_id: ClOrdId, request_id: str = "") -> None:
        """There is no such broker in this process: nothing was written, and nothing will be."""
        self._turns.unused(lane)
        reason = Reason(ReasonCode.BROKER_UNREACHABLE)
        self.handle(BookNeverWritten(cl_ord_id, reason, request_id=request_id))

    def _broker(self, lane: Lane) -> Broker | None:
        return self._brokers.get(self._state.accounts[lane.account].broker)

    def _lane(self, order: Order) -> Lane:
        return self._turns.lane(self._state.accounts[self._state.book_of(order).account])


def _failed(ticket: Ticket, failure: Exception) -> None:
    """A broker module broke its word and raised: nobody knows what it wrote. The others go on."""
    ticket.done(Unknown(f"the broker module failed: {failure!r}"))
