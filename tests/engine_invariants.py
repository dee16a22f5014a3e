"""What must be true of the engine's state after every event, whatever brokers say."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from phalanx.domain.events import (
    CancelRequested,
    CashAdjusted,
    Event,
    InstructionPlanned,
    LotAdopted,
    OrderEnded,
    OrderReported,
    ReplaceRequested,
)
from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.numbers import multiply
from phalanx.domain.orders import TERMINAL, OrderDraft, OrdStatus, OrdType, RequestKind, Side
from phalanx.engine.state import Book, Instruction, Lot, Order, State, position_key


def check_state(state: State) -> None:
    """Assert everything that can be seen in the state alone."""
    in_book: dict[str, list[Order]] = defaultdict(list)
    for cl_ord_id, order in state.orders.items():
        assert order.draft.cl_ord_id == cl_ord_id
        _check_order(state, order)
        in_book[order.draft.book].append(order)
    assert set(state.ended) == {k for k, o in state.orders.items() if o.status in TERMINAL}
    _check_resting(state)
    _check_groups(state)
    assert all(state.orders[f.cl_ord_id].status not in TERMINAL for f in state.hand_fills.values())
    for book in state.books.values():
        _check_book(state, book, in_book[book.id])
    for instruction in state.instructions.values():
        _check_instruction(state, instruction)


def _check_groups(state: State) -> None:
    members = {(name, one.account) for name, group in state.groups.items() for one in group.members}
    found = [(name, account) for account, names in state.groups_of.items() for name in names]
    assert all(state.groups_of.values())
    assert sorted(found) == sorted(members)


def _check_order(state: State, order: Order) -> None:
    assert order.instruction_id in state.instructions
    assert order.cum_quantity >= 0
    assert order.quantity > 0
    assert order.hold >= 0
    request = order.request
    if order.status in TERMINAL:
        assert order.hold == 0
        assert request is None
        return
    assert order.cum_quantity < order.quantity or order.replacing is not None
    if order.draft.side is Side.SELL:
        assert order.hold == 0
    if order.status is OrdStatus.PENDING_CANCEL:
        assert request is not None
        assert request.kind is RequestKind.CANCEL
    if order.status is OrdStatus.PENDING_REPLACE:
        assert request is not None
        assert request.kind is RequestKind.REPLACE


def _check_resting(state: State) -> None:
    """Every MARKET order that works with nothing under way about it rests, and no other; in order of time."""
    expected: dict[bool, set[str]] = {False: set(), True: set()}
    for cl_ord_id, order in state.orders.items():
        works = order.status in {OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED}
        idle = order.request is None and not order.unfilled
        if works and idle and order.draft.ord_type is OrdType.MARKET:
            expected[order.draft.reduce_only].add(cl_ord_id)
    for exits, resting in ((False, state.resting_entries), (True, state.resting_exits)):
        assert set(resting) == expected[exits]
        assert sorted(resting.values()) == list(resting.values())


def _check_book(state: State, book: Book, orders: list[Order]) -> None:
    working = [order for order in orders if order.status not in TERMINAL]
    assert book.open_orders == len(working)
    assert book.orders_today >= 0
    assert book.holds == sum(order.hold for order in orders)
    doubted = Counter(o.draft.instrument for o in working if o.status is OrdStatus.IN_DOUBT)
    assert book.doubts == doubted
    _check_positions(book, working)
    _check_lots(state, book, working)
    if not working:
        assert book.holds == 0
        assert all(p.selling == 0 and p.quantity != 0 for p in book.positions.values())
        assert all(lot.reserved == 0 and lot.closing is None for lot in book.all_lots())


def _check_positions(book: Book, working: list[Order]) -> None:
    selling: Counter[str] = Counter()
    for order in working:
        if order.draft.side is Side.SELL:
            key = position_key(order.draft.instrument, order.draft.product)
            selling[key] += order.quantity - order.cum_quantity
    assert {k: p.selling for k, p in book.positions.items() if p.selling} == selling
    unsold: Counter[str] = Counter()
    for lot in book.all_lots():
        unsold[position_key(lot.instrument, lot.product)] += lot.remaining
    long = {k: p.quantity for k, p in book.positions.items() if p.quantity > 0}
    assert long == {k: quantity for k, quantity in unsold.items() if quantity}


def _check_lots(state: State, book: Book, working: list[Order]) -> None:
    buying = {o.draft.cl_ord_id: o.lot for o in working if o.draft.side is Side.BUY}
    listed: dict[str, str] = {}
    named: Counter[tuple[str, str]] = Counter()
    for instrument, lots in book.lots.items():
        assert lots, instrument
        for lot_id, lot in lots.items():
            assert (lot.id, lot.instrument) == (lot_id, instrument)
            _check_lot(state, lot)
            listed.update(dict.fromkeys(lot.buys, lot_id))
            if lot.strategy is not None and lot.is_open:
                named[lot.strategy, instrument] += 1
    assert listed == buying
    assert all(count == 1 for count in named.values()), named


def _check_lot(state: State, lot: Lot) -> None:
    assert 0 <= lot.reserved <= lot.remaining
    assert lot.cost >= 0
    assert lot.buys or lot.remaining
    assert len(set(lot.buys)) == len(lot.buys)
    if lot.closing is not None:
        closer = state.instructions[lot.closing]
        assert closer.status is InstructionStatus.WORKING
    if lot.buys == [lot.id]:
        canceler = state.instructions.get(state.orders[lot.id].closed_by or "")
        assert canceler is None or canceler.kind == "cancel" or lot.closing == canceler.id


def _check_instruction(state: State, instruction: Instruction) -> None:
    own = [o for o in state.orders.values() if o.instruction_id == instruction.id]
    others = [o for o in state.orders.values() if o.closed_by == instruction.id]
    assert instruction.open_orders == sum(o.status not in TERMINAL for o in own)
    assert instruction.watched == sum(o.status not in TERMINAL for o in others)
    assert instruction.in_memory == len(own) + len(others) > 0
    is_done = instruction.open_orders == 0 and instruction.watched == 0
    assert is_done == (instruction.status is InstructionStatus.DONE)
    assert sum(instruction.ended.values()) + instruction.open_orders == instruction.orders
    ended = Counter(o.status.value for o in own if o.status in TERMINAL)
    assert all(instruction.ended[status] >= count for status, count in ended.items())


class Ledger:
    """Books every event on its own, the simple way: what cash and positions must be, which ids were used."""

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
