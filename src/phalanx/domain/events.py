"""The events: the only things that change the engine's state, and what the journal stores.

Frozen, tagged by number, positional. They are append-only: a field is added at the end with a
default and never changes its meaning, a tag is never reused, so last year's journal replays.
"""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from phalanx.domain.accounts import Account, AccountId, BookId, Client
from phalanx.domain.groups import Group, PriorityList
from phalanx.domain.instructions import (
    CancelDraft,
    FollowUp,
    InstructionId,
    InstructionRequest,
    InstructionStatus,
    Origin,
    Skip,
)
from phalanx.domain.instruments import Instrument, InstrumentFacts, InstrumentKey
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import Money, Price, Quantity
from phalanx.domain.orders import (
    ClOrdId,
    ExecutionReport,
    Hops,
    OrderDraft,
    OrdStatus,
    Product,
    RequestKind,
)
from phalanx.domain.reasons import Reason
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.domain.time import Nanoseconds


class _Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Every event begins with the wall time at which it was decided."""

    time: Nanoseconds


class DeskFounded(_Event, frozen=True, tag=1):
    """The first event of a data folder: the desk's two letters, drawn once, and its shard."""

    desk_id: str
    shard: int


class TermBegan(_Event, frozen=True, tag=2):
    """A process took the journal over. ``doubted`` are the orders that were dispatched and never answered."""

    epoch: int
    version: str
    doubted: tuple[ClOrdId, ...] = ()


class InstrumentsLoaded(_Event, frozen=True, tag=3):
    """An instrument file came into force; ``added``, ``changed``, ``removed`` against the one ``before``."""

    origin: Origin
    sha256: str
    count: int
    name: str = ""
    added: int = 0
    changed: int = 0
    removed: int = 0
    before: str = ""


class LocalInstrumentPut(_Event, frozen=True, tag=4):
    """A paper instrument was made up for a name that no master knows."""

    origin: Origin
    instrument: Instrument


class ClientPut(_Event, frozen=True, tag=5):
    """A client is new or changed."""

    origin: Origin
    client: Client


class AccountPut(_Event, frozen=True, tag=6):
    """An account is new or changed."""

    origin: Origin
    account: Account


class CashAdjusted(_Event, frozen=True, tag=7):
    """Cash came to or left a book other than by trading."""

    origin: Origin
    book: BookId
    amount: Money
    note: str = ""


class StrategyPut(_Event, frozen=True, tag=8):
    """A strategy is new or changed."""

    origin: Origin
    strategy: Strategy


class SubscriptionPut(_Event, frozen=True, tag=9):
    """A subscription is new or changed."""

    origin: Origin
    subscription: Subscription


class SettingsPut(_Event, frozen=True, tag=10):
    """The settings that decide about orders changed."""

    origin: Origin
    settings: RiskSettings


class InstructionPlanned(_Event, frozen=True, tag=11):
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


class OrdersDispatched(_Event, frozen=True, tag=12):
    """The orders may be written from now on, by this epoch, until ``deadline`` (wall time)."""

    cl_ord_ids: tuple[ClOrdId, ...]
    epoch: int
    deadline: Nanoseconds
    attempt: int = 1


class OrderReported(_Event, frozen=True, tag=13):
    """A report was booked. ``status`` is the result; ``cum_quantity`` never falls.

    ``last_quantity`` is what this report newly fills (zero for a duplicate total). ``flag`` names
    something a person should look at (``OVERFILL``, ``LATE``). ``children`` are further reduce-only
    orders of the instruction that is closing this order's lot: what was just filled is sold at once.
    """

    cl_ord_id: ClOrdId
    status: OrdStatus
    cum_quantity: Quantity
    last_quantity: Quantity
    report: ExecutionReport
    reason: Reason | None = None
    flag: str = ""
    children: tuple[OrderDraft, ...] = ()
    hops: Hops = Hops()


class OrderDoubted(_Event, frozen=True, tag=14):
    """An order was, or may have been, written and no trustworthy answer came."""

    cl_ord_id: ClOrdId
    text: str
    hops: Hops = Hops()


class OrderEnded(_Event, frozen=True, tag=15):
    """An order ended without a broker's report: never written, expired unsent, or proved absent.

    ``children`` sell what the end of a cancelled sell gave free, as in OrderReported.
    """

    cl_ord_id: ClOrdId
    status: OrdStatus
    reason: Reason
    children: tuple[OrderDraft, ...] = ()


class CancelRequested(_Event, frozen=True, tag=16):
    """A working order is to be canceled; the request has its own id."""

    origin: Origin
    request_id: str
    cl_ord_id: ClOrdId


class ReplaceRequested(_Event, frozen=True, tag=17):
    """A working order is to get another quantity or price. ``hold`` is what the new terms need in full.

    ``repricing``: the desk's own n-th new price of an exit that does not fill; 0: somebody asked.
    """

    origin: Origin
    request_id: str
    cl_ord_id: ClOrdId
    quantity: Quantity
    price: Price
    hold: Money
    repricing: int = 0


class RequestDispatched(_Event, frozen=True, tag=18):
    """A cancel or replace may be written from now on, by this epoch."""

    cl_ord_id: ClOrdId
    request_id: str
    kind: RequestKind
    epoch: int
    deadline: Nanoseconds


class RequestEnded(_Event, frozen=True, tag=19):
    """A request ended without effect (refused, never written); the order's state follows from its fills."""

    cl_ord_id: ClOrdId
    request_id: str
    reason: Reason


class RequestDoubted(_Event, frozen=True, tag=20):
    """A request was written and not answered: the doubt is the request's, not the order's."""

    cl_ord_id: ClOrdId
    request_id: str
    text: str


class KillPut(_Event, frozen=True, tag=21):
    """New risk is stopped for everybody (``account`` empty) or for one account."""

    origin: Origin
    account: AccountId
    note: str = ""


class KillLifted(_Event, frozen=True, tag=22):
    """A kill was lifted on purpose."""

    origin: Origin
    account: AccountId
    note: str = ""


class OrdersRetired(_Event, frozen=True, tag=23):
    """Terminal orders, and instructions with none left, leave memory; views keep them."""

    cl_ord_ids: tuple[ClOrdId, ...]


class DayRolled(_Event, frozen=True, tag=24):
    """A new trading day: the day counters start again."""

    day: int


class KeysForgotten(_Event, frozen=True, tag=25):
    """The oldest ``count`` idempotency keys are past their retention."""

    count: int


class DispatchLapsed(_Event, frozen=True, tag=26):
    """Dispatched orders that the gate did not write and that may be tried again: back to waiting."""

    cl_ord_ids: tuple[ClOrdId, ...]


class InstructionHeld(_Event, frozen=True, tag=27):
    """An instruction waits, unplanned, for ``fire_at`` (wall time); its plan will carry the same id."""

    instruction_id: InstructionId
    origin: Origin
    request: InstructionRequest
    fire_at: Nanoseconds
    expires_at: Nanoseconds
    note: str = ""
    parent: InstructionId = ""
    follow_up: FollowUp | None = None


class InstructionEnded(_Event, frozen=True, tag=28):
    """A held instruction ended without ever being planned: canceled, or too late to fire."""

    instruction_id: InstructionId
    status: InstructionStatus
    reason: Reason


class GroupPut(_Event, frozen=True, tag=29):
    """A group is new or changed."""

    origin: Origin
    group: Group


class GroupRemoved(_Event, frozen=True, tag=30):
    """A group is gone; its accounts stay."""

    origin: Origin
    name: str


class ListPut(_Event, frozen=True, tag=31):
    """A priority list is new or changed."""

    origin: Origin
    priority_list: PriorityList


class ListRemoved(_Event, frozen=True, tag=32):
    """A priority list is gone."""

    origin: Origin
    name: str


class LimitPut(_Event, frozen=True, tag=33):
    """A level's limits are new or changed, all of them at once."""

    origin: Origin
    limit: Limit


class LimitRemoved(_Event, frozen=True, tag=34):
    """A level has no limits of its own any more."""

    origin: Origin
    level: LimitLevel
    name: str


class FillOrdered(_Event, frozen=True, tag=35):
    """A person has the paper broker fill so much of a working order; the fill itself is its report."""

    origin: Origin
    cl_ord_id: ClOrdId
    quantity: Quantity
    price: Price
    exec_id: str


class OrderFlagged(_Event, frozen=True, tag=36):
    """Something about a working order is for a person to see; no broker said it."""

    cl_ord_id: ClOrdId
    flag: str
    text: str = ""


class LotAdopted(_Event, frozen=True, tag=37):
    """A position that the book holds already came in: one lot, which no order of ours opened.

    ``cost``: what all of it cost; with ``cost_known`` False nobody knows, and it is counted at
    zero. ``opened_at``: when it was bought.
    """

    origin: Origin
    lot: ClOrdId
    book: BookId
    instrument: InstrumentKey
    product: Product
    quantity: Quantity
    cost: Money
    cost_known: bool
    opened_at: Nanoseconds
    called: str = ""


Event: TypeAlias = (
    DeskFounded
    | TermBegan
    | InstrumentsLoaded
    | LocalInstrumentPut
    | ClientPut
    | AccountPut
    | CashAdjusted
    | StrategyPut
    | SubscriptionPut
    | SettingsPut
    | InstructionPlanned
    | OrdersDispatched
    | OrderReported
    | OrderDoubted
    | OrderEnded
    | CancelRequested
    | ReplaceRequested
    | RequestDispatched
    | RequestEnded
    | RequestDoubted
    | KillPut
    | KillLifted
    | OrdersRetired
    | DayRolled
    | KeysForgotten
    | DispatchLapsed
    | InstructionHeld
    | InstructionEnded
    | GroupPut
    | GroupRemoved
    | ListPut
    | ListRemoved
    | LimitPut
    | LimitRemoved
    | FillOrdered
    | OrderFlagged
    | LotAdopted
)

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[list[Event]] = msgspec.msgpack.Decoder(list[Event])


def encode_event(event: Event) -> bytes:
    """One event as MessagePack."""
    return _encoder.encode(event)


def join_events(encoded: Iterable[bytes], count: int) -> bytes:
    """A record's body: the MessagePack array of already encoded events."""
    return b"".join((b"\xdd", count.to_bytes(4, "big"), *encoded))


def decode_events(body: bytes) -> list[Event]:
    """The events of a record's body, in order.

    Raises msgspec.DecodeError for anything that is not such an array.
    """
    return _decoder.decode(body)
