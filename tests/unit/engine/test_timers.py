import msgspec
import pytest

from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import DayRolled, KeysForgotten, OrderEnded, OrdersRetired
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.domain.time import DAY, SECOND
from phalanx.engine import commands as c
from phalanx.engine.timers import BEHIND_NS_MAX, EXPIRED_AT_ONCE_MAX, RETIRED_AT_ONCE_MAX
from tests.engine_world import LOCAL, START, World

MIDNIGHT = (START // DAY + 1) * DAY - 19_800 * SECOND
"""The next one in India."""


@pytest.fixture
def world() -> World:
    world = World()
    ten = SizingRule(Sizing.FIXED_QUANTITY, whole(10))
    world.subscribe(world.account(1), "RED", "INFY", sizing=ten)
    world.do(c.Tick())
    return world


def ticked(world: World, seconds: int = 0) -> list[object]:
    world.wait(seconds)
    return list(world.do(c.Tick()))


class TestDay:
    def test_rolls_once_at_midnight_in_the_exchanges_zone(self, world: World) -> None:
        assert world.state.day == 20_254
        world.now = MIDNIGHT - 10 * SECOND
        assert ticked(world) == []

        world.now = MIDNIGHT
        (event,) = ticked(world)

        assert isinstance(event, DayRolled)
        assert event.day == 20_255
        assert ticked(world) == []

    def test_never_rolls_back(self, world: World) -> None:
        world.now -= 5 * DAY

        assert ticked(world) == []

    def test_starts_the_counters_again(self, world: World) -> None:
        world.order()
        assert world.book().orders_today == 1
        assert len(world.book().recent) == 1

        world.now = MIDNIGHT
        ticked(world)

        assert world.book().orders_today == 0
        assert world.book().recent == {}


class TestLeftOver:
    """Nothing crosses a date unsent."""

    def test_orders_that_were_never_sent_expire_before_the_day_rolls(self, world: World) -> None:
        world.now = MIDNIGHT - 10 * SECOND
        waits = world.order(quantity="1").orders[0].cl_ord_id
        held = world.book().holds
        assert held > 0

        world.now = MIDNIGHT
        ended, rolled = ticked(world)

        assert isinstance(ended, OrderEnded)
        assert (ended.cl_ord_id, ended.status) == (waits, OrdStatus.EXPIRED)
        assert ended.reason.code is ReasonCode.INSTRUCTION_EXPIRED
        assert isinstance(rolled, DayRolled)
        assert world.book().holds == 0

    def test_what_was_sent_is_the_brokers_to_end(self, world: World) -> None:
        world.settings(entry_cancel_after_s=0)
        sent, doubted, works = (
            world.order(quantity=f"{n}").orders[0].cl_ord_id for n in range(1, 4)
        )
        world.sent(sent)
        world.unknown(doubted)
        world.accepted(works)

        world.now = MIDNIGHT
        (rolled,) = ticked(world)

        assert isinstance(rolled, DayRolled)
        assert world.status(doubted) is OrdStatus.IN_DOUBT

    def test_the_new_days_orders_are_let_be(self, world: World) -> None:
        world.now = MIDNIGHT
        world.order(quantity="1")

        (rolled,) = ticked(world)

        assert isinstance(rolled, DayRolled)

    def test_one_whose_turn_comes_before_the_tick_is_not_sent(self, world: World) -> None:
        world.now = MIDNIGHT - 10 * SECOND
        waits = world.order(quantity="1").orders[0].cl_ord_id
        world.now = MIDNIGHT

        (ended,) = world.do(c.Dispatch((waits,), 1))

        assert isinstance(ended, OrderEnded)
        assert world.status(waits) is OrdStatus.EXPIRED

    def test_very_many_expire_in_turns_and_then_the_day_rolls(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert EXPIRED_AT_ONCE_MAX == 5_000
        monkeypatch.setattr("phalanx.engine.timers.EXPIRED_AT_ONCE_MAX", 2)
        for n in range(1, 4):
            world.order(quantity=f"{n}")
        world.now = MIDNIGHT

        kinds = [[type(event) for event in ticked(world)] for _ in range(3)]

        assert kinds == [[OrderEnded] * 2, [OrderEnded, DayRolled], []]


class TestRetirement:
    def test_at_a_broker_without_tags_waits_for_the_day_after_the_next(self, world: World) -> None:
        no_tag = msgspec.structs.replace(world.capabilities["paper"], kind=BrokerKind.NO_TAG)
        world.capabilities["paper"] = no_tag
        world.settings(terminal_orders_max=1)
        ids = []
        for n in range(1, 4):
            ids.append(world.order(quantity=f"{n}").orders[0].cl_ord_id)
            world.filled(ids[-1])
        (looked,) = ticked(world, 3_600)
        assert isinstance(looked, OrdersRetired)
        assert (looked.cl_ord_ids, list(looked.kept)) == ((), ids)
        assert ticked(world) == []

        world.now = MIDNIGHT
        (rolled,) = ticked(world)
        (looked,) = ticked(world)
        assert isinstance(looked, OrdersRetired)
        assert (looked.cl_ord_ids, list(looked.kept)) == ((), ids)

        world.now = MIDNIGHT + DAY
        ticked(world)
        (retired,) = ticked(world)

        assert isinstance(rolled, DayRolled)
        assert isinstance(retired, OrdersRetired)
        assert list(retired.cl_ord_ids) == ids

    def test_of_what_ended_before_midnight_by_a_clock_that_may_be_behind_counts_as_the_next_days(
        self, world: World
    ) -> None:
        no_tag = msgspec.structs.replace(world.capabilities["paper"], kind=BrokerKind.NO_TAG)
        world.capabilities["paper"] = no_tag
        (draft,) = world.order(quantity="1").orders
        world.now = MIDNIGHT - BEHIND_NS_MAX + 1
        world.filled(draft.cl_ord_id)
        for day in range(2):
            world.now = MIDNIGHT + day * DAY
            ticked(world)
            ticked(world, 3_600)
            assert draft.cl_ord_id in world.state.orders

        world.now = MIDNIGHT + 2 * DAY
        ticked(world)
        ticked(world, 3_600)

        assert world.state.orders == {}

    def test_looks_once_a_day_at_those_that_stay_and_they_hold_up_nobody(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("phalanx.engine.timers.RETIRED_AT_ONCE_MAX", 2)
        known = world.capabilities["paper"]
        world.capabilities["paper"] = msgspec.structs.replace(known, kind=BrokerKind.NO_TAG)
        ids = [world.order(quantity=f"{n}").orders[0].cl_ord_id for n in range(1, 6)]
        for cl_ord_id in ids:
            world.filled(cl_ord_id)

        looked = [event for _ in range(4) for event in ticked(world, 1_200)]

        assert [event.kept for event in looked if isinstance(event, OrdersRetired)] == [
            tuple(ids[:2]),
            tuple(ids[2:4]),
        ]
        world.capabilities["paper"] = known
        (retired,) = ticked(world)
        assert isinstance(retired, OrdersRetired)
        assert list(retired.cl_ord_ids) == ids[4:]
        assert list(world.state.kept) == ids[:4]

        world.now = MIDNIGHT
        ticked(world)
        assert (list(world.state.ended), world.state.kept) == (ids[:4], {})

    def test_of_one_kept_for_the_day_that_lives_again_begins_anew(self, world: World) -> None:
        no_tag = msgspec.structs.replace(world.capabilities["paper"], kind=BrokerKind.NO_TAG)
        world.capabilities["paper"] = no_tag
        (draft,) = world.order(quantity="5", price="90").orders
        world.unknown(draft.cl_ord_id)
        world.do(c.JudgeDoubt(LOCAL, draft.cl_ord_id, "", "no"))
        ticked(world, 3_600)
        assert list(world.state.kept) == [draft.cl_ord_id]

        world.accepted(draft.cl_ord_id)

        assert world.status(draft.cl_ord_id) is OrdStatus.NEW
        assert (world.state.ended, world.state.kept) == ({}, {})

    def test_waits_for_the_day_after_the_next_while_executions_are_missing(
        self, world: World
    ) -> None:
        short, whole_one = (world.order(quantity=f"{n}").orders[0].cl_ord_id for n in (10, 5))
        world.filled(whole_one)
        world.accepted(short)
        over = ExecutionReport(short, ExecType.TRADE, "B", "X1", whole(12), whole(10), whole(100))
        world.do(c.BookReport(over))
        assert world.status(short) is OrdStatus.FILLED

        (retired,) = ticked(world, 3_600)
        assert isinstance(retired, OrdersRetired)
        assert list(retired.cl_ord_ids) == [whole_one]
        world.now = MIDNIGHT
        ticked(world)
        assert not [one for one in ticked(world) if short in getattr(one, "cl_ord_ids", ())]
        world.now = MIDNIGHT + DAY
        ticked(world)
        (retired,) = ticked(world)

        assert isinstance(retired, OrdersRetired)
        assert list(retired.cl_ord_ids) == [short]

    def test_comes_an_hour_after_the_end(self, world: World) -> None:
        cl_ord_id = world.bought("RED", "INFY")
        assert ticked(world, 3_599) == []

        (event,) = ticked(world, 1)

        assert isinstance(event, OrdersRetired)
        assert event.cl_ord_ids == (cl_ord_id,)
        assert world.state.orders == {}
        assert world.state.instructions == {}
        assert world.state.ended == {}

    def test_leaves_lot_position_and_what_works_alone(self, world: World) -> None:
        world.bought("RED", "INFY")
        working = world.order(price="95").orders[0].cl_ord_id
        ticked(world, 3_600)

        assert list(world.state.orders) == [working]
        assert world.held("INFY") == whole(10)
        assert len(world.signal("RED", "INFY", Side.SELL).orders) == 1

    def test_comes_early_for_the_oldest_when_there_are_too_many(self, world: World) -> None:
        world.settings(terminal_orders_max=2)
        ids = []
        for n in range(1, 5):
            (draft,) = world.order(quantity=f"{n}").orders
            world.filled(draft.cl_ord_id)
            ids.append(draft.cl_ord_id)

        (event,) = ticked(world)

        assert isinstance(event, OrdersRetired)
        assert list(event.cl_ord_ids) == ids[:2]

    def test_takes_a_bounded_number_at_once(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert RETIRED_AT_ONCE_MAX == 5_000
        monkeypatch.setattr("phalanx.engine.timers.RETIRED_AT_ONCE_MAX", 3)
        for n in range(1, 6):
            world.filled(world.order(quantity=f"{n}").orders[0].cl_ord_id)

        sizes = [len(e.cl_ord_ids) for _ in range(2) for e in ticked(world, 3_600)]  # type: ignore[attr-defined]

        assert sizes == [3, 2]

    def test_keeps_an_instruction_while_it_has_orders_in_memory(self, world: World) -> None:
        buy = world.buy("RED", "INFY")
        world.filled(buy, "4")
        planned = world.signal("RED", "INFY", Side.SELL)
        world.filled(planned.orders[0].cl_ord_id)
        ticked(world, 3_600)
        assert planned.instruction_id in world.state.instructions

        (late,) = world.filled(buy, "2")
        world.filled(late.children[0].cl_ord_id)  # type: ignore[union-attr]
        world.report(buy, ExecType.CANCELED)
        ticked(world, 3_600)

        assert world.state.instructions == {}
        assert world.lots() == []

    def test_of_the_cancelled_buy_lets_its_closer_go(self, world: World) -> None:
        buy = world.buy("RED", "INFY")
        world.accepted(buy)
        planned = world.signal("RED", "INFY", Side.SELL)
        world.report(buy, ExecType.CANCELED)
        assert planned.instruction_id in world.state.instructions

        ticked(world, 3_600)

        assert world.state.instructions == {}

    def test_makes_late_reports_news_of_nobody(self, world: World) -> None:
        cl_ord_id = world.bought("RED", "INFY")
        shown = world.shown(cl_ord_id)
        ticked(world, 3_600)

        for exec_type in ExecType:
            assert world.report(cl_ord_id, exec_type) == []
        assert world.do(shown) == []

    def test_begins_anew_for_an_order_that_lived_again(self, world: World) -> None:
        world.settings(entry_cancel_after_s=0)
        cl_ord_id = world.buy("RED", "INFY")
        world.unknown(cl_ord_id)
        world.absent(cl_ord_id)
        world.wait(1_800)
        world.report(cl_ord_id, ExecType.NEW)
        assert ticked(world, 3_600) == []
        world.filled(cl_ord_id)

        assert ticked(world, 1_800) == []
        assert len(ticked(world, 1_800)) == 1


class TestKeys:
    def use(self, world: World, key: str) -> None:
        world.order(quantity="1", origin=Origin("local", Door.ORDERS, "r", key, b"x"))

    def test_are_forgotten_after_their_retention(self, world: World) -> None:
        world.settings(keys_retain_s=7_200, retire_after_s=100_000)
        self.use(world, "first")
        world.wait(3_600)
        self.use(world, "second")
        assert ticked(world, 3_599) == []

        (event,) = ticked(world, 1)

        assert isinstance(event, KeysForgotten)
        assert event.count == 1
        assert list(world.state.keys) == ["local\nsecond"]

    def test_are_bounded_in_number(self, world: World) -> None:
        world.settings(keys_max=3)
        for n in range(6):
            self.use(world, f"{n}")

        assert list(world.state.keys) == ["local\n3", "local\n4", "local\n5"]
