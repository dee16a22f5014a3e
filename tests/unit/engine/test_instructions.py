import pytest

from phalanx.domain.events import OrderEnded, OrdersDispatched
from phalanx.domain.instructions import InstructionStatus
from phalanx.domain.orders import ExecType, OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.plans.plan import ORDERS_MAX
from phalanx.engine.refused import Refused
from tests.engine_world import LOCAL, World
from tests.fakes.kills import of_account

S = OrdStatus


@pytest.fixture
def world() -> World:
    world = World()
    for client in (1, 2):
        world.subscribe(world.account(client), "RED", "INFY")
    return world


def test_a_dispatch_names_epoch_and_deadline(world: World) -> None:
    ids = tuple(draft.cl_ord_id for draft in world.signal("RED", "INFY", Side.BUY).orders)

    (event,) = world.do(c.Dispatch(ids, 7))

    assert event == OrdersDispatched(world.now, ids, 7, world.now + 5 * SECOND)
    assert {world.status(x) for x in ids} == {S.SENT}
    assert world.an_order(ids[0]).deadline == world.now + 5 * SECOND
    assert world.do(c.Dispatch(ids, 7)) == []


def test_orders_that_ended_meanwhile_are_left_out(world: World) -> None:
    first, second = (d.cl_ord_id for d in world.signal("RED", "INFY", Side.BUY).orders)
    world.cancel(first)

    (event,) = world.do(c.Dispatch((first, second, "AA0ZZZZZZZ"), 1))

    assert isinstance(event, OrdersDispatched)
    assert event.cl_ord_ids == (second,)


def test_an_order_whose_instruction_expired_is_not_sent(world: World) -> None:
    first, second = (d.cl_ord_id for d in world.signal("RED", "INFY", Side.BUY).orders)
    world.sent(first)
    world.wait(30)

    (event,) = world.do(c.Dispatch((first, second), 1))

    assert isinstance(event, OrderEnded)
    assert (event.cl_ord_id, event.status) == (second, S.EXPIRED)
    assert event.reason.code is ReasonCode.INSTRUCTION_EXPIRED
    assert world.book("A2").holds == 0


def test_a_sell_that_waited_too_long_expires_and_its_lot_is_open_again(world: World) -> None:
    planned = world.signal("RED", "INFY", Side.BUY)
    for draft in planned.orders:
        world.filled(draft.cl_ord_id)
    ids = tuple(draft.cl_ord_id for draft in world.signal("RED", "INFY", Side.SELL).orders)
    world.wait(3_600)

    events = world.do(c.Dispatch(ids, 1))

    assert not any(isinstance(event, OrdersDispatched) for event in events)
    assert {world.status(cl_ord_id) for cl_ord_id in ids} == {S.EXPIRED}
    assert all(lot.is_open for book in world.state.books.values() for lot in book.all_lots())


def test_waiting_orders_expire_and_others_do_not(world: World) -> None:
    first, second = (d.cl_ord_id for d in world.signal("RED", "INFY", Side.BUY).orders)
    world.sent(first)

    events = world.do(c.ExpireUnsent((first, second, second, "AA0ZZZZZZZ")))

    assert [event.cl_ord_id for event in events] == [second, second]  # type: ignore[union-attr]
    assert [world.status(first), world.status(second)] == [S.SENT, S.EXPIRED]


class TestInstruction:
    def test_is_working_until_its_last_order_ended(self, world: World) -> None:
        planned = world.signal("RED", "INFY", Side.BUY)
        first, second = (draft.cl_ord_id for draft in planned.orders)
        instruction = world.instruction(planned)
        assert (instruction.kind, instruction.orders, instruction.skips) == ("signal", 2, 0)

        world.filled(first)
        statuses = [instruction.status]
        world.accepted(second)
        world.report(second, ExecType.REJECTED)
        statuses.append(instruction.status)

        assert statuses == [InstructionStatus.WORKING, InstructionStatus.DONE]
        assert instruction.ended == {S.FILLED.value: 1, S.REJECTED.value: 1}
        assert instruction.open_orders == 0

    def test_counts_an_order_once_however_it_ended_at_last(self, world: World) -> None:
        planned = world.signal("RED", "INFY", Side.BUY)
        first, _ = (draft.cl_ord_id for draft in planned.orders)
        world.accepted(first)
        world.report(first, ExecType.CANCELED)
        world.filled(first)

        assert world.instruction(planned).ended == {S.FILLED.value: 1}

    def test_with_nothing_to_do_is_not_remembered(self, world: World) -> None:
        planned = world.signal("RED", "INFY", Side.SELL)

        assert planned.refusal is not None
        assert world.state.instructions == {}
        assert world.state.next_instruction == 1

    def test_counts_the_accounts_it_left_out(self, world: World) -> None:
        world.do(c.PutKill(LOCAL, of_account("A2")))

        planned = world.signal("RED", "INFY", Side.BUY)

        assert world.instruction(planned).skips == 1


def test_a_plan_has_a_bound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phalanx.engine.plans.plan.ORDERS_MAX", 1)
    before = list(world.journal)

    with pytest.raises(Refused, match="PLAN_TOO_LARGE"):
        world.signal("RED", "INFY", Side.BUY)

    assert ORDERS_MAX == 20_000
    assert world.journal == before
