"""The undo window: what may open risk is planned at once, and can be taken back before it goes."""

import pytest

from phalanx.domain.events import (
    CancelRequested,
    InstructionPlanned,
    OrderEnded,
    OrdersReleased,
)
from phalanx.domain.instructions import BatchRequest, SignalRequest
from phalanx.domain.kills import KillCancel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import MILLISECOND
from phalanx.engine import commands as c
from phalanx.engine.instructions import preview
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from tests.engine_world import LOCAL, World

S = OrdStatus


@pytest.fixture
def world(world: World) -> World:
    """A desk with a window of two seconds."""
    world.settings(undo_ms=2_000, duplicate_window_s=0)
    return world


def over(world: World, planned: InstructionPlanned) -> OrdersReleased:
    """The window's end has come."""
    world.wait(2)
    return world.one(c.ReleaseOrders(planned.instruction_id), OrdersReleased)


def test_what_opens_risk_is_planned_held_and_its_cash_set_aside(world: World) -> None:
    planned = world.order()
    cl_ord_id = planned.orders[0].cl_ord_id

    assert planned.undo_until == planned.time + 2_000 * MILLISECOND
    assert world.status(cl_ord_id) is S.HELD
    assert next(iter(world.state.books.values())).holds == planned.orders[0].hold > 0
    assert world.do(c.Dispatch((cl_ord_id,), world.state.epoch)) == []
    assert world.do(c.ReleaseOrders(planned.instruction_id)) == []


def test_after_the_window_it_may_go(world: World) -> None:
    planned = world.order()
    cl_ord_id = planned.orders[0].cl_ord_id

    assert over(world, planned).cl_ord_ids == (cl_ord_id,)
    assert world.status(cl_ord_id) is S.PENDING_NEW
    assert world.state.undo == {}
    assert world.do(c.ReleaseOrders(planned.instruction_id)) == []
    world.filled(cl_ord_id)
    assert world.held("INFY") == whole(10)


def test_without_the_setting_nothing_is_held(world: World) -> None:
    world.settings()
    planned = world.order()

    assert (planned.undo_until, world.state.undo) == (0, {})
    assert world.status(planned.orders[0].cl_ord_id) is S.PENDING_NEW


def test_exits_have_no_window_also_within_a_basket(world: World) -> None:
    bought = world.order()
    over(world, bought)
    world.filled(bought.orders[0].cl_ord_id)

    sold = world.order(Side.SELL, quantity="2")
    both = world.basket(world.row(Side.SELL, quantity="3"), world.row(quantity="4"))

    assert sold.undo_until == 0
    assert world.status(sold.orders[0].cl_ord_id) is S.PENDING_NEW
    assert [world.status(draft.cl_ord_id) for draft in both.orders] == [S.PENDING_NEW, S.HELD]
    assert world.exit("INFY").undo_until == 0


def test_a_cancel_of_the_instruction_undoes_it(world: World) -> None:
    planned = world.basket(world.row(), world.row(instrument="ACC"))

    cancel = world.cancel_rest(planned)

    assert [one.unsent for one in cancel.cancels] == [True, True]
    assert all(world.status(draft.cl_ord_id) is S.CANCELED for draft in planned.orders)
    assert next(iter(world.state.books.values())).holds == 0
    assert over(world, planned).cl_ord_ids == ()


def test_a_cancel_of_one_order_undoes_that_one(world: World) -> None:
    planned = world.basket(world.row(), world.row(instrument="ACC"))
    first, second = (draft.cl_ord_id for draft in planned.orders)

    world.one(c.CancelOrder(LOCAL, first), CancelRequested)

    assert (world.status(first), world.status(second)) == (S.CANCELED, S.HELD)
    assert over(world, planned).cl_ord_ids == (second,)


def test_a_kill_that_cancels_ends_what_is_held(world: World) -> None:
    planned = world.order()

    world.do(c.PutKill(LOCAL, cancel=KillCancel.ENTRIES))

    assert world.status(planned.orders[0].cl_ord_id) is S.CANCELED


def test_a_sell_signal_within_the_window_ends_the_buy_unsent(world: World) -> None:
    bought = world.signal("RED", "INFY", Side.BUY)

    sold = world.signal("RED", "INFY", Side.SELL)

    assert [one.unsent for one in sold.cancels] == [True]
    assert world.status(bought.orders[0].cl_ord_id) is S.CANCELED
    assert world.signal("RED", "INFY", Side.BUY).orders


def test_it_never_goes_after_its_instruction_expired(world: World) -> None:
    request = SignalRequest("RED", "INFY", Side.BUY)
    planned = world.one(c.Submit(LOCAL, request, expires_s=1), InstructionPlanned)
    world.wait(2)

    end, released = world.do(c.ReleaseOrders(planned.instruction_id))

    assert isinstance(end, OrderEnded)
    assert (end.status, end.reason.code) == (S.EXPIRED, ReasonCode.INSTRUCTION_EXPIRED)
    assert isinstance(released, OrdersReleased)
    assert released.cl_ord_ids == ()
    assert world.state.undo == {}


def test_what_another_process_takes_over_is_not_in_doubt(world: World) -> None:
    planned = world.order()
    world.do(c.BeginTerm(2, "0.1", "AA"))

    assert world.status(planned.orders[0].cl_ord_id) is S.HELD
    assert over(world, planned).cl_ord_ids


def test_a_day_that_rolls_over_a_window_ends_it(world: World) -> None:
    planned = world.order()
    world.wait(24 * 3_600)
    world.do(c.Tick())

    assert world.status(planned.orders[0].cl_ord_id) is S.EXPIRED
    assert world.one(c.ReleaseOrders(planned.instruction_id), OrdersReleased).cl_ord_ids == ()


def test_what_is_held_has_no_other_terms(world: World) -> None:
    planned = world.order(price="100")

    with pytest.raises(Refused, match="NOT_REPLACEABLE"):
        world.replace(planned.orders[0].cl_ord_id, quantity="5")


def test_a_preview_has_no_window(world: World) -> None:
    request = BatchRequest((world.row(),))

    assert preview(world.state, c.Submit(LOCAL, request), world.context())[0].undo_until == 0


def test_windows_survive_a_snapshot(world: World) -> None:
    world.order()

    assert state_hash(decode_state(encode_state(world.state))) == state_hash(world.state)
