import pytest

from phalanx.domain.events import DayRolled, KeysForgotten, OrdersRetired
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, Side
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.domain.time import DAY, SECOND
from phalanx.engine import commands as c
from phalanx.engine.timers import RETIRED_AT_ONCE_MAX
from tests.engine_world import START, World

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


class TestRetirement:
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
        ticked(world, 3_600)

        for exec_type in ExecType:
            assert world.report(cl_ord_id, exec_type) == []
        assert world.found(cl_ord_id) == []

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
