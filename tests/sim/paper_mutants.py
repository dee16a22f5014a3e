"""Planted bugs in what only the stories over paper are about: limits, held instructions, previews, fills
by hand, follow-ups.
"""

import pytest

from phalanx.desk.firing import wire as wire_module
from phalanx.desk.firing.turns import Turns
from phalanx.desk.firing.windows import MovingWindow
from phalanx.desk.held import HeldInstructions
from phalanx.desk.showing.boards import Boards
from phalanx.domain.accounts import RateLimit
from phalanx.domain.events import InstructionPlanned
from phalanx.engine import commands as c
from phalanx.engine import instructions as instructions_module
from phalanx.engine.context import Context
from phalanx.engine.held.waiting import HeldInstruction
from phalanx.engine.plans import batch
from phalanx.engine.plans.plan import Plan
from phalanx.engine.tally import Tally


def start_with_an_empty_window(patch: pytest.MonkeyPatch) -> None:
    """A limit counts from nothing after every start."""
    change = MovingWindow.change

    def change_and_empty(window: MovingWindow, limit: RateLimit, now: int) -> None:
        change(window, limit, now)
        window._times.clear()

    patch.setattr(MovingWindow, "change", change_and_empty)


def keep_the_places_of_what_was_not_written(patch: pytest.MonkeyPatch) -> None:
    """What was not written keeps its place in the window of its limit."""
    patch.setattr(MovingWindow, "give_back", lambda window: None)


def forget_who_waits(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks again at who waits in a lane."""
    patch.setattr(Turns, "look", lambda turns, lane: None)


def show_no_cancels(patch: pytest.MonkeyPatch) -> None:
    """The boards do not see what a plan cancels."""
    patch.setattr(Boards, "_cancel", lambda *_: None)


def forget_who_was_held(patch: pytest.MonkeyPatch) -> None:
    """What waited for its time when the process died waits for ever."""

    def open_empty(held: HeldInstructions) -> None:
        held._closed = False

    patch.setattr(HeldInstructions, "open", open_empty)


def plan_what_was_held_under_a_new_id(patch: pytest.MonkeyPatch) -> None:
    """What was held is planned as another instruction."""
    planned = instructions_module._planned

    def plan_anew(
        context: Context,
        instruction_id: str,
        asked: c.Submit | HeldInstruction,
        plan: Plan,
        expires_at: int,
    ) -> InstructionPlanned:
        if isinstance(asked, HeldInstruction):
            instruction_id += "X"
        return planned(context, instruction_id, asked, plan, expires_at)

    patch.setattr(instructions_module, "_planned", plan_anew)


def fire_who_moved(patch: pytest.MonkeyPatch) -> None:
    """Accounts that moved since the preview are fired all the same."""
    patch.setattr(instructions_module, "leave_out_moved", lambda *_: None)


def lose_fills_by_hand(patch: pytest.MonkeyPatch) -> None:
    """Nobody tells the broker of the fills that people order."""
    patch.setattr(wire_module, "send_hand_fill", lambda *_: None)


def retry_for_ever(patch: pytest.MonkeyPatch) -> None:
    """An order may be followed up again and again."""
    patch.setattr(batch._Basket, "_follow_refusal", lambda basket, row: None)


def forget_what_the_plan_spent(patch: pytest.MonkeyPatch) -> None:
    """Each row of a plan is checked as if it were alone."""
    patch.setattr(Tally, "take", lambda tally, draft, position: None)


PAPER_MUTANTS = (
    start_with_an_empty_window,
    keep_the_places_of_what_was_not_written,
    forget_who_waits,
    show_no_cancels,
    forget_who_was_held,
    plan_what_was_held_under_a_new_id,
    fire_who_moved,
    lose_fills_by_hand,
    retry_for_ever,
    forget_what_the_plan_spent,
)
