"""What a broker's own book of one account shows: orders, executions, positions and cash, as one reading."""

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Price, Quantity
from phalanx.domain.orders import ClOrdId, OrdStatus, Product, Side
from phalanx.domain.time import Nanoseconds


class BrokerOrder(msgspec.Struct, frozen=True, gc=False):
    """One order as the broker's book shows it.

    ``cl_ord_id`` is the tag as the broker kept it; empty where it keeps none, or somebody else's
    order had none. ``limit`` zero: not told. ``time``: when the broker took it (UTC).
    """

    order_id: str
    account: AccountId
    instrument: InstrumentKey
    side: Side
    product: Product
    quantity: Quantity
    cum_quantity: Quantity
    status: OrdStatus
    cl_ord_id: ClOrdId = ""
    limit: Price = 0
    time: Nanoseconds = 0
    text: str = ""


class BrokerTrade(msgspec.Struct, frozen=True, gc=False):
    """One execution. ``exec_id`` is the one that its report has, or would have had, on the stream."""

    exec_id: str
    order_id: str
    account: AccountId
    instrument: InstrumentKey
    side: Side
    product: Product
    quantity: Quantity
    price: Price
    charges: Money = 0
    time: Nanoseconds = 0
    cl_ord_id: ClOrdId = ""


class BrokerPosition(msgspec.Struct, frozen=True, gc=False):
    """Net quantity of one instrument in one product, holdings included; negative is short."""

    instrument: InstrumentKey
    product: Product
    quantity: Quantity


class BrokerBook(msgspec.Struct, frozen=True, gc=False):
    """One complete reading of an account's book at its broker.

    ``time``: the broker's clock when the reading began (UTC). ``orders`` and ``trades`` are those of
    the broker's day, oldest first, other people's included. ``positions`` and ``cash`` are None where
    the broker has none of its own to tell.
    """

    account: AccountId
    time: Nanoseconds
    orders: tuple[BrokerOrder, ...] = ()
    trades: tuple[BrokerTrade, ...] = ()
    positions: tuple[BrokerPosition, ...] | None = None
    cash: Money | None = None
