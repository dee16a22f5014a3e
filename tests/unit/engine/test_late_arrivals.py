"""Orders that were proved absent, and arrive: which lot they join, and who closes them."""

import pytest

from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, Product, Side
from phalanx.domain.strategies import Sizing, SizingRule
from tests.engine_world import World

TEN = SizingRule(Sizing.FIXED_QUANTITY, whole(10))


@pytest.fixture
def world() -> World:
    world = World()
    world.subscribe(world.account(1), "RED", "INFY", sizing=TEN)
    return world


def lost(world: World) -> str:
    """A BUY that was sent and proved absent."""
    buy = world.buy("RED", "INFY")
    world.unknown(buy)
    world.absent(buy)
    return buy


def test_a_buy_joins_the_lot_that_is_open_by_then(world: World) -> None:
    late = lost(world)
    newer = world.bought("RED", "INFY")

    world.report(late, ExecType.NEW)
    world.filled(late)

    assert [(lot.id, lot.remaining) for lot in world.lots()] == [(newer, whole(20))]
    (draft,) = world.signal("RED", "INFY", Side.SELL).orders
    assert draft.quantity == whole(20)


def test_a_fill_alone_joins_it_too(world: World) -> None:
    late = lost(world)
    newer = world.bought("RED", "INFY")

    world.filled(late)

    assert [(lot.id, lot.remaining) for lot in world.lots()] == [(newer, whole(20))]


def test_in_another_product_it_is_a_lot_of_no_strategy(world: World) -> None:
    late = lost(world)
    world.subscribe("A1", "RED", "INFY", sizing=TEN, product=Product.MTF)
    newer = world.bought("RED", "INFY")

    world.filled(late)

    assert [(lot.id, lot.strategy, lot.product) for lot in world.lots()] == [
        (newer, "RED", Product.MTF),
        (late, None, Product.DELIVERY),
    ]
    assert [len(world.signal("RED", "INFY", Side.SELL).orders) for _ in range(3)] == [1, 1, 0]


def test_a_newer_sell_takes_over_from_the_one_that_had_seen_it_end(world: World) -> None:
    late = world.buy("RED", "INFY")
    world.unknown(late)
    first = world.signal("RED", "INFY", Side.SELL)
    world.absent(late)
    newer = world.buy("RED", "INFY")
    world.filled(newer, "4")
    world.report(late, ExecType.NEW)
    assert world.instruction(first).status is InstructionStatus.WORKING

    second = world.signal("RED", "INFY", Side.SELL)

    assert first.instruction_id not in world.state.instructions
    assert {x.cl_ord_id for x in second.cancels} == {late, newer}
    (fill,) = world.filled(late, "3")
    child = fill.children[0].cl_ord_id  # type: ignore[union-attr]
    assert world.an_order(child).instruction_id == second.instruction_id
    for cl_ord_id in (late, newer):
        world.report(cl_ord_id, ExecType.CANCELED)
    for cl_ord_id in (child, second.orders[0].cl_ord_id):
        world.filled(cl_ord_id)
    assert world.instruction(second).status is InstructionStatus.DONE
    assert world.lots() == []


def test_a_lot_being_sold_by_hand_does_not_become_a_second_open_one(world: World) -> None:
    third = lost(world)
    lot = world.buy("RED", "INFY")
    world.unknown(lot)
    world.report(third, ExecType.NEW)  # joins the lot of the doubtful one
    world.absent(lot)
    world.filled(third)
    world.order(Side.SELL, quantity="10")
    newer = world.bought("RED", "INFY")
    assert [x.id for x in world.lots()] == [lot, newer]

    world.report(lot, ExecType.NEW)

    assert world.open_buys() == [("RED", "NSE:6")]
    assert world.an_order(lot).lot == newer


def test_a_sell_that_arrives_after_another_was_sent_makes_a_short(world: World) -> None:
    world.bought("RED", "INFY")
    late = world.sell("RED", "INFY")
    world.unknown(late)
    world.absent(late)
    world.filled(world.sell("RED", "INFY"))

    (event,) = world.filled(late)

    assert event.flag == "LATE"  # type: ignore[union-attr]
    assert world.held("INFY") == whole(-10)
    assert world.status(late) is OrdStatus.FILLED
