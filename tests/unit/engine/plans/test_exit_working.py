"""What an exit does about what works already, on the other side and on its own."""

import msgspec
import pytest

from phalanx.domain.instructions import ExitScope, InstructionStatus, OrderRequest
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Product, Side
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, PAPER, World, fixed
from tests.unit.engine.plans.exiting import (
    called_back,
    children,
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


# --- the other side ----------------------------------------------------------------------------------


def test_an_entry_that_works_is_cancelled_though_nothing_is_held(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")

    planned = world.exit("INFY")

    assert called_back(planned) == [(buy, 0)]
    assert world.status(buy) is S.PENDING_CANCEL
    assert world.open_buys() == []


def test_one_that_was_never_sent_ends_at_once(world: World) -> None:
    (buy,) = world.order(Side.BUY, "INFY", "10").orders

    planned = world.exit("INFY")

    assert world.status(buy.cl_ord_id) is S.CANCELED
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_a_buy_in_doubt_is_cancelled_too_and_what_is_held_goes_at_once(world: World) -> None:
    held(world, "10")
    (buy,) = world.order(Side.BUY, "INFY", "5").orders
    world.unknown(buy.cl_ord_id)

    planned = world.exit("INFY")

    assert (sold(planned), called_back(planned)) == ([(Side.SELL, 10)], [(buy.cl_ord_id, 0)])
    assert world.status(buy.cl_ord_id) is S.IN_DOUBT


def test_a_trades_exit_cancels_that_trades_buy_only(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    working(world, Side.BUY, "5", "99")

    assert called_back(world.exit(trade=buy)) == [(buy, 0)]


def test_a_buy_that_somebody_calls_back_for_as_much_is_left_to_him(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    first = world.exit("INFY")

    again = world.exit("INFY", percent_bps=5_000)

    assert world.reasons(again) == ["ALREADY_EXITING"]
    assert world.an_order(buy).closed_by == first.instruction_id


@pytest.mark.parametrize(
    "first",
    [{"percent_bps": 5_000}, {"price": fixed("101")}, {"quantities": (("A1", whole(3)),)}],
    ids=["less of it", "at a price", "up to a bound"],
)
def test_it_is_taken_over_from_who_would_sell_less(world: World, first: dict[str, object]) -> None:
    buy = working(world, Side.BUY, "10", "99")
    earlier = world.exit("INFY", **first)

    later = world.exit("INFY")

    assert world.an_order(buy).closed_by == later.instruction_id
    assert world.instruction(later).watched == 1
    assert earlier.instruction_id not in world.state.instructions


def test_a_buy_that_somebody_merely_cancels_is_taken_over(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.cancel(buy)

    world.exit("INFY")

    assert further(world.filled(buy, "4")) == [(Side.SELL, 4)]


def test_the_lot_is_then_closed_by_the_later_one_until_its_own_sells_are_over(
    world: World,
) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.filled(buy, "4")
    (first,) = world.exit("INFY", percent_bps=5_000).orders
    later = world.exit("INFY")

    (lot,) = world.lots()
    assert (lot.closing, lot.closing_sells) == (later.instruction_id, 1)
    world.filled(first.cl_ord_id)
    assert (lot.closing, lot.closing_sells) == (later.instruction_id, 1)
    world.report(buy, ExecType.CANCELED)
    world.filled(later.orders[0].cl_ord_id)
    assert world.lots() == []


# --- its own side ------------------------------------------------------------------------------------


def test_what_waits_for_its_price_is_called_back_the_newest_first_and_only_as_much_as_missing(
    world: World,
) -> None:
    held(world, "100")
    working(world, Side.SELL, "40", "101")
    newest = working(world, Side.SELL, "40", "102")

    planned = world.exit("INFY", percent_bps=5_000)

    assert sold(planned) == [(Side.SELL, 20)]
    assert called_back(planned) == [(newest, 30)]


def test_what_is_free_is_enough_and_nothing_is_called_back(world: World) -> None:
    held(world, "100")
    working(world, Side.SELL, "40", "101")

    planned = world.exit("INFY", percent_bps=5_000)

    assert (sold(planned), called_back(planned)) == ([(Side.SELL, 50)], [])


def test_a_market_sell_is_on_its_way_and_is_left_alone(world: World) -> None:
    held(world, "10")
    working(world, Side.SELL, "6")

    assert sold(world.exit("INFY")) == [(Side.SELL, 4)]
    assert world.reasons(world.exit("INFY")) == ["ALREADY_EXITING"]


def test_a_market_sell_that_stands_unfilled_is_called_back(world: World) -> None:
    held(world, "10")
    sell = working(world, Side.SELL, "10")
    for state in (world.state, world.replica):
        state.orders[sell].unfilled = True

    assert called_back(world.exit("INFY")) == [(sell, 10)]


def test_a_market_sell_that_somebody_cancels_or_shrinks_is_seen_to(world: World) -> None:
    held(world, "20")
    ending = working(world, Side.SELL, "10")
    shrinking = working(world, Side.SELL, "10")
    world.cancel(ending)
    world.replace(shrinking, "4")

    assert called_back(world.exit("INFY")) == [(shrinking, 10), (ending, 10)]


def test_where_more_is_being_sold_than_is_held_all_of_it_is_called_back(world: World) -> None:
    held(world, "10")
    (lost,) = world.order(Side.SELL, "INFY", "6", "101").orders
    world.unknown(lost.cl_ord_id)
    world.absent(lost.cl_ord_id)
    market = working(world, Side.SELL, "10")
    world.found(lost.cl_ord_id)

    planned = world.exit("INFY")

    assert called_back(planned) == [(market, 10), (lost.cl_ord_id, 6)]
    assert further(world.report(market, ExecType.CANCELED)) == [(Side.SELL, 4)]
    assert further(world.report(lost.cl_ord_id, ExecType.CANCELED)) == [(Side.SELL, 6)]


@pytest.mark.parametrize("ord_type", [OrdType.STOP, OrdType.STOP_LIMIT])
def test_stops_are_called_back_too(world: World, ord_type: OrdType) -> None:
    every = frozenset(OrdType)
    world.capabilities["paper"] = msgspec.structs.replace(PAPER, ord_types=every)
    held(world, "10")
    request = OrderRequest(
        1, "", "INFY", Side.SELL, Product.DELIVERY, ord_type, whole(10), fixed("94")
    )
    (stop,) = world.submit(msgspec.structs.replace(request, stop_price=fixed("95"))).orders
    world.accepted(stop.cl_ord_id)

    assert called_back(world.exit("INFY")) == [(stop.cl_ord_id, 10)]


def test_an_unsent_sell_ends_and_its_quantity_goes_in_the_same_event(world: World) -> None:
    lot = held(world, "10")
    (resting,) = world.order(Side.SELL, "INFY", "10", "101").orders

    planned = world.exit("INFY")

    assert world.status(resting.cl_ord_id) is S.CANCELED
    assert [cancel.unsent for cancel in planned.cancels] == [True]
    (draft,) = planned.orders
    assert closed(draft) == [(lot, 10)]


def test_an_unsent_sell_of_a_lot_that_joins_another_when_it_ends(world: World) -> None:
    world.subscribe("A1", "RED", "INFY")
    first = world.bought("RED", "INFY")
    world.order(Side.SELL, "INFY", "1", "101")
    second = world.bought("RED", "INFY")
    next_day(world)

    planned = world.exit(trade=first)

    (draft,) = planned.orders
    assert closed(draft) == [(first, 1)]
    world.do(c.ExpireUnsent((draft.cl_ord_id,)))
    assert [(lot.id, lot.remaining) for lot in world.lots()] == [(second, whole(2))]


def test_of_a_sell_of_several_lots_only_those_in_scope_are_sold_again(world: World) -> None:
    held(world, "10")
    next_day(world)
    today = held(world, "5")
    resting = working(world, Side.SELL, "15", "101")

    planned = world.exit("INFY", scope=ExitScope.POSITIONS)

    assert called_back(planned) == [(resting, 5)]
    (child,) = children(world.report(resting, ExecType.CANCELED))
    assert closed(child) == [(today, 5)]


def test_what_an_exit_waits_for_another_takes_beyond_it(world: World) -> None:
    held(world, "100")
    resting = working(world, Side.SELL, "100", "101")
    world.exit("INFY", percent_bps=4_000)

    later = world.exit("INFY", percent_bps=5_000)

    # Of the sixty that nobody waits for the half, and what the first one waits for.
    assert called_back(later) == [(resting, 70)]


def test_an_exit_of_less_does_not_take_what_a_wider_one_waits_for(world: World) -> None:
    held(world, "10")
    next_day(world)
    resting = working(world, Side.SELL, "10", "101")
    first = world.exit("INFY")

    again = world.exit("INFY", scope=ExitScope.HOLDINGS)

    assert world.reasons(again) == ["ALREADY_EXITING"]
    assert world.an_order(resting).closed_by == first.instruction_id


def test_at_the_market_it_takes_over_what_an_exit_at_a_price_offers(world: World) -> None:
    held(world, "10")
    (offer,) = world.exit("INFY", price=fixed("105")).orders
    world.accepted(offer.cl_ord_id)

    assert called_back(world.exit("INFY")) == [(offer.cl_ord_id, 10)]


# --- short -------------------------------------------------------------------------------------------


def test_a_short_is_bought_back_without_cash_and_holds_all_the_same(world: World) -> None:
    short(world, 5)
    world.do(c.PutReference(LOCAL, cash=(("A1/P", -world.book().cash, "all of it"),)))

    planned = world.exit("INFY")

    (draft,) = planned.orders
    assert (draft.side, draft.quantity, draft.limit) == (Side.BUY, whole(5), whole(101))
    assert draft.reduce_only
    assert world.book().holds == draft.hold == whole(505)
    world.filled(draft.cl_ord_id)
    assert world.book().positions == {}


def test_what_a_buy_is_buying_back_already_is_left_to_it(world: World) -> None:
    short(world, 5)
    working(world, Side.BUY, "3", "99")

    planned = world.exit("INFY")

    assert (sold(planned), called_back(planned)) == ([(Side.BUY, 2)], [])
    assert world.reasons(world.exit("INFY")) == ["ALREADY_EXITING"]


def test_a_buy_beyond_the_short_is_called_back_and_bought_again_as_far_as_needed(
    world: World,
) -> None:
    short(world, 5)
    buy = working(world, Side.BUY, "20", "99")

    planned = world.exit("INFY")

    assert (sold(planned), called_back(planned)) == ([], [(buy, 5)])
    world.filled(buy, "2")
    assert further(world.report(buy, ExecType.CANCELED)) == [(Side.BUY, 3)]


def test_an_unsent_buy_beyond_the_short_makes_room_for_ours(world: World) -> None:
    short(world, 5)
    (buy,) = world.order(Side.BUY, "INFY", "20").orders

    planned = world.exit("INFY")

    assert world.status(buy.cl_ord_id) is S.CANCELED
    assert sold(planned) == [(Side.BUY, 5)]


def test_of_a_short_half_is_bought_back_when_half_is_asked(world: World) -> None:
    short(world, 5)

    assert sold(world.exit("INFY", percent_bps=5_000)) == [(Side.BUY, 2)]


def test_holdings_and_trades_leave_a_short_alone(world: World) -> None:
    short(world, 5)

    planned = world.exit("INFY", scope=ExitScope.HOLDINGS)

    assert planned.refusal is not None
    assert planned.refusal.code.value == "NOTHING_TO_EXIT"


def test_sells_that_work_where_nothing_is_held_any_more_are_called_back(world: World) -> None:
    held(world, "10")
    first = working(world, Side.SELL, "4")
    second = working(world, Side.SELL, "6", "101")
    world.filled(first, "10")

    assert called_back(world.exit("INFY")) == [(second, 0)]
