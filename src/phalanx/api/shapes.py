"""What callers send: one struct per request body. Unknown fields are refused, absent ones are UNSET.

The JSON schemas in the OpenAPI document are made from these structs.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from phalanx.domain.names import NAME_CHARACTERS_MAX, NOTE_CHARACTERS_MAX

ID_MAX = 2**53 - 1
"""Largest integer that every JSON reader holds exactly."""
EXPIRES_S_MAX = 86_400

Name: TypeAlias = Annotated[
    str, Meta(extra_json_schema={"minLength": 1, "maxLength": NAME_CHARACTERS_MAX})
]
Note: TypeAlias = Annotated[str, Meta(extra_json_schema={"maxLength": NOTE_CHARACTERS_MAX})]
Token: TypeAlias = Annotated[
    str | int, Meta(description="symbol, alias, 2885 (as number or text) or NSE:2885")
]
Exact: TypeAlias = Annotated[
    Raw,
    Meta(
        description="a number or a text, read exactly from its characters: at most eight decimals, "
        "no exponent",
        extra_json_schema={"type": ["string", "number"]},
    ),
]
ClientId: TypeAlias = Annotated[int, Meta(ge=1, le=ID_MAX)]
ExpiresS: TypeAlias = Annotated[int, Meta(ge=1, le=EXPIRES_S_MAX)]
SideName: TypeAlias = Literal["BUY", "SELL"]
ProductName: TypeAlias = Literal["DELIVERY", "INTRADAY", "MTF"]
OrdTypeName: TypeAlias = Literal["MARKET", "LIMIT", "STOP", "STOP_LIMIT", "SL-M", "SL"]
TimeInForceName: TypeAlias = Literal["DAY", "IOC"]
SignalOrdTypeName: TypeAlias = Literal["MARKET", "LIMIT"]
SellScopeName: TypeAlias = Literal["account", "strategy"]
KillLevelName: TypeAlias = Literal["all", "broker", "strategy", "client", "account"]
KillName: TypeAlias = Annotated[
    str | int, Meta(description="a broker, a strategy, a client's number, or an account's id")
]
BasisPoints: TypeAlias = Annotated[int, Meta(ge=0, le=10_000)]


class CreateOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="upper"):
    """A strategy says BUY or SELL."""

    strategy: Name
    instrument: Token
    position: SideName


class ReplaceOrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """New terms of a working order; what is absent stays. ``quantity`` is the new total."""

    quantity: Exact | UnsetType = UNSET
    price: Exact | UnsetType = UNSET


class FillBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fill so many units of a working paper order, at ``price``, or at the last price."""

    quantity: Exact
    price: Exact | UnsetType = UNSET


class NewClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client with one primary paper account. Funds default to the desk's opening cash."""

    name: Name
    available_funds: Exact | UnsetType = UNSET


class FillProfileChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the paper broker treats the account's orders; what is absent stays. The last three are
    faults: answers that never come, reports that come twice, sessions cut for a moment.
    """

    ack_delay_ms: Annotated[int, Meta(ge=0, le=600_000)] | UnsetType = UNSET
    fill_duration_ms: Annotated[int, Meta(ge=0, le=86_400_000)] | UnsetType = UNSET
    filled_bps: BasisPoints | UnsetType = UNSET
    slices: Annotated[int, Meta(ge=1, le=1_000)] | UnsetType = UNSET
    slippage_bps: BasisPoints | UnsetType = UNSET
    reject_bps: BasisPoints | UnsetType = UNSET
    seed: Annotated[int, Meta(ge=0, le=ID_MAX)] | UnsetType = UNSET
    lost_ack_bps: BasisPoints | UnsetType = UNSET
    duplicate_report_bps: BasisPoints | UnsetType = UNSET
    dropped_socket_bps: BasisPoints | UnsetType = UNSET


class RateLimitChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most ``count`` requests to the broker in any ``window_ms``, ``reserved`` of them only for
    cancels and exits; what is absent stays. A count of 0 is no limit.
    """

    count: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    window_ms: Annotated[int, Meta(ge=1, le=86_400_000)] | UnsetType = UNSET
    reserved: Annotated[int, Meta(ge=0, le=9_999)] | UnsetType = UNSET


class NewAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another account of a client, at ``broker``. ``account``: what it is called there and here (letters,
    digits, ``. _ -``); by default the broker and the client's number. ``login``: the one that it is traded
    through, by default named like the broker. ``cash``: what its book begins with, by default nothing.
    ``client_code``: of one that begins live, what the broker calls it, where one login serves many.
    """

    client: ClientId
    broker: Name
    account: Name | UnsetType = UNSET
    login: Name | UnsetType = UNSET
    mode: Literal["paper", "live"] | UnsetType = UNSET
    client_code: Name | UnsetType = UNSET
    cash: Exact | UnsetType = UNSET


class LivePlaceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an account trades once it is switched to live. ``client_code``: what the broker calls it, where
    one login serves many.
    """

    broker: Name
    login: Name
    client_code: Name | UnsetType = UNSET


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of an account; what is absent stays. ``reserve``: cash that no order uses.
    ``broker`` and ``login``: where it is traded from now on; of another broker without a login, the one
    that is named like it. ``live``: where it trades once it is switched to live; of an account on paper.
    """

    live: LivePlaceChange | UnsetType = UNSET
    broker: Name | UnsetType = UNSET
    login: Name | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    charge_bps: BasisPoints | UnsetType = UNSET
    fill_profile: FillProfileChange | UnsetType = UNSET
    rate_limit: RateLimitChange | UnsetType = UNSET
    reserve: Exact | UnsetType = UNSET


class FixedQuantity(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="method",
    tag="fixed_quantity",
):
    """So many units each time; without ``quantity`` one lot of whatever it is."""

    quantity: Exact | UnsetType = UNSET


class FixedCash(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="fixed_cash"
):
    """As many whole lots as that much money buys."""

    amount: Exact


class CashShare(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="method", tag="cash_share"
):
    """As many whole lots as that part of the available cash buys: up to 100, at most two decimals."""

    percent: Exact


SizingChange: TypeAlias = FixedQuantity | FixedCash | CashShare


class SubscriptionChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed of a subscription; what is absent stays.

    ``sell_scope``: whose lots a SELL closes, any strategy's of the ``account`` or this
    ``strategy``'s only. ``product`` and ``type`` are those of its BUY orders.
    """

    sell_scope: SellScopeName | UnsetType = UNSET
    sizing: SizingChange | UnsetType = UNSET
    product: ProductName | UnsetType = UNSET
    type: SignalOrdTypeName | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class NewKill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom ``level`` and ``name`` say (or ``account`` alone), or everybody; and what is done there.

    ``block``: stop new risk until that is lifted (the default). ``cancel``: what works there, too, but
    not exits under way; ``"all"``: those as well. ``flatten``: get out of today's positions; what
    works is left alone unless there is ``cancel`` too.
    """

    account: Name | UnsetType = UNSET
    note: Note | UnsetType = UNSET
    flatten: bool | UnsetType = UNSET
    level: KillLevelName | UnsetType = UNSET
    name: KillName | UnsetType = UNSET
    block: bool | UnsetType = UNSET
    cancel: bool | Literal["all"] | UnsetType = UNSET
