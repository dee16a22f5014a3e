"""What an exit goes on to do: about late fills, about what called-back sells give free, about shorts."""

import msgspec
import pytest

from phalanx.domain.events import OrderReported
from phalanx.domain.instructions import ExitScope, InstructionStatus
from phalanx.domain.numbers import whole
from phalanx.domain.orders import (
    Closing,
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.closing import CHILDREN_MAX
from tests.engine_world import World, fixed
from tests.unit.engine.plans.exiting import (
    called_back,
    children,
    closed,
    further,
    held,
    next_day,
    sold,
    working,
)

S = OrdStatus
UNREACHABLE = Reason(ReasonCode.BROKER_UNREACHABLE)


@pytest.fixture
def world() -> World:
    """One client with a million."""
    world = World()
    world.account(1)
    return world


# --- late fills ----------------------------------------------------------------------------------------


def test_each_later_fill_is_sold_by_the_exit_also_after_the_cancel(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    planned = world.exit("INFY")

    assert further(world.filled(buy, "3")) == [(Side.SELL, 3)]
    world.report(buy, ExecType.CANCELED)
    assert further(world.filled(buy, "2")) == [(Side.SELL, 2)]

    assert world.instruction(planned).orders == 2
    assert world.instruction(planned).status is InstructionStatus.WORKING


def test_of_a_partial_exit_so_much_of_what_the_order_filled_in_all(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.exit("INFY", percent_bps=5_000)

    fills = [further(world.filled(buy, part)) for part in ("1", "1", "5", "3")]

    assert fills == [[], [(Side.SELL, 1)], [(Side.SELL, 2)], [(Side.SELL, 2)]]


def test_when_a_partial_exit_is_over_the_lot_is_open_again(world: World) -> None:
    world.subscribe("A1", "RED", "INFY")
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.exit("INFY", percent_bps=5_000)
    assert world.open_buys() == []

    world.filled(buy)
    assert world.open_buys() == [("RED", "NSE:6")]


def test_a_fill_that_makes_a_whole_lot_with_what_was_left_sells_it(world: World) -> None:
    (buy,) = world.order(Side.BUY, "LOTS25", "100").orders
    world.filled(buy.cl_ord_id, "35")
    assert sold(world.exit("LOTS25")) == [(Side.SELL, 25)]

    assert further(world.filled(buy.cl_ord_id, "15")) == [(Side.SELL, 25)]


def test_odd_rests_of_several_lots_make_a_whole_one(world: World) -> None:
    first = world.order(Side.BUY, "LOTS25", "25").orders[0].cl_ord_id
    world.filled(first, "15")
    world.report(first, ExecType.CANCELED)
    second = working(world, Side.BUY, "25", "99", instrument="LOTS25")
    assert sold(world.exit("LOTS25")) == []

    (child,) = children(world.filled(second, "10"))

    assert closed(child) == [(second, 10), (first, 15)]


def test_a_bound_holds_for_late_fills_too(world: World) -> None:
    held(world, "10")
    buy = working(world, Side.BUY, "10", "99")
    planned = world.exit("INFY", quantities=(("A1", whole(12)),))

    assert sold(planned) == [(Side.SELL, 10)]
    assert further(world.filled(buy, "5")) == [(Side.SELL, 2)]
    assert further(world.filled(buy, "5")) == []


def test_an_exit_at_a_price_sells_late_fills_at_that_price(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.exit("INFY", price=fixed("104"))

    (child,) = children(world.filled(buy))

    assert child.ord_type is OrdType.LIMIT
    assert child.limit == fixed("104")


@pytest.mark.parametrize("missing", ["quote", "close"])
def test_without_a_usable_price_a_late_fill_is_sold_below_its_own(
    world: World, missing: str
) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.exit("INFY")
    if missing == "quote":
        del world.quotes[world.key("INFY")]
    else:
        world.price("INFY", "100", close="0")

    (child,) = children(world.filled(buy, price="98"))

    assert child.limit == fixed("97")


# --- what called-back sells give free --------------------------------------------------------------------


def test_what_a_called_back_sell_gives_free_is_sold_by_the_exit(world: World) -> None:
    lot = held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    planned = world.exit("INFY")
    world.request_sent(resting)

    events = world.report(resting, ExecType.CANCELED)

    (child,) = children(events)
    assert (child.ord_type, child.limit, closed(child)) == (OrdType.MARKET, whole(99), [(lot, 10)])
    assert child.reduce_only
    assert world.an_order(child.cl_ord_id).instruction_id == planned.instruction_id
    world.filled(child.cl_ord_id)
    assert world.lots() == []
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_what_it_fills_meanwhile_is_not_sold_again(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.exit("INFY")

    assert further(world.filled(resting, "4")) == []
    assert further(world.report(resting, ExecType.CANCELED)) == [(Side.SELL, 6)]


def test_only_what_was_asked_of_it_is_sold_again(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.exit("INFY", percent_bps=5_000)

    assert further(world.report(resting, ExecType.CANCELED)) == [(Side.SELL, 5)]


@pytest.mark.parametrize("how", [ExecType.REJECTED, ExecType.EXPIRED])
def test_however_it_ends_its_quantity_is_free(world: World, how: ExecType) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.exit("INFY")

    assert further(world.report(resting, how)) == [(Side.SELL, 10)]


def test_one_in_doubt_waits_until_it_is_known(world: World) -> None:
    held(world, "10")
    (resting,) = world.order(Side.SELL, "INFY", "10", "101").orders
    world.unknown(resting.cl_ord_id)
    planned = world.exit("INFY")
    assert (sold(planned), called_back(planned)) == ([], [(resting.cl_ord_id, 10)])

    events = world.do(world.absence(resting.cl_ord_id))

    assert further(events) == [(Side.SELL, 10)]
    assert world.status(resting.cl_ord_id) is S.NOT_RECEIVED


def test_one_that_was_never_written_after_all_gives_free_what_it_was_to_sell(world: World) -> None:
    held(world, "10")
    (resting,) = world.order(Side.SELL, "INFY", "10", "101").orders
    world.sent(resting.cl_ord_id)
    world.exit("INFY")

    events = world.do(c.BookNeverWritten(resting.cl_ord_id, UNREACHABLE, again=True))

    assert further(events) == [(Side.SELL, 10)]
    assert world.status(resting.cl_ord_id) is S.CANCELED


def test_a_sell_that_cannot_be_called_back_goes_on_and_nothing_is_sold_twice(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.exit("INFY")
    for _ in range(3):
        world.request_sent(resting)
        world.report(resting, ExecType.CANCEL_REJECTED, "no")

    assert world.status(resting) is S.NEW
    assert further(world.filled(resting)) == []
    assert world.held("INFY") == 0


def test_what_a_granted_replace_took_off_it_is_sold_when_it_ends(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.replace(resting, "6")
    world.request_sent(resting)
    world.exit("INFY")

    world.replaced(resting, "6", "101")
    events = world.report(resting, ExecType.CANCELED)

    assert further(events) == [(Side.SELL, 10)]


def test_odd_rests_are_sold_with_what_the_next_sell_gives_free(world: World) -> None:
    held(world, "100", "LOTS25")
    sells = [working(world, Side.SELL, "50", p, instrument="LOTS25") for p in ("101", "102")]
    for sell in sells:
        world.filled(sell, "5")
    world.exit("LOTS25")

    first, second = (further(world.report(sell, ExecType.CANCELED)) for sell in sells)

    assert (first, second) == ([(Side.SELL, 25)], [(Side.SELL, 50)])


def test_a_lot_that_joins_another_when_its_sell_ends_is_sold_first(world: World) -> None:
    world.subscribe("A1", "RED", "INFY")
    first = world.bought("RED", "INFY")
    resting = working(world, Side.SELL, "1", "101")
    world.bought("RED", "INFY")
    world.exit(trade=first)

    (child,) = children(world.report(resting, ExecType.CANCELED))

    assert closed(child) == [(first, 1)]


def test_what_was_a_position_when_it_was_asked_is_one_after_midnight(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.exit("INFY", scope=ExitScope.POSITIONS)
    next_day(world)

    assert further(world.report(resting, ExecType.CANCELED)) == [(Side.SELL, 10)]


def test_a_buy_that_was_to_cover_and_ends_leaves_the_rest_to_the_exit(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    buy = working(world, Side.BUY, "3", "99")
    world.exit("INFY")
    (child,) = children(world.report(resting, ExecType.CANCELED))
    world.filled(child.cl_ord_id)

    assert further(world.filled(resting)) == [(Side.BUY, 7)]
    assert further(world.report(buy, ExecType.CANCELED)) == [(Side.BUY, 3)]


def test_one_that_lives_after_its_absence_was_proved_is_called_back_again(world: World) -> None:
    held(world, "10")
    (resting,) = world.order(Side.SELL, "INFY", "10", "101").orders
    world.unknown(resting.cl_ord_id)
    world.exit("INFY")
    world.absent(resting.cl_ord_id)

    world.report(resting.cl_ord_id, ExecType.NEW)

    assert world.status(resting.cl_ord_id) is S.PENDING_CANCEL
    assert further(world.report(resting.cl_ord_id, ExecType.CANCELED)) == []


# --- short -----------------------------------------------------------------------------------------------


def test_a_fill_that_came_after_its_end_is_bought_back_once_too_much_is_sold(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.exit("INFY")
    (child,) = children(world.report(resting, ExecType.CANCELED))

    assert further(world.filled(resting, "4")) == []
    events = world.filled(child.cl_ord_id)

    assert further(events) == [(Side.BUY, 4)]
    (cover,) = children(events)
    assert cover.strategy is None
    world.filled(cover.cl_ord_id)
    assert world.book().positions == {}


def test_a_late_fill_that_makes_a_short_greater_is_bought_back(world: World) -> None:
    held(world, "10")
    resting = working(world, Side.SELL, "10", "101")
    world.exit("INFY")
    (child,) = children(world.report(resting, ExecType.CANCELED))
    world.filled(child.cl_ord_id)

    assert further(world.filled(resting, "4")) == [(Side.BUY, 4)]
    assert further(world.filled(resting, "6")) == [(Side.BUY, 6)]


def test_what_a_broker_sells_beyond_what_it_was_told_is_for_a_person(world: World) -> None:
    held(world, "10")
    (draft,) = world.exit("INFY").orders

    events = world.filled(draft.cl_ord_id, "15")

    assert further(events) == []
    assert world.held("INFY") == -whole(5)


def test_what_covers_more_than_is_short_any_more_is_sold_again(world: World) -> None:
    held(world, "1")
    sell = working(world, Side.SELL, "1")
    buy = working(world, Side.BUY, "5", "99")
    world.report(buy, ExecType.CANCELED)
    world.filled(sell, "6")
    (cover,) = world.exit("INFY").orders
    world.accepted(cover.cl_ord_id)

    assert further(world.filled(buy, "3")) == []
    assert further(world.filled(cover.cl_ord_id)) == [(Side.SELL, 3)]


# --- bounds ------------------------------------------------------------------------------------------------


def test_an_absurd_fill_brings_a_bounded_number_of_orders(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.exit("INFY")
    world.settings(quantity_max=whole(1))

    report = ExecutionReport(buy, ExecType.TRADE, "B1", "X", whole(9_000), whole(9_000), whole(1))
    assert len(children(world.do(c.BookReport(report)))) == CHILDREN_MAX


def test_an_instrument_that_left_the_master_is_sold_all_the_same(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.exit("INFY")
    kept = [instrument for instrument in world.index if instrument.symbol != "INFY"]
    world.index = type(world.index)(kept, {}, "second")

    assert further(world.filled(buy, "4")) == [(Side.SELL, 4)]


def test_a_kill_and_an_expiry_do_not_stop_what_follows(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.exit("INFY")
    world.wait(3_000)

    (child,) = children(world.filled(buy))
    world.sent(child.cl_ord_id)

    assert world.status(child.cl_ord_id) is S.SENT


def test_in_each_product_its_own_is_closed(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99", product=Product.INTRADAY)
    held(world, "10")
    world.exit("INFY")

    (child,) = children(world.filled(buy))

    assert (child.product, closed(child)) == (Product.INTRADAY, [(buy, 10)])


def test_snapshots_keep_what_an_exit_still_wants(world: World) -> None:
    held(world, "10")
    working(world, Side.SELL, "10", "101")
    planned = world.exit("INFY", price=fixed("100"), quantities=(("A1", whole(8)),))

    kept = msgspec.msgpack.decode(
        msgspec.msgpack.encode(world.instruction(planned)), type=type(world.instruction(planned))
    )

    assert (kept.price, kept.caps) == (whole(100), {"A1": whole(8)})


def test_the_child_of_a_shrunk_sell_closes_the_lot_that_the_sell_still_closed() -> None:
    world = World()
    world.account()
    (first,) = world.order(Side.BUY, "INFY", "1").orders
    world.filled(first.cl_ord_id)
    (second,) = world.order(Side.BUY, "INFY", "3").orders
    world.filled(second.cl_ord_id)
    (sell,) = world.order(Side.SELL, "INFY", "4", "105").orders
    world.accepted(sell.cl_ord_id)
    world.replace(sell.cl_ord_id, "1")
    world.request_sent(sell.cl_ord_id)
    world.replaced(sell.cl_ord_id, "1")
    world.exit("INFY")
    world.request_sent(sell.cl_ord_id)

    (reported,) = world.report(sell.cl_ord_id, ExecType.CANCELED)

    assert isinstance(reported, OrderReported)
    assert reported.children[0].closes == (Closing(first.cl_ord_id, whole(1)),)
