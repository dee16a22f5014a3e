"""An instruction is planned, held, approved, or ends without a plan; its orders leave their undo window."""

from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import (
    CancelDraft,
    FollowUp,
    InstructionId,
    InstructionRequest,
    InstructionStatus,
    Origin,
    Skip,
    WaitsFor,
)
from phalanx.domain.instruments import InstrumentFacts
from phalanx.domain.orders import (
    ClOrdId,
    Hops,
    OrderDraft,
)
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Nanoseconds


class InstructionPlanned(Recorded, frozen=True, tag=11):
    """An instruction with its whole plan: all orders, all cancels, all skips, in one piece.

    ``expires_at``: no order of it is first sent after that wall time. ``refusal``: why the whole
    instruction is refused; then it has no orders. ``hops`` carries ``received``; an order's next event
    carries the rest. ``parent``: the instruction that this one follows up on. ``undo_until``: its orders
    that may open risk stand HELD until that wall time; 0: there is no such window.
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
    undo_until: Nanoseconds = 0


class InstructionHeld(Recorded, frozen=True, tag=27):
    """An instruction waits, unplanned, for ``fire_at`` (wall time); its plan will carry the same id.

    ``waits_for`` APPROVAL: first another person has to approve it, before ``approve_by``, and ``cause``
    says why; ``fire_at`` may be 0 then. ``expires_at`` is the latest that it can come to: what it may be
    fired for begins with the approval.
    """

    instruction_id: InstructionId
    origin: Origin
    request: InstructionRequest
    fire_at: Nanoseconds
    expires_at: Nanoseconds
    note: str = ""
    parent: InstructionId = ""
    follow_up: FollowUp | None = None
    waits_for: WaitsFor = WaitsFor.TIME
    approve_by: Nanoseconds = 0
    cause: Reason | None = None


class InstructionEnded(Recorded, frozen=True, tag=28):
    """A held instruction ended without ever being planned: canceled, declined, or too late to fire.

    ``origin`` and ``note``: who declined it, and what they said.
    """

    instruction_id: InstructionId
    status: InstructionStatus
    reason: Reason
    origin: Origin | None = None
    note: str = ""


class ApprovalAsked(Recorded, frozen=True, tag=61):
    """The time of a held instruction came, and it is too large to go without another person's approval."""

    instruction_id: InstructionId
    approve_by: Nanoseconds
    expires_at: Nanoseconds
    cause: Reason


class InstructionApproved(Recorded, frozen=True, tag=62):
    """Another person approved a held instruction: it is planned now, or when its time comes."""

    instruction_id: InstructionId
    origin: Origin
    note: str
    expires_at: Nanoseconds


class OrdersReleased(Recorded, frozen=True, tag=63):
    """The undo window of an instruction is over: those of its orders that still stand HELD may go."""

    instruction_id: InstructionId
    cl_ord_ids: tuple[ClOrdId, ...]
