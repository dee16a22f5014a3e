"""An exit of what is held only: what works is left alone, and nothing is closed twice."""

import pytest

from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import ExitScope, InstructionStatus, Selection
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from tests.engine_world import World
from tests.unit.engine.plans.exiting import (
    called_back,
    closed,
    further,
    held,
    next_day,
    short,
    sold,
    working,
)

S = OrdStatus


@pytest.fixture
def world() -> World:
    """One client with a million."""
    world = World()
    world.account(1)
    return world


def flatten(world: World, trade: str = "") -> InstructionPlanned:
    return world.exit(trade=trade, scope=ExitScope.POSITIONS, held_only=True)


def refusal(world: World, trade: str = "") -> str:
    planned = flatten(world, trade)
    assert planned.refusal is not None
    assert (planned.orders, planned.cancels) == ((), ())
    return planned.refusal.code.value


def test_a_buy_that_works_goes_on_and_what_it_fills_stays(world: World) -> None:
    lot = held(world, "10")
    buy = working(world, Side.BUY, "5", "99")

    planned = flatten(world)

    assert (sold(planned), called_back(planned)) == ([(Side.SELL, 10)], [])
    assert closed(planned.orders[0]) == [(lot, 10)]
    assert world.status(buy) is S.NEW
    world.filled(planned.orders[0].cl_ord_id)
    assert world.instruction(planned).status is InstructionStatus.DONE
    assert further(world.filled(buy, "5")) == []
    assert world.held("INFY") == whole(5)


def test_where_buys_only_work_there_is_nothing_to_exit(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    (unsent,) = world.order(Side.BUY, "INFY", "2").orders

    assert refusal(world) == "NOTHING_TO_EXIT"
    assert refusal(world, buy) == "NOTHING_TO_EXIT"
    assert (world.status(buy), world.status(unsent.cl_ord_id)) == (S.NEW, S.PENDING_NEW)


def test_what_a_partly_filled_buy_filled_goes(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.filled(buy, "4")

    planned = flatten(world, buy)

    assert (sold(planned), called_back(planned)) == ([(Side.SELL, 4)], [])
    assert world.status(buy) is S.PARTIALLY_FILLED


def test_what_a_resting_sell_sells_is_not_sold_again(world: World) -> None:
    held(world, "10")
    sell = working(world, Side.SELL, "4", "105")

    planned = flatten(world)

    assert (sold(planned), called_back(planned)) == ([(Side.SELL, 6)], [])
    assert world.status(sell) is S.NEW
    assert world.reasons(flatten(world)) == ["ALREADY_EXITING"]
    assert called_back(world.exit("INFY")) == [(sell, 4)], "another exit may call it back"


def test_what_earlier_exits_called_back_is_theirs(world: World) -> None:
    held(world, "10")
    sell = working(world, Side.SELL, "10", "105")
    first = world.exit("INFY")

    assert called_back(first) == [(sell, 10)]
    assert world.reasons(flatten(world)) == ["ALREADY_EXITING"]
    assert world.state.orders[sell].closed_by == first.instruction_id


def test_what_was_bought_before_today_stays(world: World) -> None:
    held(world, "10")
    next_day(world)
    lot = held(world, "5")

    (draft,) = flatten(world).orders

    assert closed(draft) == [(lot, 5)]


def test_of_a_short_what_nobody_buys_back_is_bought(world: World) -> None:
    short(world, 5)
    buy = working(world, Side.BUY, "3", "99")

    planned = flatten(world)

    assert (sold(planned), called_back(planned)) == ([(Side.BUY, 2)], [])
    assert world.status(buy) is S.NEW


def test_a_buy_beyond_a_short_is_left_to_cover_it(world: World) -> None:
    short(world, 5)
    buy = working(world, Side.BUY, "20", "99")

    assert world.reasons(flatten(world)) == ["ALREADY_EXITING"]
    assert world.status(buy) is S.NEW


def test_sells_that_work_where_nothing_is_held_any_more_go_on(world: World) -> None:
    held(world, "10")
    first = working(world, Side.SELL, "4")
    second = working(world, Side.SELL, "6", "101")
    world.filled(first, "10")

    assert refusal(world) == "NOTHING_TO_EXIT"
    assert world.status(second) is S.NEW


def test_of_an_account_that_is_closed_only_a_position_is_said_not_to_be_closed(
    world: World,
) -> None:
    """Whoever holds nothing hears that, though the account is not open either."""
    world.account(2)
    held(world, "10")
    world.closed.update({"A1": "no session", "A2": "no session"})

    planned = world.exit(held_only=True, selection=Selection(accounts=("A1", "A2")))

    said = {skip.account: skip.reason.code.value for skip in planned.skips}
    assert said == {"A1": "ACCOUNT_NOT_RECONCILED", "A2": "NOTHING_TO_EXIT"}
