"""What waits for approval goes when it is given, and ends when nobody gives it, also over restarts."""

from phalanx.domain.events import (
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
)
from phalanx.domain.instructions import Door, InstructionId, InstructionStatus, Origin
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from tests.fakes.rig import ORIGIN, Rig, on_virtual_time

BOB = Origin("bob", Door.INSTRUCTIONS, "", "key", b"1")


async def asked(rig: Rig, *, seconds: float = 0) -> InstructionId:
    """A small order that is to be approved, perhaps for later."""
    fire_at = rig.clock.now() + int(seconds * SECOND) if seconds else 0
    request = rig.buy().request
    executed = await rig.desk.execute(c.Submit(ORIGIN, request, fire_at=fire_at, ask=True))
    (held,) = executed.events
    assert isinstance(held, InstructionHeld)
    return held.instruction_id


async def begin(rig: Rig) -> None:
    await rig.start()
    await rig.account()


@on_virtual_time
async def test_it_is_sent_when_it_is_approved_in_the_approvals_own_record(rig: Rig) -> None:
    await begin(rig)
    instruction = await asked(rig)
    await rig.wait(300)
    assert rig.broker.placed == []

    await rig.desk.execute(c.Approve(BOB, instruction))
    await rig.wait(0.1)

    (record,) = (r for r in rig.records() if any(isinstance(e, InstructionApproved) for e in r))
    names = [type(event).__name__ for event in record]
    assert names == ["InstructionApproved", "InstructionPlanned", "OrdersDispatched"]
    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_the_same_key_approves_once(rig: Rig) -> None:
    await begin(rig)
    instruction = await asked(rig)

    first = await rig.desk.execute(c.Approve(BOB, instruction))
    again = await rig.desk.execute(c.Approve(BOB, instruction))

    assert again.replayed
    assert rig.desk.read_back(again, 2) == first.events[:2]
    assert len(rig.events(InstructionPlanned)) == 1


@on_virtual_time
async def test_nobody_answers_and_it_expires_by_itself(rig: Rig) -> None:
    await begin(rig)
    await asked(rig)

    await rig.wait(899)
    assert rig.events(InstructionEnded) == []
    await rig.wait(2)

    (ended,) = rig.events(InstructionEnded)
    assert (ended.status, ended.reason.code) == (
        InstructionStatus.EXPIRED,
        ReasonCode.APPROVAL_EXPIRED,
    )
    assert rig.broker.placed == []


@on_virtual_time
async def test_the_next_process_lets_it_be_approved_and_expires_what_is_late(rig: Rig) -> None:
    await begin(rig)
    first, second = await asked(rig), await asked(rig)
    await rig.restart()
    await rig.desk.execute(c.Approve(BOB, first))
    await rig.wait(0.1)
    assert len(rig.broker.placed) == 1

    rig.crash()
    await rig.wait(1_000)
    await rig.start()
    await rig.wait(1)

    (ended,) = rig.events(InstructionEnded)
    assert ended.instruction_id == second
    assert rig.state.held == {}


@on_virtual_time
async def test_approved_before_its_time_it_fires_at_its_time(rig: Rig) -> None:
    await begin(rig)
    instruction = await asked(rig, seconds=60)

    await rig.desk.execute(c.Approve(BOB, instruction))
    await rig.wait(59)
    assert rig.broker.placed == []
    await rig.wait(2)

    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_its_time_passes_unapproved_and_then_it_is_approved(rig: Rig) -> None:
    await begin(rig)
    instruction = await asked(rig, seconds=5)
    await rig.wait(100)
    assert rig.broker.placed == []

    await rig.desk.execute(c.Approve(BOB, instruction))
    await rig.wait(0.1)

    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_one_that_is_too_large_at_its_time_waits_and_expires(rig: Rig) -> None:
    await begin(rig)
    fire_at = rig.clock.now() + 5 * SECOND
    await rig.desk.execute(c.Submit(ORIGIN, rig.buy().request, fire_at=fire_at))
    settings = RiskSettings(approve_above=1, approval_expires_s=20)
    await rig.desk.execute(c.PutReference(ORIGIN, settings=settings))

    await rig.wait(20)
    assert rig.broker.placed == []
    assert rig.state.held
    await rig.wait(6)

    (ended,) = rig.events(InstructionEnded)
    assert ended.reason.code is ReasonCode.APPROVAL_EXPIRED
    assert rig.state.held == {}
