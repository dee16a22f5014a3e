"""The engine and a broker facing each other, with a wire between them that does what it likes."""

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from phalanx.domain.events import Event, InstructionPlanned, OrderEnded, OrderReported
from phalanx.domain.instructions import ExitRequest, SignalRequest
from phalanx.domain.numbers import Quantity, format_fixed, whole
from phalanx.domain.orders import TERMINAL, ClOrdId, ExecType, OrderDraft, OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.strategies import SellScope
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.apply.orders import closer_of
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from phalanx.engine.state import Lot, Order, PendingRequest, position_key
from tests.engine_world import STOCKS, World, replayed
from tests.property.engine.model_broker import ModelBroker

_UNKNOWN_AT_BROKER = {OrdStatus.PENDING_NEW, OrdStatus.SENT, OrdStatus.IN_DOUBT}

_STOCKS = [
    msgspec.structs.replace(one, freeze_quantity=whole(3)) if one.symbol == "INFY" else one
    for one in STOCKS
]
"""Of INFY at most three go in one order: a buy of more is slices that fill one lot."""

Place = tuple[str, str]
"""(book, position key)."""


class Encounter:
    """``check_shorts``: look that nobody sells what he has not. ``excused`` are the places that may
    go short all the same: a sell that the engine had believed ended was filled after all, by a
    report out of order or an arrival after absence was proved.
    """

    def __init__(self) -> None:
        self.world = World(_STOCKS)
        self.broker = ModelBroker(self.world.index)
        self.check_shorts = True
        self.excused: set[Place] = set()
        self._places: dict[ClOrdId, Place] = {}
        self._believed_ended: set[ClOrdId] = set()
        self._signal_buys: set[ClOrdId] = set()
        self._snapshot: tuple[int, bytes] | None = None

    # --- looking -------------------------------------------------------------------------------

    def status(self, cl_ord_id: ClOrdId) -> OrdStatus | None:
        order = self.world.state.orders.get(cl_ord_id)
        return None if order is None else order.status

    def working(self, status: OrdStatus | None = None) -> list[Order]:
        return [o for o in self.world.state.open_orders() if status in {None, o.status}]

    def known(self) -> list[Order]:
        return [o for o in self.working() if o.status not in _UNKNOWN_AT_BROKER]

    def doubtful(self) -> list[Order]:
        return [o for o in self.working() if _is_doubtful(o)]

    def waiting_requests(self) -> list[Order]:
        return [o for o in self.known() if o.request and not o.request.dispatched]

    def requests_under_way(self) -> list[tuple[PendingRequest, ClOrdId]]:
        return [
            (request, order.draft.cl_ord_id)
            for order in self.working()
            for request in (order.replacing, order.request)
            if request is not None and request.dispatched
        ]

    # --- commands ------------------------------------------------------------------------------

    def tell(self, command: c.Command) -> list[Event]:
        """Have the engine do it, and look whether anybody sold what he had not bought."""
        ended = frozenset(self._believed_ended)
        before = self.positions() if self.check_shorts else {}
        events = self.world.do(command)
        self._note_signals(events)
        if self.check_shorts:
            self._note_ends()
            self._check_nobody_sold_too_much()
            self._check_nobody_turned_over(events, before)
            for event in events:
                if isinstance(event, OrderReported):
                    # After an end that came too early a replace is not known to have been granted.
                    assert event.flag in {"", "LATE"} or event.cl_ord_id in ended
                    self._check_reported(event)
        return events

    def attempt(self, command: c.Command) -> None:
        """Like ``tell``; a refusal is fine."""
        with suppress(Refused):
            self.tell(command)

    def send(self, order: Order) -> None:
        """Dispatch a waiting order; what was dispatched is written."""
        draft = order.draft
        self.tell(c.Dispatch((draft.cl_ord_id,), self.world.state.epoch))
        if order.status is OrdStatus.SENT:
            place = (draft.book, position_key(draft.instrument, draft.product))
            self._places[draft.cl_ord_id] = place
            self.broker.write(order)

    def send_request(self, order: Order) -> None:
        """Dispatch a waiting cancel or replace, and write it."""
        cl_ord_id = order.draft.cl_ord_id
        self.tell(c.DispatchRequest(cl_ord_id, self.world.state.epoch))
        assert order.request is not None
        self.broker.write_request(cl_ord_id, order.request)

    def deliver(self, at: int, *, again: bool = False) -> None:
        """One report reaches the engine; one about a request reaches it once."""
        report = self.broker.outbox[at]
        if not again or report.exec_type in {ExecType.REPLACED, ExecType.REPLACE_REJECTED}:
            self.broker.outbox.remove(report)
        self.tell(c.BookReport(report))

    def deliver_all(self) -> None:
        while self.broker.outbox:
            self.deliver(0)

    def look_up(self, order: Order) -> None:
        """Ask the broker's book; an order or request that is still on the wire makes no proof, but
        patience may run out for an order.
        """
        cl_ord_id = order.draft.cl_ord_id
        if any(request.cl_ord_id == cl_ord_id for request in self.broker.requests):
            return
        for report in [r for r in self.broker.outbox if r.cl_ord_id == cl_ord_id]:
            self.broker.outbox.remove(report)
            self.tell(c.BookReport(report))
        true = self.broker.orders.get(cl_ord_id)
        if true is None:
            self.tell(self.world.absence(cl_ord_id))
            return
        self.tell(self.world.shown(cl_ord_id, true.status, format_fixed(true.quantity)))
        for report in true.reports:
            if report.exec_type not in {ExecType.REPLACED, ExecType.REPLACE_REJECTED}:
                self.tell(c.BookReport(report))

    def lot_size(self, order: Order) -> Quantity:
        """Of the order's instrument."""
        instrument = self.world.index.get(order.draft.instrument)
        assert instrument is not None
        return instrument.lot_size

    def keep_snapshot(self) -> None:
        """Keep what a restart could begin from; the replica goes on from a copy of it."""
        blob = encode_state(self.world.state)
        self._snapshot = (len(self.world.journal), blob)
        self.world.replica = decode_state(blob)

    def positions(self) -> dict[Place, tuple[int, int]]:
        """Of every position what is held and what is being sold."""
        return {
            (book.id, key): (held.quantity, held.selling)
            for book in self.world.state.books.values()
            for key, held in book.positions.items()
        }

    # --- signals and exits -----------------------------------------------------------------------

    def exit(self, request: ExitRequest) -> None:
        """An exit, which sells no more than nobody sells yet, and buys no more than is short. Only a
        lie makes a position that is too large for one plan.
        """
        before = self.positions()
        freed: dict[Place, int] = {}
        leaves = {k: o.leaves_quantity for k, o in self.world.state.orders.items()}
        try:
            planned = self.world.submit(request)
        except Refused:
            if self.check_shorts:
                raise
            return
        for cancel in planned.cancels:
            draft = self.world.state.orders[cancel.cl_ord_id].draft
            place = (draft.book, position_key(draft.instrument, draft.product))
            assert cancel.resell <= leaves[cancel.cl_ord_id]
            if cancel.unsent and draft.side is Side.SELL:
                freed[place] = freed.get(place, 0) + leaves[cancel.cl_ord_id]
        for place, sold in _quantities(planned.orders, Side.SELL).items():
            held, selling = before[place]
            assert sold <= held - selling + freed.get(place, 0)
        for place, bought in _quantities(planned.orders, Side.BUY).items():
            assert bought <= -before[place][0]
        assert all(draft.reduce_only for draft in planned.orders)
        assert not (request.held_only and planned.cancels)

    def signal(self, strategy: str, name: str, side: Side) -> None:
        """A signal, whose outcome is compared with what the rules say of the lots there were."""
        key = self.world.key(name)
        subscriptions = self.world.state.subscriptions[strategy]
        before = {
            account: list(self.world.book(account).lots.get(key, {}).values())
            for account in subscriptions
        }
        open_before = {
            account: {lot.id: lot for lot in lots if lot.is_open}
            for account, lots in before.items()
        }
        planned = self.world.signal(strategy, name, side)
        self._note_signals([planned])
        if side is Side.BUY:
            for draft in planned.orders:
                lots = open_before[self.world.state.books[draft.book].account]
                assert strategy not in {lot.strategy for lot in lots.values()}
            return
        self._check_sell(planned, strategy, open_before)

    def _check_sell(
        self, planned: InstructionPlanned, strategy: str, open_before: dict[str, dict[str, Lot]]
    ) -> None:
        closed: dict[str, set[str]] = {account: set() for account in open_before}
        for draft in planned.orders:
            account = self.world.state.books[draft.book].account
            closed[account] |= {part.lot for part in draft.closes}
        for cancel in planned.cancels:
            account = self.world.state.books[cancel.book].account
            closed[account].add(self.world.state.orders[cancel.cl_ord_id].lot)
        for account, lots in open_before.items():
            subscription = self.world.state.subscriptions[strategy][account]
            anyones = subscription.sell_scope is not SellScope.STRATEGY
            mine = [k for k, lot in lots.items() if lot.strategy == strategy]
            others = [k for k in lots if k in self._signal_buys and k not in mine]
            eligible = mine + (others if anyones else [])
            if closed[account]:
                assert closed[account] == {eligible[0]}
            codes = {s.reason.code for s in planned.skips if s.account == account}
            assert (ReasonCode.NO_OPEN_LOT in codes) == (not eligible)

    # --- the end -------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Whatever went on, the broker's answers bring every order to its end."""
        for _ in range(20):
            self.broker.requests.clear()
            for cl_ord_id in list(self.broker.flying):
                self.broker.arrive(cl_ord_id)
            for true in self.broker.alive():
                self.broker.finish(true, ExecType.CANCELED)
            self.deliver_all()
            for order in self.working():
                if order.status not in TERMINAL:
                    self.resolve(order)
        assert self.working() == []
        assert self.world.state.hand_fills == {}

    def check_replay(self) -> None:
        """The whole journal, and a snapshot with its tail, lead to this very state."""
        live = state_hash(self.world.state)
        assert state_hash(replayed(self.world.journal)) == live
        if self._snapshot is not None:
            length, blob = self._snapshot
            state = decode_state(blob)
            for event in self.world.journal[length:]:
                apply(state, event)
            assert state_hash(state) == live

    def resolve(self, order: Order) -> None:
        """What is not known of it is asked; what waits goes on its way."""
        cl_ord_id = order.draft.cl_ord_id
        if order.status is OrdStatus.PENDING_NEW:
            self.tell(c.ExpireUnsent((cl_ord_id,)))
        elif order.status is OrdStatus.SENT:
            self.tell(c.BookUnknown(cl_ord_id, "time-out"))
        elif _is_doubtful(order):
            self.look_up(order)
        elif order.request is not None and not order.request.dispatched:
            self.send_request(order)
        elif order.request is not None:
            for request in (order.replacing, order.request):
                if request is not None:
                    self.tell(c.BookUnknown(cl_ord_id, "time-out", request.id))
        else:
            for report in self.broker.orders[cl_ord_id].reports:
                self.tell(c.BookReport(report))

    # --- what must hold ------------------------------------------------------------------------

    def _note_signals(self, events: Iterable[Event]) -> None:
        """Which buys are those of signals, also of such as were held."""
        for event in events:
            if isinstance(event, InstructionPlanned) and isinstance(event.request, SignalRequest):
                buys = (draft for draft in event.orders if draft.side is Side.BUY)
                self._signal_buys |= {draft.cl_ord_id for draft in buys}

    def _note_ends(self) -> None:
        for cl_ord_id, order in self.world.state.orders.items():
            if order.status not in TERMINAL or cl_ord_id in self._believed_ended:
                continue
            self._believed_ended.add(cl_ord_id)
            true = self.broker.orders.get(cl_ord_id)
            ended_so = true is None or true.cum_quantity <= order.cum_quantity
            wrongly = not ended_so or cl_ord_id in self.broker.flying
            if wrongly and order.draft.side is Side.SELL:
                self.excused.add(self._places[cl_ord_id])

    def _check_reported(self, event: OrderReported) -> None:
        """Of a buy that a signal closes all that fills is sold at once; where nothing closes, nothing is."""
        order = self.world.state.orders[event.cl_ord_id]
        excused = self._places[event.cl_ord_id] in self.excused
        closer = closer_of(self.world.state, order)
        if closer is None or not closer.percent_bps:
            assert event.children == ()
        elif closer.kind == "signal" and not excused:
            assert sum(child.quantity for child in event.children) == event.last_quantity

    def _check_nobody_turned_over(
        self, events: Iterable[Event], before: dict[Place, tuple[int, int]]
    ) -> None:
        """What is sold because of a report is held and not being sold; what is bought is short."""
        after = self.positions()
        for event in events:
            if isinstance(event, OrderReported | OrderEnded):
                for place in _quantities(event.children, Side.SELL):
                    held, selling = after[place]
                    assert selling <= held or selling <= before[place][1]
                for place, bought in _quantities(event.children, Side.BUY).items():
                    assert bought <= -after[place][0]

    def _check_nobody_sold_too_much(self) -> None:
        net: dict[Place, int] = {}
        for cl_ord_id, true in self.broker.orders.items():
            place = self._places[cl_ord_id]
            sign = 1 if true.side is Side.BUY else -1
            net[place] = net.get(place, 0) + sign * true.cum_quantity
        for place, quantity in net.items():
            assert quantity >= 0 or place in self.excused, f"{place} is short: {quantity}"


def _quantities(drafts: Iterable[OrderDraft], side: Side) -> dict[Place, int]:
    """How much of each position these orders buy or sell."""
    found: dict[Place, int] = {}
    for draft in drafts:
        if draft.side is side:
            place = (draft.book, position_key(draft.instrument, draft.product))
            found[place] = found.get(place, 0) + draft.quantity
    return found


def _is_doubtful(order: Order) -> bool:
    requests = (order.request, order.replacing)
    return order.status is OrdStatus.IN_DOUBT or any(r and r.in_doubt for r in requests)
