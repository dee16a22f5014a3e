import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import InstructionStatus, SignalRequest
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.strategies import SellScope, Sizing, SizingRule
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, PAPER, World, fixed

TEN = SizingRule(Sizing.FIXED_QUANTITY, whole(10))


@pytest.fixture
def world() -> World:
    """RED and BLUE buy ten at a time."""
    world = World()
    account = world.account(1)
    world.subscribe(account, "RED", "INFY", sizing=TEN)
    world.subscribe(account, "BLUE", "INFY", sizing=TEN)
    return world


def test_a_filled_lot_is_sold_whole_at_the_protected_price(world: World) -> None:
    lot = world.bought("RED", "INFY")

    planned = world.signal("RED", "INFY", Side.SELL)

    (draft,) = planned.orders
    assert (draft.quantity, draft.limit, draft.hold) == (whole(10), whole(99), 0)
    assert (draft.ord_type, draft.strategy) == (OrdType.MARKET, "RED")
    assert [(part.lot, part.quantity) for part in draft.closes] == [(lot, whole(10))]
    assert draft.reduce_only
    assert world.open_buys() == []
    world.filled(draft.cl_ord_id)
    assert world.lots() == []
    assert world.held("INFY") == 0
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_it_is_sold_in_the_lots_own_product(world: World) -> None:
    world.subscribe("A1", "RED", "INFY", sizing=TEN, product=Product.MTF)
    world.bought("RED", "INFY")
    world.subscribe("A1", "RED", "INFY", sizing=TEN)

    (draft,) = world.signal("RED", "INFY", Side.SELL).orders

    assert draft.product is Product.MTF


def test_a_second_sell_finds_nothing_while_the_first_closes(world: World) -> None:
    world.bought("RED", "INFY")
    world.sell("RED", "INFY")

    assert world.reasons(world.signal("RED", "INFY", Side.SELL)) == ["NO_OPEN_LOT"]


def test_a_buy_that_was_never_dispatched_simply_ends(world: World) -> None:
    buy = world.buy("RED", "INFY")

    planned = world.signal("RED", "INFY", Side.SELL)

    assert [(x.cl_ord_id, x.unsent) for x in planned.cancels] == [(buy, True)]
    assert planned.orders == ()
    assert planned.refusal is None
    assert world.status(buy) is OrdStatus.CANCELED
    assert world.lots() == []
    assert world.instruction(planned).status is InstructionStatus.DONE
    assert world.book().holds == 0
    world.buy("RED", "INFY")


def test_a_buy_with_nothing_filled_is_cancelled(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)

    planned = world.signal("RED", "INFY", Side.SELL)

    assert [(x.cl_ord_id, x.unsent) for x in planned.cancels] == [(buy, False)]
    assert world.status(buy) is OrdStatus.PENDING_CANCEL
    assert world.open_buys() == []
    assert world.instruction(planned).status is InstructionStatus.WORKING
    world.report(buy, ExecType.CANCELED)
    assert world.lots() == []
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_a_partly_filled_buy_is_cancelled_and_what_is_held_goes_at_once(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.filled(buy, "4")

    planned = world.signal("RED", "INFY", Side.SELL)

    (draft,) = planned.orders
    assert draft.quantity == whole(4)
    assert [x.cl_ord_id for x in planned.cancels] == [buy]
    assert world.book().open_orders == 2


def test_each_later_fill_becomes_a_further_reduce_only_child(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.filled(buy, "4")
    planned = world.signal("RED", "INFY", Side.SELL)
    (first,) = planned.orders
    world.filled(first.cl_ord_id)
    assert world.open_buys() == []

    (late,) = world.filled(buy, "5")
    world.report(buy, ExecType.CANCELED)

    (child,) = late.children  # type: ignore[union-attr]
    assert (child.side, child.quantity, child.reduce_only) == (Side.SELL, whole(5), True)
    assert child.closes[0].lot == buy
    assert world.an_order(child.cl_ord_id).instruction_id == planned.instruction_id
    assert world.instruction(planned).orders == 2
    world.filled(child.cl_ord_id)
    assert world.lots() == []
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_the_last_fill_of_a_cancelled_buy_is_sold_as_well(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    planned = world.signal("RED", "INFY", Side.SELL)

    (late,) = world.filled(buy)

    (child,) = late.children  # type: ignore[union-attr]
    assert child.quantity == whole(10)
    assert world.status(buy) is OrdStatus.FILLED
    assert world.instruction(planned).status is InstructionStatus.WORKING
    assert world.open_buys() == []
    world.filled(child.cl_ord_id)
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_a_fill_told_after_the_cancel_is_sold_as_well(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    planned = world.signal("RED", "INFY", Side.SELL)
    world.report(buy, ExecType.CANCELED)
    assert world.instruction(planned).status is InstructionStatus.DONE

    (late,) = world.filled(buy, "3")

    (child,) = late.children  # type: ignore[union-attr]
    assert child.quantity == whole(3)
    assert world.open_buys() == []
    assert world.instruction(planned).status is InstructionStatus.WORKING
    world.filled(child.cl_ord_id)
    assert world.held("INFY") == 0
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_such_a_fill_leaves_the_lot_of_a_newer_buy_alone(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.signal("RED", "INFY", Side.SELL)
    world.report(buy, ExecType.CANCELED)
    newer = world.bought("RED", "INFY")

    (late,) = world.filled(buy, "3")

    (child,) = late.children  # type: ignore[union-attr]
    assert child.closes[0].lot == newer
    assert [(lot.id, lot.remaining, lot.available) for lot in world.lots()] == [
        (newer, whole(13), whole(10))
    ]
    world.filled(child.cl_ord_id)
    assert world.lots()[0].remaining == whole(10)
    assert world.open_buys() == [("RED", "NSE:6")]


def test_a_doubtful_buy_is_cancelled_and_waits(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.unknown(buy)

    planned = world.signal("RED", "INFY", Side.SELL)

    assert [x.cl_ord_id for x in planned.cancels] == [buy]
    assert world.status(buy) is OrdStatus.IN_DOUBT
    assert world.instruction(planned).status is InstructionStatus.WORKING
    world.absent(buy)
    assert world.lots() == []
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_a_doubtful_buy_that_turns_up_filled_is_sold(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.unknown(buy)
    world.signal("RED", "INFY", Side.SELL)

    world.found(buy)
    (fill,) = world.filled(buy)

    assert [child.quantity for child in fill.children] == [whole(10)]  # type: ignore[union-attr]


def test_a_buy_thought_absent_that_turns_up_is_cancelled_after_all(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.unknown(buy)
    planned = world.signal("RED", "INFY", Side.SELL)
    world.absent(buy)

    reported, cancel = world.report(buy, ExecType.NEW)

    assert reported.flag == "LATE"  # type: ignore[union-attr]
    assert cancel.cl_ord_id == buy  # type: ignore[union-attr]
    assert world.status(buy) is OrdStatus.PENDING_CANCEL
    assert world.open_buys() == []
    assert world.instruction(planned).status is InstructionStatus.WORKING
    world.report(buy, ExecType.CANCELED)
    assert world.instruction(planned).status is InstructionStatus.DONE


def test_what_is_left_comes_back_when_the_sell_ends_unfilled(world: World) -> None:
    lot = world.bought("RED", "INFY")
    sell = world.sell("RED", "INFY")
    world.filled(sell, "3")
    world.report(sell, ExecType.CANCELED)

    assert [(x.id, x.remaining, x.is_open) for x in world.lots()] == [(lot, whole(7), True)]
    assert world.reasons(world.signal("RED", "INFY", Side.BUY)) == ["LOT_ALREADY_OPEN"]
    (draft,) = world.signal("RED", "INFY", Side.SELL).orders
    assert draft.quantity == whole(7)


def test_what_is_left_joins_the_lot_that_is_open_by_then(world: World) -> None:
    world.bought("RED", "INFY")
    sell = world.sell("RED", "INFY")
    newer = world.bought("RED", "INFY")
    world.filled(sell, "3", price="90")
    world.report(sell, ExecType.REJECTED)

    assert [(x.id, x.remaining, x.cost) for x in world.lots()] == [(newer, whole(17), whole(1_700))]


def test_two_lots_that_both_come_back_are_one(world: World) -> None:
    world.bought("RED", "INFY")
    first = world.sell("RED", "INFY")
    newer = world.bought("RED", "INFY")
    second = world.sell("RED", "INFY")
    world.report(first, ExecType.REJECTED)
    world.report(second, ExecType.REJECTED)

    assert sum(lot.remaining for lot in world.lots()) == whole(20)
    assert world.open_buys() == [("RED", "NSE:6")]
    assert newer in world.state.orders


def test_a_lot_comes_back_while_somebody_elses_sell_of_it_works(world: World) -> None:
    world.bought("RED", "INFY")
    manual = world.order(Side.SELL, quantity="4").orders[0].cl_ord_id
    sell = world.sell("RED", "INFY")
    world.accepted(manual)
    world.report(sell, ExecType.REJECTED)

    assert [lot.available for lot in world.lots()] == [whole(6)]
    assert world.open_buys() == [("RED", "NSE:6")]


class TestScope:
    def test_account_means_the_named_strategys_lot_first_and_then_the_oldest(
        self, world: World
    ) -> None:
        blue = world.bought("BLUE", "INFY")
        red = world.bought("RED", "INFY")

        (first,) = world.signal("RED", "INFY", Side.SELL).orders
        (second,) = world.signal("RED", "INFY", Side.SELL).orders

        assert [first.closes[0].lot, second.closes[0].lot] == [red, blue]
        assert [first.strategy, second.strategy] == ["RED", "BLUE"]

    def test_the_oldest_of_others_goes_first(self, world: World) -> None:
        world.subscribe("A1", "GREEN", "ACC")
        world.bought("BLUE", "INFY")
        world.bought("RED", "INFY")

        (draft,) = world.signal("GREEN", "INFY", Side.SELL).orders

        assert draft.strategy == "BLUE"

    def test_strategy_means_only_the_named_ones(self, world: World) -> None:
        for strategy in ["RED", "BLUE"]:
            world.subscribe("A1", strategy, "INFY", sell_scope=SellScope.STRATEGY)
        world.bought("BLUE", "INFY")

        assert world.reasons(world.signal("RED", "INFY", Side.SELL)) == ["NO_OPEN_LOT"]
        assert len(world.signal("BLUE", "INFY", Side.SELL).orders) == 1

    def test_a_request_may_name_whose_lots_it_closes_at_most(self, world: World) -> None:
        world.subscribe("A1", "GREEN", "ACC")
        world.bought("BLUE", "INFY")
        red = world.bought("RED", "INFY")

        def sell(*lots_of: str) -> InstructionPlanned:
            return world.submit(SignalRequest("GREEN", "INFY", Side.SELL, lots_of=lots_of))

        assert world.reasons(sell("GREEN")) == ["NO_OPEN_LOT"]
        (draft,) = sell("GREEN", "RED").orders
        assert draft.closes[0].lot == red
        (draft,) = sell().orders
        assert draft.strategy == "BLUE"

    def test_whose_lots_a_request_names_widens_no_sell_scope(self, world: World) -> None:
        world.subscribe("A1", "GREEN", "ACC", sell_scope=SellScope.STRATEGY)
        world.bought("BLUE", "INFY")
        request = SignalRequest("GREEN", "INFY", Side.SELL, lots_of=("BLUE", "GREEN"))

        assert world.reasons(world.submit(request)) == ["NO_OPEN_LOT"]

    def test_a_live_subscription_must_choose(self) -> None:
        world = World()
        world.capabilities["paper"] = PAPER
        world.subscribe(world.account(1, mode=Mode.LIVE), "RED", "INFY")

        assert world.reasons(world.signal("RED", "INFY", Side.SELL)) == ["SELL_SCOPE_NOT_CHOSEN"]


class TestNotOpenedByASignal:
    def test_a_manual_buy_is_never_sold(self, world: World) -> None:
        (draft,) = world.order(Side.BUY, quantity="10").orders
        world.filled(draft.cl_ord_id)

        assert world.reasons(world.signal("RED", "INFY", Side.SELL)) == ["NO_OPEN_LOT"]
        assert world.open_buys() == [(None, "NSE:6")]

    def test_a_signal_sells_its_own_lot_beside_a_manual_one(self, world: World) -> None:
        (manual,) = world.order(Side.BUY, quantity="5").orders
        world.filled(manual.cl_ord_id)
        lot = world.bought("RED", "INFY")

        (draft,) = world.signal("RED", "INFY", Side.SELL).orders

        assert [(part.lot, part.quantity) for part in draft.closes] == [(lot, whole(10))]
        world.filled(draft.cl_ord_id)
        assert [x.id for x in world.lots()] == [manual.cl_ord_id]


class TestRisk:
    def test_a_kill_lets_a_sell_pass_and_stops_a_buy(self, world: World) -> None:
        world.bought("RED", "INFY")
        world.do(c.PutKill(LOCAL))

        assert world.reasons(world.signal("BLUE", "INFY", Side.BUY)) == ["KILL_ALL"]
        assert len(world.signal("RED", "INFY", Side.SELL).orders) == 1

    def test_a_sell_needs_a_price(self, world: World) -> None:
        world.bought("RED", "INFY")
        world.quotes.clear()

        assert world.reasons(world.signal("RED", "INFY", Side.SELL)) == ["NO_PRICE"]
        assert world.open_buys() == [("RED", "NSE:6")]

    def test_less_than_a_lot_cannot_be_sold(self) -> None:
        world = World()
        world.subscribe(world.account(1), "RED", "LOTS25")
        buy = world.buy("RED", "LOTS25")
        world.filled(buy, "24")
        world.report(buy, ExecType.CANCELED)

        planned = world.signal("RED", "LOTS25", Side.SELL)

        assert world.reasons(planned) == ["LOT_MULTIPLE"]
        assert planned.skips[0].reason.facts == (whole(24), whole(25))

    def test_what_was_less_than_a_lot_goes_with_the_fill_that_completes_it(self) -> None:
        world = World()
        fifty = SizingRule(Sizing.FIXED_QUANTITY, whole(50))
        world.subscribe(world.account(1), "RED", "LOTS25", sizing=fifty)
        buy = world.buy("RED", "LOTS25")
        world.filled(buy, "10")
        assert world.signal("RED", "LOTS25", Side.SELL).orders == ()

        sold = []
        for part in ["10", "10", "20"]:
            (event,) = world.filled(buy, part)
            sold.append([child.quantity for child in event.children])  # type: ignore[union-attr]

        assert sold == [[], [whole(25)], [whole(25)]]

    def test_what_covers_a_short_is_not_sold_again(self, world: World) -> None:
        lot = world.bought("RED", "INFY")
        sell = world.sell("RED", "INFY")
        world.filled(sell, "16")  # the broker sold six too many
        assert world.held("INFY") == whole(-6)
        assert lot in world.state.orders
        buy = world.buy("RED", "INFY")
        world.accepted(buy)
        world.signal("RED", "INFY", Side.SELL)

        sold = []
        for part in ["4", "4", "2"]:
            (event,) = world.filled(buy, part)
            sold.append([child.quantity for child in event.children])  # type: ignore[union-attr]

        assert sold == [[], [whole(2)], [whole(2)]]

    def test_a_child_has_the_quotes_protected_price_or_one_from_the_fill(
        self, world: World
    ) -> None:
        buy = world.buy("RED", "INFY")
        world.accepted(buy)
        world.signal("RED", "INFY", Side.SELL)
        world.price("INFY", "102", close="100")
        (first,) = world.filled(buy, "1", price="101")
        world.quotes.clear()
        (second,) = world.filled(buy, "1", price="101.23")
        world.index = World([]).index
        (third,) = world.filled(buy, "1", price="101.23")

        limits = [e.children[0].limit for e in (first, second, third)]  # type: ignore[union-attr]
        assert limits == [fixed("100.95"), fixed("100.2"), fixed("100.2177")]


def test_a_cancel_that_was_under_way_already_is_not_asked_for_twice(world: World) -> None:
    buy = world.buy("RED", "INFY")
    world.accepted(buy)
    world.do(c.CancelOrder(LOCAL, buy))
    request = world.an_order(buy).request
    assert request is not None

    planned = world.signal("RED", "INFY", Side.SELL)

    assert world.an_order(buy).request is request
    assert world.instruction(planned).watched == 1


def test_the_answer_names_reason_and_facts(world: World) -> None:
    planned = world.signal("RED", "INFY", Side.SELL)

    assert planned.refusal is not None
    assert planned.refusal.code is ReasonCode.NOTHING_VALID
    assert str(planned.skips[0].reason) == "no open buy of INFY to sell"


def test_many_lots_are_closed_each_by_what_is_left_of_it_in_its_product() -> None:
    world = World()
    lots = {}
    for client in range(1, 13):
        product = Product.INTRADAY if client % 3 else Product.DELIVERY
        sizing = SizingRule(Sizing.FIXED_QUANTITY, whole(1 + client % 2))
        account = world.account(client)
        world.subscribe(account, "RED", "INFY", sizing=sizing, product=product)
        lots[f"{account}/P"] = (sizing.amount, product)
    for draft in world.signal("RED", "INFY", Side.BUY).orders:
        world.filled(draft.cl_ord_id)

    planned = world.signal("RED", "INFY", Side.SELL)

    assert {d.book: (d.quantity, d.product) for d in planned.orders} == lots
    assert all(closing.quantity == d.quantity for d in planned.orders for closing in d.closes)
