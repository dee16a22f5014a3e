"""The disk fails, or we do: nothing is answered, written or shown that is not durable, and all say why."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from phalanx.desk import decisions as decisions_module
from phalanx.desk.errors import Stopped
from phalanx.domain.accounts import RateLimit
from phalanx.domain.events import Event, InstructionPlanned, OrdersDispatched
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus
from phalanx.engine import commands as c
from phalanx.engine import decide as decide_module
from phalanx.engine.apply import _APPLIERS
from phalanx.engine.snapshot import state_hash
from phalanx.journal.errors import JournalFailed
from phalanx.journal.memory import FailPoint
from phalanx.simulation.invariants.replica import Replica
from tests.fakes.kills import of_account
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time, play


@pytest.mark.parametrize("point", FailPoint)
def test_a_failed_append_stops_the_desk(point: FailPoint) -> None:
    async def story(rig: Rig) -> None:
        desk = await rig.start()
        await rig.account()
        replica = Replica(desk.stream)
        replica.catch_up()
        rig.journal.fail_next(point)

        outcomes = await asyncio.gather(
            desk.execute(rig.buy()), desk.execute(rig.buy()), return_exceptions=True
        )
        rig.desk.handle(rig.buy())
        await rig.wait(5)

        assert [type(outcome) for outcome in outcomes] == [Stopped, Stopped]
        assert rig.broker.asked == []
        assert replica.catch_up() == []
        assert replica.reader.closed_reason == "STREAM_CLOSED"
        assert desk.failed is not None
        failure = desk.failed.result()
        assert isinstance(failure, JournalFailed)
        assert "injected" in str(failure)
        assert desk.readiness().stopped == str(failure)
        with pytest.raises(Stopped, match="injected"):
            await desk.execute(rig.buy())

    play(story)


@pytest.mark.parametrize("point", FailPoint)
def test_after_a_restart_only_what_landed_is_there(point: FailPoint) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account()
        rig.broker.prove_at_once()
        rig.journal.fail_next(point)
        command = rig.buy(key="one")
        with pytest.raises(Stopped):
            await rig.desk.execute(command)

        await rig.restart()

        landed = point is FailPoint.ANCHOR
        assert len(rig.events(InstructionPlanned)) == landed
        (order,) = rig.state.orders.values() or (None,)
        if order is not None:
            assert order.status is OrdStatus.NOT_RECEIVED
        assert (await rig.desk.execute(command)).replayed is landed
        await rig.wait()
        assert len(rig.broker.placed) == (0 if landed else 1)

    play(story)


@on_virtual_time
async def test_a_takeover_by_another_process_stops_this_one(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    rig.disk.holder = None
    old = (rig.journal, rig.desk)
    await rig.start()

    with pytest.raises(Stopped, match="FENCED"):
        await desk.execute(rig.buy())

    assert rig.broker.asked == []
    rig.journal, rig.desk = old
    await desk.stop()


@on_virtual_time
async def test_a_broken_invariant_while_applying_stops_everything_at_once(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    applier = _APPLIERS[OrdersDispatched]
    _APPLIERS[OrdersDispatched] = _break
    try:
        with pytest.raises(Stopped, match="broken"):
            await desk.execute(rig.buy())
    finally:
        _APPLIERS[OrdersDispatched] = applier
    await rig.wait(1)

    assert rig.events(InstructionPlanned) == []
    assert rig.broker.asked == []
    assert desk.failed is not None
    assert isinstance(desk.failed.result(), AssertionError)
    await rig.restart()
    await rig.bought()


def _break(*_: object) -> None:
    raise AssertionError("broken")


@on_virtual_time
async def test_a_report_that_breaks_an_invariant_stops_the_desk_and_not_the_broker(
    rig: Rig,
) -> None:
    desk = await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()
    patch = pytest.MonkeyPatch()
    patch.setattr(decisions_module, "apply", _break)

    rig.broker.fill(cl_ord_id, whole(1))
    patch.undo()

    assert desk.stopped == "broken"
    rig.broker.fill(cl_ord_id, whole(1))
    await rig.restart()
    assert rig.status(cl_ord_id) is OrdStatus.NEW


@on_virtual_time
async def test_faults_of_those_who_show_do_not_stop_orders(rig: Rig) -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    desk = await rig.start()
    await rig.account()
    seen: list[int] = []

    def observe_badly(events: Sequence[Event], seq: int) -> None:
        raise ValueError(seq)

    desk.observe(observe_badly)
    desk.observe(lambda events, seq: seen.append(seq))
    reader = desk.stream.join(("orders",))
    desk._boards._handlers[InstructionPlanned] = _break
    (cl_ord_id,) = await rig.submit(rig.buy())

    assert rig.status(cl_ord_id) is OrdStatus.SENT
    assert seen == [rig.state.seq]
    assert reader.closed_reason == "STREAM_CLOSED"
    assert [str(context["exception"]) for context in faults] == ["broken", str(seen[0])]
    assert b'phalanx_faults_total{where="stream"} 1.0' in desk.metrics()
    assert b'phalanx_faults_total{where="observer"} 1.0' in desk.metrics()
    assert desk.stopped is None


@on_virtual_time
async def test_a_tick_that_fails_does_not_stop_the_clockwork(rig: Rig) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    desk = await rig.start()
    await rig.account()
    patch = pytest.MonkeyPatch()
    patch.setattr(decisions_module, "decide", _break)
    await rig.wait(1)
    patch.undo()
    rig.broker.usual = lambda request, ticket: None
    (cl_ord_id,) = await rig.submit(rig.buy())

    await rig.wait(61)

    assert rig.status(cl_ord_id) is OrdStatus.REJECTED
    assert desk.stopped is None


@on_virtual_time
async def test_a_clockwork_that_stops_is_a_failure(rig: Rig) -> None:
    desk = await rig.start()
    patch = pytest.MonkeyPatch()
    patch.setattr(type(desk.firing), "expire", _break)
    await rig.wait(1)
    patch.undo()

    assert desk.stopped == "broken"
    assert desk.failed is not None
    assert desk.failed.done()


@on_virtual_time
async def test_replay_is_the_live_state_after_every_failure(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    for point in FailPoint:
        await rig.bought()
        rig.journal.fail_next(point)
        with pytest.raises(Stopped):
            await rig.desk.execute(c.PutKill(ORIGIN, of_account("A1"), point))
        rig.crash()
        rig.build()
        replayed = state_hash(rig.state)
        rig.crash()
        await rig.start()
        assert len(replayed) == 32
        if "A1" in rig.state.kills:
            await rig.desk.execute(c.LiftKill(ORIGIN, of_account("A1")))


@on_virtual_time
async def test_a_turn_of_our_own_that_cannot_be_decided_ends_the_desk(rig: Rig) -> None:
    """Otherwise the orders whose turn it was would wait for ever."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    desk = await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy())
    patch = pytest.MonkeyPatch()
    patch.setitem(decide_module._DECIDERS, c.Dispatch, _break)
    await rig.wait(1.1)
    patch.undo()

    assert desk.stopped == "broken"
    await rig.restart()
    await rig.wait(1.1)
    assert rig.status(waiting) is OrdStatus.SENT


@on_virtual_time
async def test_a_refusal_that_nobody_waits_for_harms_nobody(rig: Rig) -> None:
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    desk = await rig.start()

    desk.handle(c.LiftKill(ORIGIN))

    assert len(faults) == 1
    assert desk.stopped is None
    assert desk.closed == {}
