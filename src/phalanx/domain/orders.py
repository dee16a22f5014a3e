"""Orders, fills and what brokers say about them, in FIX 4.4's words."""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import TypeAlias

import msgspec

from phalanx.domain.accounts import AccountId, BookId
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Price, Quantity
from phalanx.domain.time import Nanoseconds

ClOrdId: TypeAlias = str
"""Ten characters ``[A-Z0-9]``: desk (2), shard (1), journaled counter (7, base 36)."""


class Side(IntEnum):
    """FIX tag 54."""

    BUY = 1
    SELL = 2


class OrdType(IntEnum):
    """FIX tag 40."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4


PRICED: frozenset[OrdType] = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT})
"""With a limit of their own; the others have a protected one."""

STOPPED: frozenset[OrdType] = frozenset({OrdType.STOP, OrdType.STOP_LIMIT})
"""Waiting for their stop price."""


class TimeInForce(IntEnum):
    """FIX tag 59."""

    DAY = 0
    IOC = 3


class Product(IntEnum):
    """How an Indian broker carries the position."""

    DELIVERY = 1
    INTRADAY = 2
    MTF = 3


class OrdStatus(IntEnum):
    """Where an order stands. The moves between them are ``engine.lifecycle``'s one table."""

    HELD = 1
    PENDING_NEW = 2
    SENT = 3
    NEW = 4
    PARTIALLY_FILLED = 5
    FILLED = 6
    PENDING_CANCEL = 7
    CANCELED = 8
    PENDING_REPLACE = 9
    REJECTED = 10
    EXPIRED = 11
    IN_DOUBT = 12
    NOT_RECEIVED = 13


TERMINAL: frozenset[OrdStatus] = frozenset(
    {
        OrdStatus.FILLED,
        OrdStatus.CANCELED,
        OrdStatus.REJECTED,
        OrdStatus.EXPIRED,
        OrdStatus.NOT_RECEIVED,
    }
)

UNSENT: frozenset[OrdStatus] = frozenset({OrdStatus.HELD, OrdStatus.PENDING_NEW})
"""Journaled, not dispatched: a cancel ends it at once, and no broker hears of it."""

UNANSWERED: frozenset[OrdStatus] = frozenset(
    {OrdStatus.HELD, OrdStatus.PENDING_NEW, OrdStatus.SENT}
)
"""The broker has not said yet whether it takes the order."""


def was_never_taken(status: OrdStatus, cum_quantity: Quantity, *, dispatched: bool) -> bool:
    """Proved: refused, absent at the broker, or ended before a byte of it was written."""
    if cum_quantity:
        return False
    if status is OrdStatus.EXPIRED:
        return not dispatched
    return status in {OrdStatus.REJECTED, OrdStatus.NOT_RECEIVED}


class RequestKind(IntEnum):
    """What a pending request on a working order asks for."""

    CANCEL = 1
    REPLACE = 2


class Closing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """That much of a sell closes that lot."""

    lot: ClOrdId
    quantity: Quantity


def parts_closed(
    closes: Sequence[Closing], start: Quantity, end: Quantity
) -> Iterable[tuple[Closing, Quantity]]:
    """How much of the stretch ``start..end`` of a sell's quantity falls to each lot it closes."""
    if len(closes) == 1 and start < end <= closes[0].quantity and start >= 0:
        # Within the one lot, as nearly always: no need to walk.
        return ((closes[0], end - start),)
    return _parts_closed(closes, start, end)


def _parts_closed(
    closes: Sequence[Closing], start: Quantity, end: Quantity
) -> Iterator[tuple[Closing, Quantity]]:
    edge = 0
    for closing in closes:
        begins, edge = edge, edge + closing.quantity
        first, last = start, end
        if begins > first:
            first = begins
        if edge < last:
            last = edge
        if last > first:
            yield closing, last - first


class OrderDraft(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One planned order, complete: what is journaled before anything is sent.

    ``limit``: the worst price it may trade at; for MARKET the protected price that the hold is
    counted with. ``hold``: cash set aside, charges included (zero for sells). ``closes``: the lots
    a sell is meant to close, in order. ``follows_fill``: it sells what a cancelled buy filled late,
    or what a cancelled sell gave free, so the expiry of its instruction does not stop it. ``row``:
    its place in the basket or list, from 1. ``stop_price``: of STOP and STOP_LIMIT, the last price
    at which it begins to work. ``lot``: the lot that a buy's fills go to, of a later slice the first
    slice's; empty: its own.
    """

    cl_ord_id: ClOrdId
    book: BookId
    instrument: InstrumentKey
    side: Side
    product: Product
    ord_type: OrdType
    time_in_force: TimeInForce
    quantity: Quantity
    limit: Price
    hold: Money
    strategy: str | None = None
    closes: tuple[Closing, ...] = ()
    reduce_only: bool = False
    stop_price: Price = 0
    follows_fill: bool = False
    row: int = 0
    lot: ClOrdId = ""

    @property
    def own_lot(self) -> ClOrdId:
        """The id of the lot that it opens, or that its first slice did."""
        return self.lot or self.cl_ord_id


class ExecType(IntEnum):
    """What one report of a broker says happened (FIX tag 150, named; the last three are about requests)."""

    NEW = 1
    TRADE = 2
    CANCELED = 3
    REJECTED = 4
    EXPIRED = 5
    REPLACED = 6
    CANCEL_REJECTED = 7
    REPLACE_REJECTED = 8


class ExecutionReport(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a broker says about one of our orders, as its module mapped it.

    ``cum_quantity`` is the broker's running total; ``charges`` are for this fill. ``exec_id``
    identifies a fill for ever; reports are deduplicated by it. ``account``: whose order it is, where
    ``cl_ord_id`` cannot say so: a broker that keeps no tag tells only its own ``order_id``.
    """

    cl_ord_id: ClOrdId
    exec_type: ExecType
    order_id: str = ""
    exec_id: str = ""
    cum_quantity: Quantity = 0
    last_quantity: Quantity = 0
    last_price: Price = 0
    charges: Money = 0
    text: str = ""
    time: Nanoseconds = 0
    quantity: Quantity = 0
    price: Price = 0
    account: AccountId = ""


class Hops(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Monotonic nanoseconds of one order's way; zero means not known in this process.

    TAT = ``sent − received − held − waited``, where ``held`` and ``waited`` are durations and the
    others are instants.
    """

    received: Nanoseconds = 0
    planned: Nanoseconds = 0
    held: Nanoseconds = 0
    committed: Nanoseconds = 0
    waited: Nanoseconds = 0
    sent: Nanoseconds = 0
    acknowledged: Nanoseconds = 0

    @property
    def tat(self) -> Nanoseconds:
        """Turnaround of the order; zero while it is not sent, or where nobody's request began it."""
        if not (self.sent and self.received):
            return 0
        return self.sent - self.received - self.held - self.waited
