"""What the shell can ask the engine to decide. Timers and reports are commands too."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from phalanx.domain.accounts import Account, BookId, Client
from phalanx.domain.alerts import AlertRule
from phalanx.domain.audit import Act
from phalanx.domain.groups import Group, PriorityList
from phalanx.domain.hooks import HookSource
from phalanx.domain.instructions import FollowUp, InstructionId, InstructionRequest, Origin
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.kills import EVERYBODY, KillCancel, KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import Money, Price, Quantity
from phalanx.domain.orders import ClOrdId, ExecutionReport, Hops, Product
from phalanx.domain.reasons import Reason
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.domain.time import Nanoseconds
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


class LoadInstruments(msgspec.Struct, frozen=True, gc=False):
    """An instrument file, already stored under its hash, comes into force."""

    origin: Origin
    sha256: str
    count: int
    name: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0


class ImportProfiles(msgspec.Struct, frozen=True, gc=False):
    """Profiles ``{user: {strategy: [instrument name, …]}}``: upserted, all or nothing."""

    origin: Origin
    profiles: Mapping[str, Mapping[str, Sequence[str]]]
    cash: Money
    account: Account | None = None


class ImportRawDetails(msgspec.Struct, frozen=True, gc=False):
    """Users with a paper account each, and strategies that all trade all instruments; no subscriptions.

    Upserted, all or nothing; instruments by name.
    """

    origin: Origin
    users: tuple[str, ...]
    strategies: tuple[str, ...]
    instruments: tuple[str, ...]
    cash: Money
    account: Account | None = None


class ImportedClient(msgspec.Struct, frozen=True, gc=False):
    """A client by name, with the opening cash of a new one and the group that its account joins."""

    name: str
    cash: Money
    group: str = ""


class ImportClients(msgspec.Struct, frozen=True, gc=False):
    """Clients by name, all or nothing; those that are there already keep what they have."""

    origin: Origin
    clients: tuple[ImportedClient, ...]
    account: Account | None = None


class PutReference(msgspec.Struct, frozen=True, gc=False):
    """Reference data, upserted in this order; ``cash`` are (book, amount, note) adjustments."""

    origin: Origin
    clients: tuple[Client, ...] = ()
    accounts: tuple[Account, ...] = ()
    strategies: tuple[Strategy, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    cash: tuple[tuple[BookId, Money, str], ...] = ()
    settings: RiskSettings | None = None


class AdoptedLot(msgspec.Struct, frozen=True, gc=False):
    """A position to take over: ``cost`` is for all of it, None when nobody knows it."""

    book: BookId
    instrument: InstrumentKey
    product: Product
    quantity: Quantity
    cost: Money | None
    opened_at: Nanoseconds
    called: str = ""


class AdoptLots(msgspec.Struct, frozen=True, gc=False):
    """Opening positions, all or none."""

    origin: Origin
    lots: tuple[AdoptedLot, ...]


class PutGroups(msgspec.Struct, frozen=True, gc=False):
    """Groups by name: new, or changed as a whole; then those that go."""

    origin: Origin
    groups: tuple[Group, ...] = ()
    removed: tuple[str, ...] = ()


class PutLists(msgspec.Struct, frozen=True, gc=False):
    """Priority lists by name: new, or changed as a whole; then those that go."""

    origin: Origin
    lists: tuple[PriorityList, ...] = ()
    removed: tuple[str, ...] = ()


class PutHooks(msgspec.Struct, frozen=True, gc=False):
    """Sources of inbound webhooks by name: new, or changed as a whole; then those that go."""

    origin: Origin
    sources: tuple[HookSource, ...] = ()
    removed: tuple[str, ...] = ()


class PutLimits(msgspec.Struct, frozen=True, gc=False):
    """Limits by level and name: new, or changed as a whole; then those that go."""

    origin: Origin
    limits: tuple[Limit, ...] = ()
    removed: tuple[tuple[LimitLevel, str], ...] = ()


class PutAlertRules(msgspec.Struct, frozen=True, gc=False):
    """Rules of what is told, by name: new, or changed as a whole; then those that go."""

    origin: Origin
    rules: tuple[AlertRule, ...] = ()
    removed: tuple[str, ...] = ()


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
    | Tick
)
