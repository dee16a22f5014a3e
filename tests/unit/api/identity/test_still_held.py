"""What somebody who is let in no more has left waiting."""

from phalanx.api.identity.still_held import LISTED_MAX, StillHeld, still_held
from phalanx.domain.instructions import Door, Origin, SignalRequest, WaitsFor
from phalanx.domain.orders import Side
from phalanx.engine.held.waiting import HeldInstruction
from phalanx.engine.state import State

BUY = SignalRequest("TREND", "INFY", Side.BUY)


def held(id: str, actor: str, due: int, waits_for: WaitsFor = WaitsFor.TIME) -> HeldInstruction:
    origin = Origin(actor, Door.INSTRUCTIONS)
    return HeldInstruction(
        id, origin, BUY, due, 9_999, "", "", None, waits_for=waits_for, approve_by=due
    )


def state(*waiting: HeldInstruction) -> State:
    found = State()
    found.held.update({one.id: one for one in waiting})
    return found


def test_it_is_the_actors_own_whatever_it_waits_for_and_the_next_first() -> None:
    found = state(
        held("I1", "key:algo", 30),
        held("I2", "algo", 5),
        held("I3", "key:algo", 20, WaitsFor.APPROVAL),
    )

    assert still_held(found, "key:algo") == StillHeld(["I3", "I1"], 2)
    assert still_held(found, "nobody") == StillHeld([], 0)


def test_so_many_are_listed_and_all_are_counted() -> None:
    found = state(*(held(f"I{number}", "ann", number) for number in range(LISTED_MAX + 20)))

    told = still_held(found, "ann")

    assert (len(told.ids), told.ids[0], told.total) == (LISTED_MAX, "I0", LISTED_MAX + 20)
