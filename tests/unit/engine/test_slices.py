"""A buy above the freeze quantity: several orders, one lot."""

import msgspec
import pytest

from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import ClOrdId, ExecType, Side
from phalanx.engine.apply.lots import find_lot_of
from tests.engine_world import World, fixed, stock
from tests.unit.engine.plans.exiting import closed, held


@pytest.fixture
def world() -> World:
    """One client; of FROZEN at most ten go in one order."""
    frozen = msgspec.structs.replace(stock("9", "FROZEN"), freeze_quantity=fixed("10"))
    world = World([frozen])
    world.account(1)
    world.price("FROZEN", "100")
    return world


def bought(world: World, quantity: str = "25") -> list[ClOrdId]:
    world.wait(2)
    return [draft.cl_ord_id for draft in world.order(instrument="FROZEN", quantity=quantity).orders]


def lots(world: World) -> dict[ClOrdId, str]:
    return {lot.id: format_fixed(lot.remaining) for lot in world.lots()}


def test_slices_of_no_strategy_fill_one_lot(world: World) -> None:
    slices = bought(world)
    for cl_ord_id in slices:
        world.filled(cl_ord_id)

    assert len(slices) == 3
    assert lots(world) == {slices[0]: "25"}


def test_a_sell_takes_all_of_them_before_another_buy(world: World) -> None:
    slices, other = bought(world), held(world, "5", "FROZEN")
    for cl_ord_id in slices:
        world.filled(cl_ord_id)

    planned = world.exit(trade=slices[0])

    assert [closed(draft) for draft in planned.orders] == [
        [(slices[0], 10)],
        [(slices[0], 10)],
        [(slices[0], 5)],
    ]
    for draft in planned.orders:
        world.filled(draft.cl_ord_id)
    assert lots(world) == {other: "5"}


def test_the_lot_stays_the_first_slice_s_when_that_one_dies(world: World) -> None:
    first, second, third = bought(world)
    for cl_ord_id in (first, second, third):
        world.accepted(cl_ord_id)
    world.report(first, ExecType.REJECTED)
    world.filled(third)

    assert lots(world) == {first: "5"}
    found = find_lot_of(world.state, first)
    assert found is not None
    assert found[1].buys == [second]


def test_late_fills_of_slices_that_all_died_share_a_lot_again(world: World) -> None:
    slices = bought(world)
    for cl_ord_id in slices:
        world.accepted(cl_ord_id)
        world.report(cl_ord_id, ExecType.CANCELED)
    assert lots(world) == {}

    world.filled(slices[2], "2")
    world.filled(slices[1], "3")

    assert lots(world) == {slices[0]: "5"}


def test_an_exit_calls_all_slices_back(world: World) -> None:
    slices = bought(world)
    for cl_ord_id in slices:
        world.accepted(cl_ord_id)

    planned = world.exit(trade=slices[0])

    assert [(one.cl_ord_id, one.side, one.lot) for one in planned.cancels] == [
        (cl_ord_id, Side.BUY, slices[0]) for cl_ord_id in slices
    ]


def test_drafts_of_before_have_a_lot_each(world: World) -> None:
    (draft,) = world.order(instrument="FROZEN", quantity="5").orders
    before = msgspec.to_builtins(draft)[:-1]

    assert msgspec.convert(before, type(draft)).own_lot == draft.cl_ord_id
