"""What a SELL does about what cannot be sold, or cannot be canceled."""

from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Side
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.engine import commands as c
from phalanx.engine.reports import CANCELS_REFUSED_MAX
from tests.engine_world import LOCAL, World

S = OrdStatus


def test_a_price_that_rose_does_not_lock_a_position_in(world: World) -> None:
    buy = world.bought("RED", "INFY")
    world.settings(value_max=whole(1))

    planned = world.signal("RED", "INFY", Side.SELL)

    assert [draft.closes[0].lot for draft in planned.orders if draft.book == "A1/P"] == [buy]


def test_what_still_buys_is_cancelled_when_what_is_held_cannot_be_sold(world: World) -> None:
    ten = SizingRule(Sizing.FIXED_QUANTITY, whole(10))
    world.subscribe("A1", "RED", "INFY", sizing=ten)
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.filled(buy, "5")
    world.settings(quantity_max=whole(1))

    planned = world.signal("RED", "INFY", Side.SELL)

    assert buy in [cancel.cl_ord_id for cancel in planned.cancels]
    assert "QUANTITY_CAP" in world.reasons(planned)
    assert world.status(buy) is S.PENDING_CANCEL


def test_a_buy_that_cannot_be_canceled_is_asked_for_again_and_then_keeps_others_out(
    world: World,
) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.signal("RED", "INFY", Side.SELL)
    for _ in range(CANCELS_REFUSED_MAX):
        assert world.status(buy) is S.PENDING_CANCEL
        world.request_sent(buy)
        world.report(buy, ExecType.CANCEL_REJECTED, "busy")
    assert world.status(buy) is S.NEW

    again = world.signal("RED", "INFY", Side.BUY)

    assert "BUY_STILL_WORKING" in world.reasons(again)
    world.filled(buy)
    assert world.lots() != []
    assert all(lot.closing is not None for lot in world.lots())


def test_a_cancel_may_come_over_a_replace_in_doubt(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    request_id = world.replace(buy, "15")
    world.request_sent(buy)
    world.do(c.BookUnknown(buy, "time-out", request_id))

    world.cancel(buy)

    assert world.status(buy) is S.PENDING_CANCEL


def test_a_look_up_shows_that_a_new_price_was_granted(world: World) -> None:
    planned = world.order(price="100")
    (cl_ord_id,) = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(cl_ord_id)
    request_id = world.replace(cl_ord_id, price="101")
    world.request_sent(cl_ord_id)
    world.do(c.BookUnknown(cl_ord_id, "time-out", request_id))

    world.found(cl_ord_id, limit="101")

    assert world.an_order(cl_ord_id).limit == parse_fixed("101")
    assert world.an_order(cl_ord_id).request is None


def test_a_fill_for_nothing_is_not_booked_and_is_flagged(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    report = ExecutionReport(buy, ExecType.TRADE, "B1", "x", whole(1), whole(1), 0)

    (event,) = world.do(c.BookReport(report))

    assert getattr(event, "flag", "") == "ABSURD"
    assert world.an_order(buy).cum_quantity == 0


def test_a_share_of_cash_that_buys_nothing_says_how_much_it_was(world: World) -> None:
    rule = SizingRule(Sizing.CASH_SHARE, 1)
    world.subscribe("A1", "RED", "INFY", sizing=rule)
    cash = world.book().cash
    (subscription,) = [world.state.subscriptions["RED"]["A1"]]
    assert subscription.sizing == rule
    world.do(c.PutReference(LOCAL, cash=(("A1/P", whole(1) - cash, "nearly all of it"),)))

    planned = world.signal("RED", "INFY", Side.BUY)

    (skip,) = [skip for skip in planned.skips if skip.account == "A1"]
    assert str(skip.reason).startswith("0.0001 comes to no whole lot of 1 at ")
