"""What the disk says, read record by record as it grows, and kept the simplest way."""

from collections import Counter
from collections.abc import Iterator

from phalanx.domain.accounts import BookId
from phalanx.domain.events import (
    Event,
    FillOrdered,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    LotAdopted,
    OrderEnded,
    OrderReported,
    OrdersDispatched,
    RequestDispatched,
    decode_events,
)
from phalanx.domain.instructions import BatchRequest, FollowUp, InstructionId
from phalanx.domain.orders import ClOrdId, OrderDraft, Product, Side
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import position_key
from phalanx.journal.memory import MemoryDisk
from phalanx.journal.record import decode_row
from tests.engine_invariants import Ledger

Place = tuple[str, str | None, str, Product]
"""(book, strategy, instrument, product)."""


class Disk:
    """Follows the records and looks, event by event, whether each of them may be there."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self._record = 0
        self._last_key = ""
        self._expires: dict[ClOrdId, Nanoseconds] = {}
        self.ledger = Ledger()
        self.dispatched: set[str] = set()
        self.firsts: dict[str, Event] = {}
        """The first event of every idempotency key."""
        self.instructions: Counter[InstructionId] = Counter()
        """How often each was planned, or ended without a plan."""
        self.held: dict[InstructionId, InstructionHeld] = {}
        self.drafts: dict[ClOrdId, OrderDraft] = {}
        self.hand_fills: Counter[str] = Counter()
        """How often each fill by hand was reported."""
        self.filled: Counter[Place] = Counter()
        """Bought and not sold."""
        self._executions: set[tuple[ClOrdId, str]] = set()
        self._followed: dict[ClOrdId, tuple[InstructionId, int]] = {}
        self._adopted: set[ClOrdId] = set()
        self._fills: Counter[BookId] = Counter()

    def follow(self) -> None:
        """Take in what is new."""
        for event in self._news():
            self.ledger.book(event)
            self._use_key(event)
            self._take(event)

    def _news(self) -> Iterator[Event]:
        tail = self._disk.tail
        assert tail is not None
        while self._record < tail.record:
            self._record += 1
            blob = self._disk.blobs[self._record]
            record = decode_row(self._record, blob, is_last=self._record == tail.record)
            yield from decode_events(record.body)

    def _use_key(self, event: Event) -> None:
        """One command's events stand together; a held instruction's plan has the key it was held with."""
        origin = getattr(event, "origin", None)
        key = "" if origin is None else origin.idempotency_key
        is_release = isinstance(event, InstructionPlanned) and event.instruction_id in self.held
        if key and key != self._last_key and not is_release:
            assert key not in self.firsts, f"{key} was used twice"
            self.firsts[key] = event
        self._last_key = "" if is_release else key

    def _take(self, event: Event) -> None:
        match event:
            case InstructionHeld():
                assert event.instruction_id not in self.held
                assert event.instruction_id not in self.instructions
                self.held[event.instruction_id] = event
            case InstructionPlanned():
                self._plan(event)
            case InstructionEnded():
                assert event.instruction_id in self.held, "what was not held ends with its orders"
                self.instructions[event.instruction_id] += 1
            case OrderReported():
                self._draw(event.children)
                self._fill(event)
            case OrderEnded():
                self._draw(event.children)
            case LotAdopted():
                self._adopted.add(event.lot)
                place = (event.book, None, event.instrument, event.product)
                self.filled[place] += event.quantity
            case FillOrdered():
                self.hand_fills[event.exec_id] = 0
            case OrdersDispatched():
                self._dispatch(event)
            case RequestDispatched():
                self.dispatched.add(event.request_id)
            case _:
                pass

    def _plan(self, event: InstructionPlanned) -> None:
        self.instructions[event.instruction_id] += 1
        held = self.held.get(event.instruction_id)
        if held is not None:
            assert held.fire_at <= event.time < held.expires_at, f"{held.instruction_id} in time"
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

    def _follow(self, event: InstructionPlanned, source: ClOrdId, draft: OrderDraft) -> None:
        """An order is retried or reversed once; slices of one row are one follow-up. Who repeats that
        knows what he does.
        """
        place = (event.instruction_id, draft.row)
        known = self._followed.setdefault(source, place)
        assert known == place, f"{source} was followed up by {known} and {place}"

    def _dispatch(self, event: OrdersDispatched) -> None:
        self.dispatched.update(event.cl_ord_ids)
        for cl_ord_id in event.cl_ord_ids:
            expires = self._expires.get(cl_ord_id)
            assert expires is None or event.time < expires, f"{cl_ord_id} was dispatched too late"

    def _draw(self, drafts: tuple[OrderDraft, ...]) -> None:
        for draft in drafts:
            self.drafts[draft.cl_ord_id] = draft

    def _fill(self, event: OrderReported) -> None:
        draft = self.drafts[event.cl_ord_id]
        exec_id = event.report.exec_id
        if exec_id in self.hand_fills:
            self.hand_fills[exec_id] += 1
        if not event.last_quantity:
            return
        assert (event.cl_ord_id, exec_id) not in self._executions, f"{exec_id} was booked twice"
        self._executions.add((event.cl_ord_id, exec_id))
        self._check_book(draft)
        if draft.side is Side.BUY:
            place = (draft.book, draft.strategy, draft.instrument, draft.product)
            self.filled[place] += event.last_quantity
            return
        start = event.cum_quantity - event.last_quantity
        edge = 0
        for closing in draft.closes:
            part = min(event.cum_quantity, edge + closing.quantity) - max(start, edge)
            if part > 0:
                adopted = closing.lot in self._adopted
                strategy = None if adopted else self.drafts[closing.lot].strategy
                self.filled[draft.book, strategy, draft.instrument, draft.product] -= part
            edge += closing.quantity
        assert event.cum_quantity <= edge, f"{event.cl_ord_id} sold what it does not close"

    def fills(self, book: BookId) -> int:
        """How many executions a book had."""
        return self._fills[book]

    def _check_book(self, draft: OrderDraft) -> None:
        """A fill just booked turned no position over and spent nothing that was not there.

        The charges of every fill are rounded up, a hold's only once: of that last decimal nothing is
        said.
        """
        key = position_key(draft.instrument, draft.product)
        held = self.ledger.positions[draft.book, key]
        assert held >= 0, f"{draft.cl_ord_id} turned {draft.book} {key} over: {held}"
        cash = self.ledger.cash[draft.book]
        self._fills[draft.book] += 1
        assert cash >= -self._fills[draft.book], (
            f"{draft.cl_ord_id} took the cash of {draft.book} to {cash}"
        )
