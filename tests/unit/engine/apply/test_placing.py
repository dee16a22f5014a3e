import pytest

from phalanx.domain.numbers import multiply
from phalanx.domain.orders import Side
from phalanx.engine.apply.placing import place
from phalanx.engine.state import Instruction, Lot, Order
from tests.engine_world import LOCAL, World


@pytest.mark.parametrize("side", list(Side))
def test_a_placed_order_is_what_its_draft_says_and_nothing_else(world: World, side: Side) -> None:
    world.bought("RED", "INFY")
    (draft,) = world.order(side, "INFY", "1").orders
    now = world.state.orders[draft.cl_ord_id].placed_at

    order = world.state.orders[draft.cl_ord_id]

    assert order == Order(
        draft,
        order.instruction_id,
        quantity=draft.quantity,
        limit=draft.limit,
        hold_total=draft.hold,
        hold=draft.hold,
        lot=draft.cl_ord_id if side is Side.BUY else "",
        placed_at=now,
        at_risk=multiply(draft.limit, draft.quantity) if side is Side.BUY else 0,
    )
    assert now == world.now


def test_the_lot_of_a_buy_begins_empty_under_the_name_that_its_caller_used(world: World) -> None:
    (draft,) = world.order(Side.BUY, "MINDA", "3").orders

    (lot,) = world.state.books[draft.book].all_lots()

    assert lot == Lot(
        draft.cl_ord_id,
        None,
        draft.instrument,
        draft.product,
        opened_at=world.now,
        by_signal=False,
        buys=[draft.cl_ord_id],
        called="MINDA",
    )


def test_an_order_that_is_placed_is_still_to_be_counted(world: World) -> None:
    (draft,) = world.order(Side.BUY, "INFY", "3").orders
    state = world.state
    before = state.next_order
    instruction = Instruction("I1", LOCAL, "order", world.now, world.now)

    place(state, instruction, draft, world.now)

    assert (state.next_order, instruction.orders, instruction.open_orders) == (before, 0, 0)
