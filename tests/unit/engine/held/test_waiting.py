"""Instructions that wait for their time: held, planned under the same id, canceled, or too late."""

import pytest

from phalanx.domain.events import Event, InstructionEnded, InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import (
    CancelRestRequest,
    Door,
    FollowUp,
    InstructionStatus,
    Origin,
    Selection,
    SignalRequest,
)
from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import HOUR, SECOND
from phalanx.engine import commands as c
from phalanx.engine.held.waiting import HeldInstruction
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from tests.engine_world import LOCAL, World

BUY = SignalRequest("RED", "INFY", Side.BUY)


def hold(world: World, after_s: int = 60, **more: object) -> InstructionHeld:
    """An instruction that is to fire so many seconds from now."""
    command = c.Submit(LOCAL, BUY, fire_at=world.now + after_s * SECOND, **more)  # type: ignore[arg-type]
    return world.one(command, InstructionHeld)


def ended(event: Event) -> tuple[InstructionStatus, ReasonCode]:
    assert isinstance(event, InstructionEnded)
    return event.status, event.reason.code


def test_it_is_held_unplanned_and_remembers_everything(world: World) -> None:
    event = hold(world, note="later", expires_s=7, parent="I1", follow_up=FollowUp.REPEAT)

    assert event.fire_at == event.time + 60 * SECOND - 10**6
    assert world.state.held == {
        event.instruction_id: HeldInstruction(
            event.instruction_id,
            LOCAL,
            BUY,
            event.fire_at,
            event.fire_at + 7 * SECOND,
            "later",
            "I1",
            FollowUp.REPEAT,
        )
    }
    assert world.state.orders == {}


def test_at_its_time_it_is_planned_under_its_own_id(world: World) -> None:
    event = hold(world, note="later", parent="I1", follow_up=FollowUp.REPEAT)
    assert world.do(c.Release(event.instruction_id)) == []
    world.wait(60)
    world.price("INFY", "90")

    planned = world.one(c.Release(event.instruction_id), InstructionPlanned)

    assert planned.instruction_id == event.instruction_id
    assert (planned.note, planned.parent, planned.follow_up) == ("later", "I1", FollowUp.REPEAT)
    assert planned.expires_at == event.expires_at == event.fire_at + 30 * SECOND
    assert planned.instruments[0].last == 90 * 10**8
    assert planned.hops.received == 0
    assert world.state.held == {}
    assert world.instruction(planned).orders == 1
    assert world.do(c.Release(event.instruction_id)) == []


def test_the_next_instruction_has_the_next_id(world: World) -> None:
    held = hold(world)
    between = world.signal("BLUE", "ACC", Side.BUY)
    world.wait(60)
    world.do(c.Release(held.instruction_id))
    after = world.signal("BLUE", "INFY", Side.BUY)

    ids = [held.instruction_id, between.instruction_id, after.instruction_id]
    assert ids == [f"IAA0000000{n}" for n in range(3)]


def test_one_that_is_let_go_late_still_fires_within_its_expiry(world: World) -> None:
    event = hold(world)
    world.wait(60 + 29)

    assert world.one(c.Release(event.instruction_id), InstructionPlanned).orders


def test_one_that_is_let_go_too_late_expires(world: World) -> None:
    event = hold(world)
    world.wait(60 + 30)

    (end,) = world.do(c.Release(event.instruction_id))

    assert ended(end) == (InstructionStatus.EXPIRED, ReasonCode.INSTRUCTION_EXPIRED)
    assert world.state.held == {}


def test_one_that_cannot_be_planned_any_more_ends_with_why(world: World) -> None:
    event = hold(world)
    world.wait(60)

    (end,) = world.do(c.Release(event.instruction_id, "PLAN_TOO_LARGE: much"))

    assert ended(end) == (InstructionStatus.REJECTED, ReasonCode.NOT_PLANNABLE)
    assert isinstance(end, InstructionEnded)
    assert "PLAN_TOO_LARGE: much" in str(end.reason)


def test_a_name_that_became_ambiguous_ends_it(world: World) -> None:
    signal = SignalRequest("RED", "77", Side.BUY)
    fire_at = world.now + SECOND
    event = world.one(c.Submit(LOCAL, signal, fire_at=fire_at), InstructionHeld)
    world.index = InstrumentIndex([*world.index, listed("NSE"), listed("BSE")])
    world.wait(2)

    (end,) = world.do(c.Release(event.instruction_id))

    assert ended(end) == (InstructionStatus.REJECTED, ReasonCode.NOT_PLANNABLE)
    assert isinstance(end, InstructionEnded)
    assert "AMBIGUOUS_TOKEN" in str(end.reason)


def listed(exchange: str) -> Instrument:
    return Instrument(f"{exchange}:77", exchange, "77", f"X{exchange}", "EQ", whole(1), whole(1))


def test_cancelling_it_ends_it_unplanned(world: World) -> None:
    event = hold(world)

    planned, end = world.do(c.Submit(LOCAL, CancelRestRequest(event.instruction_id)))

    assert isinstance(planned, InstructionPlanned)
    assert planned.refusal is None
    assert ended(end) == (InstructionStatus.CANCELED, ReasonCode.HELD_CANCELED)
    assert world.state.held == {}
    world.wait(60)
    assert world.do(c.Release(event.instruction_id)) == []


def test_a_cancel_that_is_held_itself_ends_it_at_its_time(world: World) -> None:
    event = hold(world, 120)
    cancel = CancelRestRequest(event.instruction_id)
    later = world.one(c.Submit(LOCAL, cancel, fire_at=world.now + SECOND), InstructionHeld)
    world.wait(2)

    planned, end = world.do(c.Release(later.instruction_id))

    assert isinstance(planned, InstructionPlanned)
    assert ended(end) == (InstructionStatus.CANCELED, ReasonCode.HELD_CANCELED)
    assert world.state.held == {}


def test_no_more_are_held_than_the_settings_allow(world: World) -> None:
    world.settings(held_max=2)
    hold(world)
    hold(world)

    with pytest.raises(Refused, match="TOO_MANY_HELD"):
        hold(world)


def test_no_more_rows_are_held_than_memory_is_to_bear(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.engine.instructions.HELD_ROWS_MAX", 3)
    named = SignalRequest("RED", "INFY", Side.BUY, Selection(("A1",), (1,)))
    first = world.one(c.Submit(LOCAL, named, fire_at=world.now + HOUR), InstructionHeld)

    with pytest.raises(Refused, match="TOO_MANY_HELD"):
        world.do(c.Submit(LOCAL, named, fire_at=world.now + HOUR))
    hold(world)
    world.do(c.Submit(LOCAL, CancelRestRequest(first.instruction_id)))
    world.one(c.Submit(LOCAL, named, fire_at=world.now + HOUR), InstructionHeld)


def test_a_time_that_is_over_is_now(world: World) -> None:
    command = c.Submit(LOCAL, BUY, fire_at=world.now - HOUR)

    assert world.one(command, InstructionPlanned).expires_at == world.now + 30 * SECOND


def test_its_key_stays_that_of_the_holding(world: World) -> None:
    origin = Origin("local", Door.INSTRUCTIONS, "", "key", b"1")
    world.do(c.Submit(origin, BUY, fire_at=world.now + SECOND))
    seq = world.state.seq
    world.wait(1)
    world.do(c.Release("IAA00000000"))

    assert world.state.keys["local\nkey"].seq == seq


def test_what_is_held_survives_a_snapshot(world: World) -> None:
    hold(world)

    assert state_hash(decode_state(encode_state(world.state))) == state_hash(world.state)
