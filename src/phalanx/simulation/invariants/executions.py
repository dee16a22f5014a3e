"""Executions on the disk: each booked once, where it belongs, and what they make of lots and cash."""

from collections import Counter

from phalanx.domain.accounts import BookId
from phalanx.domain.events import ForeignFillBooked, LotAdopted, OrderReported
from phalanx.domain.numbers import Quantity, multiply
from phalanx.domain.orders import ClOrdId, ExecType, OrderDraft, Product, Side, parts_closed
from phalanx.engine.state import position_key
from phalanx.simulation.invariants.ledger import Ledger
from phalanx.simulation.invariants.named import Invariant, holds

Place = tuple[str, str | None, str, Product]
"""(book, strategy, instrument, product)."""


class Executions:
    """Fills of our orders and of other people's, kept the simplest way beside a `Ledger`."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.filled: Counter[Place] = Counter()
        """Bought and not sold."""
        self.by_hand: Counter[str] = Counter()
        """How often each fill by hand was reported."""
        self.replaced: Counter[ClOrdId] = Counter()
        """How often an order was replaced, as its broker is said to have granted it."""
        self.outside: set[tuple[BookId, str]] = set()
        """The positions that somebody traded in outside: of those more is possible."""
        self.ordered: dict[ClOrdId, Quantity] = {}
        """The most that may be filled of each order: replaces may only have raised it."""
        self._booked: set[tuple[str, str]] = set()
        self._adopted: set[ClOrdId] = set()
        self._count: Counter[BookId] = Counter()
        self._spent_outside: Counter[BookId] = Counter()

    def adopt(self, event: LotAdopted) -> None:
        """Somebody's position of before."""
        self._adopted.add(event.lot)
        self.filled[event.book, None, event.instrument, event.product] += event.quantity

    def count(self, book: BookId) -> int:
        """How many executions a book had."""
        return self._count[book]

    def spent_outside(self, book: BookId) -> int:
        """What trades outside, and buying back what they sold, took of a book's cash: what was promised
        before may be missing now.
        """
        return self._spent_outside[book]

    def book(self, event: OrderReported, draft: OrderDraft, strategies: dict[ClOrdId, str]) -> None:
        """A fill of one of our orders. ``strategies``: of whose buy a lot is; without one of nobody's."""
        if event.report.exec_type is ExecType.REPLACED:
            self.replaced[event.cl_ord_id] += 1
        exec_id = event.report.exec_id
        if exec_id in self.by_hand:
            self.by_hand[exec_id] += 1
        if not event.last_quantity:
            return
        with holds(Invariant.BOOKED_ONCE):
            # An exec id is unique within a book for ever: however it comes, on an order or without.
            once = (draft.book, exec_id)
            assert not exec_id or once not in self._booked, f"{exec_id} was booked twice"
            self._booked.add(once)
        with holds(Invariant.FILLED_WITHIN_ORDERED):
            most = self.ordered[event.cl_ord_id]
            seen = event.flag or event.cum_quantity <= most
            assert seen, f"{event.cl_ord_id}: {event.cum_quantity} filled of {most}"
        if draft.reduce_only and draft.side is Side.BUY:
            # A short is bought back whatever there is: somebody sold it outside.
            value = multiply(event.report.last_price, event.last_quantity)
            self._spent_outside[draft.book] += value + event.report.charges
        self._check_book(draft)
        place = (draft.book, draft.strategy, draft.instrument, draft.product)
        if draft.side is Side.BUY:
            self.filled[place] += event.last_quantity
        else:
            self._sell(event, draft, strategies)

    def book_foreign(self, event: ForeignFillBooked) -> None:
        """An execution outside, or of an order that is not in memory any more."""
        with holds(Invariant.BOOKED_ONCE):
            once = (event.book, event.exec_id)
            assert once not in self._booked, f"{event.exec_id} was booked twice"
            self._booked.add(once)
        self.outside.add((event.book, position_key(event.instrument, event.product)))
        self._count[event.book] += 1
        if event.side is Side.BUY:
            value = multiply(event.price, event.quantity)
            self._spent_outside[event.book] += value + event.charges

    def _sell(
        self, event: OrderReported, draft: OrderDraft, strategies: dict[ClOrdId, str]
    ) -> None:
        start = event.cum_quantity - event.last_quantity
        for closing, part in parts_closed(draft.closes, start, event.cum_quantity):
            strategy = None if closing.lot in self._adopted else strategies.get(closing.lot)
            self.filled[draft.book, strategy, draft.instrument, draft.product] -= part
        with holds(Invariant.LOTS):
            closed = sum(closing.quantity for closing in draft.closes)
            assert event.flag or event.cum_quantity <= closed, (
                f"{event.cl_ord_id} sold what it does not close"
            )

    def _check_book(self, draft: OrderDraft) -> None:
        """A fill just booked turned no position over and spent nothing that was not there.

        The charges of every fill are rounded up, a hold's only once: of that last decimal nothing is
        said. What somebody does outside is theirs.
        """
        key = position_key(draft.instrument, draft.product)
        self._count[draft.book] += 1
        with holds(Invariant.POSITIONS):
            held = self.ledger.positions[draft.book, key]
            turned = held < 0 and (draft.book, key) not in self.outside
            assert not turned, f"{draft.cl_ord_id} turned {draft.book} {key} over: {held}"
        with holds(Invariant.CASH):
            cash = self.ledger.cash[draft.book] + self._spent_outside[draft.book]
            assert cash >= -self._count[draft.book], (
                f"{draft.cl_ord_id} took the cash of {draft.book} to {cash}"
            )
