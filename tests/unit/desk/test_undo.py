"""Undo windows end in time, also in the next process; what is undone is never sent."""

import pytest

from phalanx.brokers.port import Accepted
from phalanx.domain.events import InstructionPlanned, OrderReported, OrdersReleased
from phalanx.domain.instructions import CancelRestRequest
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.engine import commands as c
from tests.fakes.rig import ORIGIN, Rig, ids, on_virtual_time
from tests.fakes.scripted_broker import unreachable


async def begin(rig: Rig) -> None:
    """One account, and a window of 1.5 s."""
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    await rig.desk.execute(c.PutReference(ORIGIN, settings=RiskSettings(undo_ms=1_500)))


def released_after(rig: Rig) -> list[int]:
    """How long after its window each instruction's orders were let go, in milliseconds."""
    until = {event.instruction_id: event.undo_until for event in rig.events(InstructionPlanned)}
    return [
        (event.time - until[event.instruction_id]) // MILLISECOND
        for event in rig.events(OrdersReleased)
    ]


@on_virtual_time
async def test_orders_go_when_their_window_is_over_and_not_before(rig: Rig) -> None:
    await begin(rig)
    first = ids(await rig.desk.execute(rig.buy()))
    await rig.wait(0.5)
    second = ids(await rig.desk.execute(rig.buy(quantity=2)))

    await rig.wait(0.9)
    assert rig.broker.placed == []
    await rig.wait(0.2)
    assert rig.broker.placed == first
    await rig.wait(0.5)
    assert rig.broker.placed == [*first, *second]
    assert released_after(rig) == [0, 0]


@on_virtual_time
async def test_the_release_and_the_dispatch_are_one_record(rig: Rig) -> None:
    await begin(rig)
    await rig.desk.execute(rig.buy())
    await rig.wait(2)

    (record,) = (r for r in rig.records() if any(isinstance(e, OrdersReleased) for e in r))
    assert [type(event).__name__ for event in record] == ["OrdersReleased", "OrdersDispatched"]


@on_virtual_time
async def test_what_is_undone_is_never_sent(rig: Rig) -> None:
    await begin(rig)
    executed = await rig.desk.execute(rig.buy())
    (planned,) = executed.events[:1]
    assert isinstance(planned, InstructionPlanned)

    await rig.wait(1)
    await rig.desk.execute(c.Submit(ORIGIN, CancelRestRequest(planned.instruction_id)))
    await rig.wait(5)

    assert rig.broker.placed == []
    assert rig.status(planned.orders[0].cl_ord_id) is OrdStatus.CANCELED
    assert rig.state.undo == {}


@on_virtual_time
async def test_time_in_the_window_is_a_hop_and_no_turnaround(rig: Rig) -> None:
    await begin(rig)
    command = rig.signal(Side.BUY)
    received = rig.clock.monotonic()
    executed = await rig.desk.execute(c.Submit(command.origin, command.request, received=received))
    (cl_ord_id,) = ids(executed)
    await rig.wait(2)
    rig.broker.tickets[cl_ord_id].done(Accepted("B1"))
    await rig.wait(0.1)

    (report,) = rig.events(OrderReported)
    assert report.hops.held == 1_500 * MILLISECOND
    assert 0 < report.hops.tat < SECOND


@on_virtual_time
async def test_an_order_that_was_not_written_at_once_keeps_its_hop(rig: Rig) -> None:
    await begin(rig)
    rig.broker.script.append(unreachable)
    (cl_ord_id,) = ids(await rig.desk.execute(rig.buy()))
    await rig.wait(3)
    rig.broker.tickets[cl_ord_id].done(Accepted("B1"))
    await rig.wait(0.1)

    (report,) = rig.events(OrderReported)
    assert report.hops.held == 1_500 * MILLISECOND
    assert not rig.desk.firing.is_busy()


@on_virtual_time
async def test_the_next_process_ends_windows_in_time_and_late_ones_at_once(rig: Rig) -> None:
    await begin(rig)
    (early,) = ids(await rig.desk.execute(rig.buy()))
    await rig.wait(1)
    (later,) = ids(await rig.desk.execute(rig.buy(quantity=2)))
    rig.crash()
    await rig.wait(1)

    await rig.start()
    await rig.wait(0.1)
    assert rig.broker.placed == [early]
    await rig.wait(0.6)

    assert rig.broker.placed == [early, later]
    assert rig.state.undo == {}


@on_virtual_time
async def test_at_a_start_after_its_instruction_expired_it_is_not_sent(rig: Rig) -> None:
    await begin(rig)
    (cl_ord_id,) = ids(await rig.desk.execute(rig.buy()))
    rig.crash()
    await rig.wait(60)

    await rig.start()
    await rig.wait(1)

    assert rig.broker.placed == []
    assert rig.status(cl_ord_id) is OrdStatus.EXPIRED


@on_virtual_time
async def test_a_wall_clock_that_steps_forward_is_noticed(rig: Rig) -> None:
    await begin(rig)
    await rig.desk.execute(c.PutReference(ORIGIN, settings=RiskSettings(undo_ms=3_000)))
    await rig.desk.execute(rig.buy())
    rig.clock.skew = 3 * SECOND

    await rig.wait(1.1)

    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_very_many_windows_that_end_together_all_end(rig: Rig) -> None:
    await begin(rig)
    for quantity in range(1, 131):
        rig.desk.handle(rig.buy(quantity=quantity))

    await rig.wait(2)

    assert len(rig.broker.placed) == 130


@on_virtual_time
async def test_after_the_stop_no_window_ends(rig: Rig) -> None:
    await begin(rig)
    await rig.desk.execute(rig.buy())
    await rig.desk.stop()
    await rig.wait(5)

    assert rig.broker.placed == []
    assert len(rig.state.undo) == 1


@on_virtual_time
async def test_a_window_that_cannot_be_ended_stops_the_desk(rig: Rig) -> None:
    await begin(rig)
    await rig.desk.execute(rig.buy())
    rig.timer._loop.set_exception_handler(lambda loop, context: None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phalanx.engine.held.undo.OrdersReleased", None)
        await rig.wait(2)

    assert rig.desk.stopped is not None
