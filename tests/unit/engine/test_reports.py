import msgspec
import pytest

from phalanx.domain.events import Event, OrderReported
from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.domain.orders import (
    ExecType,
    ExecutionReport,
    Hops,
    OrdStatus,
    Product,
    Side,
)
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine import commands as c
from tests.engine_world import World, fixed

S = OrdStatus


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1, "10000", charge_bps=100)
    return world


@pytest.fixture
def buy(world: World) -> str:
    """Ten INFY at most 100, acknowledged."""
    (draft,) = world.order(price="100").orders
    world.accepted(draft.cl_ord_id)
    return draft.cl_ord_id


def trade(
    cl_ord_id: str, cum: str, last: str = "1", price: str = "100", exec_id: str = ""
) -> ExecutionReport:
    return ExecutionReport(
        cl_ord_id, ExecType.TRADE, "", exec_id, fixed(cum), fixed(last), fixed(price)
    )


def told(world: World, report: ExecutionReport) -> list[Event]:
    return world.do(c.BookReport(report))


def flag(events: list[Event]) -> str:
    """The flag of the one report."""
    (event,) = events
    assert isinstance(event, OrderReported)
    return event.flag


class TestFills:
    def test_move_cash_position_lot_and_hold(self, world: World, buy: str) -> None:
        assert world.book().holds == whole(1_010)

        told(world, msgspec.structs.replace(trade(buy, "4", "4", "99", "E1"), charges=whole(3)))

        order = world.an_order(buy)
        assert (order.status, order.cum_quantity) == (S.PARTIALLY_FILLED, whole(4))
        assert (order.filled_value, order.charges) == (whole(396), whole(3))
        assert order.leaves_quantity == whole(6)
        assert world.book().cash == whole(10_000 - 396 - 3)
        assert world.book().holds == order.hold == whole(606)
        assert world.held("INFY") == whole(4)
        assert [(lot.remaining, lot.cost) for lot in world.lots()] == [(whole(4), whole(396))]

    def test_of_a_sell_bring_the_proceeds_less_charges(self, world: World, buy: str) -> None:
        world.filled(buy)
        (sell,) = world.order(Side.SELL, quantity="10").orders
        world.accepted(sell.cl_ord_id)
        before = world.book().cash

        report = trade(sell.cl_ord_id, "10", "10", "110")
        told(world, msgspec.structs.replace(report, charges=whole(11)))

        assert world.book().cash == before + whole(1_100 - 11)
        assert world.status(sell.cl_ord_id) is S.FILLED
        assert world.book().positions == {}

    def test_are_known_by_their_exec_id(self, world: World, buy: str) -> None:
        told(world, trade(buy, "4", "4", exec_id="E1"))

        assert told(world, trade(buy, "9", "4", exec_id="E1")) == []
        assert told(world, trade(buy, "9", "5", exec_id="E2")) != []

    @pytest.mark.parametrize("cum", ["4", "3", "0"])
    def test_that_add_nothing_to_the_total_are_no_news(
        self, world: World, buy: str, cum: str
    ) -> None:
        told(world, trade(buy, "4", "4", exec_id="E1"))

        assert told(world, trade(buy, cum, "4", exec_id="E2")) == []

    def test_out_of_order_are_booked_by_the_total(self, world: World, buy: str) -> None:
        told(world, trade(buy, "7", "3", "100", "E2"))
        told(world, trade(buy, "4", "4", "99", "E1"))

        assert world.held("INFY") == whole(7)
        assert world.an_order(buy).cum_quantity == whole(7)

    def test_may_overtake_the_acknowledgement(self, world: World) -> None:
        (draft,) = world.order().orders
        cl_ord_id = draft.cl_ord_id
        world.sent(cl_ord_id)

        told(world, trade(cl_ord_id, "4"))

        assert world.status(cl_ord_id) is S.PARTIALLY_FILLED
        world.report(cl_ord_id, ExecType.NEW)
        assert world.status(cl_ord_id) is S.PARTIALLY_FILLED
        assert world.an_order(cl_ord_id).order_id == f"B{cl_ord_id}"

    @pytest.mark.parametrize("cum", ["4", "10"])
    def test_of_an_order_never_dispatched_are_real_money(self, world: World, cum: str) -> None:
        (draft,) = world.order().orders

        told(world, trade(draft.cl_ord_id, cum))

        assert world.held("INFY") == fixed(cum)
        assert world.status(draft.cl_ord_id) in {S.PARTIALLY_FILLED, S.FILLED}
        assert world.do(c.Dispatch((draft.cl_ord_id,), 1)) == []

    @pytest.mark.parametrize("end", [ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED])
    def test_after_the_end_are_booked_and_flagged(
        self, world: World, buy: str, end: ExecType
    ) -> None:
        world.report(buy, end)
        ended = world.status(buy)

        assert flag(told(world, trade(buy, "4", "4"))) == "LATE"
        assert world.status(buy) is ended
        assert world.book().holds == 0
        assert [lot.remaining for lot in world.lots()] == [whole(4)]
        assert flag(told(world, trade(buy, "10", "6"))) == "LATE"
        assert world.status(buy) is S.FILLED

    def test_after_the_end_of_a_sell_shrink_the_lot_that_came_back(
        self, world: World, buy: str
    ) -> None:
        world.filled(buy)
        (sell,) = world.order(Side.SELL, quantity="6").orders
        world.accepted(sell.cl_ord_id)
        world.report(sell.cl_ord_id, ExecType.CANCELED)

        assert flag(told(world, trade(sell.cl_ord_id, "6", "6"))) == "LATE"
        assert [lot.remaining for lot in world.lots()] == [whole(4)]
        assert world.book().cash == whole(10_000 - 1_000 + 600)

    def test_beyond_the_quantity_are_booked_and_flagged(self, world: World, buy: str) -> None:
        assert flag(told(world, trade(buy, "12", "12"))) == "OVERFILL"
        assert flag(told(world, trade(buy, "13", "1"))) == "OVERFILL"
        assert world.held("INFY") == whole(13)
        assert world.status(buy) is S.FILLED

    def test_beyond_what_a_sell_may_take_come_from_the_oldest_other_lots(
        self, world: World, buy: str
    ) -> None:
        world.filled(buy)
        (second,) = world.order(quantity="5").orders
        world.filled(second.cl_ord_id)
        (sell,) = world.order(Side.SELL, quantity="10").orders
        world.accepted(sell.cl_ord_id)

        told(world, trade(sell.cl_ord_id, "12", "12"))

        assert [(lot.id, lot.remaining) for lot in world.lots()] == [(second.cl_ord_id, whole(3))]
        told(world, trade(sell.cl_ord_id, "17", "5"))
        assert world.lots() == []
        assert world.held("INFY") == whole(-2)

    def test_that_make_a_short_are_covered_by_the_next_buy(self, world: World, buy: str) -> None:
        world.filled(buy)
        (sell,) = world.order(Side.SELL, quantity="10").orders
        world.accepted(sell.cl_ord_id)
        told(world, trade(sell.cl_ord_id, "13", "13"))

        world.filled(world.order(quantity="4").orders[0].cl_ord_id, price="90")

        assert world.held("INFY") == whole(1)
        assert [(lot.remaining, lot.cost) for lot in world.lots()] == [(whole(1), whole(90))]

    def test_of_one_product_leave_another_alone(self, world: World, buy: str) -> None:
        world.filled(buy)
        (other,) = world.order(quantity="3", product=Product.MTF).orders
        world.filled(other.cl_ord_id)

        assert world.held("INFY") == whole(10)
        assert world.held("INFY", product=Product.MTF) == whole(3)


class TestAbsurd:
    @pytest.mark.parametrize(
        "nonsense",
        [
            {"cum_quantity": FIXED_MAX + 1},
            {"cum_quantity": 1 << 90},
            {"cum_quantity": -1},
            {"last_price": -1},
            {"last_price": 1 << 80},
            {"charges": -(1 << 80)},
            {"last_quantity": -5},
            {"quantity": 1 << 64},
            {"price": -1},
            {"time": 1 << 64},
        ],
    )
    @pytest.mark.parametrize("exec_type", ExecType)
    def test_numbers_change_nothing_and_are_shown(
        self, world: World, buy: str, nonsense: dict[str, int], exec_type: ExecType
    ) -> None:
        before = world.an_order(buy).status

        report = ExecutionReport(buy, exec_type, "B", "E1", whole(1), whole(1), whole(100))
        events = told(world, msgspec.structs.replace(report, **nonsense))

        assert flag(events) == "ABSURD"
        assert world.an_order(buy).status is before
        assert world.held("INFY") == 0

    def test_fills_that_no_book_could_hold_are_not_booked(self, world: World, buy: str) -> None:
        assert flag(told(world, trade(buy, "80000000000", price="1000"))) == "ABSURD"
        assert flag(told(world, trade(buy, "80000000000", price="0.1"))) == "OVERFILL"
        assert flag(told(world, trade(buy, "89999999999", price="0.1"))) == "OVERFILL"
        assert world.held("INFY") == whole(89_999_999_999)


class TestAcknowledgement:
    def test_brings_the_brokers_order_id(self, world: World, buy: str) -> None:
        assert world.an_order(buy).order_id == f"B{buy}"
        assert world.report(buy, ExecType.NEW) == []

    def test_of_an_order_believed_unsent_is_believed(self, world: World) -> None:
        (draft,) = world.order().orders

        world.report(draft.cl_ord_id, ExecType.NEW)

        assert world.status(draft.cl_ord_id) is S.NEW
        assert world.do(c.Dispatch((draft.cl_ord_id,), 1)) == []

    def test_that_comes_second_still_brings_its_hops(self, world: World, buy: str) -> None:
        hops = Hops(received=5, sent=9)

        (event,) = world.do(c.BookReport(ExecutionReport(buy, ExecType.NEW), hops))

        assert isinstance(event, OrderReported)
        assert (event.status, event.hops.tat) == (S.NEW, 4)

    def test_of_an_order_nobody_knows_is_nothing(self, world: World) -> None:
        assert told(world, ExecutionReport("AA0ZZZZZZZ", ExecType.NEW)) == []
        assert told(world, trade("AA0ZZZZZZZ", "1")) == []


class TestRejection:
    def test_says_what_the_broker_said(self, world: World, buy: str) -> None:
        (event,) = world.report(buy, ExecType.REJECTED, "RMS: {limit} 100%")

        assert isinstance(event, OrderReported)
        assert event.reason == Reason(ReasonCode.BROKER_REJECTED, ("RMS: {limit} 100%",))
        assert world.status(buy) is S.REJECTED
        assert world.book().holds == 0

    @pytest.mark.parametrize("again", [ExecType.CANCELED, ExecType.EXPIRED, ExecType.NEW])
    def test_is_the_last_word(self, world: World, buy: str, again: ExecType) -> None:
        world.report(buy, ExecType.REJECTED)

        assert world.report(buy, again) == []


class TestDoubt:
    def test_begins_with_an_unknown_outcome_and_only_when_sent(
        self, world: World, buy: str
    ) -> None:
        assert world.do(c.BookUnknown(buy, "time-out")) == []
        (draft,) = world.order(quantity="11").orders
        assert world.do(c.BookUnknown(draft.cl_ord_id, "time-out")) == []

        world.unknown(draft.cl_ord_id)

        assert world.status(draft.cl_ord_id) is S.IN_DOUBT
        assert world.book().doubts == {"NSE:6": 1}
        assert world.book().holds > 0

    def test_ends_when_a_look_up_finds_the_order(self, world: World) -> None:
        (draft,) = world.order().orders
        world.unknown(draft.cl_ord_id)

        world.found(draft.cl_ord_id)

        assert world.status(draft.cl_ord_id) is S.NEW
        assert world.book().doubts == {}

    @pytest.mark.parametrize("exec_type", [ExecType.NEW, ExecType.CANCELED, ExecType.REJECTED])
    def test_ends_with_any_report(self, world: World, exec_type: ExecType) -> None:
        (draft,) = world.order().orders
        world.unknown(draft.cl_ord_id)

        world.report(draft.cl_ord_id, exec_type)

        assert world.book().doubts == {}

    def test_counts_per_instrument(self, world: World) -> None:
        ids = [world.order(instrument=name).orders[0].cl_ord_id for name in ("INFY", "ACC")]
        (third,) = world.order(quantity="11").orders
        for cl_ord_id in (*ids, third.cl_ord_id):
            world.unknown(cl_ord_id)
        assert world.book().doubts == {"NSE:6": 2, "NSE:5": 1}

        world.absent(ids[0])

        assert world.book().doubts == {"NSE:6": 1, "NSE:5": 1}

    def test_of_a_sell_stops_no_sell_of_the_rest(self, world: World, buy: str) -> None:
        world.filled(buy)
        (sell,) = world.order(Side.SELL, quantity="4").orders
        world.unknown(sell.cl_ord_id)

        assert world.order(Side.SELL, quantity="6").refusal is None
        assert world.order(Side.SELL, quantity="1").refusal is not None
        world.absent(sell.cl_ord_id)
        world.wait(1)
        assert world.order(Side.SELL, quantity="4").refusal is None


class TestAbsence:
    def test_is_a_verdict_about_a_doubtful_order_only(self, world: World, buy: str) -> None:
        assert world.do(world.absence(buy)) == []
        (draft,) = world.order(quantity="11").orders
        world.unknown(draft.cl_ord_id)

        world.absent(draft.cl_ord_id)

        assert world.status(draft.cl_ord_id) is S.NOT_RECEIVED
        assert world.book().open_orders == 1
        assert world.do(world.absence(draft.cl_ord_id)) == []
        assert world.do(world.absence("AA0ZZZZZZZ")) == []

    @pytest.mark.parametrize("how", ["report", "look-up"])
    def test_was_wrong_when_the_order_turns_up(self, world: World, how: str) -> None:
        planned = world.order()
        cl_ord_id = planned.orders[0].cl_ord_id
        world.unknown(cl_ord_id)
        held = world.book().holds
        world.absent(cl_ord_id)
        assert (world.book().holds, world.lots()) == (0, [])

        events = (
            world.report(cl_ord_id, ExecType.NEW) if how == "report" else world.found(cl_ord_id)
        )

        assert flag(events) == "LATE"
        assert world.status(cl_ord_id) is S.NEW
        assert world.book().holds == held
        assert world.instruction(planned).status is InstructionStatus.WORKING
        world.filled(cl_ord_id)
        assert world.instruction(planned).status is InstructionStatus.DONE
        assert world.instruction(planned).ended == {S.FILLED.value: 1}

    @pytest.mark.parametrize(("cum", "status"), [("4", S.PARTIALLY_FILLED), ("10", S.FILLED)])
    def test_was_wrong_when_a_fill_turns_up(
        self, world: World, cum: str, status: OrdStatus
    ) -> None:
        (draft,) = world.order().orders
        world.unknown(draft.cl_ord_id)
        world.absent(draft.cl_ord_id)

        assert flag(told(world, trade(draft.cl_ord_id, cum))) == "LATE"
        assert world.status(draft.cl_ord_id) is status
        assert world.held("INFY") == fixed(cum)

    def test_of_a_sell_that_turns_up_takes_its_share_again(self, world: World, buy: str) -> None:
        world.filled(buy)
        (sell,) = world.order(Side.SELL, quantity="6").orders
        world.unknown(sell.cl_ord_id)
        world.absent(sell.cl_ord_id)

        world.report(sell.cl_ord_id, ExecType.NEW)

        assert world.lots()[0].available == whole(4)
        assert world.order(Side.SELL, quantity="5").refusal is not None
        world.filled(sell.cl_ord_id)
        assert world.held("INFY") == whole(4)


class TestNeverWritten:
    def test_may_wait_for_another_turn(self, world: World) -> None:
        (draft,) = world.order().orders
        world.sent(draft.cl_ord_id)
        reason = Reason(ReasonCode.BROKER_UNREACHABLE)

        world.do(c.BookNeverWritten(draft.cl_ord_id, reason, again=True))

        assert world.status(draft.cl_ord_id) is S.PENDING_NEW
        assert world.an_order(draft.cl_ord_id).deadline == 0
        world.sent(draft.cl_ord_id)
        assert world.status(draft.cl_ord_id) is S.SENT

    def test_or_ends_with_its_reason(self, world: World) -> None:
        (draft,) = world.order().orders
        world.sent(draft.cl_ord_id)

        (event,) = world.do(c.BookNeverWritten(draft.cl_ord_id, Reason(ReasonCode.SEND_DEADLINE)))

        assert world.status(draft.cl_ord_id) is S.REJECTED
        assert event.reason.code is ReasonCode.SEND_DEADLINE  # type: ignore[union-attr]
        assert world.book().holds == 0

    @pytest.mark.parametrize("again", [True, False])
    def test_is_no_news_about_an_order_that_was(self, world: World, buy: str, again: bool) -> None:
        reason = Reason(ReasonCode.BROKER_UNREACHABLE)

        assert world.do(c.BookNeverWritten(buy, reason, again)) == []
        assert world.do(c.BookNeverWritten("AA0ZZZZZZZ", reason, again)) == []
        assert world.do(c.BookNeverWritten(buy, reason, again, "RAA0000000")) == []
