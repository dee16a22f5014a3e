"""Firing: from journaled plans to dispatches, whenever a lane, and the broker's kind, let an order go.

``after`` looks at what was just decided and says what may go at once (decided again, into the same
record). What then becomes durable is written by ``wire``.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

from phalanx.brokers.port import Broker
from phalanx.desk.firing.flights import FlightKey, Flights
from phalanx.desk.firing.gate import Gate
from phalanx.desk.firing.lanes import Lane, Waiting
from phalanx.desk.firing.scopes import bounds_of
from phalanx.desk.firing.turns import Turns
from phalanx.desk.firing.ways import Ways
from phalanx.desk.firing.wire import Wire
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import (
    AccountPut,
    CancelRequested,
    DispatchLapsed,
    Event,
    InstructionPlanned,
    OrderEnded,
    OrderReported,
    OrdersDispatched,
    OrdersReleased,
    ReplaceRequested,
)
from phalanx.domain.orders import ClOrdId, OrderDraft, OrdStatus, RequestKind
from phalanx.domain.time import Clock, Nanoseconds, Timer
from phalanx.engine.commands import Command, Dispatch, DispatchRequest, ExpireUnsent
from phalanx.engine.ids import new_cl_ord_id
from phalanx.engine.state import Order, State

_KNOWN_AT_BROKER = frozenset(
    {
        OrdStatus.NEW,
        OrdStatus.PARTIALLY_FILLED,
        OrdStatus.PENDING_CANCEL,
        OrdStatus.PENDING_REPLACE,
    }
)

_NO_TAG = BrokerKind.NO_TAG
_IN_FLIGHT = frozenset({OrdStatus.SENT, OrdStatus.IN_DOUBT})
_ON_ITS_WAY = _IN_FLIGHT | {OrdStatus.HELD, OrdStatus.PENDING_NEW}


class Firing:
    """The lanes of all accounts, and the wire behind them."""

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
        self.turns = Turns(clock, timer, self._pump, lambda account: bounds_of(account, brokers))
        self._state = state
        self._brokers = brokers
        self._closed = closed
        self._queued: set[ClOrdId] = set()
        self._queued_requests: dict[ClOrdId, str] = {}
        self._next_expiry: Nanoseconds | None = None
        self._ways = Ways(state)
        self._flights = Flights(self._queued.__contains__)
        self.wire = Wire(state, brokers, gate, clock, handle, self.turns, self._ways)
        self._after: dict[type, Callable[[Any], list[Command]]] = {
            InstructionPlanned: self._after_plan,
            OrderReported: self._after_report,
            OrderEnded: self._after_end,
            CancelRequested: self._after_request,
            ReplaceRequested: self._after_request,
            DispatchLapsed: self._after_lapse,
            OrdersReleased: self._after_release,
            AccountPut: self._after_account,
        }
        for order in state.open_orders():
            account = state.accounts[state.book_of(order).account]
            flight = self._flight(order.draft, account) if order.status in _IN_FLIGHT else None
            if flight is not None:
                urgent = order.draft.reduce_only
                self._flights.holds(flight, order.draft.cl_ord_id, urgent=urgent)

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
            self._ways.planned(event.instruction_id, self.clock.monotonic())
        orders = event.orders
        if event.undo_until:
            orders = tuple(draft for draft in orders if draft.reduce_only)
        follow_ups = self._enqueue(orders) if orders else []
        for cancel in event.cancels:
            if cancel.unsent:
                self._land(cancel.cl_ord_id)
            else:
                follow_ups += self._after_request_of(self._state.orders[cancel.cl_ord_id])
        return follow_ups

    def _after_report(self, event: OrderReported) -> list[Command]:
        self._ways.follow(event.children)
        follow_ups = self._enqueue(event.children) if event.children else []
        self._land(event.cl_ord_id)
        order = self._state.orders[event.cl_ord_id]
        if order.request is not None:
            follow_ups += self._after_request_of(order)
        return follow_ups

    def _after_end(self, event: OrderEnded) -> list[Command]:
        self._ways.forget(event.cl_ord_id)
        self._ways.follow(event.children)
        self._land(event.cl_ord_id)
        return self._enqueue(event.children) if event.children else []

    def _after_request(self, event: CancelRequested | ReplaceRequested) -> list[Command]:
        self._land(event.cl_ord_id)
        return self._after_request_of(self._state.orders[event.cl_ord_id])

    def _after_lapse(self, event: DispatchLapsed) -> list[Command]:
        now = self.clock.monotonic()
        for cl_ord_id in event.cl_ord_ids:
            order = self._state.orders[cl_ord_id]
            lane = self.lane_of(order)
            waiting = Waiting(cl_ord_id, now)
            self._queued.add(cl_ord_id)
            self._mind_expiry(waiting)
            self.turns.wait(lane, waiting, urgent=order.draft.reduce_only)
        return []

    def _after_release(self, event: OrdersReleased) -> list[Command]:
        """Their undo window is over; the time in it is a hop of its own."""
        orders = self._state.orders
        drafts = [orders[cl_ord_id].draft for cl_ord_id in event.cl_ord_ids]
        self._ways.held(event.instruction_id, event.cl_ord_ids, self.clock.monotonic())
        return self._enqueue(drafts)

    def _after_account(self, event: AccountPut) -> list[Command]:
        account = event.account
        lane = self.turns.put(account)
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
        if cl_ord_id in self._queued or cl_ord_id in self._flights:
            return True
        account = self._state.accounts[self._state.books[draft.book].account]
        lane = self.turns.lane(account)
        urgent, waiting = draft.reduce_only, Waiting(cl_ord_id, now)
        flight = self._flight(draft, account)
        if flight is not None and not self._flights.enters(flight, waiting, urgent=urgent):
            self._mind_expiry(waiting)
            return True
        if lane.goes_now(now, waiting, urgent=urgent):
            return False
        self._queued.add(cl_ord_id)
        self._mind_expiry(waiting)
        self.turns.wait(lane, waiting, urgent=urgent)
        return True

    def _flight(self, draft: OrderDraft, account: Account) -> FlightKey | None:
        """What the order must be the only one of in flight; None where the broker keeps our tags."""
        broker = self._brokers.get(account.broker)
        if broker is None or broker.capabilities.kind is not _NO_TAG:
            return None
        return account.id, draft.instrument, draft.side

    def _land(self, cl_ord_id: ClOrdId) -> None:
        """If the order is in flight no more, the next one behind it joins its lane."""
        if not self._flights:
            return
        order = self._state.orders.get(cl_ord_id)
        if order is not None and order.status in _ON_ITS_WAY:
            return
        self._ways.forget(cl_ord_id)
        following = self._flights.over(cl_ord_id)
        if following is not None:
            waiting, urgent = following
            lane = self.lane_of(self._state.orders[waiting.cl_ord_id])
            self._queued.add(waiting.cl_ord_id)
            self.turns.wait(lane, waiting, urgent=urgent)

    def _after_request_of(self, order: Order) -> list[Command]:
        """A request can go once the broker has acknowledged the order; until then it waits there."""
        request = order.request
        if request is None or request.dispatched or order.status not in _KNOWN_AT_BROKER:
            return []
        cl_ord_id = order.draft.cl_ord_id
        if self._queued_requests.get(cl_ord_id) == request.id:
            return []
        lane = self.lane_of(order)
        cancels = request.kind is RequestKind.CANCEL
        urgent = cancels or order.draft.reduce_only
        now = self.clock.monotonic()
        waiting = Waiting(cl_ord_id, now, request.id, cancels, self._planned_last())
        if lane.goes_now(now, waiting, urgent=urgent):
            return [DispatchRequest(cl_ord_id, self._state.epoch)]
        self._queued_requests[cl_ord_id] = request.id
        self.turns.wait(lane, waiting, urgent=urgent)
        return []

    def _planned_last(self) -> ClOrdId:
        state = self._state
        return new_cl_ord_id(state.desk_id, state.shard, max(0, state.next_order - 1))

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
            self._ways.forget(cl_ord_id)
            order = self._state.orders.get(cl_ord_id)
            if order is not None:
                self.turns.unused(self.lane_of(order))

    def _give_back_request(self, command: DispatchRequest) -> None:
        order = self._state.orders.get(command.cl_ord_id)
        if order is not None:
            self.turns.unused(self.lane_of(order))

    # --- the lanes move --------------------------------------------------------------------------

    def open(self, account: AccountId) -> None:
        """The account is reconciled: what waits in its lane may go."""
        lane = self._lane(account)
        lane.open = self._may_open(account)
        self.turns.look(lane)

    def shut(self, account: AccountId) -> None:
        """The account is not to be trusted with anything new: what waits in its lane stays there, but for
        cancels while it is in reach.
        """
        lane = self._lane(account)
        lane.open = False
        self.turns.look(lane)

    def reach(self, account: AccountId, *, in_reach: bool) -> None:
        """Whether its session is up: then cancels go out, whether or not the account is open."""
        lane = self._lane(account)
        lane.in_reach = in_reach and not self.gate.closed
        self.turns.look(lane)

    def close(self) -> None:
        """Nothing leaves any more; what waits stays where it is."""
        self.gate.closed = True
        for lane in self.turns:
            lane.open = lane.in_reach = False

    def resume(self) -> None:
        """Put every order and request that was never dispatched back into its lane, at start."""
        unsent = [o for o in self._state.open_orders() if o.status is OrdStatus.PENDING_NEW]
        follow_ups = self._enqueue([order.draft for order in unsent])
        for order in self._state.open_orders():
            follow_ups += self._after_request_of(order)
        for command in follow_ups:
            self.handle(command)

    def _pump(self, coming: Iterator[tuple[Lane, Waiting]]) -> None:
        """Let everything go whose turn has come: as it was planned, over all lanes, cancels and exits
        before that.
        """
        now = self.clock.monotonic()
        going: list[ClOrdId] = []
        for lane, waiting in coming:
            cl_ord_id = waiting.cl_ord_id
            if not self._left_the_queue(waiting):
                self.turns.unused(lane)
            elif waiting.request_id:
                self.handle(DispatchRequest(cl_ord_id, self._state.epoch))
            else:
                self._ways.waited(cl_ord_id, now - waiting.since)
                going.append(cl_ord_id)
        if going:
            self.handle(Dispatch(tuple(going), self._state.epoch))

    def _left_the_queue(self, waiting: Waiting) -> bool:
        """Its turn in the lane has come; whether there is something to do for it now."""
        cl_ord_id = waiting.cl_ord_id
        order = self._state.orders.get(cl_ord_id)
        if waiting.request_id:
            if self._queued_requests.get(cl_ord_id) == waiting.request_id:
                del self._queued_requests[cl_ord_id]
            request = None if order is None else order.request
            return request is not None and request.id == waiting.request_id
        self._queued.discard(cl_ord_id)
        if order is None or order.status is not OrdStatus.PENDING_NEW:
            self._ways.forget(cl_ord_id)
            return False
        return self._flights.may_go(waiting, urgent=order.draft.reduce_only)

    def expire(self, now: Nanoseconds) -> None:
        """End the waiting orders whose instruction's time is over (``now``: wall time). Nobody is looked at
        before the first of those times.
        """
        if self._next_expiry is None or now < self._next_expiry:
            return
        self._next_expiry = None
        expired = dict.fromkeys(w.cl_ord_id for w in self._flights.waiting() if self._late(w, now))
        for lane in self.turns.waiting():
            waiting = (*lane.urgent.everybody(), *lane.normal.everybody())
            gone = dict.fromkeys(w.cl_ord_id for w in waiting if self._late(w, now))
            if gone:
                lane.drop(gone)
                expired.update(gone)
                self.turns.look(lane)
        for cl_ord_id in expired:
            self._queued.discard(cl_ord_id)
            self._ways.forget(cl_ord_id)
        if expired:
            self.handle(ExpireUnsent(tuple(expired)))

    def _late(self, waiting: Waiting, now: Nanoseconds) -> bool:
        at = self._mind_expiry(waiting, now)
        return at is not None and at <= now

    def _mind_expiry(self, waiting: Waiting, now: Nanoseconds = 0) -> Nanoseconds | None:
        """When the instruction of who waits expires; if that is later than ``now``, it is looked at then.
        None: it waits for as long as it takes.
        """
        order = self._state.orders.get(waiting.cl_ord_id)
        if waiting.request_id or order is None or order.draft.follows_fill:
            return None
        at = self._state.instructions[order.instruction_id].expires_at
        if at > now and (self._next_expiry is None or at < self._next_expiry):
            self._next_expiry = at
        return at

    def waiting_count(self) -> int:
        """How many orders and requests wait for their turn."""
        return sum(map(len, self.turns)) + len(self._flights)

    def is_busy(self) -> bool:
        """Whether anything of any order or request waits, or is on its way and not answered."""
        waits = self.waiting_count() or self._queued or self._queued_requests
        return bool(waits or self._ways or len(self.wire))

    def lane_of(self, order: Order) -> Lane:
        """The lane of an order's account."""
        return self._lane(self._state.book_of(order).account)

    def _may_open(self, account: AccountId) -> bool:
        if self.gate.closed or account in self._closed:
            return False
        return self._state.accounts[account].broker in self._brokers

    def _lane(self, account: AccountId) -> Lane:
        return self.turns.lane(self._state.accounts[account])
