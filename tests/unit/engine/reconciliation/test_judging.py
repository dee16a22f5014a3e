"""What a person says about an order in doubt holds."""

import pytest

from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.events import (
    BreakClosed,
    BreakFiled,
    DoubtJudged,
    Event,
    InstructionPlanned,
    OrderEnded,
    OrderReported,
    RequestEnded,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import HOUR
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from tests.engine_broker import TAGLESS, Shown
from tests.engine_world import LOCAL, World

S = OrdStatus


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def test_that_it_is_this_one_accepts_it_and_the_next_reading_brings_the_rest(
    world: World, doubted: str
) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    order_id = broker.has(doubted, tagged=False)
    broker.fills(order_id, 10, "E1")

    events = world.do(
        c.JudgeDoubt(LOCAL, doubted, order_id, "told by telephone", broker.orders[order_id])
    )

    assert kinds(events) == [DoubtJudged, OrderReported]
    assert world.status(doubted) is S.NEW
    broker.read()
    assert world.status(doubted) is S.FILLED


def test_that_it_never_arrived_ends_it_and_names_who_said_so(world: World, doubted: str) -> None:
    events = world.do(c.JudgeDoubt(LOCAL, doubted, "", "told by telephone"))

    ended = events[1]
    assert kinds(events) == [DoubtJudged, OrderEnded]
    assert isinstance(ended, OrderEnded)
    assert ended.reason.code is ReasonCode.JUDGED_ABSENT
    assert str(ended.reason) == "local says that the broker never received it"
    assert world.status(doubted) is S.NOT_RECEIVED
    assert world.book().holds == 0


def test_settles_the_break_that_it_had(world: World, doubted: str) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    world.wait(26)
    broker.read()
    assert len(world.state.breaks) == 1

    events = world.do(c.JudgeDoubt(LOCAL, doubted, "", "no"))

    assert kinds(events) == [DoubtJudged, OrderEnded, BreakClosed]
    assert world.state.breaks == {}


def test_lets_what_was_to_be_closed_with_it_go_on(world: World) -> None:
    world.bought("RED", "INFY")
    (sell,) = world.order(Side.SELL, quantity="1", price="105").orders
    world.unknown(sell.cl_ord_id)
    planned = world.exit("INFY")
    assert isinstance(planned, InstructionPlanned)

    events = world.do(c.JudgeDoubt(LOCAL, sell.cl_ord_id, "", "no"))

    ended = events[1]
    assert isinstance(ended, OrderEnded)
    assert [draft.side for draft in ended.children] == [Side.SELL]


def test_is_only_asked_for_about_an_order_in_doubt(world: World, buy: str) -> None:
    with pytest.raises(Refused) as refused:
        world.do(c.JudgeDoubt(LOCAL, buy, "", "no"))
    assert refused.value.code == "NOT_IN_DOUBT"
    with pytest.raises(Refused) as refused:
        world.do(c.JudgeDoubt(LOCAL, "AA0ZZZZZZZ", "", "no"))
    assert refused.value.code == "UNKNOWN_ORDER"


def test_gives_no_order_the_id_of_another(world: World, buy: str) -> None:
    (draft,) = world.order(quantity="11", price="100").orders
    world.unknown(draft.cl_ord_id)
    world.account(2)
    (others,) = world.order(client=2).orders
    world.accepted(others.cl_ord_id)

    with pytest.raises(Refused) as refused:
        world.do(c.JudgeDoubt(LOCAL, draft.cl_ord_id, f"B{buy}", "this one"))
    assert refused.value.code == "ORDER_ID_TAKEN"
    theirs = Shown(world)
    row = theirs.orders[theirs.has_foreign(Side.BUY, 11, f"B{others.cl_ord_id}")]
    world.do(c.JudgeDoubt(LOCAL, draft.cl_ord_id, row.order_id, "another's id is free", row))
    assert world.status(draft.cl_ord_id) is S.NEW


def test_of_an_order_whose_executions_are_booked_as_foreign_books_none_of_them_twice(
    world: World, buy: str
) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    order_id = broker.has(buy, tagged=False)
    broker.change(order_id, order_id="X1")
    broker.orders = {"X1": broker.orders[order_id]}
    broker.fills("X1", 10, "E1")
    broker.read()
    assert world.held("INFY") == whole(10)
    (draft,) = world.order(quantity="10", price="99").orders
    world.unknown(draft.cl_ord_id)

    world.do(c.JudgeDoubt(LOCAL, draft.cl_ord_id, "X1", "a mistake", broker.orders["X1"]))
    broker.read()

    assert world.held("INFY") == whole(10)
    assert world.status(draft.cl_ord_id) is S.CANCELED
    assert world.an_order(draft.cl_ord_id).cum_quantity == 0


class TestAnIdThatItCannotBe:
    @pytest.fixture
    def broker(self, world: World) -> Shown:
        return Shown(world, capabilities=TAGLESS)

    def refused(self, world: World, doubted: str, row: BrokerOrder | None) -> str:
        with pytest.raises(Refused) as refused:
            world.do(c.JudgeDoubt(LOCAL, doubted, "N1", "this one", row))
        assert world.status(doubted) is S.IN_DOUBT
        return refused.value.code

    def test_is_one_that_the_last_reading_does_not_show(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        other = broker.orders[broker.has_foreign(Side.BUY, 10, "N2")]

        assert self.refused(world, doubted, None) == "ORDER_ID_UNFIT"
        assert self.refused(world, doubted, other) == "ORDER_ID_UNFIT"

    @pytest.mark.parametrize(
        "terms",
        [
            {"instrument": "NSE:2"},
            {"side": Side.SELL},
            {"product": Product.INTRADAY},
            {"quantity": whole(9)},
            {"quantity": whole(11)},
        ],
    )
    def test_is_one_of_something_else(
        self, world: World, broker: Shown, doubted: str, terms: dict[str, object]
    ) -> None:
        broker.change(broker.has_foreign(Side.BUY, 10, "N1"), **terms)

        assert self.refused(world, doubted, broker.orders["N1"]) == "ORDER_ID_UNFIT"

    def test_is_not_among_those_that_a_reading_names(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        broker.has_foreign(Side.BUY, 10, "N1")
        broker.has_foreign(Side.SELL, 10, "N2")

        assert broker.compared().candidates == (broker.orders["N1"],)
        world.do(c.JudgeDoubt(LOCAL, doubted, "", "no"))
        assert broker.compared().candidates == ()


class TestAVerdictThatNoBookBearsOut:
    @pytest.fixture
    def broker(self, world: World, doubted: str) -> Shown:
        """The order was said to be N1, which is gone by the next reading."""
        broker = Shown(world, capabilities=TAGLESS)
        row = broker.orders[broker.has_foreign(Side.BUY, 10, "N1")]
        world.do(c.JudgeDoubt(LOCAL, doubted, "N1", "this one", row))
        del broker.orders["N1"]
        broker.read()
        (filed,) = broker.read()
        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.ORDER_MISSING
        return broker

    def test_may_be_taken_back_for_another(self, world: World, broker: Shown, doubted: str) -> None:
        row = broker.orders[broker.has_foreign(Side.BUY, 10, "N2")]
        assert broker.compared().candidates == (row,)

        world.do(c.JudgeDoubt(LOCAL, doubted, "N2", "that one", row))

        assert world.an_order(doubted).order_id == "N2"
        assert world.state.breaks == {}
        broker.fills("N2", 10, "E1")
        broker.read()
        assert world.status(doubted) is S.FILLED

    def test_may_be_taken_back_for_none(self, world: World, broker: Shown, doubted: str) -> None:
        world.do(c.JudgeDoubt(LOCAL, doubted, "", "none of them"))

        assert world.status(doubted) is S.NOT_RECEIVED
        assert world.book().holds == 0
        assert broker.read() == []

    def test_of_an_order_that_was_filled_stands(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        world.filled(doubted, "1")

        with pytest.raises(Refused) as refused:
            world.do(c.JudgeDoubt(LOCAL, doubted, "", "none of them"))
        assert refused.value.code == "NOT_IN_DOUBT"


def test_that_the_book_bears_out_stands(world: World, doubted: str) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    row = broker.orders[broker.has_foreign(Side.BUY, 10, "N1")]
    world.do(c.JudgeDoubt(LOCAL, doubted, "N1", "this one", row))
    broker.read()

    with pytest.raises(Refused) as refused:
        world.do(c.JudgeDoubt(LOCAL, doubted, "", "none of them"))
    assert refused.value.code == "NOT_IN_DOUBT"


class TestARequest:
    def in_doubt(self, world: World, buy: str, **terms: str) -> str:
        request_id = world.replace(buy, **terms) if terms else world.cancel(buy)
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))
        return request_id

    def test_is_granted(self, world: World, buy: str) -> None:
        request_id = self.in_doubt(world, buy, price="101")

        judged, reported = world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=True))

        assert judged == DoubtJudged(world.now, LOCAL, buy, "", "seen", request_id, granted=True)
        assert isinstance(reported, OrderReported)
        assert (world.status(buy), world.an_order(buy).limit) == (S.NEW, whole(101))

    def test_is_not_granted_and_that_names_who_said_so(self, world: World, buy: str) -> None:
        self.in_doubt(world, buy, price="101")

        _, ended = world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=False))

        assert isinstance(ended, RequestEnded)
        assert ended.reason.code is ReasonCode.JUDGED_NOT_GRANTED
        assert (world.status(buy), world.an_order(buy).limit) == (S.NEW, whole(100))

    def test_to_cancel_it_is_granted(self, world: World, buy: str) -> None:
        self.in_doubt(world, buy)

        world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=True))

        assert world.status(buy) is S.CANCELED

    def test_keeps_its_break_until_it_is_judged(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        self.in_doubt(world, buy, price="101")
        broker.has(buy)
        world.wait(60)
        for _ in range(30):
            broker.read()
        (filed,) = world.state.breaks.values()
        assert filed.kind is BreakKind.ORDER_IN_DOUBT
        with pytest.raises(Refused) as refused:
            world.do(c.CloseBreak(LOCAL, filed.id, "never mind"))
        assert refused.value.code == "SETTLE_THE_ORDER"

        world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=True))

        assert world.state.breaks == {}

    def test_sent_first_is_judged_first_and_the_break_stays_for_the_other(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        replace_id = self.in_doubt(world, buy, price="101")
        cancel_id = self.in_doubt(world, buy)
        broker.has(buy)
        broker.skew = -HOUR
        world.wait(60)
        for _ in range(30):
            broker.read()
        (filed,) = world.state.breaks.values()

        first = world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=True))
        assert isinstance(first[0], DoubtJudged)
        assert first[0].request_id == replace_id
        assert filed.id in world.state.breaks

        second = world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=False))
        assert isinstance(second[0], DoubtJudged)
        assert second[0].request_id == cancel_id
        assert world.state.breaks == {}

    def test_that_is_not_in_doubt_is_not_judged(self, world: World, buy: str) -> None:
        world.cancel(buy)
        world.request_sent(buy)

        with pytest.raises(Refused) as refused:
            world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=True))
        assert refused.value.code == "NOT_IN_DOUBT"

    def test_that_cannot_have_been_granted_is_not_believed(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        self.in_doubt(world, buy, quantity="5")
        over = ExecutionReport(buy, ExecType.TRADE, "B", "E2", whole(9), whole(1), whole(100))
        world.do(c.BookReport(over))

        with pytest.raises(Refused) as refused:
            world.do(c.JudgeDoubt(LOCAL, buy, "", "seen", granted=True))
        assert refused.value.code == "VERDICT_UNFIT"


def test_an_order_in_doubt_keeps_its_break_until_it_is_judged(world: World, doubted: str) -> None:
    broker = Shown(world, capabilities=TAGLESS)
    world.wait(26)
    broker.read()
    (found,) = world.state.breaks

    with pytest.raises(Refused) as refused:
        world.do(c.CloseBreak(LOCAL, found, "never mind"))
    assert refused.value.code == "SETTLE_THE_ORDER"
    assert found in world.state.breaks
