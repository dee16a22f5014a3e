"""The simplest books there are: what cash and positions must be after every event, and which ids were used."""

from collections import Counter
from collections.abc import Iterable

from phalanx.domain.events import (
    CancelRequested,
    CashAdjusted,
    Event,
    ForeignFillBooked,
    InstructionPlanned,
    LotAdopted,
    OrderEnded,
    OrderReported,
    ReplaceRequested,
)
from phalanx.domain.numbers import multiply
from phalanx.domain.orders import OrderDraft, Side
from phalanx.engine.state import State, position_key


class Ledger:
    """Books every event on its own, the simple way."""

    def __init__(self) -> None:
        self.cash: Counter[str] = Counter()
        self.positions: Counter[tuple[str, str]] = Counter()
        self.filled: Counter[str] = Counter()
        self._orders: dict[str, tuple[str, str, Side]] = {}
        self._ids: set[str] = set()

    def book(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case CashAdjusted(book=book, amount=amount):
                self.cash[book] += amount
            case LotAdopted():
                self._new(event.lot)
                key = position_key(event.instrument, event.product)
                self.positions[event.book, key] += event.quantity
            case InstructionPlanned():
                self._new(event.instruction_id)
                self._place(event.orders)
                for cancel in event.cancels:
                    self._new(cancel.request_id)
            case CancelRequested(request_id=id) | ReplaceRequested(request_id=id):
                self._new(id)
            case OrderEnded():
                self._place(event.children)
            case OrderReported():
                self._place(event.children)
                self._report(event)
            case ForeignFillBooked():
                self._book_foreign(event)
            case _:
                pass

    def check(self, state: State) -> None:
        """Assert that the state says the same."""
        for book in state.books.values():
            assert book.cash == self.cash[book.id]
        positions: Counter[tuple[str, str]] = Counter()
        for book in state.books.values():
            for key, held in book.positions.items():
                positions[book.id, key] += held.quantity
        assert {k: q for k, q in positions.items() if q} == {
            k: q for k, q in self.positions.items() if q
        }

    def _place(self, drafts: Iterable[OrderDraft]) -> None:
        for draft in drafts:
            self._new(draft.cl_ord_id)
            key = position_key(draft.instrument, draft.product)
            self._orders[draft.cl_ord_id] = (draft.book, key, draft.side)

    def _new(self, id: str) -> None:
        assert id not in self._ids, f"{id} is used twice"
        self._ids.add(id)

    def _book_foreign(self, event: ForeignFillBooked) -> None:
        sign = 1 if event.side is Side.BUY else -1
        key = position_key(event.instrument, event.product)
        self.positions[event.book, key] += sign * event.quantity
        value = multiply(event.price, event.quantity)
        self.cash[event.book] -= sign * value + event.charges

    def _report(self, event: OrderReported) -> None:
        assert event.cum_quantity >= self.filled[event.cl_ord_id], "CumQty fell"
        assert event.cum_quantity == self.filled[event.cl_ord_id] + event.last_quantity
        self.filled[event.cl_ord_id] = event.cum_quantity
        book, key, side = self._orders[event.cl_ord_id]
        value = multiply(event.report.last_price, event.last_quantity)
        sign = 1 if side is Side.BUY else -1
        self.positions[book, key] += sign * event.last_quantity
        charges = event.report.charges if event.last_quantity else 0
        self.cash[book] -= sign * value + charges
