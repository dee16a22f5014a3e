"""Firing: from journaled plans to bytes on the wire, and from answers back to commands.

``after`` looks at what was just decided and says what may go at once (decided again, into the same
record); ``released`` is told what is durable and writes it. Nothing is written before its dispatch
is on disk, nothing is ever written twice.
"""

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

from phalanx.brokers.placing import place_request
from phalanx.brokers.port import (
    Broker,
    CancelRequest,
    NeverWritten,
    ReplaceRequest,
    Ticket,
    Unknown,
)
from phalanx.desk.gate import Gate
from phalanx.desk.hand_fills import send_hand_fill
from phalanx.desk.lanes import Lane, Waiting
from phalanx.desk.tickets import OrderTicket, RequestTicket
from phalanx.desk.turns import Turns
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import (
    AccountPut,
    CancelRequested,
    DispatchLapsed,
    Event,
    FillOrdered,
    InstructionPlanned,
    OrderEnded,
    OrderReported,
    OrdersDispatched,
    ReplaceRequested,
    RequestDispatched,
)
from phalanx.domain.instructions import InstructionId
from phalanx.domain.orders import TERMINAL, ClOrdId, Hops, OrderDraft, OrdStatus, RequestKind
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND, Clock, Nanoseconds, Timer
from phalanx.engine.commands import (
    BookNeverWritten,
    Command,
    Dispatch,
    DispatchRequest,
    ExpireUnsent,
)
from phalanx.engine.state import Order, State

_KNOWN_AT_BROKER = frozenset(
    {
        OrdStatus.NEW,
        OrdStatus.PARTIALLY_FILLED,
        OrdStatus.PENDING_CANCEL,
        OrdStatus.PENDING_REPLACE,
    }
)

PLANNED_MAX = 4_096
"""How many instructions' planning instants are kept for the hops of orders that wait."""

ANSWER_NS_MAX: Nanoseconds = 60 * SECOND
"""A broker that has not answered by then is not waited for any longer: the order is in doubt."""


class Firing:
    """The lanes of all accounts, and the brokers behind them."""

    def __init__(
        self,
        state: State,
        brokers: Mapping[str, Broker],
        gate: Gate,
        clock: Clock,
        timer: Timer,
        handle: Callable[[Command], None],
        closed: Container[AccountId] = (),
    ) -> None:
        self.gate = gate
        self.clock = clock
        self.handle = handle
        self.turns = Turns(clock, timer, self._pump)
        self._state = state
        self._brokers = brokers
        self._closed = closed
        self._queued: set[ClOrdId] = set()
        self._queued_requests: dict[ClOrdId, str] = {}
        self._unanswered: dict[str, tuple[Nanoseconds, OrderTicket | RequestTicket]] = {}
        self._waited: dict[ClOrdId, Nanoseconds] = {}
        self._planned: OrderedDict[InstructionId, Nanoseconds] = OrderedDict()
        self._children: set[ClOrdId] = set()
        # Monotonic instants of another process mean nothing in this one.
        self._of_another_process = frozenset(state.instructions)
        self._after: dict[type, Callable[[Any], list[Command]]] = {
            InstructionPlanned: self._after_plan,
            OrderReported: self._after_report,
            OrderEnded: self._after_end,
            CancelRequested: self._after_request,
            ReplaceRequested: self._after_request,
            DispatchLapsed: self._after_lapse,
            AccountPut: self._after_account,
        }

    # --- what follows from decisions -------------------------------------------------------------

    def after(self, command: Command, events: Sequence[Event]) -> list[Command]:
        """What follows at once from decisions just applied."""
        if isinstance(command, Dispatch):
            self._give_back(command, events)
        elif isinstance(command, DispatchRequest) and not events:
            self._give_back_request(command)
        follow_ups: list[Command] = []
        for event in events:
            follow = self._after.get(type(event))
            if follow is not None:
                follow_ups += follow(event)
        return follow_ups

    def _after_plan(self, event: InstructionPlanned) -> list[Command]:
        if event.orders:
            self._planned[event.instruction_id] = self.clock.monotonic()
            if len(self._planned) > PLANNED_MAX:
                self._planned.popitem(last=False)
        follow_ups = self._enqueue(event.orders) if event.orders else []
        for cancel in event.cancels:
            if not cancel.unsent:
                follow_ups += self._after_request_of(self._state.orders[cancel.cl_ord_id])
        return follow_ups

    def _after_report(self, event: OrderReported) -> list[Command]:
        self._children.update(child.cl_ord_id for child in event.children)
        follow_ups = self._enqueue(event.children) if event.children else []
        order = self._state.orders[event.cl_ord_id]
        if order.request is not None:
            follow_ups += self._after_request_of(order)
        return follow_ups

    def _after_end(self, event: OrderEnded) -> list[Command]:
        self._forget(event.cl_ord_id)
        self._children.update(child.cl_ord_id for child in event.children)
        return self._enqueue(event.children) if event.children else []

    def _after_request(self, event: CancelRequested | ReplaceRequested) -> list[Command]:
        return self._after_request_of(self._state.orders[event.cl_ord_id])

    def _after_lapse(self, event: DispatchLapsed) -> list[Command]:
        now = self.clock.monotonic()
        for cl_ord_id in event.cl_ord_ids:
            order = self._state.orders[cl_ord_id]
            lane = self.lane_of(order)
            lane.wait_again(Waiting(cl_ord_id, now), urgent=order.draft.reduce_only)
            self._queued.add(cl_ord_id)
            self.turns.look(lane)
        return []

    def _after_account(self, event: AccountPut) -> list[Command]:
        account = event.account
        lane = self.turns.lane(account.id, account.rate_limit)
        lane.change(account.rate_limit, self.clock.monotonic())
        lane.open = self._may_open(account.id)
        self.turns.look(lane)
        return []

    def _enqueue(self, drafts: Sequence[OrderDraft]) -> list[Command]:
        """Everybody whose lane is free passes at once; the others wait in theirs."""
        now = self.clock.monotonic()
        going = [draft.cl_ord_id for draft in drafts if not self._queue(draft, now)]
        return [Dispatch(tuple(going), self._state.epoch)] if going else []

    def _queue(self, draft: OrderDraft, now: Nanoseconds) -> bool:
        cl_ord_id = draft.cl_ord_id
        if cl_ord_id in self._queued:
            return True
        lane = self._lane(self._state.books[draft.book].account)
        urgent = draft.reduce_only
        if lane.goes_now(now, urgent=urgent):
            return False
        lane.wait(Waiting(cl_ord_id, now), urgent=urgent)
        self._queued.add(cl_ord_id)
        self.turns.look(lane)
        return True

    def _after_request_of(self, order: Order) -> list[Command]:
        """A request can go once the broker has acknowledged the order; until then it waits there."""
        request = order.request
        if request is None or request.dispatched or order.status not in _KNOWN_AT_BROKER:
            return []
        cl_ord_id = order.draft.cl_ord_id
        if self._queued_requests.get(cl_ord_id) == request.id:
            return []
        lane = self.lane_of(order)
        urgent = request.kind is RequestKind.CANCEL or order.draft.reduce_only
        now = self.clock.monotonic()
        if lane.goes_now(now, urgent=urgent):
            return [DispatchRequest(cl_ord_id, self._state.epoch)]
        self._queued_requests[cl_ord_id] = request.id
        lane.wait(Waiting(cl_ord_id, now, request.id), urgent=urgent)
        self.turns.look(lane)
        return []

    def _give_back(self, command: Dispatch, events: Sequence[Event]) -> None:
        """Orders that ended before their turn do not use their place."""
        gone = dict.fromkeys(command.cl_ord_ids)
        for event in events:
            if type(event) is OrdersDispatched:
                if len(event.cl_ord_ids) == len(gone):
                    return
                for cl_ord_id in event.cl_ord_ids:
                    gone.pop(cl_ord_id, None)
        for cl_ord_id in gone:
            self._forget(cl_ord_id)
            order = self._state.orders.get(cl_ord_id)
            if order is not None:
                self._unused(self.lane_of(order))

    def _give_back_request(self, command: DispatchRequest) -> None:
        order = self._state.orders.get(command.cl_ord_id)
        if order is not None:
            self._unused(self.lane_of(order))

    def _unused(self, lane: Lane) -> None:
        lane.window.give_back()
        self.turns.look(lane)

    # --- the lanes move --------------------------------------------------------------------------

    def open(self, account: AccountId) -> None:
        """The account is reconciled: what waits in its lane may go."""
        lane = self._lane(account)
        lane.open = self._may_open(account)
        self.turns.look(lane)

    def shut(self, account: AccountId) -> None:
        """The account is not to be trusted with anything new: what waits in its lane stays there."""
        self._lane(account).open = False

    def close(self) -> None:
        """Nothing leaves any more; what waits stays where it is."""
        self.gate.closed = True
        for lane in self.turns:
            lane.open = False

    def resume(self) -> None:
        """Put every order and request that was never dispatched back into its lane, at start; fills by
        hand that no report came of are ordered again.
        """
        unsent = [o for o in self._state.open_orders() if o.status is OrdStatus.PENDING_NEW]
        follow_ups = self._enqueue([order.draft for order in unsent])
        for order in self._state.open_orders():
            follow_ups += self._after_request_of(order)
        for command in follow_ups:
            self.handle(command)
        for exec_id in tuple(self._state.hand_fills):
            send_hand_fill(self._state, self._brokers, exec_id, self.handle)

    def _pump(self, lanes: Iterable[Lane]) -> None:
        """Let everything in these lanes go whose turn has come."""
        now = self.clock.monotonic()
        going: list[ClOrdId] = []
        for lane in lanes:
            while (waiting := lane.take(now)) is not None:
                cl_ord_id = waiting.cl_ord_id
                if not self._left_the_queue(waiting):
                    lane.window.give_back()
                elif waiting.request_id:
                    self.handle(DispatchRequest(cl_ord_id, self._state.epoch))
                else:
                    waited = self._waited.get(cl_ord_id, 0)
                    self._waited[cl_ord_id] = waited + now - waiting.since
                    going.append(cl_ord_id)
        if going:
            # As they were planned, over all lanes: a priority list goes by rank.
            going.sort()
            self.handle(Dispatch(tuple(going), self._state.epoch))

    def _left_the_queue(self, waiting: Waiting) -> bool:
        """Its turn has come; whether there still is something to do for it."""
        cl_ord_id = waiting.cl_ord_id
        order = self._state.orders.get(cl_ord_id)
        if waiting.request_id:
            if self._queued_requests.get(cl_ord_id) == waiting.request_id:
                del self._queued_requests[cl_ord_id]
            request = None if order is None else order.request
            return request is not None and request.id == waiting.request_id
        self._queued.discard(cl_ord_id)
        if order is None or order.status is not OrdStatus.PENDING_NEW:
            self._forget(cl_ord_id)
            return False
        return True

    def _forget(self, cl_ord_id: ClOrdId) -> None:
        """The order ended unsent: nobody will ask for its way."""
        self._waited.pop(cl_ord_id, None)
        self._children.discard(cl_ord_id)

    def expire(self, now: Nanoseconds) -> None:
        """End the waiting orders whose instruction's time is over (``now``: wall time)."""
        expired: dict[ClOrdId, None] = {}
        for lane in self.turns.waiting():
            gone: dict[ClOrdId, None] = {}
            for waiting in (*lane.urgent, *lane.normal):
                order = self._state.orders.get(waiting.cl_ord_id)
                if waiting.request_id or order is None or order.draft.follows_fill:
                    continue
                if self._state.instructions[order.instruction_id].expires_at <= now:
                    gone[waiting.cl_ord_id] = None
            if gone:
                lane.drop(gone)
                expired.update(gone)
        for cl_ord_id in expired:
            self._queued.discard(cl_ord_id)
            self._forget(cl_ord_id)
        if expired:
            self.handle(ExpireUnsent(tuple(expired)))

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

    def waiting_count(self) -> int:
        """How many orders and requests wait for their turn."""
        return sum(map(len, self.turns))

    # --- the wire --------------------------------------------------------------------------------

    def released(self, events: Iterable[Event]) -> None:
        """These events are durable: write what they allow."""
        for event in events:
            if type(event) is OrdersDispatched:
                committed = self.clock.monotonic()
                for cl_ord_id in event.cl_ord_ids:
                    self._place(cl_ord_id, committed)
            elif type(event) is RequestDispatched:
                self._request(event)
            elif type(event) is FillOrdered:
                send_hand_fill(self._state, self._brokers, event.exec_id, self.handle)

    def answered(self, key: str) -> None:
        """The broker has said something about the order or request with this id."""
        self._unanswered.pop(key, None)

    def never_written(self, lane: Lane, *, again: bool) -> None:
        """A place that was not used; what is to be tried again waits a little first."""
        if again:
            lane.pause(self.clock.monotonic())
        self._unused(lane)

    def written(self, lane: Lane, now: Nanoseconds) -> None:
        """A place was used."""
        lane.written(now)
        self.turns.look(lane)

    def wait_longer(self, cl_ord_id: ClOrdId, waited: Nanoseconds) -> None:
        """The order was not written and waits again; its time in a limit adds up."""
        if waited:
            self._waited[cl_ord_id] = waited

    def lane_of(self, order: Order) -> Lane:
        """The lane of an order's account."""
        return self._lane(self._state.book_of(order).account)

    def _place(self, cl_ord_id: ClOrdId, committed: Nanoseconds) -> None:
        order = self._state.orders.get(cl_ord_id)
        if order is None:
            return
        lane = self.lane_of(order)
        if cl_ord_id in self._unanswered:
            # The last line against sending anything twice: an order is on its way once at a time.
            self._unused(lane)
            return
        ticket = OrderTicket(self, order, lane, self._hops(order, committed))
        self._unanswered[cl_ord_id] = (committed, ticket)
        broker = self._broker(lane, ticket)
        if broker is not None:
            try:
                broker.place(place_request(order, lane.account), ticket)
            except Exception as failure:  # noqa: BLE001  see _failed
                _failed(ticket, failure)

    def _hops(self, order: Order, committed: Nanoseconds) -> Hops:
        """How far the order came, as far as this process knows; of a child of a late fill only the end."""
        cl_ord_id, instruction_id = order.draft.cl_ord_id, order.instruction_id
        received = planned = 0
        if cl_ord_id in self._children:
            self._children.discard(cl_ord_id)
        elif instruction_id not in self._of_another_process:
            received = self._state.instructions[instruction_id].received
            planned = self._planned.get(instruction_id, 0)
        waited = self._waited.pop(cl_ord_id, 0)
        return Hops(received=received, planned=planned, committed=committed, waited=waited)

    def _request(self, event: RequestDispatched) -> None:
        order = self._state.orders.get(event.cl_ord_id)
        if order is None:
            return
        lane = self.lane_of(order)
        request = order.request
        if request is None or request.id != event.request_id or order.status in TERMINAL:
            self._unused(lane)
            # A cancel came over the replace before that was written; now it need not be.
            reason = Reason(ReasonCode.CANCELED_BEFORE_SENT)
            self.handle(BookNeverWritten(event.cl_ord_id, reason, request_id=event.request_id))
            return
        ticket = RequestTicket(self, order, lane, request.id, request.kind)
        self._unanswered[request.id] = (self.clock.monotonic(), ticket)
        broker = self._broker(lane, ticket)
        if broker is None:
            return
        ids = (request.id, event.cl_ord_id, order.order_id, lane.account)
        try:
            if request.kind is RequestKind.CANCEL:
                broker.cancel(CancelRequest(*ids), ticket)
            else:
                broker.replace(ReplaceRequest(*ids, request.quantity, request.limit), ticket)
        except Exception as failure:  # noqa: BLE001  see _failed
            _failed(ticket, failure)

    def _broker(self, lane: Lane, ticket: Ticket) -> Broker | None:
        """The account's broker; without one the ticket is answered: nothing was written."""
        broker = self._brokers.get(self._state.accounts[lane.account].broker)
        if broker is None:
            ticket.done(NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE)))
        return broker

    def _may_open(self, account: AccountId) -> bool:
        if self.gate.closed or account in self._closed:
            return False
        return self._state.accounts[account].broker in self._brokers

    def _lane(self, account: AccountId) -> Lane:
        return self.turns.lane(account, self._state.accounts[account].rate_limit)


def _failed(ticket: Ticket, failure: Exception) -> None:
    """A broker module broke its word and raised: nobody knows what it wrote. The others go on."""
    ticket.done(Unknown(f"the broker module failed: {failure!r}"))
