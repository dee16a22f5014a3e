"""What callers send as instructions: one struct per kind, told apart by ``kind``.

Shapes only. What may stand beside what, and what a field means, is ``requests``'s.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.api.shapes import (
    ClientId,
    Exact,
    ExpiresS,
    Name,
    Note,
    OrdTypeName,
    ProductName,
    SideName,
    TimeInForceName,
    Token,
)

NAMED_MAX = 20_000
"""So many accounts, clients or groups may be named one by one."""
LIST_MAX = 1_000
"""So many instruments a priority list may have in a request."""

Percent: TypeAlias = Annotated[
    Exact, Meta(description="above 0, up to 100, at most two decimals; a number or a text")
]
Moment: TypeAlias = Annotated[
    str,
    Meta(
        description="ISO 8601 with an offset, such as 2026-11-20T09:15:00+05:30",
        extra_json_schema={"format": "date-time"},
    ),
]
PreviewToken: TypeAlias = Annotated[
    Name, Meta(description="the token of a preview: its prices, its lot, and nothing that moved")
]
ModeName: TypeAlias = Literal["paper", "live"]
OnMovedName: TypeAlias = Literal["skip", "refuse"]
AccountNames: TypeAlias = Annotated[list[Name], Meta(min_length=1, max_length=NAMED_MAX)]
ClientIds: TypeAlias = Annotated[list[ClientId], Meta(min_length=1, max_length=NAMED_MAX)]
Tokens: TypeAlias = Annotated[list[Token], Meta(min_length=1, max_length=LIST_MAX)]
Cap: TypeAlias = Annotated[int, Meta(ge=1, le=LIST_MAX)]


class Instructed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every kind takes."""

    note: Note | UnsetType = UNSET
    expires_s: ExpiresS | UnsetType = UNSET
    fire_at: Moment | UnsetType = UNSET
    mode: ModeName | UnsetType = UNSET
    preview: PreviewToken | UnsetType = UNSET
    on_moved: OnMovedName | UnsetType = UNSET


class ForMany(Instructed, frozen=True, kw_only=True):
    """What every kind takes that is for more than one account."""

    accounts: AccountNames | UnsetType = UNSET
    clients: ClientIds | UnsetType = UNSET
    groups: AccountNames | UnsetType = UNSET


class SignalInstruction(ForMany, frozen=True, tag_field="kind", tag="signal"):
    """The same as POST /create_order, for some of the subscribers or for all of them."""

    strategy: Name
    instrument: Token
    position: SideName


class OrderInstruction(Instructed, frozen=True, tag_field="kind", tag="order"):
    """One order for one account: ``account_id``, or the primary account of ``client``.

    ``price`` is for LIMIT and STOP_LIMIT, ``stop_price`` for STOP and STOP_LIMIT; there they must be.
    """

    instrument: Token
    side: SideName
    quantity: Exact
    client: ClientId | UnsetType = UNSET
    account_id: Name | UnsetType = UNSET
    product: ProductName | UnsetType = UNSET
    type: OrdTypeName | UnsetType = UNSET
    price: Exact | UnsetType = UNSET
    stop_price: Exact | UnsetType = UNSET
    time_in_force: TimeInForceName | UnsetType = UNSET


class PriorityBuyInstruction(ForMany, frozen=True, tag_field="kind", tag="priority_buy"):
    """Spend cash down one list of instruments, most wanted first: a kept ``list``, or ``instruments``.

    ``allocation``: ``equal_split`` (default) shares the available cash over the new stocks,
    ``fixed_amount`` spends ``amount`` on each. ``leftover``: ``keep`` (default), ``resplit`` or
    ``one_lot``. ``max_new``: most stocks bought; ``max_names``: most stocks held afterwards.
    """

    list: Name | UnsetType = UNSET
    instruments: Tokens | UnsetType = UNSET
    allocation: Literal["equal_split", "fixed_amount"] | UnsetType = UNSET
    amount: Exact | UnsetType = UNSET
    leftover: Literal["keep", "resplit", "one_lot"] | UnsetType = UNSET
    max_new: Cap | UnsetType = UNSET
    max_names: Cap | UnsetType = UNSET
    min_order_value: Exact | UnsetType = UNSET
    product: ProductName | UnsetType = UNSET


class BatchLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a batch: an order for ``account_id``, or for the primary account of ``client``.
    DELIVERY, MARKET and DAY where it does not say otherwise.
    """

    instrument: Token
    side: SideName
    quantity: Exact
    client: ClientId | UnsetType = UNSET
    account_id: Name | UnsetType = UNSET
    product: ProductName | UnsetType = UNSET
    type: OrdTypeName | UnsetType = UNSET
    price: Exact | UnsetType = UNSET
    stop_price: Exact | UnsetType = UNSET
    time_in_force: TimeInForceName | UnsetType = UNSET


class AccountQuantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many units for ``account``, or for the primary account of ``client``; 0 leaves it out."""

    quantity: Exact
    account: Name | UnsetType = UNSET
    client: ClientId | UnsetType = UNSET


AccountQuantities: TypeAlias = Annotated[
    list[AccountQuantity], Meta(min_length=1, max_length=NAMED_MAX)
]


class AllocationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much for each account. ``equal_quantity`` and ``equal_cash`` share out a total, ``quantity``
    or ``amount``; ``fixed_quantity``, ``fixed_cash`` and the percents are for each account;
    ``multiplier`` is ``quantity`` times the account's multiplier in its group; ``like`` takes the
    quantities of another ``instruction``. Each method takes its one field, and it must be there.
    """

    method: Literal[
        "quantities",
        "equal_quantity",
        "fixed_quantity",
        "multiplier",
        "equal_cash",
        "fixed_cash",
        "percent_of_cash",
        "percent_of_net_value",
        "percent_of_position",
        "like",
    ]
    quantity: Exact | UnsetType = UNSET
    amount: Exact | UnsetType = UNSET
    percent: Percent | UnsetType = UNSET
    quantities: AccountQuantities | UnsetType = UNSET
    instruction: Name | UnsetType = UNSET


class BatchInstruction(ForMany, frozen=True, tag_field="kind", tag="batch"):
    """Many orders as one: ``rows``, each with its own terms; or one ``instrument`` and ``side`` with an
    ``allocation`` over the chosen accounts, and then the terms are the instruction's.
    """

    rows: Annotated[list[BatchLine], Meta(min_length=1)] | UnsetType = UNSET
    instrument: Token | UnsetType = UNSET
    side: SideName | UnsetType = UNSET
    allocation: AllocationBody | UnsetType = UNSET
    product: ProductName | UnsetType = UNSET
    type: OrdTypeName | UnsetType = UNSET
    price: Exact | UnsetType = UNSET
    stop_price: Exact | UnsetType = UNSET
    time_in_force: TimeInForceName | UnsetType = UNSET


class ExitInstruction(ForMany, frozen=True, tag_field="kind", tag="exit"):
    """Get out: of an ``instrument``, of one ``trade``, of what some accounts hold, or of ``everything``.

    ``percent``: how much of it, 100 by default. ``scope``: today's ``positions``, the ``holdings``
    of before, or ``both``; by instrument or trade the default is both, otherwise positions.
    ``quantity``: at most so many units of each account, ``price``: a LIMIT instead of MARKET; both
    only with an instrument or a trade.
    """

    instrument: Token | UnsetType = UNSET
    trade: Name | UnsetType = UNSET
    everything: bool | UnsetType = UNSET
    percent: Percent | UnsetType = UNSET
    scope: Literal["positions", "holdings", "both"] | UnsetType = UNSET
    quantity: Exact | UnsetType = UNSET
    product: ProductName | UnsetType = UNSET
    price: Exact | UnsetType = UNSET


InstructionBody: TypeAlias = (
    SignalInstruction
    | OrderInstruction
    | PriorityBuyInstruction
    | BatchInstruction
    | ExitInstruction
)


class FollowUpBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be said of an instruction that follows another one."""

    note: Note | UnsetType = UNSET
    expires_s: ExpiresS | UnsetType = UNSET
