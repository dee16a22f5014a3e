"""What a seeded story must never break, judged by the disk and the wire alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from phalanx.brokers.port import PlaceRequest
from phalanx.desk.recovery import rebuild
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import (
    CancelRequested,
    Event,
    InstructionPlanned,
    OrderReported,
    OrdersDispatched,
    ReplaceRequested,
    RequestDispatched,
    decode_events,
)
from phalanx.domain.instructions import Origin
from phalanx.domain.orders import OrderDraft, OrdStatus, Side
from phalanx.domain.time import MILLISECOND, Nanoseconds
from phalanx.engine.state import state_hash
from phalanx.journal.memory import MemoryDisk, MemoryJournal
from phalanx.journal.record import decode_row
from phalanx.simulation.wire import Request
from phalanx.simulation.world import World
from tests.engine_invariants import Ledger, check_state
from tests.fakes.boards import check_boards
from tests.fakes.replica import Replica

_UNRESOLVED = frozenset({OrdStatus.SENT, OrdStatus.IN_DOUBT})


class Disk:
    """What the disk says, read record by record as it grows, and kept the simplest way."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self._record = 0
        self.ledger = Ledger()
        self.dispatched: set[str] = set()
        self.instructions: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.drafts: dict[str, OrderDraft] = {}
        self.filled: Counter[tuple[str, str | None, str]] = Counter()
        """Bought and not sold, by (book, strategy, instrument)."""

    def follow(self) -> None:
        """Take in what is new."""
        for event in self._news():
            self.ledger.book(event)
            match event:
                case InstructionPlanned():
                    self.instructions[event.instruction_id] += 1
                    self._use(event.origin)
                    self._draw(event.orders)
                case OrderReported():
                    self._draw(event.children)
                    self._fill(event)
                case OrdersDispatched():
                    self.dispatched.update(event.cl_ord_ids)
                case RequestDispatched():
                    self.dispatched.add(event.request_id)
                case CancelRequested() | ReplaceRequested():
                    self._use(event.origin)
                case _:
                    pass

    def _news(self) -> Iterator[Event]:
        tail = self._disk.tail
        assert tail is not None
        while self._record < tail.record:
            self._record += 1
            blob = self._disk.blobs[self._record]
            record = decode_row(self._record, blob, is_last=self._record == tail.record)
            yield from decode_events(record.body)

    def _use(self, origin: Origin) -> None:
        if origin.idempotency_key:
            self.keys[origin.idempotency_key] += 1

    def _draw(self, drafts: tuple[OrderDraft, ...]) -> None:
        for draft in drafts:
            self.drafts[draft.cl_ord_id] = draft

    def _fill(self, event: OrderReported) -> None:
        draft = self.drafts[event.cl_ord_id]
        if draft.side is Side.BUY:
            self.filled[draft.book, draft.strategy, draft.instrument] += event.last_quantity
            return
        start = event.cum_quantity - event.last_quantity
        edge = 0
        for closing in draft.closes:
            part = min(event.cum_quantity, edge + closing.quantity) - max(start, edge)
            if part > 0:
                strategy = self.drafts[closing.lot].strategy
                self.filled[draft.book, strategy, draft.instrument] -= part
            edge += closing.quantity


class Truth:
    """Sees every write, and looks at the whole when asked to."""

    def __init__(self) -> None:
        self.world: World
        self.disk: Disk
        self.replica: Replica
        self.acknowledged: dict[str, str] = {}
        """The instruction of every idempotency key that was answered."""
        self.written: set[str] = set()
        self._times: dict[AccountId, list[Nanoseconds]] = defaultdict(list)

    def watch(self, world: World) -> None:
        self.world = world
        self.disk = Disk(world.disk)

    def see_write(self, request: Request) -> None:
        """The kernel takes a request: was that allowed?"""
        self.disk.follow()
        is_order = isinstance(request, PlaceRequest)
        key = request.cl_ord_id if is_order else request.request_id  # type: ignore[union-attr]
        assert key not in self.written, f"{key} was written twice"
        self.written.add(key)
        assert key in self.disk.dispatched, f"{key} was written without a dispatch on the disk"
        state = self.world.desk.state
        if is_order and not self.disk.drafts[request.cl_ord_id].reduce_only:
            assert not {"", request.account} & state.kills.keys(), f"{key} was written under a kill"
        limit = state.accounts[request.account].rate_limit
        times = self._times[request.account]
        times.append(self.world.clock.monotonic())
        if limit.count and len(times) > limit.count:
            window = times[-1] - times[-1 - limit.count]
            assert window >= limit.window_ms * MILLISECOND, f"{request.account} is above its limit"

    def acknowledge(self, key: str, instruction_id: str) -> None:
        """A caller was told; asked again it must be told the same."""
        known = self.acknowledged.setdefault(key, instruction_id)
        assert known == instruction_id, f"{key} was answered with {known} and {instruction_id}"

    def unresolved(self) -> list[str]:
        """The orders that are sent, or in doubt, as the disk has them now."""
        state = rebuild(_reader(self.world))
        return [o.draft.cl_ord_id for o in state.open_orders() if o.status in _UNRESOLVED]

    def begin(self, unresolved: list[str]) -> None:
        """A process has opened its doors: what was in doubt before is known now."""
        state = self.world.desk.state
        for cl_ord_id in unresolved:
            assert state.orders[cl_ord_id].status not in _UNRESOLVED, f"{cl_ord_id} is in doubt"
        for order in state.open_orders():
            assert order.request is None or not order.request.in_doubt
        assert not self.world.desk.closed
        self.replica = Replica(self.world.desk.stream)
        self.check()

    def check(self) -> None:
        """At any time between two turns of the loop."""
        self.disk.follow()
        for key, instruction_id in self.acknowledged.items():
            assert self.disk.instructions[instruction_id] == 1, f"{instruction_id} of {key} is lost"
        assert all(count == 1 for count in self.disk.keys.values()), "a key was used twice"
        assert all(count == 1 for count in self.disk.instructions.values())
        check_state(self.world.desk.state)
        durable = rebuild(_reader(self.world))
        assert state_hash(durable) == state_hash(rebuild(_reader(self.world), use_snapshot=False))
        check_state(durable)
        self.disk.ledger.check(durable)
        if durable.seq == self.world.desk.state.seq == self.world.desk.stream.seq:
            assert state_hash(durable) == state_hash(self.world.desk.state), "replay differs"
            check_boards(self.world.desk._boards, durable)
            self.replica.check()

    def check_rest(self) -> None:
        """Nothing is open any more."""
        self.check()
        state = self.world.desk.state
        assert self.world.desk.durable_seq == state.seq
        left = {o.draft.cl_ord_id: o.status.name for o in state.open_orders()}
        assert not left, f"never ended: {left}"
        for book in state.books.values():
            assert (book.holds, book.open_orders, book.doubts) == (0, 0, {})
        lots: Counter[tuple[str, str | None, str]] = Counter()
        for book in state.books.values():
            for lot in book.all_lots():
                lots[book.id, lot.strategy, lot.instrument] += lot.remaining
        expected = {key: quantity for key, quantity in self.disk.filled.items() if quantity}
        assert lots == expected, "the open lots are not what was bought and not sold"
        check_idle(self.world)


def check_idle(world: World) -> None:
    """Nobody waits in a lane, no place in a window is taken for ever, nothing is remembered in vain."""
    firing = world.desk.firing
    for lane in firing.turns:
        assert not lane, f"somebody waits in {lane.account}"
        assert lane.window._pending == 0, f"{lane.account} leaked a place"
    assert not firing._queued
    assert not firing._queued_requests
    assert not firing._unanswered
    assert not firing._waited
    assert not firing._children


def _reader(world: World) -> MemoryJournal:
    return MemoryJournal(world.disk)
