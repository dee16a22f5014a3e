"""What the disk says, read record by record as it grows, and kept the simplest way."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from phalanx.domain.breaks import BreakKind
from phalanx.domain.events import (
    BreakFiled,
    DispatchLapsed,
    Event,
    FillOrdered,
    ForeignFillBooked,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    KillPut,
    LotAdopted,
    OrderDoubted,
    OrderEnded,
    OrderReported,
    OrdersDispatched,
    ReplaceRequested,
    RequestDispatched,
    TermBegan,
    decode_events,
)
from phalanx.domain.instructions import BatchRequest, CancelOpenRequest, FollowUp, InstructionId
from phalanx.domain.orders import TERMINAL, ClOrdId, OrderDraft, OrdStatus
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import Nanoseconds
from phalanx.engine.apply import apply
from phalanx.engine.ids import counter_of
from phalanx.engine.state import State
from phalanx.journal.memory import MemoryDisk
from phalanx.journal.record import decode_row
from phalanx.simulation.invariants.executions import Executions, Place
from phalanx.simulation.invariants.ledger import Ledger
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.invariants.persons import SecondPerson
from phalanx.simulation.invariants.second_looks import SecondLooks

__all__ = ["Disk", "Place"]


class Disk:
    """Follows the records and looks, event by event, whether each of them may be there.

    ``state`` is what a process would have that replays them all. ``follow`` raises Violation.
    """

    _shown = -1
    """The greatest counter of an id that a broker showed and the journal did not know."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self._record = 0
        self._keys: dict[str, bool] = {}
        """The keys of the record that is read, each with whether it has made an instruction."""
        self._expires: dict[ClOrdId, Nanoseconds] = {}
        self._strategies: dict[ClOrdId, str] = {}
        self._ended: dict[ClOrdId, OrdStatus] = {}
        self._followed: dict[ClOrdId, tuple[InstructionId, int]] = {}
        self.state, self.ledger = State(), Ledger()
        self.second_looks, self.second_person = SecondLooks(), SecondPerson()
        self.executions = Executions(self.ledger)
        self.dispatched: dict[str, Nanoseconds] = {}
        """For how long each order or request may be written after its latest dispatch."""
        self.dispatches = False
        """Whether the record that was read last allows orders to be written."""
        self.fresh: list[str] = []
        """Those whose dispatch was not there before; who takes note of them empties this."""
        self.firsts: dict[str, Event] = {}
        """The first event of every idempotency key."""
        self.instructions: Counter[InstructionId] = Counter()
        """How often each was planned, or ended without a plan."""
        self.held: dict[InstructionId, InstructionHeld] = {}
        self.drafts: dict[ClOrdId, OrderDraft] = {}
        self.absent: set[ClOrdId] = set()
        """The orders of which readings proved that no broker ever received them."""
        self.kills: Counter[str] = Counter()
        """How often a kill was journaled under each key."""
        self.events: Counter[str] = Counter()
        """How many there are of each kind."""
        self._takers: dict[type, Callable[[Any], None]] = {
            InstructionHeld: self._hold,
            InstructionPlanned: self._plan,
            InstructionEnded: self._end,
            OrderReported: self._move,
            OrderEnded: self._move,
            OrderDoubted: lambda event: self._doubt((event.cl_ord_id,)),
            TermBegan: lambda event: self._doubt(event.doubted),
            LotAdopted: self.executions.adopt,
            ForeignFillBooked: self.executions.book_foreign,
            BreakFiled: self._file,
            FillOrdered: self._hand_fill,
            KillPut: self._kill,
            OrdersDispatched: self._dispatch,
            DispatchLapsed: self._lapse,
            RequestDispatched: self._dispatch_request,
            ReplaceRequested: self._replace,
        }

    @property
    def filled(self) -> Counter[Place]:
        """Bought and not sold."""
        return self.executions.filled

    def follow(self) -> None:
        """Take in what is new."""
        for event in self._news():
            apply(self.state, event)
            self.events[type(event).__name__] += 1
            with holds(Invariant.STATE):
                self.ledger.book(event)
            self.second_person.take((event,))
            self._use_key(event)
            self.second_looks.take(event)
            self._take(event)

    def _news(self) -> Iterator[Event]:
        tail = self._disk.tail
        assert tail is not None
        while self._record < tail.record:
            self._record += 1
            blob = self._disk.blobs[self._record]
            record = decode_row(self._record, blob, is_last=self._record == tail.record)
            self._keys.clear()
            self.second_person.begin_record()
            self.dispatches = False
            yield from decode_events(record.body)

    def _use_key(self, event: Event) -> None:
        """A command's events stand in one record, where only one of them makes an instruction; a held
        instruction's plan has the key it was held with, and the parts of one cancel share theirs.
        """
        origin = getattr(event, "origin", None)
        key = "" if origin is None else origin.idempotency_key
        if not key or (isinstance(event, InstructionPlanned) and event.instruction_id in self.held):
            return
        with holds(Invariant.ONE_PER_KEY):
            known = self.firsts.setdefault(key, event)
            assert known is event or key in self._keys, f"{key} was used twice"
            makes = isinstance(event, InstructionPlanned | InstructionHeld) and not isinstance(
                event.request, CancelOpenRequest
            )
            assert not (makes and self._keys.get(key)), f"{key} made two instructions"
            self._keys[key] = makes or self._keys.get(key, False)

    def _take(self, event: Event) -> None:
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event)

    def _hold(self, event: InstructionHeld) -> None:
        with holds(Invariant.PLANNED_ONCE):
            assert event.instruction_id not in self.held
            assert event.instruction_id not in self.instructions
        self.held[event.instruction_id] = event

    def _end(self, event: InstructionEnded) -> None:
        with holds(Invariant.PLANNED_ONCE):
            assert event.instruction_id in self.held, "what was not held ends with its orders"
        self._count(event.instruction_id)

    def _hand_fill(self, event: FillOrdered) -> None:
        self.executions.by_hand[event.exec_id] = 0

    def _file(self, event: BreakFiled) -> None:
        if event.found.kind is BreakKind.ORDER_UNKNOWN:
            self._shown = max(self._shown, self._counter(event.found.subject))

    def _counter(self, cl_ord_id: ClOrdId) -> int:
        counter = counter_of(cl_ord_id, self.state.desk_id, self.state.shard)
        return -1 if counter is None else counter

    def _kill(self, event: KillPut) -> None:
        key = event.origin.idempotency_key
        self.kills[key] += 1
        with holds(Invariant.ADOPTED_ONCE):
            assert not key or self.kills[key] == 1, f"the kill of {key} was journaled twice"

    def _lapse(self, event: DispatchLapsed) -> None:
        for cl_ord_id in event.cl_ord_ids:
            self.dispatched.pop(cl_ord_id, None)

    def _dispatch_request(self, event: RequestDispatched) -> None:
        self.dispatched[event.request_id] = event.deadline - event.time
        self.fresh.append(event.request_id)

    def _replace(self, event: ReplaceRequested) -> None:
        ordered = self.executions.ordered
        ordered[event.cl_ord_id] = max(ordered[event.cl_ord_id], event.quantity)

    def _plan(self, event: InstructionPlanned) -> None:
        self._count(event.instruction_id)
        held = self.held.get(event.instruction_id)
        with holds(Invariant.PLANNED_ONCE):
            if held is not None:
                begins, ends = self.second_looks.windows[held.instruction_id]
                assert begins <= event.time < ends, f"{held.instruction_id} late"
                assert (held.request, held.origin) == (event.request, event.origin)
            assert event.refusal is None or not event.orders
        self._draw(event.orders)
        for draft in event.orders:
            self._expires[draft.cl_ord_id] = event.expires_at
        if isinstance(event.request, BatchRequest) and event.follow_up is not FollowUp.REPEAT:
            for draft in event.orders:
                source = event.request.rows[draft.row - 1].source
                if source:
                    self._follow(event, source, draft)

    def _count(self, instruction_id: InstructionId) -> None:
        self.instructions[instruction_id] += 1
        with holds(Invariant.PLANNED_ONCE):
            assert self.instructions[instruction_id] == 1, f"{instruction_id} was planned twice"

    def _follow(self, event: InstructionPlanned, source: ClOrdId, draft: OrderDraft) -> None:
        """An order is retried or reversed once; slices of one row are one follow-up. Who repeats that
        knows what he does.
        """
        place = (event.instruction_id, draft.row)
        with holds(Invariant.FOLLOWED_ONCE):
            known = self._followed.setdefault(source, place)
            assert known == place, f"{source} was followed up by {known} and {place}"

    def _dispatch(self, event: OrdersDispatched) -> None:
        self.dispatches = True
        for cl_ord_id in event.cl_ord_ids:
            self.dispatched[cl_ord_id] = event.deadline - event.time
            self.fresh.append(cl_ord_id)
            expires = self._expires.get(cl_ord_id)
            with holds(Invariant.WRITTEN_ONCE):
                in_time = expires is None or event.time < expires
                assert in_time, f"{cl_ord_id} was dispatched too late"

    def _doubt(self, cl_ord_ids: tuple[ClOrdId, ...]) -> None:
        with holds(Invariant.DOUBT_AFTER_DISPATCH):
            for cl_ord_id in cl_ord_ids:
                assert cl_ord_id in self.dispatched, f"{cl_ord_id} was never dispatched"

    def _draw(self, drafts: tuple[OrderDraft, ...]) -> None:
        for draft in drafts:
            if self._shown >= 0:
                with holds(Invariant.LOST_TAIL):
                    is_new = self._counter(draft.cl_ord_id) > self._shown
                    assert is_new, f"{draft.cl_ord_id} may be the id of an order that was lost"
            self.drafts[draft.cl_ord_id] = draft
            self.executions.ordered[draft.cl_ord_id] = draft.quantity
            if draft.strategy is not None:
                self._strategies[draft.cl_ord_id] = draft.strategy

    def _move(self, event: OrderReported | OrderEnded) -> None:
        """An order moved on. One that had ended moves on only under a flag that a person sees."""
        self._draw(event.children)
        before = self._ended.get(event.cl_ord_id)
        flag = ""
        if isinstance(event, OrderReported):
            flag = event.flag
            draft = self.drafts[event.cl_ord_id]
            self.executions.book(event, draft, self._strategies)
        elif event.reason.code is ReasonCode.ABSENT_AT_BROKER:
            self.absent.add(event.cl_ord_id)
        if before is not None:
            with holds(Invariant.TERMINAL_KEPT):
                told = flag or event.status is before
                assert told, f"{event.cl_ord_id} was {before.name}, is {event.status.name}"
        if event.status in TERMINAL:
            self._ended[event.cl_ord_id] = event.status
        else:
            self._ended.pop(event.cl_ord_id, None)
