"""What somebody who is let in no more has left waiting: it fires all the same, unless it is cancelled."""

from heapq import nsmallest
from typing import Final

import msgspec

from phalanx.engine.state import State

LISTED_MAX: Final = 100


class StillHeld(msgspec.Struct, frozen=True):
    """Ids of instructions, who waits least first, at most 100; and how many there are in all."""

    ids: list[str]
    total: int


NOTHING_HELD: Final = StillHeld([], 0)


def still_held(state: State, actor: str) -> StillHeld:
    """What this actor asked for and waits, for its time or for approval."""
    theirs = [one for one in state.held.values() if one.origin.actor == actor]
    first = nsmallest(LISTED_MAX, theirs, key=lambda one: (one.due, one.id))
    return StillHeld([one.id for one in first], len(theirs))
