"""Instructions: what somebody asked for, once, and how it went."""

from enum import IntEnum, StrEnum
from typing import TypeAlias

import msgspec

from phalanx.domain.accounts import AccountId, BookId
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


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who asked, through which door. ``actor`` is ``local`` until logins exist.

    ``idempotency_key`` with its ``fingerprint`` (of the decoded command) makes a repeat harmless;
    both are empty when the caller gave no key.
    """

    actor: str
    door: Door
    request_id: str = ""
    idempotency_key: str = ""
    fingerprint: bytes = b""


class SignalRequest(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """``STRATEGY says BUY|SELL INSTRUMENT``; names as the caller wrote them."""

    strategy: str
    instrument: str
    side: Side


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


InstructionRequest: TypeAlias = SignalRequest | OrderRequest

KINDS: dict[type, str] = {SignalRequest: "signal", OrderRequest: "order"}


class Skip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An account (or a part of its share) for which nothing is sent, and why."""

    account: AccountId
    reason: Reason


class CancelDraft(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A cancel planned by an instruction. ``unsent``: the order was never dispatched, so it ends here."""

    request_id: str
    cl_ord_id: ClOrdId
    book: BookId
    unsent: bool = False
