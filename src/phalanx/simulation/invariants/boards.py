"""Whether the boards show what the state holds, for a desk at rest."""

from phalanx.desk.showing.boards import Boards
from phalanx.desk.showing.messages import InstructionRow, OrderRow, kill_name
from phalanx.domain.instructions import WaitsFor
from phalanx.domain.orders import OrdStatus
from phalanx.engine.held.waiting import HeldInstruction
from phalanx.engine.state import Instruction, Order, State


def check_boards(boards: Boards, state: State) -> None:
    """Every row says what the state says, and no row is missing. Raises AssertionError."""
    topics = boards.stream.topics
    assert topics["orders"].rows.keys() == state.orders.keys()
    for cl_ord_id, order in state.orders.items():
        _check_order(topics["orders"].rows[cl_ord_id], order)
    shown = {
        key: (row.account, row.mode, row.cash, row.open_orders)
        for key, row in topics["accounts"].rows.items()
    }
    expected = {
        book.id: (book.account, book.mode.name, book.cash, book.open_orders)
        for book in state.books.values()
        if book.cash or book.open_orders or state.accounts[book.account].book == book.id
    }
    assert shown == expected, f"accounts show {shown}, not {expected}"
    for instruction_id, row in topics["instructions"].rows.items():
        instruction = state.instructions.get(instruction_id)
        if instruction is not None:
            _check_instruction(row, instruction)
    held = {
        key: (row.fire_at, row.waits_for, row.approve_by)
        for key, row in topics["instructions"].rows.items()
        if row.status == "HELD"
    }
    assert held == {key: _waiting(one) for key, one in state.held.items()}
    killed = {name for name, row in topics["desk"].rows.items() if row.text.startswith("killed")}
    assert killed == {kill_name(kill.scope) for kill in state.kills.values()}
    assert {key: row.found for key, row in topics["breaks"].rows.items()} == state.breaks
    assert {key: row.asked for key, row in topics["changes"].rows.items()} == state.changes


def _waiting(held: HeldInstruction) -> tuple[int, str, int]:
    asked = held.waits_for is WaitsFor.APPROVAL
    return held.fire_at, held.waits_for.value, held.approve_by if asked else 0


def _check_order(row: OrderRow, order: Order) -> None:
    assert row.status is order.status, (row, order)
    assert (row.quantity, row.limit) == (order.quantity, order.limit), (row, order)
    assert row.stop_price == order.draft.stop_price
    assert (row.filled, row.filled_value) == (order.cum_quantity, order.filled_value)
    assert row.broker_order_id == order.order_id
    assert row.instruction_id == order.instruction_id
    assert row.closed_by == (order.closed_by or "")


def _check_instruction(row: InstructionRow, instruction: Instruction) -> None:
    assert row.status == instruction.status.name, (row, instruction)
    assert row.orders == instruction.orders
    assert (row.open, row.watched) == (instruction.open_orders, instruction.watched)
    ended = {OrdStatus(value).name: count for value, count in instruction.ended.items()}
    assert row.outcomes == ended
