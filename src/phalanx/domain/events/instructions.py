"""An instruction is planned, held, or ends without a plan."""

from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import (
    CancelDraft,
    FollowUp,
    InstructionId,
    InstructionRequest,
    InstructionStatus,
    Origin,
    Skip,
)
from phalanx.domain.instruments import InstrumentFacts
from phalanx.domain.orders import (
    Hops,
    OrderDraft,
)
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Nanoseconds


class InstructionPlanned(Recorded, frozen=True, tag=11):
    """An instruction with its whole plan: all orders, all cancels, all skips, in one piece.

    ``expires_at``: no order of it is first sent after that wall time. ``refusal``: why the whole
    instruction is refused; then it has no orders. ``hops`` carries ``received``; an order's next event
    carries the rest. ``parent``: the instruction that this one follows up on.
    """

    instruction_id: InstructionId
    origin: Origin
    request: InstructionRequest
    expires_at: Nanoseconds
    instruments: tuple[InstrumentFacts, ...] = ()
    orders: tuple[OrderDraft, ...] = ()
    cancels: tuple[CancelDraft, ...] = ()
    skips: tuple[Skip, ...] = ()
    refusal: Reason | None = None
    note: str = ""
    hops: Hops = Hops()
    seed: int = 0
    parent: InstructionId = ""
    follow_up: FollowUp | None = None


class InstructionHeld(Recorded, frozen=True, tag=27):
    """An instruction waits, unplanned, for ``fire_at`` (wall time); its plan will carry the same id."""

    instruction_id: InstructionId
    origin: Origin
    request: InstructionRequest
    fire_at: Nanoseconds
    expires_at: Nanoseconds
    note: str = ""
    parent: InstructionId = ""
    follow_up: FollowUp | None = None


class InstructionEnded(Recorded, frozen=True, tag=28):
    """A held instruction ended without ever being planned: canceled, or too late to fire."""

    instruction_id: InstructionId
    status: InstructionStatus
    reason: Reason
