"""What people and the clock say of what is held."""

import msgspec

from phalanx.domain.instructions import InstructionId, Origin


class Release(msgspec.Struct, frozen=True, gc=False):
    """A held instruction's time has come, or that for its approval is over. ``failed``: why it cannot be
    planned; then it ends.
    """

    instruction_id: InstructionId
    failed: str = ""


class Approve(msgspec.Struct, frozen=True, gc=False):
    """Another person lets a held instruction go."""

    origin: Origin
    instruction_id: InstructionId
    note: str = ""


class Decline(msgspec.Struct, frozen=True, gc=False):
    """Another person ends a held instruction."""

    origin: Origin
    instruction_id: InstructionId
    note: str = ""


class ReleaseOrders(msgspec.Struct, frozen=True, gc=False):
    """An instruction's undo window is over: its orders go."""

    instruction_id: InstructionId
