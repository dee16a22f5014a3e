"""Instructions: what somebody asked for, once, and how it went."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import TypeAlias, final

import msgspec

from phalanx.domain.accounts import AccountId, BookId, Mode
from phalanx.domain.allocation import Allocation, ListAllocation
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.kills import KillScope
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import ClOrdId, OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason

InstructionId: TypeAlias = str


class InstructionStatus(IntEnum):
    """Where an instruction stands."""

    HELD = 1
    WORKING = 2
    DONE = 3
    EXPIRED = 4
    CANCELED = 5
    REJECTED = 6


class WaitsFor(StrEnum):
    """What a held instruction waits for."""

    TIME = "time"
    APPROVAL = "approval"


class Door(StrEnum):
    """Which door a command came through."""

    CREATE_ORDER = "create_order"
    INSTRUCTIONS = "instructions"
    ORDERS = "orders"
    KILL = "kill"
    IMPORT = "import"
    DESK = "desk"
    CLIENTS = "clients"
    ACCOUNTS = "accounts"
    SUBSCRIPTIONS = "subscriptions"
    STRATEGIES = "strategies"
    GROUPS = "groups"
    LISTS = "lists"
    LIMITS = "limits"
    SETTINGS = "settings"
    PLATFORM = "platform"
    BREAKS = "breaks"
    CHANGES = "changes"
    ARMING = "arming"
    ACCESS = "access"
    HOOKS = "hooks"
    ALERTS = "alerts"


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who asked, through which door, from where. ``actor``: a user, ``key:`` and a machine key's name,
    ``local`` where nobody is asked who they are, ``desk`` for the desk itself.

    ``idempotency_key`` with its ``fingerprint`` (of the decoded command) makes a repeat harmless;
    both are empty when the caller gave no key. ``address``: the network address that the request came
    from, as far as it can be believed; empty where there is none. ``sponsor``: the person who answers for a
    machine, and does not count as another one than it; empty for people.
    """

    actor: str
    door: Door
    request_id: str = ""
    idempotency_key: str = ""
    fingerprint: bytes = b""
    address: str = ""
    sponsor: str = ""


DESK_ORIGIN = Origin("desk", Door.DESK)
"""Of what the desk does by itself."""


class Selection(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """For whom: the union of these, or everybody the kind can apply to when all three are empty.

    ``mode`` leaves out the accounts that are in the other mode; None takes both.
    """

    accounts: tuple[AccountId, ...] = ()
    clients: tuple[int, ...] = ()
    groups: tuple[str, ...] = ()
    mode: Mode | None = None

    @property
    def is_everybody(self) -> bool:
        """Nobody is named."""
        return not (self.accounts or self.clients or self.groups)


EVERYBODY = Selection()


@final
class SignalRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """``STRATEGY says BUY|SELL INSTRUMENT``; names as the caller wrote them.

    ``lots_of``: a SELL closes lots of these strategies only, whatever more a subscription's ``sell_scope``
    allows; empty: no bound. It is set for whoever may touch some strategies only.
    """

    strategy: str
    instrument: str
    side: Side
    selection: Selection = EVERYBODY
    lots_of: tuple[str, ...] = ()


@final
class OrderRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=2):
    """One order for one account, named by its id or, when that is empty, the client's primary one."""

    client: int
    account: AccountId
    instrument: str
    side: Side
    product: Product
    ord_type: OrdType
    quantity: Quantity
    price: Price = 0
    time_in_force: TimeInForce = TimeInForce.DAY
    stop_price: Price = 0
    mode: Mode | None = None


class PriorityBuyRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=3):
    """Spend every chosen account's cash down one list of instruments, most wanted first.

    Either ``list_name`` names a kept list, or ``instruments`` are it, as the caller wrote them.
    ``max_new``: most stocks bought for one account; ``max_names``: most stocks it may hold
    afterwards; zero is no cap.
    """

    list_name: str = ""
    instruments: tuple[str, ...] = ()
    allocation: ListAllocation = ListAllocation()
    max_new: int = 0
    max_names: int = 0
    product: Product = Product.DELIVERY
    selection: Selection = EVERYBODY


class BatchRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One line of a basket. ``account`` empty: the primary account of ``client``.

    ``source``: the order that a follow-up does again or takes back.
    """

    client: int
    account: AccountId
    instrument: str
    side: Side
    product: Product
    ord_type: OrdType
    quantity: Quantity
    price: Price = 0
    time_in_force: TimeInForce = TimeInForce.DAY
    stop_price: Price = 0
    source: ClOrdId = ""


class BatchRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=4):
    """A basket: many orders, each with its own terms, journaled and fired as one."""

    rows: tuple[BatchRow, ...]
    mode: Mode | None = None


class AllocatedRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=5):
    """One instrument for many accounts; ``allocation`` says how much for each."""

    instrument: str
    side: Side
    product: Product
    ord_type: OrdType
    allocation: Allocation
    price: Price = 0
    time_in_force: TimeInForce = TimeInForce.DAY
    stop_price: Price = 0
    selection: Selection = EVERYBODY


class ExitScope(IntEnum):
    """What an exit closes: what was opened today, what was held before, or both."""

    POSITIONS = 1
    HOLDINGS = 2
    BOTH = 3


class ExitRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=6):
    """Get out: of one instrument, of one trade (by its lot), or of everything the selection holds.

    ``percent_bps`` of it, in basis points. ``each_max``: at most so much of each account, whoever is
    one of them by then; 0: no bound. ``quantities``: at most so much of single accounts; then nothing
    of the others. ``product`` None: every product. ``ord_type`` MARKET unless a LIMIT ``price`` is given.
    ``held_only``: what works is left alone, so that nothing is cancelled, and what is being sold or bought
    back already is not closed again.
    """

    instrument: str = ""
    trade: ClOrdId = ""
    percent_bps: int = 10_000
    scope: ExitScope = ExitScope.BOTH
    selection: Selection = EVERYBODY
    quantities: tuple[tuple[AccountId, Quantity], ...] = ()
    product: Product | None = None
    price: Price = 0
    each_max: Quantity = 0
    held_only: bool = False

    def caps(self, accounts: Iterable[AccountId]) -> dict[AccountId, Quantity]:
        """At most how much of each of these accounts; nobody in it: no bound."""
        if self.quantities:
            return {one: min(most, self.each_max or most) for one, most in self.quantities}
        return dict.fromkeys(accounts, self.each_max) if self.each_max else {}


class CancelRestRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=7):
    """Cancel what is still open of an earlier instruction; one that is held never fires."""

    instruction: InstructionId


class CancelOpenRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=8):
    """Cancel what works, or waits, within a scope; with ``exits`` also what only reduces.

    ``left``: so many orders are still to be canceled, for one record holds no more cancels; they are in
    the parts that follow with the ticks, each an instruction like this one, up to the order ``until``
    (empty: this is all). ``parts`` is of journals in which several stood in one record.
    """

    scope: KillScope
    exits: bool = False
    parts: int = 1
    left: int = 0
    until: ClOrdId = ""

    @property
    def anew(self) -> "CancelOpenRequest":
        """The same, asked for again: all that works by then."""
        return CancelOpenRequest(self.scope, self.exits)


InstructionRequest: TypeAlias = (
    SignalRequest
    | OrderRequest
    | PriorityBuyRequest
    | BatchRequest
    | AllocatedRequest
    | ExitRequest
    | CancelRestRequest
    | CancelOpenRequest
)

KINDS: dict[type, str] = {
    SignalRequest: "signal",
    OrderRequest: "order",
    PriorityBuyRequest: "priority_buy",
    BatchRequest: "batch",
    AllocatedRequest: "batch",
    ExitRequest: "exit",
    CancelRestRequest: "cancel",
    CancelOpenRequest: "cancel",
}


class FollowUp(StrEnum):
    """How an instruction follows the one that it names as its parent."""

    RETRY = "retry"
    REVERSE = "reverse"
    REPEAT = "repeat"
    CANCEL = "cancel"


def called_instrument(request: InstructionRequest) -> str:
    """The one instrument a request is about, as the caller wrote it; empty: several, or none."""
    # By type: every plan asks this, and a class pattern on a Struct costs four times as much.
    if type(request) is SignalRequest or type(request) is OrderRequest:
        return request.instrument
    if type(request) is AllocatedRequest or type(request) is ExitRequest:
        return request.instrument
    return ""


def rows_of(request: InstructionRequest) -> int:
    """How much a request says: its rows, the names that it lists, the quantities of single accounts."""
    match request:
        case BatchRequest():
            return len(request.rows)
        case SignalRequest():
            return _names(request.selection)
        case PriorityBuyRequest():
            return len(request.instruments) + _names(request.selection)
        case AllocatedRequest():
            return len(request.allocation.quantities) + _names(request.selection)
        case ExitRequest():
            return len(request.quantities) + _names(request.selection)
        case _:
            return 1


def _names(selection: Selection) -> int:
    return len(selection.accounts) + len(selection.clients) + len(selection.groups)


class Skip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An account (or a part of its share) for which nothing is sent, and why.

    ``row``: the place in the basket or list that it is about, from 1; 0: no single one.
    """

    account: AccountId
    reason: Reason
    instrument: InstrumentKey = ""
    row: int = 0


class CancelDraft(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A cancel planned by an instruction. ``unsent``: the order was never dispatched, so it ends here.

    ``resell``: how much of what its end frees the instruction sells again (of a buy in a short: buys
    back again). ``side`` is the order's, None in journals of before it was kept; ``lot``: of a buy, where
    its fills go.
    """

    request_id: str
    cl_ord_id: ClOrdId
    book: BookId
    unsent: bool = False
    resell: Quantity = 0
    side: Side | None = None
    lot: ClOrdId = ""
