"""What is held: instructions before they are planned, and the undo windows of those that were."""

import msgspec

from phalanx.domain.instructions import (
    FollowUp,
    InstructionId,
    InstructionRequest,
    Origin,
    WaitsFor,
)
from phalanx.domain.numbers import Money
from phalanx.domain.orders import ClOrdId
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Nanoseconds


class HeldInstruction(msgspec.Struct, frozen=True, gc=False):
    """An instruction that waits, unplanned, for its time, or before that for another person's approval,
    until ``approve_by``. ``approved_by``: who gave that; then it needs no other, unless it grows above
    ``asked_value``, the value at risk that was named when it was asked for (0: none was).
    """

    id: InstructionId
    origin: Origin
    request: InstructionRequest
    fire_at: Nanoseconds
    expires_at: Nanoseconds
    note: str
    parent: InstructionId
    follow_up: FollowUp | None
    waits_for: WaitsFor = WaitsFor.TIME
    approve_by: Nanoseconds = 0
    approved_by: str = ""
    asked_value: Money = 0

    @property
    def due(self) -> Nanoseconds:
        """When the clock has something to do about it."""
        return self.approve_by if self.waits_for is WaitsFor.APPROVAL else self.fire_at

    @property
    def lasts(self) -> Nanoseconds:
        """For how long it may be fired once it waits no more."""
        return self.expires_at - self.due

    def approved(
        self, actor: str, fire_at: Nanoseconds, expires_at: Nanoseconds
    ) -> "HeldInstruction":
        """The same with its approval: it waits for its time alone, which may be now."""
        return msgspec.structs.replace(
            self,
            fire_at=fire_at,
            expires_at=expires_at,
            waits_for=WaitsFor.TIME,
            approved_by=actor,
        )


class UndoWindow(msgspec.Struct, frozen=True, gc=False):
    """The orders of one instruction that stand HELD until then; those that are not held any more count
    for nothing.
    """

    until: Nanoseconds
    orders: tuple[ClOrdId, ...]


def value_named(cause: Reason | None) -> Money:
    """The value at risk that a cause for approval names; 0: it names none."""
    if cause is None or cause.code is not ReasonCode.ABOVE_APPROVAL:
        return 0
    value = cause.facts[0]
    assert isinstance(value, int), "an amount"
    return value
