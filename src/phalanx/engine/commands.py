"""What the shell can ask the engine to decide. Timers and reports are commands too."""

from typing import TypeAlias

import msgspec

from phalanx.domain.audit import Act
from phalanx.domain.instructions import FollowUp, InstructionId, InstructionRequest, Origin
from phalanx.domain.kills import EVERYBODY, KillCancel, KillScope
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import ClOrdId, ExecutionReport, Hops
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Nanoseconds
from phalanx.engine.day.commands import PutCalendar, PutClosingAuction
from phalanx.engine.held.commands import Approve, Decline, Release, ReleaseOrders
from phalanx.engine.persons.commands import (
    ApproveChange,
    ArmAccounts,
    DeclineChange,
    DisarmAccounts,
    SwitchMode,
)
from phalanx.engine.reconciliation.commands import (
    ArchivedOrder,
    BookAbsent,
    BookForeignFill,
    BookFound,
    BookLateFill,
    BookUnread,
    CloseBreak,
    FileDifferences,
    JudgeDoubt,
    TakeBreak,
)
from phalanx.engine.reference_commands import (
    AdoptedLot,
    AdoptLots,
    ImportClients,
    ImportedClient,
    ImportProfiles,
    ImportRawDetails,
    LoadInstruments,
    PutAlertRules,
    PutGroups,
    PutHooks,
    PutLimits,
    PutLists,
    PutReference,
)

__all__ = [
    "AdoptLots",
    "AdoptedLot",
    "Approve",
    "ApproveChange",
    "ArchivedOrder",
    "ArmAccounts",
    "BeginTerm",
    "BookAbsent",
    "BookForeignFill",
    "BookFound",
    "BookLateFill",
    "BookNeverWritten",
    "BookReport",
    "BookUnknown",
    "BookUnread",
    "CancelOrder",
    "CloseBreak",
    "Command",
    "Decline",
    "DeclineChange",
    "DisarmAccounts",
    "Dispatch",
    "DispatchRequest",
    "ExpireUnsent",
    "FileDifferences",
    "FillByHand",
    "ImportClients",
    "ImportProfiles",
    "ImportRawDetails",
    "ImportedClient",
    "JudgeDoubt",
    "LiftKill",
    "LoadInstruments",
    "PutAlertRules",
    "PutCalendar",
    "PutClosingAuction",
    "PutGroups",
    "PutHooks",
    "PutKill",
    "PutLimits",
    "PutLists",
    "PutReference",
    "RecordAccess",
    "RefuseHandFill",
    "Release",
    "ReleaseOrders",
    "ReplaceOrder",
    "Submit",
    "SwitchMode",
    "TakeBreak",
    "Tick",
]


class Submit(msgspec.Struct, frozen=True, gc=False):
    """An instruction. ``expires_s`` None: the kind's default. ``received``: monotonic ns of its first byte.

    ``fire_at``: wall time until which it is held; 0: now. ``parent`` and ``follow_up``: what it
    follows up on, and how. ``ask``: another person is to approve it first, whatever its size.
    """

    origin: Origin
    request: InstructionRequest
    note: str = ""
    expires_s: int | None = None
    received: Nanoseconds = 0
    fire_at: Nanoseconds = 0
    parent: InstructionId = ""
    follow_up: FollowUp | None = None
    ask: bool = False


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Cancel one working order."""

    origin: Origin
    cl_ord_id: ClOrdId


class ReplaceOrder(msgspec.Struct, frozen=True, gc=False):
    """Give one working order another total quantity or limit; None keeps what it has."""

    origin: Origin
    cl_ord_id: ClOrdId
    quantity: Quantity | None = None
    price: Price | None = None


class Dispatch(msgspec.Struct, frozen=True, gc=False):
    """These orders' turn has come: they may be written."""

    cl_ord_ids: tuple[ClOrdId, ...]
    epoch: int


class DispatchRequest(msgspec.Struct, frozen=True, gc=False):
    """This order's pending cancel or replace may be written."""

    cl_ord_id: ClOrdId
    epoch: int


class BookReport(msgspec.Struct, frozen=True, gc=False):
    """A broker's report arrived. ``complete``: it is the end that a complete reading of the book shows,
    whose executions are booked: no other can be missing.
    """

    report: ExecutionReport
    hops: Hops = Hops()
    complete: bool = False


class BookUnknown(msgspec.Struct, frozen=True, gc=False):
    """Written, and no trustworthy answer. ``request_id`` empty: the order itself, else its request."""

    cl_ord_id: ClOrdId
    text: str
    request_id: str = ""
    hops: Hops = Hops()


class BookNeverWritten(msgspec.Struct, frozen=True, gc=False):
    """Not a byte left. ``again``: it may wait for another turn."""

    cl_ord_id: ClOrdId
    reason: Reason
    again: bool = False
    request_id: str = ""


class ExpireUnsent(msgspec.Struct, frozen=True, gc=False):
    """These orders waited for their turn until their instruction expired."""

    cl_ord_ids: tuple[ClOrdId, ...]


class BeginTerm(msgspec.Struct, frozen=True, gc=False):
    """This process took over with ``epoch``. ``desk_id`` names a data folder that has no name yet."""

    epoch: int
    version: str
    desk_id: str
    shard: int = 0


class FillByHand(msgspec.Struct, frozen=True, gc=False):
    """Have the paper broker fill so much of a working order; ``price`` 0: at the last price."""

    origin: Origin
    cl_ord_id: ClOrdId
    quantity: Quantity
    price: Price = 0


class RefuseHandFill(msgspec.Struct, frozen=True, gc=False):
    """The broker did not do a fill that a person had ordered; ``why`` in its words."""

    exec_id: str
    why: str


class PutKill(msgspec.Struct, frozen=True, gc=False):
    """Stop new risk for whom ``scope`` names, and ``cancel`` what works there.

    Without ``block`` no kill stands afterwards. ``adopted``: it was ordered past the server, and its
    name is taken as it stands.
    """

    origin: Origin
    scope: KillScope = EVERYBODY
    note: str = ""
    block: bool = True
    cancel: KillCancel = KillCancel.NOTHING
    adopted: bool = False


class LiftKill(msgspec.Struct, frozen=True, gc=False):
    """Lift that kill again."""

    origin: Origin
    scope: KillScope = EVERYBODY
    note: str = ""


class RecordAccess(msgspec.Struct, frozen=True, gc=False):
    """Put on record what somebody did, or was refused, that is no order and no reference data.

    ``subject``: whom or what it is about; ``detail``: a few words more, never a secret. ``count``: how
    many alike it stands for, the first of them at wall time ``first`` (0: just now).
    """

    origin: Origin
    act: Act
    subject: str = ""
    detail: str = ""
    count: int = 1
    first: Nanoseconds = 0


class Tick(msgspec.Struct, frozen=True, gc=False):
    """Time passed: retire what ended, roll the day, forget old keys, see to what rests unfilled."""


Command: TypeAlias = (
    Submit
    | Release
    | Approve
    | Decline
    | ReleaseOrders
    | CancelOrder
    | ReplaceOrder
    | Dispatch
    | DispatchRequest
    | BookReport
    | BookUnknown
    | BookNeverWritten
    | ExpireUnsent
    | BookFound
    | BookAbsent
    | BookForeignFill
    | BeginTerm
    | LoadInstruments
    | ImportProfiles
    | ImportRawDetails
    | ImportClients
    | PutReference
    | AdoptLots
    | PutGroups
    | PutLists
    | PutHooks
    | PutLimits
    | PutAlertRules
    | FillByHand
    | RefuseHandFill
    | PutKill
    | LiftKill
    | ArmAccounts
    | DisarmAccounts
    | SwitchMode
    | ApproveChange
    | DeclineChange
    | FileDifferences
    | BookUnread
    | BookLateFill
    | TakeBreak
    | CloseBreak
    | JudgeDoubt
    | RecordAccess
    | PutCalendar
    | PutClosingAuction
    | Tick
)
