"""What is held for a time is released then, also by the next process, and never before it is durable."""

import msgspec
import pytest

from phalanx.desk import commit as commit_module
from phalanx.desk import held as held_module
from phalanx.desk.pace import Pace
from phalanx.domain.events import InstructionEnded, InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import CancelRestRequest, Door, InstructionStatus, Origin
from phalanx.domain.orders import Side
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.engine import commands as c
from tests.fakes.rig import ORIGIN, Rig, ids, on_virtual_time


def later(rig: Rig, seconds: float, **more: object) -> c.Submit:
    """A buy signal for a time that is so many seconds away."""
    fire_at = rig.clock.now() + int(seconds * SECOND)
    return msgspec.structs.replace(rig.signal(Side.BUY), fire_at=fire_at, **more)


async def people(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")


def released_at(rig: Rig) -> list[int]:
    """How long after its time each held instruction was planned, in milliseconds."""
    times = {event.instruction_id: event.fire_at for event in rig.events(InstructionHeld)}
    return [
        (event.time - times[event.instruction_id]) // MILLISECOND
        for event in rig.events(InstructionPlanned)
        if event.instruction_id in times
    ]


@on_virtual_time
async def test_it_is_answered_as_held_and_fired_at_its_time(rig: Rig) -> None:
    await people(rig)

    executed = await rig.desk.execute(later(rig, 25))

    (held,) = executed.events
    assert isinstance(held, InstructionHeld)
    await rig.wait(24.9)
    assert rig.broker.placed == []
    await rig.wait(0.2)
    (planned,) = rig.events(InstructionPlanned)
    assert planned.instruction_id == held.instruction_id
    assert released_at(rig) == [0]
    assert rig.broker.placed == [draft.cl_ord_id for draft in planned.orders]


@on_virtual_time
async def test_the_same_key_gets_the_same_answer_before_and_after_it_fired(rig: Rig) -> None:
    await people(rig)
    origin = Origin("local", Door.INSTRUCTIONS, "", "key", b"x")
    command = later(rig, 5, origin=origin)
    first = await rig.desk.execute(command)

    again = await rig.desk.execute(command)
    await rig.wait(6)
    after = await rig.desk.execute(command)

    assert again.replayed
    assert after.replayed
    assert first.events == again.events == after.events
    assert len(rig.events(InstructionPlanned)) == 1


@on_virtual_time
async def test_each_fires_at_its_own_time_whatever_their_order(rig: Rig) -> None:
    await people(rig)
    for seconds in (30, 10, 50, 40, 20):
        await rig.desk.execute(later(rig, seconds))

    await rig.wait(60)

    fired = [event.instruction_id for event in rig.events(InstructionPlanned)]
    assert fired == [f"IAA0000000{n}" for n in (1, 4, 0, 3, 2)]
    assert released_at(rig) == [0] * 5


@on_virtual_time
async def test_it_is_not_released_before_it_is_durable_that_it_was_held(rig: Rig) -> None:
    await people(rig)
    rig.commit_ns = 2 * SECOND
    rig.desk.handle(later(rig, 0.5))

    await rig.wait(0.9)
    assert rig.state.held
    await rig.wait(6)

    held_in = [n for n, record in enumerate(rig.records()) for e in record if is_held(e)]
    planned_in = [n for n, record in enumerate(rig.records()) for e in record if is_planned(e)]
    assert len(held_in) == len(planned_in) == 1
    assert held_in[0] < planned_in[0]


def is_held(event: object) -> bool:
    return isinstance(event, InstructionHeld)


def is_planned(event: object) -> bool:
    return isinstance(event, InstructionPlanned)


@on_virtual_time
async def test_the_next_process_fires_it(rig: Rig) -> None:
    await people(rig)
    await rig.desk.execute(later(rig, 5))
    await rig.desk.execute(later(rig, 60))

    await rig.restart()
    await rig.wait(6)
    assert released_at(rig) == [0]
    await rig.desk.stop()
    rig.journal.close()
    await rig.wait(70)
    assert released_at(rig) == [0]
    await rig.start()
    await rig.wait(1)

    late, on_time = sorted(released_at(rig), reverse=True)
    assert on_time == 0
    assert 10_000 < late < 30_000
    assert rig.state.held == {}


@on_virtual_time
async def test_one_whose_time_was_over_for_too_long_expires_at_the_start(rig: Rig) -> None:
    await people(rig)
    await rig.desk.execute(later(rig, 5))
    rig.crash()
    await rig.wait(60)
    await rig.start()
    await rig.wait(1)

    (ended,) = rig.events(InstructionEnded)
    assert ended.status is InstructionStatus.EXPIRED
    assert rig.events(InstructionPlanned) == []
    assert rig.state.held == {}


@on_virtual_time
async def test_one_that_is_cancelled_never_fires(rig: Rig) -> None:
    await people(rig)
    executed = await rig.desk.execute(later(rig, 5))
    held = executed.events[0]
    assert isinstance(held, InstructionHeld)

    await rig.desk.execute(c.Submit(ORIGIN, CancelRestRequest(held.instruction_id)))
    await rig.wait(10)

    assert rig.broker.placed == []
    assert len(rig.events(InstructionEnded)) == 1


@on_virtual_time
async def test_a_wall_clock_that_steps_forward_is_noticed(rig: Rig) -> None:
    await people(rig)
    await rig.desk.execute(later(rig, 3_600))
    rig.clock.skew = 3_595 * SECOND

    await rig.wait(held_module.LOOK_AGAIN_NS / SECOND + 1)

    assert len(rig.broker.placed) == 1
    assert 0 <= released_at(rig)[0] <= held_module.LOOK_AGAIN_NS // MILLISECOND


@on_virtual_time
async def test_nothing_is_released_while_too_much_is_being_committed(rig: Rig) -> None:
    await people(rig)
    await rig.desk.execute(later(rig, 5))
    patch = pytest.MonkeyPatch()
    patch.setattr(rig.desk._intake, "_pace", Pace(easy_bytes=0))
    await rig.wait(7)
    assert rig.broker.placed == []
    patch.undo()
    await rig.wait(1)

    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_one_that_cannot_be_journaled_ends_and_the_next_one_fires(rig: Rig) -> None:
    await people(rig)
    await rig.desk.execute(later(rig, 5))
    await rig.desk.execute(later(rig, 8))
    patch = pytest.MonkeyPatch()
    patch.setattr(commit_module, "COMMAND_BYTES_MAX", 200)
    rig.timer._loop.set_exception_handler(lambda loop, context: None)
    await rig.wait(6)
    patch.undo()
    await rig.wait(4)

    (ended,) = rig.events(InstructionEnded)
    assert ended.status is InstructionStatus.REJECTED
    assert "PLAN_TOO_LARGE" in str(ended.reason)
    assert len(rig.events(InstructionPlanned)) == 1


@on_virtual_time
async def test_after_the_stop_nothing_fires_and_nothing_is_lost(rig: Rig) -> None:
    await people(rig)
    await rig.desk.execute(later(rig, 0.5))
    rig.commit_ns = SECOND
    rig.desk.handle(rig.buy())

    await rig.desk.stop()

    assert len(rig.state.held) == 1
    assert len(rig.events(InstructionPlanned)) == 1


@on_virtual_time
async def test_an_order_of_it_has_no_turnaround(rig: Rig) -> None:
    await people(rig)
    await rig.desk.execute(later(rig, 5))
    await rig.wait(6)

    (planned,) = rig.events(InstructionPlanned)
    assert planned.hops.received == 0
    assert ids(await rig.desk.execute(rig.buy())) == ["AA00000001"]
