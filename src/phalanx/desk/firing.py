"""Firing: from journaled plans to bytes on the wire, and from answers back to commands.

``after`` looks at what was just decided and says what may go at once (decided again, into the same
record); ``released`` is told what is durable and writes it. Nothing is written before its dispatch
is on disk, nothing is ever written twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from phalanx.brokers.port import Broker, CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.desk.gate import Gate
from phalanx.desk.lanes import Lane, Waiting
from phalanx.desk.tickets import OrderTicket, RequestTicket
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import (
    AccountPut,
    CancelRequested,
    DispatchLapsed,
    Event,
    InstructionPlanned,
    OrderReported,
    OrdersDispatched,
    ReplaceRequested,
    RequestDispatched,
)
from phalanx.domain.instructions import InstructionId
from phalanx.domain.orders import TERMINAL, ClOrdId, Hops, OrderDraft, OrdStatus, RequestKind
from phalanx.domain.time import Appointment, Clock, Nanoseconds, Timer
from phalanx.engine.commands import Command, Dispatch, DispatchRequest, ExpireUnsent
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
    ) -> None:
        self.gate = gate
        self.clock = clock
        self.handle = handle
        self._state = state
        self._brokers = brokers
        self._timer = timer
        self._lanes: dict[AccountId, Lane] = {}
        self._waiting: dict[AccountId, Lane] = {}
        self._queued_requests: set[ClOrdId] = set()
        self._waited: dict[ClOrdId, Nanoseconds] = {}
        self._planned: dict[InstructionId, Nanoseconds] = {}
        self._wake: Appointment | None = None
        self._wake_at: Nanoseconds = 0
        self._after: dict[type, Callable[[Any], list[Command]]] = {
            InstructionPlanned: self._after_plan,
            OrderReported: self._after_report,
            CancelRequested: self._after_request,
            ReplaceRequested: self._after_request,
            DispatchLapsed: self._after_lapse,
            AccountPut: self._after_account,
        }

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

    def released(self, events: Iterable[Event]) -> None:
        """These events are durable: write what they allow."""
        for event in events:
            if type(event) is OrdersDispatched:
                committed = self.clock.monotonic()
                for cl_ord_id in event.cl_ord_ids:
                    self._place(cl_ord_id, committed)
            elif type(event) is RequestDispatched:
                self._request(event)

    def open(self, account: AccountId) -> None:
        """The account is reconciled: what waits in its lane may go."""
        self._lane(account).open = True

    def resume(self) -> None:
        """Put every order and request that was never dispatched back into its lane, at start."""
        unsent = [o for o in self._state.open_orders() if o.status is OrdStatus.PENDING_NEW]
        follow_ups = self._enqueue([order.draft for order in unsent])
        for order in self._state.open_orders():
            follow_ups += self._after_request_of(order)
        for command in follow_ups:
            self.handle(command)

    def pump(self) -> None:
        """Let everything go whose turn has come, and ask to be woken for the next."""
        now = self.clock.monotonic()
        going: list[ClOrdId] = []
        for lane in list(self._waiting.values()):
            while (waiting := lane.take(now)) is not None:
                if waiting.is_request:
                    self._queued_requests.discard(waiting.cl_ord_id)
                    self.handle(DispatchRequest(waiting.cl_ord_id, self._state.epoch))
                else:
                    self._waited[waiting.cl_ord_id] = now - waiting.since
                    going.append(waiting.cl_ord_id)
            if not lane:
                del self._waiting[lane.account]
        if going:
            self.handle(Dispatch(tuple(going), self._state.epoch))
        self._schedule()

    def expire(self, now: Nanoseconds) -> None:
        """End the waiting orders whose instruction's time is over (``now``: wall time)."""
        expired: list[ClOrdId] = []
        for lane in list(self._waiting.values()):
            for waiting in lane.normal:
                order = self._state.orders.get(waiting.cl_ord_id)
                if order is None or order.status is not OrdStatus.PENDING_NEW:
                    continue
                if self._state.instructions[order.instruction_id].expires_at <= now:
                    expired.append(waiting.cl_ord_id)
        if expired:
            self.handle(ExpireUnsent(tuple(expired)))

    def waiting_count(self) -> int:
        """How many orders and requests wait for their turn."""
        return sum(map(len, self._waiting.values()))

    def lane_of(self, order: Order) -> Lane:
        """The lane of an order's account."""
        return self._lane(self._state.book_of(order).account)

    def _after_plan(self, event: InstructionPlanned) -> list[Command]:
        if event.orders:
            self._planned[event.instruction_id] = self.clock.monotonic()
            if len(self._planned) > PLANNED_MAX:
                del self._planned[next(iter(self._planned))]
        follow_ups = self._enqueue(event.orders) if event.orders else []
        for cancel in event.cancels:
            if not cancel.unsent:
                follow_ups += self._after_request_of(self._state.orders[cancel.cl_ord_id])
        return follow_ups

    def _after_report(self, event: OrderReported) -> list[Command]:
        follow_ups = self._enqueue(event.children) if event.children else []
        order = self._state.orders[event.cl_ord_id]
        if order.request is not None:
            follow_ups += self._after_request_of(order)
        return follow_ups

    def _after_request(self, event: CancelRequested | ReplaceRequested) -> list[Command]:
        return self._after_request_of(self._state.orders[event.cl_ord_id])

    def _after_lapse(self, event: DispatchLapsed) -> list[Command]:
        now = self.clock.monotonic()
        for cl_ord_id in event.cl_ord_ids:
            order = self._state.orders[cl_ord_id]
            lane = self.lane_of(order)
            lane.wait_again(Waiting(cl_ord_id, now), urgent=order.draft.reduce_only)
            self._waiting[lane.account] = lane
        self._schedule()
        return []

    def _after_account(self, event: AccountPut) -> list[Command]:
        account = event.account
        lane = self._lanes.get(account.id)
        if lane is None:
            self._lane(account.id).open = account.broker in self._brokers
        return []

    def _enqueue(self, drafts: Sequence[OrderDraft]) -> list[Command]:
        """Everybody whose lane is free passes at once; the others wait in theirs."""
        now = self.clock.monotonic()
        going = [draft.cl_ord_id for draft in drafts if not self._queue(draft, now)]
        if len(going) < len(drafts):
            self._schedule()
        return [Dispatch(tuple(going), self._state.epoch)] if going else []

    def _queue(self, draft: OrderDraft, now: Nanoseconds) -> bool:
        lane = self._lane(self._state.books[draft.book].account)
        urgent = draft.reduce_only
        if lane.goes_now(now, urgent=urgent):
            return False
        lane.wait(Waiting(draft.cl_ord_id, now), urgent=urgent)
        self._waiting[lane.account] = lane
        return True

    def _after_request_of(self, order: Order) -> list[Command]:
        """A request can go once the broker has acknowledged the order; until then it waits there."""
        request = order.request
        if request is None or request.dispatched or order.status not in _KNOWN_AT_BROKER:
            return []
        cl_ord_id = order.draft.cl_ord_id
        if cl_ord_id in self._queued_requests:
            return []
        lane = self.lane_of(order)
        urgent = request.kind is RequestKind.CANCEL
        now = self.clock.monotonic()
        if lane.goes_now(now, urgent=urgent):
            return [DispatchRequest(cl_ord_id, self._state.epoch)]
        self._queued_requests.add(cl_ord_id)
        lane.wait(Waiting(cl_ord_id, now, is_request=True), urgent=urgent)
        self._waiting[lane.account] = lane
        self._schedule()
        return []

    def _give_back(self, command: Dispatch, events: Sequence[Event]) -> None:
        """Orders that ended before their turn do not use their place."""
        gone = set(command.cl_ord_ids)
        for event in events:
            if type(event) is OrdersDispatched:
                if len(event.cl_ord_ids) == len(gone):
                    return
                gone.difference_update(event.cl_ord_ids)
        for cl_ord_id in sorted(gone):
            self._waited.pop(cl_ord_id, None)
            order = self._state.orders.get(cl_ord_id)
            if order is not None:
                self.lane_of(order).window.give_back()

    def _give_back_request(self, command: DispatchRequest) -> None:
        order = self._state.orders.get(command.cl_ord_id)
        if order is not None:
            self.lane_of(order).window.give_back()

    def _place(self, cl_ord_id: ClOrdId, committed: Nanoseconds) -> None:
        order = self._state.orders.get(cl_ord_id)
        if order is None:
            return
        draft = order.draft
        lane = self.lane_of(order)
        request = PlaceRequest(
            cl_ord_id,
            lane.account,
            draft.instrument,
            draft.side,
            draft.product,
            draft.ord_type,
            draft.time_in_force,
            order.quantity,
            order.limit,
        )
        waited = self._waited.pop(cl_ord_id, 0)
        hops = Hops(
            received=self._state.instructions[order.instruction_id].received,
            planned=self._planned.get(order.instruction_id, 0),
            committed=committed,
            waited=waited,
        )
        ticket = OrderTicket(self, order, lane, hops)
        self._broker(lane.account).place(request, ticket)

    def _request(self, event: RequestDispatched) -> None:
        order = self._state.orders.get(event.cl_ord_id)
        if order is None:
            return
        lane = self.lane_of(order)
        request = order.request
        if request is None or request.id != event.request_id or order.status in TERMINAL:
            lane.window.give_back()
            return
        ticket = RequestTicket(self, order, lane, request.id, request.kind)
        ids = (request.id, event.cl_ord_id, order.order_id, lane.account)
        broker = self._broker(lane.account)
        if request.kind is RequestKind.CANCEL:
            broker.cancel(CancelRequest(*ids), ticket)
        else:
            broker.replace(ReplaceRequest(*ids, request.quantity, request.limit), ticket)

    def _broker(self, account: AccountId) -> Broker:
        return self._brokers[self._state.accounts[account].broker]

    def _lane(self, account: AccountId) -> Lane:
        lane = self._lanes.get(account)
        if lane is None:
            limit = self._state.accounts[account].rate_limit
            lane = self._lanes[account] = Lane(account, limit, self.clock.monotonic())
        return lane

    def _schedule(self) -> None:
        """One appointment for the earliest moment at which a waiting lane has a free place."""
        times = [
            at
            for lane in self._waiting.values()
            if lane.open and (at := lane.window.free_at()) is not None
        ]
        if not times:
            return
        earliest = min(times)
        if self._wake is not None:
            if self._wake_at <= earliest:
                return
            self._wake.cancel()
        self._wake_at = earliest
        delay = max(0, earliest - self.clock.monotonic())
        self._wake = self._timer.call_later(delay, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self.pump()
