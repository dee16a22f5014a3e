import msgspec
import pytest

from phalanx.domain.events import (
    CancelRequested,
    InstructionPlanned,
    OrderEnded,
    OrderReported,
    RequestDoubted,
    RequestEnded,
)
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Product, RequestKind, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from tests.engine_world import LOCAL, PAPER, World, fixed, stock

S = OrdStatus
UNREACHABLE = Reason(ReasonCode.BROKER_UNREACHABLE)


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1, "10000", charge_bps=100)
    return world


@pytest.fixture
def buy(world: World) -> str:
    """Ten INFY at most 100, acknowledged; 1,010 are held."""
    (draft,) = world.order(price="100").orders
    world.accepted(draft.cl_ord_id)
    return draft.cl_ord_id


def refusal(world: World, command: c.Command) -> str:
    with pytest.raises(Refused) as refused:
        world.do(command)
    assert refused.value.detail
    return refused.value.code


class TestCancel:
    def test_goes_its_way(self, world: World, buy: str) -> None:
        request_id = world.cancel(buy)
        assert world.status(buy) is S.PENDING_CANCEL
        event = world.request_sent(buy)

        assert (event.request_id, event.kind) == (request_id, RequestKind.CANCEL)
        assert event.deadline == event.time + 5 * 10**9
        assert world.do(c.DispatchRequest(buy, 1)) == []
        world.report(buy, ExecType.CANCELED)
        assert world.status(buy) is S.CANCELED

    def test_of_an_order_never_dispatched_ends_it(self, world: World) -> None:
        (draft,) = world.order().orders

        world.cancel(draft.cl_ord_id)

        assert world.status(draft.cl_ord_id) is S.CANCELED
        assert world.do(c.Dispatch((draft.cl_ord_id,), 1)) == []
        assert world.do(c.DispatchRequest(draft.cl_ord_id, 1)) == []

    def test_of_an_order_on_its_way_waits_in_it(self, world: World) -> None:
        (draft,) = world.order().orders
        world.sent(draft.cl_ord_id)

        world.cancel(draft.cl_ord_id)

        assert world.status(draft.cl_ord_id) is S.SENT
        world.report(draft.cl_ord_id, ExecType.NEW)
        assert world.an_order(draft.cl_ord_id).request is not None
        world.request_sent(draft.cl_ord_id)

    def test_of_an_order_that_was_never_written_ends_it_instead_of_trying_again(
        self, world: World
    ) -> None:
        (draft,) = world.order().orders
        world.sent(draft.cl_ord_id)
        world.cancel(draft.cl_ord_id)

        (ended,) = world.do(c.BookNeverWritten(draft.cl_ord_id, UNREACHABLE, again=True))

        assert isinstance(ended, OrderEnded)
        assert ended.reason.code is ReasonCode.CANCELED_BEFORE_SENT
        assert world.status(draft.cl_ord_id) is S.CANCELED

    def test_of_a_doubtful_order_stays_with_the_doubt(self, world: World) -> None:
        (draft,) = world.order().orders
        world.unknown(draft.cl_ord_id)

        world.cancel(draft.cl_ord_id)

        assert world.status(draft.cl_ord_id) is S.IN_DOUBT
        world.absent(draft.cl_ord_id)
        assert world.status(draft.cl_ord_id) is S.NOT_RECEIVED

    def test_may_lose_against_fills(self, world: World, buy: str) -> None:
        world.cancel(buy)
        world.request_sent(buy)

        world.filled(buy, "4")
        assert world.status(buy) is S.PENDING_CANCEL
        world.filled(buy)

        assert world.status(buy) is S.FILLED
        assert world.report(buy, ExecType.CANCEL_REJECTED) == []

    @pytest.mark.parametrize(("filled", "after"), [("", S.NEW), ("4", S.PARTIALLY_FILLED)])
    def test_that_is_refused_leaves_what_the_fills_say(
        self, world: World, buy: str, filled: str, after: OrdStatus
    ) -> None:
        world.cancel(buy)
        world.request_sent(buy)
        if filled:
            world.filled(buy, filled)

        (ended,) = world.report(buy, ExecType.CANCEL_REJECTED, "too late")

        assert isinstance(ended, RequestEnded)
        assert str(ended.reason) == "the broker refused: too late"
        assert world.status(buy) is after
        world.cancel(buy)

    def test_is_not_refused_by_an_answer_to_an_earlier_one(self, world: World, buy: str) -> None:
        world.cancel(buy)

        assert world.report(buy, ExecType.CANCEL_REJECTED) == []
        assert world.report(buy, ExecType.REPLACE_REJECTED) == []
        assert world.status(buy) is S.PENDING_CANCEL

    def test_is_refused_when_there_is_nothing_to_cancel(self, world: World, buy: str) -> None:
        assert refusal(world, c.CancelOrder(LOCAL, "AA0ZZZZZZZ")) == "UNKNOWN_ORDER"
        world.cancel(buy)
        assert refusal(world, c.CancelOrder(LOCAL, buy)) == "REQUEST_PENDING"
        world.report(buy, ExecType.CANCELED)
        assert refusal(world, c.CancelOrder(LOCAL, buy)) == "ORDER_NOT_WORKING"


class TestDoubt:
    def test_of_a_request_is_not_the_orders(self, world: World, buy: str) -> None:
        request_id = world.cancel(buy)
        world.request_sent(buy)

        world.one(c.BookUnknown(buy, "time-out", request_id), RequestDoubted)

        request = world.an_order(buy).request
        assert request is not None
        assert request.in_doubt
        assert world.status(buy) is S.PENDING_CANCEL
        assert world.book().doubts == {}
        assert world.do(c.BookUnknown(buy, "time-out", "RAA0ZZZZZZZ")) == []

    def test_of_a_cancel_ends_when_the_order_is_found_working(self, world: World, buy: str) -> None:
        request_id = world.cancel(buy)
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))

        (ended,) = world.found(buy)

        assert isinstance(ended, RequestEnded)
        assert world.status(buy) is S.NEW

    def test_of_a_cancel_is_left_to_the_reports_when_the_order_ended(
        self, world: World, buy: str
    ) -> None:
        request_id = world.cancel(buy)
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))

        assert world.found(buy, S.CANCELED) == []
        world.report(buy, ExecType.CANCELED)
        assert world.status(buy) is S.CANCELED

    @pytest.mark.parametrize(("at_broker", "quantity"), [("15", "15"), ("10", "10"), ("9", "10")])
    def test_of_a_replace_is_settled_by_the_quantity_the_broker_shows(
        self, world: World, buy: str, at_broker: str, quantity: str
    ) -> None:
        request_id = world.replace(buy, "15")
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))

        world.found(buy, quantity=at_broker)

        assert world.an_order(buy).quantity == fixed(quantity)
        assert world.status(buy) is S.NEW

    def test_comes_with_a_restart_to_every_dispatched_request(self, world: World, buy: str) -> None:
        (other,) = world.order(quantity="11").orders
        world.accepted(other.cl_ord_id)
        world.cancel(buy)
        world.request_sent(buy)
        world.cancel(other.cl_ord_id)

        world.do(c.BeginTerm(2, "0.2", "ZZ"))

        doubts = [world.an_order(x).request for x in (buy, other.cl_ord_id)]
        assert [request.in_doubt for request in doubts if request] == [True, False]


class TestNeverWritten:
    def test_a_persons_cancel_ends_without_effect(self, world: World, buy: str) -> None:
        request_id = world.cancel(buy)
        world.request_sent(buy)

        events = world.do(c.BookNeverWritten(buy, UNREACHABLE, request_id=request_id))

        assert [type(event) for event in events] == [RequestEnded]
        assert world.status(buy) is S.NEW

    def test_a_closing_instructions_cancel_is_asked_for_again(self, world: World) -> None:
        ten = SizingRule(Sizing.FIXED_QUANTITY, whole(10))
        world.subscribe("A1", "RED", "INFY", sizing=ten)
        buy = world.buy("RED", "INFY")
        world.accepted(buy)
        planned = world.signal("RED", "INFY", Side.SELL)
        first = planned.cancels[0].request_id
        world.request_sent(buy)

        ended, again = world.do(c.BookNeverWritten(buy, UNREACHABLE, request_id=first))

        assert isinstance(ended, RequestEnded)
        assert isinstance(again, CancelRequested)
        assert again.request_id != first
        assert world.status(buy) is S.PENDING_CANCEL


class TestReplace:
    def test_takes_effect_when_the_broker_says_so(self, world: World, buy: str) -> None:
        world.replace(buy, "20", "95")
        assert world.status(buy) is S.PENDING_REPLACE
        assert world.book().holds == whole(1_919)  # the greater of both
        world.request_sent(buy)
        world.filled(buy, "4")

        world.replaced(buy, "20", "95")

        order = world.an_order(buy)
        assert (order.quantity, order.limit) == (whole(20), whole(95))
        assert (order.status, order.request) == (S.PARTIALLY_FILLED, None)
        assert world.book().holds == fixed("1535.2")  # 16 at 95 and 1 %

    def test_that_is_refused_gives_the_hold_back(self, world: World, buy: str) -> None:
        world.replace(buy, "20")
        world.request_sent(buy)

        world.report(buy, ExecType.REPLACE_REJECTED)

        assert (world.status(buy), world.book().holds) == (S.NEW, whole(1_010))

    def test_down_to_what_is_filled_by_then_fills_the_order(self, world: World, buy: str) -> None:
        world.replace(buy, "5")
        world.request_sent(buy)
        world.filled(buy, "6")
        assert world.status(buy) is S.PENDING_REPLACE

        world.replaced(buy)

        order = world.an_order(buy)
        assert (order.status, order.quantity) == (S.FILLED, whole(6))

    def test_upwards_keeps_the_order_open_when_the_old_quantity_is_filled(
        self, world: World, buy: str
    ) -> None:
        world.replace(buy, "15")
        world.request_sent(buy)

        world.filled(buy, "10")
        assert world.status(buy) is S.PENDING_REPLACE
        world.replaced(buy, "15")
        assert world.status(buy) is S.PARTIALLY_FILLED
        world.filled(buy)

        assert world.held("INFY") == whole(15)
        assert world.status(buy) is S.FILLED

    @pytest.mark.parametrize("how", ["refused", "never written", "looked up"])
    def test_upwards_of_a_filled_order_leaves_it_filled_when_it_comes_to_nothing(
        self, world: World, buy: str, how: str
    ) -> None:
        request_id = world.replace(buy, "15")
        world.request_sent(buy)
        world.filled(buy, "10")

        if how == "refused":
            (event,) = world.report(buy, ExecType.REPLACE_REJECTED, "complete")
        elif how == "never written":
            (event,) = world.do(c.BookNeverWritten(buy, UNREACHABLE, request_id=request_id))
        else:
            world.do(c.BookUnknown(buy, "time-out", request_id))
            (event,) = world.found(buy, S.FILLED)

        assert isinstance(event, OrderReported)
        assert event.status is world.status(buy) is S.FILLED

    def test_that_was_not_sent_yet_keeps_nothing_open(self, world: World, buy: str) -> None:
        world.replace(buy, "15")

        world.filled(buy, "10")

        assert world.status(buy) is S.FILLED

    @pytest.mark.parametrize(("quantity", "price"), [("14", "0"), ("15", "99")])
    def test_is_not_granted_by_an_echo_of_another(
        self, world: World, buy: str, quantity: str, price: str
    ) -> None:
        world.replace(buy, "15")
        world.replaced(buy, "15")
        assert world.status(buy) is S.PENDING_REPLACE
        world.request_sent(buy)

        world.replaced(buy, quantity, price)

        assert world.status(buy) is S.PENDING_REPLACE

    def test_of_a_sell_frees_what_it_gives_up(self, world: World, buy: str) -> None:
        world.filled(buy)
        (draft,) = world.order(Side.SELL, quantity="8", price="101").orders
        sell = draft.cl_ord_id
        world.accepted(sell)
        world.replace(sell, "5")
        world.request_sent(sell)

        world.replaced(sell)

        assert world.lots()[0].available == whole(5)
        assert world.order(Side.SELL, quantity="5").refusal is None
        world.filled(sell)
        assert world.status(sell) is S.FILLED
        assert world.held("INFY") == whole(5)

    def test_says_why_it_is_not_possible(self, world: World, buy: str) -> None:
        (market,) = world.order(quantity="11").orders
        (unsent,) = world.order(quantity="12", price="100").orders
        world.filled(market.cl_ord_id, "5")

        def why(cl_ord_id: str, quantity: str = "", price: str = "") -> str:
            numbers = [fixed(text) if text else None for text in (quantity, price)]
            return refusal(world, c.ReplaceOrder(LOCAL, cl_ord_id, *numbers))

        assert why("AA0ZZZZZZZ", "5") == "UNKNOWN_ORDER"
        assert why(unsent.cl_ord_id, "5") == "NOT_REPLACEABLE"
        assert why(market.cl_ord_id, price="99") == "NOT_REPLACEABLE"
        assert why(buy) == why(buy, "10", "100") == "NOTHING_TO_CHANGE"
        assert why(market.cl_ord_id, "5") == why(market.cl_ord_id, "3") == "BELOW_FILLED"
        assert why(buy, "10.5") == "LOT_MULTIPLE"
        assert why(buy, price="100.01") == "OFF_TICK"
        assert why(buy, price="125") == "OUTSIDE_BAND"
        assert why(buy, "90") == "INSUFFICIENT_CASH"
        world.replace(buy, "9")
        assert why(buy, "8") == "REQUEST_PENDING"

    def test_meets_the_checks_of_a_new_order(self, world: World, buy: str) -> None:
        command = c.ReplaceOrder(LOCAL, buy, whole(11))
        world.do(c.PutKill(LOCAL))
        assert refusal(world, command) == "KILL_ALL"
        world.do(c.LiftKill(LOCAL))
        world.closed["A1"] = "down"
        assert refusal(world, command) == "ACCOUNT_NOT_RECONCILED"
        world.closed.clear()
        quotes = dict(world.quotes)
        world.quotes.clear()
        assert refusal(world, command) == "NO_PRICE"
        world.quotes = quotes
        world.capabilities["paper"] = msgspec.structs.replace(PAPER, replace=False)
        assert refusal(world, command) == "NOT_REPLACEABLE"
        world.capabilities["paper"] = PAPER
        world.index = World([]).index
        assert refusal(world, command) == "UNKNOWN_INSTRUMENT"

    def test_of_a_buy_meets_the_limits_that_the_desk_set(self, world: World, buy: str) -> None:
        def why(quantity: str, **bounds: object) -> str:
            world.limit(LimitLevel.CLIENT, "1", **bounds)
            return refusal(world, c.ReplaceOrder(LOCAL, buy, fixed(quantity), fixed("99")))

        assert why("12", quantity_max=whole(11)) == "QUANTITY_CAP"
        assert why("12", value_max=whole(1_100)) == "VALUE_CAP"
        assert why("12", position_max=whole(11)) == "POSITION_CAP"
        assert why("12", restricted=(world.key("INFY"),)) == "RESTRICTED"

    def test_within_the_limits_is_counted_once(self, world: World, buy: str) -> None:
        """The order itself, what of it is filled, and its place among today's orders."""
        world.filled(buy, "4")
        world.limit(
            LimitLevel.GLOBAL, quantity_max=whole(12), position_max=whole(12), orders_per_day_max=1
        )

        assert refusal(world, c.ReplaceOrder(LOCAL, buy, whole(13))) == "QUANTITY_CAP"
        world.replace(buy, "12")

    def test_that_shrinks_a_buy_passes_a_position_that_is_too_large(
        self, world: World, buy: str
    ) -> None:
        world.limit(LimitLevel.GLOBAL, position_max=whole(5))

        world.replace(buy, "9")

    def test_of_a_strategys_buy_meets_the_strategys_limits(self, world: World) -> None:
        world.subscribe("A1", "RED", "INFY", ord_type=OrdType.LIMIT)
        order = world.buy("RED", "INFY")
        world.accepted(order)
        world.limit(LimitLevel.STRATEGY, "RED", quantity_max=whole(1))

        assert refusal(world, c.ReplaceOrder(LOCAL, order, whole(2))) == "QUANTITY_CAP"

    def test_waits_where_another_order_is_in_doubt(self, world: World, buy: str) -> None:
        (lost,) = world.order(quantity="3").orders
        world.unknown(lost.cl_ord_id)

        assert refusal(world, c.ReplaceOrder(LOCAL, buy, whole(11))) == "ORDER_IN_DOUBT"

    def test_goes_no_higher_than_the_freeze_quantity(self) -> None:
        frozen = msgspec.structs.replace(stock("6", "INFY"), freeze_quantity=whole(12))
        world = World([frozen])
        world.account(1)
        (draft,) = world.order(price="100").orders
        world.accepted(draft.cl_ord_id)

        above = c.ReplaceOrder(LOCAL, draft.cl_ord_id, whole(13))

        assert refusal(world, above) == "ABOVE_FREEZE"
        world.replace(draft.cl_ord_id, "12")

    def test_that_shrinks_a_sell_stays_at_the_freeze_quantity(self, world: World, buy: str) -> None:
        world.filled(buy)
        (sell,) = world.order(Side.SELL, price="101").orders
        world.accepted(sell.cl_ord_id)
        frozen = msgspec.structs.replace(stock("6", "INFY"), freeze_quantity=whole(5))
        world.index = World([frozen]).index

        assert refusal(world, c.ReplaceOrder(LOCAL, sell.cl_ord_id, whole(6))) == "ABOVE_FREEZE"
        world.replace(sell.cl_ord_id, price="102")

    def test_of_a_stop_limit_stays_behind_its_stop(self, world: World) -> None:
        world.capabilities["paper"] = msgspec.structs.replace(PAPER, ord_types=frozenset(OrdType))
        request = OrderRequest(
            1,
            "",
            "INFY",
            Side.BUY,
            Product.DELIVERY,
            OrdType.STOP_LIMIT,
            whole(10),
            whole(105),
            stop_price=whole(103),
        )
        planned = world.one(c.Submit(LOCAL, request), InstructionPlanned)
        stop = planned.orders[0].cl_ord_id
        world.accepted(stop)
        world.price("INFY", "104", close="100")

        beyond = c.ReplaceOrder(LOCAL, stop, None, fixed("102.95"))

        assert refusal(world, beyond) == "STOP_BEYOND_LIMIT"
        world.replace(stop, "9", "103")

    def test_of_a_sell_may_only_shrink_and_passes_a_kill(self, world: World, buy: str) -> None:
        world.filled(buy)
        (sell,) = world.order(Side.SELL, quantity="5", price="101").orders
        world.accepted(sell.cl_ord_id)
        world.do(c.PutKill(LOCAL))

        more = c.ReplaceOrder(LOCAL, sell.cl_ord_id, whole(6))

        assert refusal(world, more) == "SELL_MAY_ONLY_SHRINK"
        world.replace(sell.cl_ord_id, "4", "102")


def test_a_replace_that_only_shrinks_a_buy_passes_kills_and_limits() -> None:
    world = World()
    world.account(1)
    (buy,) = world.order(quantity="12", price="100").orders
    world.accepted(buy.cl_ord_id)
    world.do(c.PutKill(LOCAL))
    restricted = Limit(LimitLevel.GLOBAL, restricted=(world.key("INFY"),))
    world.do(c.PutLimits(LOCAL, (restricted,)))

    with pytest.raises(Refused, match="KILL_ALL"):
        world.replace(buy.cl_ord_id, quantity="13")
    with pytest.raises(Refused, match="KILL_ALL"):
        world.replace(buy.cl_ord_id, quantity="3", price="101")
    assert world.replace(buy.cl_ord_id, quantity="3", price="99")
