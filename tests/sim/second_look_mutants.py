"""Planted bugs of what waits for another person, and of undo windows."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from phalanx.desk.undo import UndoWindows
from phalanx.domain.events import InstructionPlanned
from phalanx.engine import commands as c
from phalanx.engine import instructions as instructions_module
from phalanx.engine.apply import instructions as apply_module
from phalanx.engine.held.approval import waiting_for
from phalanx.engine.held.waiting import HeldInstruction
from phalanx.engine.state import State

Plant = Callable[[pytest.MonkeyPatch], None]


def let_anybody_approve(patch: pytest.MonkeyPatch) -> None:
    """Who asked may approve it."""

    def whoever(state: State, command: c.Approve | c.Decline, now: int) -> HeldInstruction:
        stranger = replace(command.origin, actor="stranger")
        return waiting_for(state, replace(command, origin=stranger), now)

    patch.setattr(instructions_module, "waiting_for", whoever)


def plan_whatever_its_size(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the value of a plan."""
    patch.setattr(instructions_module, "approval_cause", lambda *_, **__: None)


def end_windows_early(patch: pytest.MonkeyPatch) -> None:
    """What can be undone is sent at once."""
    add, hold_back = UndoWindows.add, apply_module._hold_back

    def hold_for_nothing(state: State, event: InstructionPlanned) -> None:
        hold_back(state, event)
        window = state.undo[event.instruction_id]
        state.undo[event.instruction_id] = replace(window, until=0)

    patch.setattr(apply_module, "_hold_back", hold_for_nothing)
    patch.setattr(UndoWindows, "add", lambda windows, _, key: add(windows, 0, key))


def forget_windows(patch: pytest.MonkeyPatch) -> None:
    """What could be undone when the process died stands there for ever."""

    def open_empty(windows: UndoWindows) -> None:
        windows._closed = False

    patch.setattr(UndoWindows, "open", open_empty)


SECOND_LOOK_MUTANTS: tuple[Plant, ...] = (
    let_anybody_approve,
    plan_whatever_its_size,
    end_windows_early,
    forget_windows,
)
