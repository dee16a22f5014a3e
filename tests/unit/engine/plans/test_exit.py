"""For whom an exit is and what it is about; what it sells of what is held."""

import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import ExitScope, InstructionStatus, Selection
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.engine import commands as c
from phalanx.engine.commands import AdoptedLot
from tests.engine_world import LOCAL, STOCKS, World, fixed, stock
from tests.unit.engine.plans.exiting import closed, held, next_day, sold, working

S = OrdStatus


@pytest.fixture
def world() -> World:
    """Two clients with a million each."""
    world = World()
    world.account(1)
    world.account(2)
    return world


def refusal(planned: InstructionPlanned) -> str:
    return "" if planned.refusal is None else planned.refusal.code.value


# --- for whom, about what ------------------------------------------------------------------------


def test_by_instrument_everybody_gets_out_of_every_product(world: World) -> None:
    held(world, "10")
    held(world, "4", product=Product.INTRADAY)
    held(world, "7", client=2)
    held(world, "1", "ACC")

    planned = world.exit("INFY")

    out = {(draft.book, draft.product, draft.quantity // whole(1)) for draft in planned.orders}
    assert out == {
        ("A1/P", Product.DELIVERY, 10),
        ("A1/P", Product.INTRADAY, 4),
        ("A2/P", Product.DELIVERY, 7),
    }
    assert planned.skips == ()


def test_a_name_is_an_alias_too_and_the_facts_say_how_it_was_called(world: World) -> None:
    held(world, "10", "MINDA")

    planned = world.exit("MINDA")

    assert [(facts.symbol, facts.called) for facts in planned.instruments] == [
        ("UNOMINDA", "MINDA")
    ]
    assert len(planned.orders) == 1


def test_an_unknown_instrument_trade_or_account_refuses_all_of_it(world: World) -> None:
    assert refusal(world.exit("NONE")) == "UNKNOWN_INSTRUMENT"
    assert refusal(world.exit(trade="AA00000009")) == "UNKNOWN_TRADE"
    assert refusal(world.exit("INFY", selection=Selection(("A9",)))) == "UNKNOWN_ACCOUNT"


def test_a_trade_is_one_lot_and_no_other(world: World) -> None:
    held(world, "10")
    second = held(world, "5")

    planned = world.exit(trade=second)

    (draft,) = planned.orders
    assert closed(draft) == [(second, 5)]


def test_a_trade_that_was_adopted_is_found_too(world: World) -> None:
    lot = AdoptedLot("A2/P", world.key("INFY"), Product.DELIVERY, whole(3), None, world.now)
    world.do(c.AdoptLots(LOCAL, (lot,)))
    (adopted,) = world.lots("A2")

    (draft,) = world.exit(trade=adopted.id).orders

    assert (draft.book, closed(draft)) == ("A2/P", [(adopted.id, 3)])


def test_by_account_it_is_about_everything_that_account_has(world: World) -> None:
    held(world, "10")
    held(world, "1", "ACC")
    held(world, "7", client=2)

    planned = world.exit(selection=Selection(("A1",)))

    assert {(d.book, d.instrument) for d in planned.orders} == {
        ("A1/P", "NSE:6"),
        ("A1/P", "NSE:5"),
    }


def test_a_client_means_all_of_his_accounts(world: World) -> None:
    world.account(1, id="A1B", primary=False)
    held(world, "10")
    world.order(Side.BUY, "INFY", "3", account="A1B")
    world.filled([*world.state.orders][-1])

    planned = world.exit("INFY", selection=Selection(clients=(1,)))

    assert {draft.book for draft in planned.orders} == {"A1/P", "A1B/P"}


def test_a_product_restricts_it(world: World) -> None:
    held(world, "10")
    held(world, "4", product=Product.INTRADAY)

    (draft,) = world.exit("INFY", product=Product.INTRADAY).orders

    assert draft.product is Product.INTRADAY


def test_who_has_nothing_is_silent_unless_he_was_named(world: World) -> None:
    held(world, "100")

    assert world.exit("INFY", percent_bps=1_000).skips == ()
    both = Selection(("A1", "A2"))
    (skip,) = world.exit("INFY", percent_bps=1_000, selection=both).skips

    assert (skip.account, str(skip.reason)) == ("A2", "nothing of INFY to exit")


def test_without_anything_to_do_it_is_refused(world: World) -> None:
    assert refusal(world.exit("INFY")) == "NOTHING_TO_EXIT"
    assert (
        str(world.exit(scope=ExitScope.POSITIONS).refusal) == "nothing of today's positions to exit"
    )
    planned = world.exit("INFY", selection=Selection(("A1",)))
    assert refusal(planned) == "NOTHING_VALID"
    assert world.reasons(planned) == ["NOTHING_TO_EXIT"]


def test_accounts_in_the_other_mode_are_left_out(world: World) -> None:
    held(world, "10")

    assert refusal(world.exit("INFY", selection=Selection(mode=Mode.LIVE))) == "NOBODY_CHOSEN"


# --- how much --------------------------------------------------------------------------------------


def test_what_is_held_goes_at_the_protected_price_oldest_lot_first(world: World) -> None:
    first = held(world, "10")
    second = held(world, "5")

    planned = world.exit("INFY")

    (draft,) = planned.orders
    assert (draft.ord_type, draft.limit, draft.hold) == (OrdType.MARKET, whole(99), 0)
    assert closed(draft) == [(first, 10), (second, 5)]
    assert draft.reduce_only
    assert world.open_buys() == []
    world.filled(draft.cl_ord_id)
    assert world.lots() == []
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_a_percentage_is_rounded_down_to_whole_lots(world: World) -> None:
    held(world, "75", "LOTS25")

    assert sold(world.exit("LOTS25", percent_bps=5_000)) == [(Side.SELL, 25)]


def test_a_percentage_that_gives_no_lot_is_said(world: World) -> None:
    held(world, "25", "LOTS25")

    planned = world.exit("LOTS25", percent_bps=5_000)

    assert [str(skip.reason) for skip in planned.skips] == [
        "12.5 is not a positive multiple of the lot, 25"
    ]


def test_of_an_odd_lot_the_whole_lots_go_and_the_rest_is_said(world: World) -> None:
    (draft,) = world.order(Side.BUY, "LOTS25", "75").orders
    world.filled(draft.cl_ord_id, "60")

    planned = world.exit("LOTS25", percent_bps=10_000)

    assert sold(planned) == [(Side.SELL, 50)]
    assert [str(skip.reason) for skip in planned.skips] == [
        "10 is not a positive multiple of the lot, 25"
    ]


def test_a_second_half_is_half_of_what_does_not_leave_yet_filled_or_not(world: World) -> None:
    held(world, "100")
    (first,) = world.exit("INFY", percent_bps=5_000).orders

    assert sold(world.exit("INFY", percent_bps=5_000)) == [(Side.SELL, 25)]
    world.filled(first.cl_ord_id)
    assert sold(world.exit("INFY", percent_bps=4_000)) == [(Side.SELL, 10)]


def test_a_partial_exit_leaves_the_lot_open(world: World) -> None:
    world.subscribe("A1", "RED", "INFY", sizing=SizingRule(Sizing.FIXED_QUANTITY, whole(10)))
    buy = world.bought("RED", "INFY")

    assert sold(world.exit(trade=buy, percent_bps=5_000)) == [(Side.SELL, 5)]

    assert world.open_buys() == [("RED", "NSE:6")]


def test_an_upper_bound_holds_for_its_account_over_all_products(world: World) -> None:
    held(world, "10")
    held(world, "10", product=Product.INTRADAY)
    held(world, "10", client=2)

    planned = world.exit("INFY", quantities=(("A1", whole(14)),))

    out = sorted((d.book, d.quantity // whole(1)) for d in planned.orders)
    assert out == [("A1/P", 4), ("A1/P", 10)]


def test_where_accounts_have_quantities_the_others_have_none(world: World) -> None:
    held(world, "10")
    held(world, "10", client=2)

    selection = Selection(clients=(1, 2))

    planned = world.exit("INFY", selection=selection, quantities=(("A1", whole(4)),))

    assert [(d.book, d.quantity // whole(1)) for d in planned.orders] == [("A1/P", 4)]
    assert [(s.account, s.reason.code) for s in planned.skips] == [("A2", "NOT_IN_QUANTITIES")]


def test_a_bound_for_each_account_holds_for_whoever_is_one_by_then(world: World) -> None:
    held(world, "10")
    held(world, "10", client=2)
    held(world, "3", product=Product.INTRADAY)

    planned = world.exit("INFY", each_max=whole(4))

    totals: dict[str, int] = {}
    for draft in planned.orders:
        totals[draft.book] = totals.get(draft.book, 0) + draft.quantity // whole(1)
    assert totals == {"A1/P": 4, "A2/P": 4}
    instruction = world.state.instructions[planned.instruction_id]
    assert instruction.caps == {"A1": 0, "A2": 0}


def test_a_bound_of_nothing_leaves_the_account_out(world: World) -> None:
    held(world, "10")

    planned = world.exit("INFY", quantities=(("A1", 0),))

    assert refusal(planned) == "NOTHING_VALID"
    assert world.reasons(planned) == ["BOUND_REACHED"]


def test_a_cap_on_orders_slices_it_and_does_not_lock_it_in(world: World) -> None:
    held(world, "100")
    world.settings(quantity_max=whole(40), value_max=whole(1))

    planned = world.exit("INFY")

    assert sold(planned) == [(Side.SELL, 40), (Side.SELL, 40), (Side.SELL, 20)]
    assert sum(part.quantity for d in planned.orders for part in d.closes) == whole(100)


def test_the_freeze_quantity_slices_it_too() -> None:
    frozen = msgspec.structs.replace(stock("9", "FROZEN"), freeze_quantity=fixed("30"))
    world = World((*STOCKS, frozen))
    world.account(1)
    for part in ("30", "30", "15"):
        held(world, part, "FROZEN")

    assert sold(world.exit("FROZEN")) == [(Side.SELL, 30), (Side.SELL, 30), (Side.SELL, 15)]


def test_a_price_makes_it_a_limit_order(world: World) -> None:
    held(world, "10")

    (draft,) = world.exit("INFY", price=fixed("104.5")).orders

    assert (draft.ord_type, draft.limit) == (OrdType.LIMIT, fixed("104.5"))


# --- scope -----------------------------------------------------------------------------------------


def test_positions_are_what_came_today_and_whatever_is_intraday(world: World) -> None:
    held(world, "10")
    day_trade = held(world, "3", product=Product.INTRADAY)
    next_day(world)
    today = held(world, "5")

    planned = world.exit("INFY", scope=ExitScope.POSITIONS)

    assert sorted(closed(d)[0] for d in planned.orders) == sorted([(day_trade, 3), (today, 5)])


def test_holdings_are_what_was_delivered_or_financed_before_today(world: World) -> None:
    old = held(world, "10")
    financed = held(world, "3", product=Product.MTF)
    next_day(world)
    held(world, "5")

    planned = world.exit("INFY", scope=ExitScope.HOLDINGS)

    assert [closed(d) for d in planned.orders] == [[(old, 10)], [(financed, 3)]]


def test_holdings_leave_what_buys_today_alone_and_positions_do_not(world: World) -> None:
    held(world, "10")
    next_day(world)
    buy = working(world, Side.BUY, "5", "99")

    assert world.exit("INFY", scope=ExitScope.HOLDINGS, percent_bps=5_000).cancels == ()
    planned = world.exit("INFY", scope=ExitScope.POSITIONS)

    assert [cancel.cl_ord_id for cancel in planned.cancels] == [buy]
    assert planned.orders == ()


def test_the_percentage_is_of_the_scope_alone(world: World) -> None:
    held(world, "10")
    next_day(world)
    today = held(world, "4")

    (draft,) = world.exit("INFY", scope=ExitScope.POSITIONS, percent_bps=5_000).orders

    assert closed(draft) == [(today, 2)]


# --- what stops it ---------------------------------------------------------------------------------


def test_a_kill_does_not_stop_it(world: World) -> None:
    held(world, "10")
    world.do(c.PutKill(LOCAL))

    assert sold(world.exit("INFY")) == [(Side.SELL, 10)]


def test_an_account_that_is_switched_off_sells_nothing_and_its_buys_are_stopped(
    world: World,
) -> None:
    held(world, "10")
    buy = working(world, Side.BUY, "5", "99")
    resting = working(world, Side.SELL, "5", "101")
    world.account(1, "0", enabled=False)

    planned = world.exit("INFY")

    assert world.reasons(planned) == ["ACCOUNT_DISABLED"]
    assert (world.status(buy), world.status(resting)) == (S.PENDING_CANCEL, S.NEW)


def test_without_a_price_only_the_cancels_go(world: World) -> None:
    held(world, "10")
    buy = working(world, Side.BUY, "5", "99")
    resting = working(world, Side.SELL, "10", "101")
    del world.quotes[world.key("INFY")]

    planned = world.exit("INFY")

    assert world.reasons(planned) == ["NO_PRICE"]
    assert (world.status(buy), world.status(resting)) == (S.PENDING_CANCEL, S.NEW)


def test_an_instrument_that_no_master_knows_any_more_is_said(world: World) -> None:
    held(world, "10")
    kept = [instrument for instrument in STOCKS if instrument.symbol != "INFY"]
    world.index = type(world.index)(kept, {}, "second")

    assert world.reasons(world.exit()) == ["UNKNOWN_INSTRUMENT"]
