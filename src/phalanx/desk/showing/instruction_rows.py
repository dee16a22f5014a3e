"""The rows of instructions: as they are held, planned, or ended without ever being planned."""

from collections import deque
from collections.abc import Callable
from typing import Any

from phalanx.desk.showing.descriptions import describe
from phalanx.desk.showing.messages import InstructionRow
from phalanx.domain import events as e
from phalanx.domain.instructions import KINDS, InstructionId, InstructionStatus, WaitsFor
from phalanx.domain.time import Nanoseconds
from phalanx.engine.held.waiting import HeldInstruction


class InstructionRows:
    """Fills ``rows`` with the latest ``shown_max`` instructions, oldest first.

    ``touch`` and ``drop`` are told the id of every row that may have changed, and that has to go.
    """

    def __init__(
        self,
        rows: dict[str, Any],
        touch: Callable[[InstructionId], None],
        drop: Callable[[InstructionId], None],
        shown_max: int,
    ) -> None:
        self._rows: dict[str, InstructionRow] = rows
        self._touch = touch
        self._drop = drop
        self._shown_max = shown_max
        # Finding a dict's first key costs as much as was deleted before it: they leave by this.
        self._shown: deque[InstructionId] = deque()

    def row(self, instruction_id: InstructionId) -> InstructionRow | None:
        """The row, to be changed."""
        row = self._rows.get(instruction_id)
        if row is not None:
            self._touch(instruction_id)
        return row

    def planned(self, event: e.InstructionPlanned) -> InstructionRow:
        """A new row, in the place of the one that said it was held; its orders come one by one."""
        row = InstructionRow(
            event.instruction_id,
            KINDS[type(event.request)],
            describe(event.request, len(event.instruments)),
            event.origin.door.value,
            0,
            len(event.skips),
            event.time,
            event.refusal.code.value if event.refusal is not None else None,
            parent=event.parent,
            follow_up=event.follow_up,
        )
        before = self._rows.get(row.instruction_id)
        if before is not None:
            row.fire_at = before.fire_at
        if event.undo_until:
            row.undo_until = event.undo_until
        self._show(row)
        return row

    def held(self, event: e.InstructionHeld) -> None:
        """It waits for its time, or for approval."""
        self._show(_held_row(event, event.instruction_id, event.time))

    def held_before(self, held: HeldInstruction, time: Nanoseconds) -> None:
        """It waited when the board began."""
        self._show(_held_row(held, held.id, time))

    def approval_asked(self, event: e.ApprovalAsked) -> None:
        """Its time came, and it waits for approval."""
        row = self.row(event.instruction_id)
        if row is not None:
            row.waits_for, row.approve_by = WaitsFor.APPROVAL.value, event.approve_by
            row.time = event.time

    def approved(self, event: e.InstructionApproved) -> None:
        """It waits for its time alone, or its plan is the next event."""
        row = self.row(event.instruction_id)
        if row is not None:
            row.waits_for, row.approve_by = WaitsFor.TIME.value, 0
            row.time = event.time

    def ended(self, event: e.InstructionEnded) -> None:
        """It will never be planned."""
        row = self.row(event.instruction_id)
        if row is not None:
            row.waiting = event.status.name
            row.waits_for, row.approve_by = "", 0
            row.reason = event.reason.code.value
            row.time = event.time

    def _show(self, row: InstructionRow) -> None:
        key = row.instruction_id
        if key not in self._rows:
            self._shown.append(key)
        self._rows[key] = row
        self._touch(key)
        if len(self._shown) > self._shown_max:
            oldest = self._shown.popleft()
            del self._rows[oldest]
            self._drop(oldest)


def _held_row(
    held: e.InstructionHeld | HeldInstruction, instruction_id: InstructionId, time: Nanoseconds
) -> InstructionRow:
    return InstructionRow(
        instruction_id,
        KINDS[type(held.request)],
        describe(held.request),
        held.origin.door.value,
        0,
        0,
        time,
        parent=held.parent,
        follow_up=held.follow_up,
        waiting=InstructionStatus.HELD.name,
        fire_at=held.fire_at,
        waits_for=held.waits_for.value,
        approve_by=held.approve_by if held.waits_for is WaitsFor.APPROVAL else 0,
    )
