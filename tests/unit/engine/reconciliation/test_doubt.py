"""Absence is a verdict with proof, and some doubts are for a person."""

import msgspec
import pytest

from phalanx.domain.breaks import BreakKind
from phalanx.domain.events import BreakClosed, BreakFiled, OrderEnded
from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.domain.orders import OrdStatus, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import HOUR, SECOND
from phalanx.engine import commands as c
from phalanx.engine.reconciliation import sanity
from phalanx.engine.reconciliation.doubt import DOUBT_ASKS_MAX, quiet_until
from phalanx.engine.reconciliation.sanity import why_incomplete
from tests.engine_broker import FAR, TAGLESS, Shown
from tests.engine_world import PAPER, World

S = OrdStatus


class TestAbsence:
    def test_takes_quiet_time_and_three_looks_in_a_row(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        assert [broker.read() for _ in range(5)] == [[]] * 5
        world.wait(26)
        assert broker.read() == []
        assert broker.read() == []

        (event,) = broker.read()

        assert isinstance(event, OrderEnded)
        assert event.reason.code is ReasonCode.ABSENT_AT_BROKER
        assert world.status(doubted) is S.NOT_RECEIVED

    def test_is_not_proved_before_the_quiet_time_is_over(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        deadline = world.an_order(doubted).deadline
        world.now = deadline + 20 * SECOND - 10_000_000

        assert [broker.read() for _ in range(4)] == [[]] * 4
        assert quiet_until(world.an_order(doubted), FAR) == deadline + 20 * SECOND

    def test_is_not_proved_by_a_clock_of_ours_that_jumped(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        world.wait(40)
        broker.skew = -35 * SECOND

        assert [broker.read() for _ in range(5)] == [[]] * 5
        assert world.status(doubted) is S.IN_DOUBT

    def test_is_not_proved_by_a_broker_whose_clock_is_far_behind(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        world.wait(60)
        broker.skew = -HOUR

        assert [broker.read() for _ in range(5)] == [[]] * 5
        assert world.status(doubted) is S.IN_DOUBT

    def test_is_not_proved_by_a_book_of_another_day(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        world.wait(4 * 3_600)

        events = [event for _ in range(5) for event in broker.read()]

        assert [type(event) for event in events] == [BreakFiled]
        assert world.status(doubted) is S.IN_DOUBT

    def test_needs_no_quiet_time_where_nothing_can_arrive_late(
        self, world: World, doubted: str
    ) -> None:
        broker = Shown(world, capabilities=PAPER)
        assert quiet_until(world.an_order(doubted), PAPER) == 0

        broker.read()

        assert world.status(doubted) is S.NOT_RECEIVED

    @pytest.mark.parametrize(("looks", "waited"), [(2, 60), (3, 0)])
    def test_is_nobodys_to_claim(
        self, world: World, broker: Shown, doubted: str, looks: int, waited: int
    ) -> None:
        world.wait(waited)

        assert world.do(c.BookAbsent(doubted, looks, world.now)) == []
        assert world.do(c.BookAbsent("AA0ZZZZZZZ", 3, world.now)) == []
        world.capabilities.clear()
        assert world.do(c.BookAbsent(doubted, 9, world.now + HOUR)) == []

    def test_of_an_effect_is_nobodys_to_claim(self, world: World, broker: Shown, buy: str) -> None:
        request_id = world.cancel(buy)
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))
        shown = broker.orders[broker.has(buy)]

        assert world.do(c.BookFound(buy, shown, 3, world.now)) == []
        assert world.do(c.BookFound("AA0ZZZZZZZ", shown, 3, world.now)) == []
        world.wait(60)
        assert world.do(c.BookFound(buy, shown, 2, world.now)) == []
        assert world.do(c.BookFound(buy, shown, 3, world.now - HOUR)) == []
        world.capabilities.clear()
        assert world.do(c.BookFound(buy, shown, 3, world.now)) == []

    def test_of_an_effect_needs_a_doubt(self, world: World, broker: Shown, buy: str) -> None:
        world.cancel(buy)
        world.request_sent(buy)
        shown = broker.orders[broker.has(buy)]

        assert world.do(c.BookFound(buy, shown, 3, world.now)) == []

    def test_of_an_effect_needs_no_quiet_time_where_nothing_can_arrive_late(
        self, world: World, buy: str
    ) -> None:
        broker = Shown(world, capabilities=PAPER)
        request_id = world.cancel(buy)
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))
        broker.has(buy)

        broker.read()

        assert world.status(buy) is S.NEW


class TestADoubtForAPerson:
    def test_is_filed_after_it_was_asked_about_often_enough(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        broker.skew = -HOUR
        world.wait(60)
        asks_max = FAR.looks_to_prove + DOUBT_ASKS_MAX

        events = [broker.read() for _ in range(asks_max)]

        assert events[:-1] == [[]] * (asks_max - 1)
        (filed,) = events[-1]
        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.ORDER_IN_DOUBT
        assert filed.found.subject == doubted
        assert str(asks_max) in filed.found.reason
        assert broker.read() == []

    def test_is_not_filed_while_the_order_may_still_arrive(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        assert [broker.read() for _ in range(DOUBT_ASKS_MAX + 5)] == [[]] * (DOUBT_ASKS_MAX + 5)

    def test_closes_when_the_order_turns_up(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        broker.skew = -HOUR
        world.wait(60)
        for _ in range(30):
            broker.read()
        broker.has(doubted)

        events = broker.read()

        assert isinstance(events[-1], BreakClosed)
        assert world.state.breaks == {}

    def test_without_tags_is_filed_once_its_quiet_time_is_over_and_names_who_it_may_be(
        self, world: World, doubted: str
    ) -> None:
        broker = Shown(world, capabilities=TAGLESS)
        broker.has_foreign(Side.BUY, 10, "N1")
        broker.has_foreign(Side.BUY, 9, "N2")
        broker.has_foreign(Side.SELL, 10, "N3")
        broker.has_foreign(Side.BUY, 10, "N4")
        assert broker.read() == []
        world.wait(26)

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.theirs == "N1, N4"
        assert "N1, N4" in filed.found.reason
        assert world.status(doubted) is S.IN_DOUBT

    def test_names_only_a_few_candidates(self, world: World, doubted: str) -> None:
        broker = Shown(world, capabilities=TAGLESS)
        for number in range(8):
            broker.has_foreign(Side.BUY, 10, f"N{number}")
        world.wait(26)

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.theirs == "N0, N1, N2, N3, N4"
        assert filed.found.reason.endswith("or one of 3 more")

    def test_says_when_nothing_there_is_like_it(self, world: World, doubted: str) -> None:
        broker = Shown(world, capabilities=TAGLESS)
        world.wait(26)

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.reason.endswith("no order there is like it")


class TestACompleteReading:
    @pytest.fixture
    def shown(self, world: World, broker: Shown, buy: str) -> Shown:
        broker.fills(broker.has(buy), 4, "E1")
        broker.trades_outside(Side.BUY, 2, "E2")
        broker.holds("INFY", 6)
        return broker

    def test_is_believed(self, world: World, shown: Shown) -> None:
        assert why_incomplete(world.state, shown.book()) == ""

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"account": "A2"}, "is of account A2"),
            ({"order_id": ""}, "is there twice"),
            ({"cum_quantity": whole(5)}, "executions of order"),
            ({"quantity": 0}, "absurd"),
            ({"quantity": FIXED_MAX + 1}, "absurd"),
            ({"limit": -1}, "absurd"),
            ({"cum_quantity": -1}, "absurd"),
            ({"status": S.IN_DOUBT}, "absurd"),
            ({"status": S.FILLED, "cum_quantity": 0}, "filled with nothing"),
        ],
    )
    def test_has_no_odd_order(
        self, world: World, shown: Shown, buy: str, changes: dict[str, object], why: str
    ) -> None:
        shown.change(f"B{buy}", **changes)

        assert why in why_incomplete(world.state, shown.book())

    def test_has_no_order_of_ours_twice(self, world: World, shown: Shown, buy: str) -> None:
        shown.has_foreign(Side.BUY, 10, "B2", tag=buy)
        assert "there twice" in why_incomplete(world.state, shown.book())

    def test_may_have_other_peoples_tags_twice(self, world: World, shown: Shown) -> None:
        shown.has_foreign(Side.BUY, 10, "B2", tag="mine")
        shown.has_foreign(Side.BUY, 10, "B3", tag="mine")
        assert why_incomplete(world.state, shown.book()) == ""

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"account": "A2"}, "is of account A2"),
            ({"exec_id": ""}, "there twice"),
            ({"exec_id": "E2"}, "there twice"),
            ({"quantity": 0}, "absurd"),
            ({"quantity": FIXED_MAX + 1}, "absurd"),
            ({"price": 0}, "absurd"),
            ({"charges": -FIXED_MAX - 1}, "absurd"),
            ({"time": -1}, "absurd"),
        ],
    )
    def test_has_no_odd_execution(
        self, world: World, shown: Shown, changes: dict[str, object], why: str
    ) -> None:
        shown.trades[0] = msgspec.structs.replace(shown.trades[0], **changes)

        assert why in why_incomplete(world.state, shown.book())

    def test_has_every_position_once_and_none_that_no_number_holds(
        self, world: World, shown: Shown
    ) -> None:
        shown.holds("INFY", 1, Product.INTRADAY)
        assert why_incomplete(world.state, shown.book()) == ""
        shown.holds("INFY", 1)
        assert "there twice" in why_incomplete(world.state, shown.book())
        shown.positions = None
        shown.holds("INFY", 1 << 60)
        assert "absurd" in why_incomplete(world.state, shown.book())

    def test_has_cash_that_a_number_holds(self, world: World, shown: Shown) -> None:
        shown.cash = FIXED_MAX + 1
        assert why_incomplete(world.state, shown.book()) == "cash is absurd"

    def test_has_a_bound(self, world: World, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sanity, "BOOK_ROWS_MAX", 1)
        assert "more than 1 rows" in why_incomplete(world.state, shown.book())

    def test_files_nothing_before_it_was_compared(self, world: World, shown: Shown) -> None:
        assert world.do(c.FileDifferences(shown.book())) == []
