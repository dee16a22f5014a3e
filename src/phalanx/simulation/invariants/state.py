"""What must be true of the engine's state after every event, whatever brokers say."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.orders import TERMINAL, OrdStatus, OrdType, RequestKind, Side
from phalanx.engine.apply.value import value_of
from phalanx.engine.state import Book, Instruction, Lot, Order, State, position_key
from phalanx.simulation.invariants.named import Invariant, holds


def check_state(state: State) -> None:
    """Everything that can be seen in the state alone. Raises Violation."""
    in_book: dict[str, list[Order]] = defaultdict(list)
    own: dict[str, list[Order]] = defaultdict(list)
    watched: dict[str, list[Order]] = defaultdict(list)
    with holds(Invariant.STATE):
        for cl_ord_id, order in state.orders.items():
            assert order.draft.cl_ord_id == cl_ord_id
            _check_order(state, order)
            in_book[order.draft.book].append(order)
            own[order.instruction_id].append(order)
            watched[order.closed_by or ""].append(order)
        assert not set(state.ended) & set(state.kept)
        assert {*state.ended, *state.kept} == {
            k for k, o in state.orders.items() if o.status in TERMINAL
        }
        _check_resting(state)
        _check_groups(state)
        for fill in state.hand_fills.values():
            assert state.orders[fill.cl_ord_id].status not in TERMINAL
        for instruction in state.instructions.values():
            _check_instruction(instruction, own[instruction.id], watched[instruction.id])
    for book in state.books.values():
        working = [order for order in in_book[book.id] if order.status not in TERMINAL]
        with holds(Invariant.HOLDS):
            _check_holds(book, working)
        with holds(Invariant.LOTS):
            _check_positions(book, working)
            _check_lots(state, book, working)


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
        idle = order.request is None and not order.unfilled and not order.missing
        if works and idle and order.draft.ord_type is OrdType.MARKET:
            expected[order.draft.reduce_only].add(cl_ord_id)
    for exits, resting in ((False, state.resting_entries), (True, state.resting_exits)):
        assert set(resting) == expected[exits]
        assert sorted(resting.values()) == list(resting.values())


def _check_holds(book: Book, working: Sequence[Order]) -> None:
    assert book.open_orders == len(working)
    assert book.orders_today >= 0
    assert book.holds == sum(order.hold for order in working)
    doubted = Counter(o.draft.instrument for o in working if o.status is OrdStatus.IN_DOUBT)
    assert book.doubts == doubted
    if not working:
        assert all(p.selling == 0 and p.quantity != 0 for p in book.positions.values())
        assert all(lot.reserved == 0 and lot.closing is None for lot in book.all_lots())


def _check_positions(book: Book, working: Sequence[Order]) -> None:
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


def _check_lots(state: State, book: Book, working: Sequence[Order]) -> None:
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


def _check_instruction(
    instruction: Instruction, own: Sequence[Order], others: Sequence[Order]
) -> None:
    """Its counts; ``others`` are the orders that it cancels because it closes their lots."""
    assert instruction.open_orders == sum(o.status not in TERMINAL for o in own)
    assert instruction.watched == sum(o.status not in TERMINAL for o in others)
    assert instruction.in_memory == len(own) + len(others) > 0
    is_done = instruction.open_orders == 0 and instruction.watched == 0
    assert is_done == (instruction.status is InstructionStatus.DONE)
    assert sum(instruction.ended.values()) + instruction.open_orders == instruction.orders
    assert all(o.at_risk == value_of(o) for o in own)
    at_risk = sum(o.at_risk for o in own)
    gone = instruction.value_at_risk - at_risk
    assert gone == 0 if len(own) == instruction.orders else gone >= 0
    ended = Counter(o.status.value for o in own if o.status in TERMINAL)
    assert all(instruction.ended[status] >= count for status, count in ended.items())
