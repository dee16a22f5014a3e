"""The events: the only things that change the engine's state, and what the journal stores.

Frozen, tagged by number, positional. They are append-only: a field is added at the end with a
default and never changes its meaning, a tag is never reused, so last year's journal replays.
"""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from phalanx.domain.events.alerts import AlertRulePut, AlertRuleRemoved
from phalanx.domain.events.audit import AccessRecorded
from phalanx.domain.events.instructions import (
    ApprovalAsked,
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    OrdersReleased,
)
from phalanx.domain.events.orders import (
    CancelRequested,
    DispatchLapsed,
    FillOrdered,
    OrderDoubted,
    OrderEnded,
    OrderFlagged,
    OrderReported,
    OrdersDispatched,
    ReplaceRequested,
    RequestDispatched,
    RequestDoubted,
    RequestEnded,
)
from phalanx.domain.events.persons import (
    AccountsArmed,
    AccountsDisarmed,
    ChangeApproved,
    ChangeAsked,
    ChangeDeclined,
    ChangesExpired,
)
from phalanx.domain.events.reconciliation import (
    BreakClosed,
    BreakFiled,
    BreakTaken,
    DoubtJudged,
    ForeignFillBooked,
)
from phalanx.domain.events.reference import (
    AccountPut,
    CashAdjusted,
    ClientPut,
    GroupPut,
    GroupRemoved,
    HookSourcePut,
    HookSourceRemoved,
    KillLifted,
    KillPut,
    LimitPut,
    LimitRemoved,
    ListPut,
    ListRemoved,
    LotAdopted,
    SettingsPut,
    StrategyPut,
    SubscriptionPut,
)
from phalanx.domain.events.sessions import CalendarPut, ClosingAuctionPut
from phalanx.domain.events.upkeep import (
    DayRolled,
    DeskFounded,
    InstrumentsLoaded,
    KeysForgotten,
    LocalInstrumentPut,
    OrdersRetired,
    TermBegan,
)

__all__ = [
    "AccessRecorded",
    "AccountPut",
    "AccountsArmed",
    "AccountsDisarmed",
    "AlertRulePut",
    "AlertRuleRemoved",
    "ApprovalAsked",
    "BreakClosed",
    "BreakFiled",
    "BreakTaken",
    "CalendarPut",
    "CancelRequested",
    "CashAdjusted",
    "ChangeApproved",
    "ChangeAsked",
    "ChangeDeclined",
    "ChangesExpired",
    "ClientPut",
    "ClosingAuctionPut",
    "DayRolled",
    "DeskFounded",
    "DispatchLapsed",
    "DoubtJudged",
    "Event",
    "FillOrdered",
    "ForeignFillBooked",
    "GroupPut",
    "GroupRemoved",
    "HookSourcePut",
    "HookSourceRemoved",
    "InstructionApproved",
    "InstructionEnded",
    "InstructionHeld",
    "InstructionPlanned",
    "InstrumentsLoaded",
    "KeysForgotten",
    "KillLifted",
    "KillPut",
    "LimitPut",
    "LimitRemoved",
    "ListPut",
    "ListRemoved",
    "LocalInstrumentPut",
    "LotAdopted",
    "OrderDoubted",
    "OrderEnded",
    "OrderFlagged",
    "OrderReported",
    "OrdersDispatched",
    "OrdersReleased",
    "OrdersRetired",
    "ReplaceRequested",
    "RequestDispatched",
    "RequestDoubted",
    "RequestEnded",
    "SettingsPut",
    "StrategyPut",
    "SubscriptionPut",
    "TermBegan",
    "decode_events",
    "encode_event",
    "join_events",
]

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
    | ForeignFillBooked
    | BreakFiled
    | BreakTaken
    | BreakClosed
    | DoubtJudged
    | AccountsArmed
    | AccountsDisarmed
    | ChangeAsked
    | ChangeApproved
    | ChangeDeclined
    | ChangesExpired
    | AccessRecorded
    | ApprovalAsked
    | InstructionApproved
    | OrdersReleased
    | HookSourcePut
    | HookSourceRemoved
    | AlertRulePut
    | AlertRuleRemoved
    | CalendarPut
    | ClosingAuctionPut
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
