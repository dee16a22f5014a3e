"""MARKET orders that rest: entries are canceled, exits are repriced and then stand for a person."""

import msgspec
import pytest

from phalanx.domain.events import CancelRequested, Event, OrderFlagged, ReplaceRequested
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ClOrdId, ExecType, ExecutionReport, OrdStatus, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.engine import commands as c
from phalanx.engine import unfilled
from tests.engine_world import LOCAL, PAPER, World, fixed


@pytest.fixture
def world() -> World:
    world = World()
    ten = SizingRule(Sizing.FIXED_QUANTITY, whole(10))
    world.subscribe(world.account(1), "RED", "INFY", sizing=ten)
    world.do(c.Tick())
    return world


def entry(world: World) -> ClOrdId:
    """A market buy that works at the broker and has not filled."""
    cl_ord_id = world.order().orders[0].cl_ord_id
    world.accepted(cl_ord_id)
    return cl_ord_id


def leave(world: World) -> ClOrdId:
    """A market sell of what is held, at 99 or better, that works at the broker and has not filled."""
    world.bought("RED", "INFY")
    cl_ord_id = world.sell("RED", "INFY")
    world.accepted(cl_ord_id)
    return cl_ord_id


def ticked(world: World, seconds: float = 0) -> list[Event]:
    world.wait(seconds)
    return list(world.do(c.Tick()))


def replaced(world: World, cl_ord_id: ClOrdId) -> None:
    """The new price is sent and granted."""
    world.request_sent(cl_ord_id)
    world.replaced(cl_ord_id)


class TestEntry:
    def test_is_canceled_once_when_it_has_rested_long_enough(self, world: World) -> None:
        cl_ord_id = entry(world)
        assert ticked(world, 29.9) == []

        (event,) = ticked(world, 0.1)

        assert isinstance(event, CancelRequested)
        assert (event.cl_ord_id, event.origin.actor) == (cl_ord_id, "desk")
        assert event.reason is not None
        assert str(event.reason) == "not filled within 30 s"
        assert world.status(cl_ord_id) is OrdStatus.PENDING_CANCEL
        assert ticked(world, 300) == []

    def test_is_canceled_for_the_rest_when_a_part_has_filled(self, world: World) -> None:
        cl_ord_id = entry(world)
        world.wait(20)
        world.filled(cl_ord_id, "4")

        (event,) = ticked(world, 10)

        assert isinstance(event, CancelRequested)

    def test_works_for_ever_when_the_time_is_zero(self, world: World) -> None:
        world.settings(entry_cancel_after_s=0)
        entry(world)

        assert ticked(world, 3_000) == []

    def test_with_a_price_of_its_own_works_for_ever(self, world: World) -> None:
        world.accepted(world.order(price="99").orders[0].cl_ord_id)

        assert ticked(world, 3_000) == []

    def test_that_the_broker_has_not_answered_for_is_left_alone(self, world: World) -> None:
        world.sent(world.order().orders[0].cl_ord_id)
        world.unknown(world.order(quantity="5").orders[0].cl_ord_id)

        assert ticked(world, 3_000) == []

    def test_of_a_closed_account_is_left_alone_until_it_is_open(self, world: World) -> None:
        entry(world)
        world.closed["A1"] = "session down"
        assert ticked(world, 300) == []

        world.closed.clear()
        assert len(ticked(world)) == 1

    def test_whose_cancel_was_never_written_is_asked_for_again_later(self, world: World) -> None:
        cl_ord_id = entry(world)
        (asked,) = ticked(world, 30)
        assert isinstance(asked, CancelRequested)
        reason = Reason(ReasonCode.BROKER_UNREACHABLE)
        world.do(c.BookNeverWritten(cl_ord_id, reason, request_id=asked.request_id))
        assert ticked(world, 29.9) == []

        (again,) = ticked(world, 0.1)

        assert isinstance(again, CancelRequested)
        assert again.request_id != asked.request_id

    def test_that_the_broker_will_not_cancel_is_shown_to_a_person(self, world: World) -> None:
        cl_ord_id = entry(world)
        for _ in range(3):
            ticked(world, 30)
            world.request_sent(cl_ord_id)
            world.report(cl_ord_id, ExecType.CANCEL_REJECTED, "no")

        (event,) = ticked(world, 30)

        assert isinstance(event, OrderFlagged)
        assert ticked(world, 300) == []

    def test_rests_anew_after_somebody_changed_it(self, world: World) -> None:
        cl_ord_id = entry(world)
        world.wait(20)
        world.replace(cl_ord_id, quantity="20")
        assert ticked(world, 300) == []
        replaced(world, cl_ord_id)
        assert ticked(world, 29.9) == []

        assert len(ticked(world, 0.1)) == 1


class TestExit:
    def test_gets_the_protected_price_of_now(self, world: World) -> None:
        cl_ord_id = leave(world)
        world.price("INFY", "95", close="100")
        assert ticked(world, 4.9) == []

        (event,) = ticked(world, 0.1)

        assert isinstance(event, ReplaceRequested)
        assert (event.cl_ord_id, event.quantity) == (cl_ord_id, whole(10))
        assert (event.price, event.hold, event.repricing) == (fixed("94.05"), 0, 1)
        assert ticked(world, 300) == []

    def test_is_repriced_so_often_and_then_flagged_once(self, world: World) -> None:
        cl_ord_id = leave(world)
        for number, last in enumerate(("97", "94", "91"), 1):
            world.price("INFY", last, close="100")
            (event,) = ticked(world, 5)
            assert isinstance(event, ReplaceRequested)
            assert event.repricing == number
            replaced(world, cl_ord_id)
            assert world.an_order(cl_ord_id).limit == event.price

        world.price("INFY", "88", close="100")
        (event,) = ticked(world, 5)

        assert isinstance(event, OrderFlagged)
        assert (event.cl_ord_id, event.flag) == (cl_ord_id, "UNFILLED")
        assert event.text == "not filled within 20 s"
        assert world.status(cl_ord_id) is OrdStatus.NEW
        assert ticked(world, 300) == []
        world.filled(cl_ord_id, "4")
        assert ticked(world, 300) == []

    def test_whose_price_is_the_old_one_is_flagged_when_its_turns_are_over(
        self, world: World
    ) -> None:
        leave(world)
        assert [ticked(world, 5) for _ in range(3)] == [[], [], []]

        (event,) = ticked(world, 5)

        assert isinstance(event, OrderFlagged)

    def test_counts_the_turns_in_which_the_price_was_the_old_one(self, world: World) -> None:
        leave(world)
        ticked(world, 10)
        world.price("INFY", "95", close="100")

        (event,) = ticked(world, 1)

        assert isinstance(event, ReplaceRequested)
        assert event.repricing == 2

    def test_is_repriced_once_more_however_long_nobody_looked(self, world: World) -> None:
        cl_ord_id = leave(world)
        world.price("INFY", "95", close="100")

        (event,) = ticked(world, 600)
        assert isinstance(event, ReplaceRequested)
        assert event.repricing == 3
        replaced(world, cl_ord_id)

        (event,) = ticked(world, 5)
        assert isinstance(event, OrderFlagged)

    def test_is_repriced_under_a_kill(self, world: World) -> None:
        leave(world)
        world.do(c.PutKill(LOCAL))
        world.price("INFY", "95", close="100")

        (event,) = ticked(world, 5)

        assert isinstance(event, ReplaceRequested)

    def test_is_flagged_at_once_where_the_broker_replaces_nothing(self, world: World) -> None:
        leave(world)
        world.capabilities["paper"] = msgspec.structs.replace(PAPER, replace=False)
        world.price("INFY", "95", close="100")

        (event,) = ticked(world, 5)

        assert isinstance(event, OrderFlagged)

    def test_without_a_price_is_looked_at_again_until_its_turns_are_over(
        self, world: World
    ) -> None:
        leave(world)
        quotes = dict(world.quotes)
        world.quotes.clear()
        assert ticked(world, 5) == []
        world.quotes = quotes
        world.price("INFY", "95", close="100")

        (event,) = ticked(world, 5)

        assert isinstance(event, ReplaceRequested)
        assert event.repricing == 2

    def test_that_never_has_a_price_is_flagged_when_its_turns_are_over(self, world: World) -> None:
        leave(world)
        world.quotes.clear()
        assert [ticked(world, 5) for _ in range(3)] == [[], [], []]

        (event,) = ticked(world, 5)

        assert isinstance(event, OrderFlagged)

    def test_stays_as_it_is_when_the_time_is_zero(self, world: World) -> None:
        world.settings(exit_reprice_after_s=0)
        leave(world)
        world.price("INFY", "95", close="100")

        assert ticked(world, 3_000) == []

    def test_whose_new_price_was_refused_gets_another_later(self, world: World) -> None:
        cl_ord_id = leave(world)
        world.price("INFY", "95", close="100")
        ticked(world, 5)
        world.request_sent(cl_ord_id)
        world.report(cl_ord_id, ExecType.REPLACE_REJECTED, "no")

        (event,) = ticked(world, 5)

        assert isinstance(event, ReplaceRequested)
        assert event.repricing == 2


class TestBounds:
    def test_a_tick_sees_to_a_bounded_number(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unfilled, "SEEN_TO_MAX", 2)
        ids = [_entry_of(world, quantity) for quantity in range(1, 6)]

        asked = [
            [event.cl_ord_id for event in ticked(world, wait) if isinstance(event, CancelRequested)]
            for wait in (30, 0, 0, 0)
        ]

        assert asked == [ids[:2], ids[2:4], ids[4:], []]

    def test_those_of_a_closed_account_keep_nobody_from_his_turn(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(unfilled, "LOOKED_AT_MAX", 3)
        for quantity in range(1, 6):
            _entry_of(world, quantity)
        world.account(2)
        other = world.order(client=2).orders[0].cl_ord_id
        world.accepted(other)
        world.closed["A1"] = "session down"
        world.wait(30)

        asked = [event for _ in range(2) for event in ticked(world, 1)]

        assert [event.cl_ord_id for event in asked if isinstance(event, CancelRequested)] == [other]

    def test_ids_of_one_tick_are_its_own(self, world: World) -> None:
        for quantity in range(1, 4):
            _entry_of(world, quantity)
        leave(world)
        world.price("INFY", "95", close="100")

        events = ticked(world, 30)

        ids = {e.request_id for e in events if isinstance(e, CancelRequested | ReplaceRequested)}
        assert len(ids) == len(events) == 4


def _entry_of(world: World, quantity: int) -> ClOrdId:
    cl_ord_id = world.order(quantity=f"{quantity}").orders[0].cl_ord_id
    world.accepted(cl_ord_id)
    return cl_ord_id


def test_a_sell_that_reduces_is_an_exit_whoever_asked_for_it(world: World) -> None:
    world.bought("RED", "INFY")
    cl_ord_id = world.order(Side.SELL).orders[0].cl_ord_id
    world.accepted(cl_ord_id)

    assert list(world.state.resting_exits) == [cl_ord_id]
    assert world.state.resting_entries == {}


def test_an_order_does_not_rest_while_executions_of_it_are_missing(world: World) -> None:
    cl_ord_id = entry(world)
    request_id = world.cancel(cl_ord_id)
    world.request_sent(cl_ord_id)
    more = ExecutionReport(cl_ord_id, ExecType.TRADE, "B", "E2", whole(5), whole(1), whole(100))
    world.do(c.BookReport(more))
    assert world.an_order(cl_ord_id).missing == whole(4)

    world.report(cl_ord_id, ExecType.CANCEL_REJECTED)

    assert world.an_order(cl_ord_id).request is None, request_id
    assert world.state.resting_entries == {}
