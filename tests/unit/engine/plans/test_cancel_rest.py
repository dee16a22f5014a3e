"""Cancelling what is still open of an earlier instruction."""

import msgspec
import pytest

from phalanx.domain.instructions import CancelRestRequest, InstructionStatus
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, Side
from phalanx.engine.reports import CANCELS_REFUSED_MAX
from tests.engine_world import World, stock
from tests.unit.engine.plans.exiting import called_back, further, held, working

S = OrdStatus


@pytest.fixture
def world() -> World:
    """Two clients with a million each."""
    world = World()
    world.account(1)
    world.account(2)
    return world


def test_every_open_order_of_it_is_called_back_and_no_other(world: World) -> None:
    done = world.row(quantity="1")
    open_ = world.row(quantity="2")
    unsent = world.row(quantity="3")
    batch = world.basket(done, open_, unsent)
    first, second, third = (draft.cl_ord_id for draft in batch.orders)
    world.filled(first)
    world.accepted(second)
    other = working(world, Side.BUY, "5", "99")

    planned = world.cancel_rest(batch)

    assert called_back(planned) == [(second, 0), (third, 0)]
    assert (world.status(second), world.status(third)) == (S.PENDING_CANCEL, S.CANCELED)
    assert world.status(other) is S.NEW


def test_what_a_cancelled_rest_fills_late_stays(world: World) -> None:
    planned = world.order(Side.BUY, "INFY", "10", "99")
    (buy,) = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(buy)
    cancel = world.cancel_rest(planned)

    fill = world.filled(buy, "4")
    world.report(buy, ExecType.CANCELED)

    assert further(fill) == []
    assert world.held("INFY") == whole(4)
    assert [lot.is_open for lot in world.lots()] == [True]
    assert world.instruction(cancel).status is InstructionStatus.DONE


def test_a_cancel_that_had_no_effect_is_asked_for_again(world: World) -> None:
    planned = world.order(Side.BUY, "INFY", "10", "99")
    (buy,) = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(buy)
    world.cancel_rest(planned)
    world.request_sent(buy)

    world.report(buy, ExecType.CANCEL_REJECTED, "busy")

    assert world.status(buy) is S.PENDING_CANCEL


def test_an_order_whose_cancel_is_under_way_is_skipped(world: World) -> None:
    planned = world.order(Side.BUY, "INFY", "10", "99")
    (buy,) = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(buy)
    world.cancel(buy)

    again = world.cancel_rest(planned)

    assert world.reasons(again) == ["ALREADY_CANCELING"]
    assert again.refusal is not None
    assert again.refusal.code.value == "NOTHING_VALID"


def refuse_every_cancel(world: World, cl_ord_id: str) -> None:
    for _ in range(CANCELS_REFUSED_MAX):
        world.request_sent(cl_ord_id)
        world.report(cl_ord_id, ExecType.CANCEL_REJECTED, "busy")
    assert world.an_order(cl_ord_id).request is None


def test_after_refused_cancels_a_further_one_asks_again(world: World) -> None:
    planned = world.order(Side.BUY, "INFY", "10", "99")
    (buy,) = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(buy)
    world.cancel_rest(planned)
    refuse_every_cancel(world, buy)

    again = world.cancel_rest(planned)

    assert called_back(again) == [(buy, 0)]
    assert world.status(buy) is S.PENDING_CANCEL


def test_an_order_that_an_exit_is_cancelling_is_left_to_it(world: World) -> None:
    planned = world.order(Side.BUY, "INFY", "10", "99")
    (buy,) = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(buy)
    world.exit("INFY")

    assert world.reasons(world.cancel_rest(planned)) == ["ALREADY_CANCELING"]
    assert further(world.filled(buy, "4")) == [(Side.SELL, 4)]


def test_an_order_that_an_exit_could_not_cancel_is_called_back(world: World) -> None:
    planned = world.order(Side.BUY, "INFY", "10", "99")
    (buy,) = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(buy)
    world.exit("INFY")
    refuse_every_cancel(world, buy)

    assert called_back(world.cancel_rest(planned)) == [(buy, 0)]

    assert further(world.filled(buy, "4")) == []
    world.report(buy, ExecType.CANCELED)
    assert world.status(buy) is S.CANCELED
    assert [lot.is_open for lot in world.lots()] == [True]


def test_slices_that_an_exit_still_cancels_are_left_to_it() -> None:
    world = World([msgspec.structs.replace(stock("6", "INFY"), freeze_quantity=whole(10))])
    world.account(1)
    planned = world.order(Side.BUY, "INFY", "20", "99")
    first, second = (draft.cl_ord_id for draft in planned.orders)
    world.accepted(first)
    world.accepted(second)
    exit_ = world.exit("INFY")
    refuse_every_cancel(world, first)

    cancel = world.cancel_rest(planned)

    assert called_back(cancel) == [(first, 0)]
    assert world.reasons(cancel) == ["ALREADY_CANCELING"]
    assert further(world.filled(second, "4")) == [(Side.SELL, 4)]
    world.report(second, ExecType.CANCELED)
    assert [lot.closing for lot in world.lots() if lot.buys] == [cancel.instruction_id]
    assert further(world.filled(first, "3")) == []
    world.report(first, ExecType.CANCELED)
    assert world.instruction(cancel).status is InstructionStatus.DONE
    assert world.instruction(exit_).open_orders == 1


def test_with_nothing_open_it_is_refused(world: World) -> None:
    planned = world.submit(CancelRestRequest("IAA00000009"))

    assert planned.refusal is not None
    assert str(planned.refusal) == "nothing of instruction IAA00000009 is open"


def test_an_exit_whose_rest_is_cancelled_sells_nothing_more(world: World) -> None:
    held(world, "10")
    buy = working(world, Side.BUY, "10", "99")
    resting = working(world, Side.SELL, "6", "101")
    exit_ = world.exit("INFY")
    (sell,) = (draft.cl_ord_id for draft in exit_.orders)
    world.accepted(sell)

    planned = world.cancel_rest(exit_)

    assert called_back(planned) == [(sell, 0)]
    fill = world.filled(buy, "4")
    freed = world.report(resting, ExecType.CANCELED)
    assert (further(fill), further(freed)) == ([], [])
    world.report(sell, ExecType.CANCELED)
    world.report(buy, ExecType.CANCELED)
    assert world.book().open_orders == 0
    assert world.held("INFY") == whole(14)


def test_an_exit_that_only_waits_can_be_cancelled_once(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    exit_ = world.exit("INFY")

    assert world.cancel_rest(exit_).refusal is None
    again = world.cancel_rest(exit_)

    assert again.refusal is not None
    fill = world.filled(buy)
    assert further(fill) == []


def test_a_later_exit_takes_over_what_a_cancelled_one_waits_for(world: World) -> None:
    buy = working(world, Side.BUY, "10", "99")
    world.cancel_rest(world.exit("INFY"))

    world.exit("INFY")
    fill = world.filled(buy)

    assert further(fill) == [(Side.SELL, 10)]
