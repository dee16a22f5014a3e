"""What the stream says of instructions that wait for approval, and of orders in their undo window."""

from typing import Any

from phalanx.domain.events import InstructionHeld
from phalanx.domain.instructions import CancelRestRequest, Door, Origin
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.simulation.invariants.boards import check_boards
from phalanx.simulation.invariants.replica import Replica
from tests.fakes.rig import ORIGIN, Rig, ids, on_virtual_time

BOB = Origin("bob", Door.INSTRUCTIONS)


async def begin(rig: Rig, **settings: Any) -> Replica:  # noqa: ANN401  numbers and switches
    await rig.start()
    await rig.account()
    await rig.desk.execute(c.PutReference(ORIGIN, settings=RiskSettings(**settings)))
    return Replica(rig.desk.stream)


def shown(rig: Rig, topic: str) -> Any:  # noqa: ANN401  the message of whatever the topic is about
    *_, row = rig.desk.stream.topics[topic].rows.values()
    return row.message()


async def asked(rig: Rig, fire_at: int = 0) -> str:
    command = c.Submit(ORIGIN, rig.buy().request, fire_at=fire_at, ask=True)
    (held,) = (await rig.desk.execute(command)).events
    assert isinstance(held, InstructionHeld)
    return held.instruction_id


async def check(rig: Rig, replica: Replica) -> None:
    """A reader has what the boards have, and the next process begins with the same."""
    await rig.wait()
    replica.check()
    check_boards(rig.desk._boards, rig.state)


@on_virtual_time
async def test_it_says_for_what_it_waits_and_until_when(rig: Rig) -> None:
    replica = await begin(rig)
    await asked(rig)

    message = shown(rig, "instructions")
    assert (message.status, message.waits_for, message.fire_at_ns) == ("HELD", "approval", None)
    assert message.approve_by_ns == rig.state.held["IAA00000000"].approve_by
    await check(rig, replica)
    await rig.restart()
    again = shown(rig, "instructions")
    assert (again.waits_for, again.approve_by_ns) == ("approval", message.approve_by_ns)


@on_virtual_time
async def test_approved_it_is_an_instruction_like_any_other(rig: Rig) -> None:
    replica = await begin(rig)
    instruction = await asked(rig)
    await rig.desk.execute(c.Approve(BOB, instruction))

    message = shown(rig, "instructions")
    assert (message.status, message.waits_for, message.approve_by_ns) == ("WORKING", None, None)
    await check(rig, replica)


@on_virtual_time
async def test_approved_before_its_time_it_waits_for_that(rig: Rig) -> None:
    replica = await begin(rig)
    instruction = await asked(rig, rig.clock.now() + 60 * SECOND)
    await rig.desk.execute(c.Approve(BOB, instruction))

    message = shown(rig, "instructions")
    assert (message.status, message.waits_for, message.approve_by_ns) == ("HELD", "time", None)
    await check(rig, replica)


@on_virtual_time
async def test_one_that_grew_waits_from_its_time_on(rig: Rig) -> None:
    replica = await begin(rig)
    fire_at = rig.clock.now() + 5 * SECOND
    await rig.desk.execute(c.Submit(ORIGIN, rig.buy().request, fire_at=fire_at))
    await rig.desk.execute(c.PutReference(ORIGIN, settings=RiskSettings(approve_above=1)))
    assert shown(rig, "instructions").waits_for == "time"
    await rig.wait(6)

    message = shown(rig, "instructions")
    assert (message.status, message.waits_for) == ("HELD", "approval")
    assert message.approve_by_ns == rig.state.held[message.instruction_id].approve_by
    await check(rig, replica)


@on_virtual_time
async def test_declined_it_waits_for_nothing(rig: Rig) -> None:
    replica = await begin(rig)
    await rig.desk.execute(c.Decline(BOB, await asked(rig)))

    message = shown(rig, "instructions")
    assert (message.status, message.reason) == ("REJECTED", "DECLINED")
    assert (message.waits_for, message.approve_by_ns) == (None, None)
    await check(rig, replica)


@on_virtual_time
async def test_an_order_is_held_within_its_window_and_then_sent(rig: Rig) -> None:
    replica = await begin(rig, undo_ms=1_000)
    await rig.desk.execute(rig.buy())

    assert shown(rig, "orders").status == "HELD"
    undo_until = shown(rig, "instructions").undo_until_ns
    assert undo_until is not None
    await check(rig, replica)
    await rig.wait(1)
    assert shown(rig, "orders").status == "SENT"
    await check(rig, replica)


@on_virtual_time
async def test_an_undone_order_says_so(rig: Rig) -> None:
    replica = await begin(rig, undo_ms=1_000)
    executed = await rig.desk.execute(rig.buy())
    instruction = rig.state.orders[ids(executed)[0]].instruction_id
    await rig.desk.execute(c.Submit(ORIGIN, CancelRestRequest(instruction)))

    message = shown(rig, "orders")
    assert (message.status, message.reason) == ("CANCELED", "UNDONE")
    await check(rig, replica)
