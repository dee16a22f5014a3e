"""What the views answer: frozen rows, named in FIX words.

Prices, quantities and amounts are Fixed (1e-8); ``…_at_ns`` is wall time, UTC nanoseconds; ``…_ns``
in ``OrderHops`` is monotonic. Zero means not (yet) there. Rows decode from JSON arrays, so their
fields have the order of the columns that ``queries`` selects.
"""

from enum import IntEnum
from typing import Generic, TypeVar

import msgspec

from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.breaks import BreakEnd, BreakId, BreakKind
from phalanx.domain.instructions import (
    Door,
    InstructionId,
    InstructionRequest,
    InstructionStatus,
    WaitsFor,
)
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.kills import KillLevel
from phalanx.domain.latency import HopLatency, hop_latencies, spread
from phalanx.domain.numbers import Money, Price, Quantity, divide
from phalanx.domain.orders import (
    TERMINAL,
    ClOrdId,
    Closing,
    Hops,
    OrdStatus,
    OrdType,
    Product,
    RequestKind,
    Side,
    TimeInForce,
)
from phalanx.domain.pnl import TradePnl
from phalanx.domain.time import Nanoseconds

RowT = TypeVar("RowT")


class LogEntry(IntEnum):
    """What a row of the order log says happened to its order."""

    PLACED = 1
    FILL = 2
    CANCEL = 3
    REPLACE = 4
    REPLACED = 5
    DOUBT = 6
    REOPENED = 7
    END = 8
    BY_HAND = 9
    FLAGGED = 10
    JUDGED = 11
    OUTSIDE = 12


class TradeStatus(IntEnum):
    """Where a trade stands: nothing bought yet, something held, all sold."""

    PENDING = 1
    ACTIVE = 2
    CLOSED = 3


class TradeOrigin(IntEnum):
    """Where a trade comes from: an order of ours, a position taken over, a buy that no order in memory
    made: somebody's outside, or a late one of an order that had left memory.
    """

    ORDER = 1
    ADOPTED = 2
    OUTSIDE = 3


class RequestStatus(IntEnum):
    """Where a cancel or replace stands.

    ``OVERTAKEN``: its order ended otherwise, or another request took its place.
    """

    WAITING = 1
    SENT = 2
    IN_DOUBT = 3
    DONE = 4
    FAILED = 5
    OVERTAKEN = 6


class Page(msgspec.Struct, Generic[RowT], frozen=True):
    """A part of a list: ``total`` rows fit its filters, as of the event numbered ``as_of``."""

    items: tuple[RowT, ...]
    total: int
    as_of: int


class OrderHops(msgspec.Struct, frozen=True, array_like=True):
    """An order's way. ``held`` and ``waited`` are durations, the others instants of one clock.

    ``first_fill`` and ``done`` are not measured there: they are the wall time since the acknowledgement,
    or where there is none since the order was planned, added to ``acknowledged`` or ``received``.
    """

    received_ns: Nanoseconds
    planned_ns: Nanoseconds
    held_ns: Nanoseconds
    committed_ns: Nanoseconds
    waited_ns: Nanoseconds
    sent_ns: Nanoseconds
    acknowledged_ns: Nanoseconds
    first_fill_ns: Nanoseconds
    done_ns: Nanoseconds
    tat_ns: Nanoseconds

    @property
    def way(self) -> Hops:
        """As the order's own events told it."""
        return Hops(
            self.received_ns,
            self.planned_ns,
            self.held_ns,
            self.committed_ns,
            self.waited_ns,
            self.sent_ns,
            self.acknowledged_ns,
        )


class OrderRow(msgspec.Struct, frozen=True, array_like=True):
    """One child order. ``order_quantity`` is what was placed; ``quantity`` and ``limit`` follow
    replaces. ``request_id``: the cancel or replace under way. ``seq``: the event that placed it.
    ``row``: its place in the basket or list, from 1; 0: none.
    """

    seq: int
    cl_ord_id: ClOrdId
    instruction_id: InstructionId
    account: AccountId
    mode: Mode
    client_id: int
    client_name: str
    instrument: InstrumentKey
    symbol: str
    side: Side
    product: Product
    ord_type: OrdType
    time_in_force: TimeInForce
    order_quantity: Quantity
    quantity: Quantity
    limit: Price
    stop_price: Price
    hold: Money
    strategy: str | None
    closes: tuple[Closing, ...]
    reduce_only: bool
    status: OrdStatus
    cum_quantity: Quantity
    filled_value: Money
    charges: Money
    order_id: str
    flag: str
    reason_code: str
    reason_text: str
    text: str
    request_id: str
    placed_at_ns: Nanoseconds
    first_fill_at_ns: Nanoseconds
    ended_at_ns: Nanoseconds
    updated_at_ns: Nanoseconds
    hops: OrderHops
    row: int

    @property
    def leaves_quantity(self) -> Quantity:
        """What may still be filled; zero once terminal."""
        return 0 if self.status in TERMINAL else max(0, self.quantity - self.cum_quantity)

    @property
    def avg_price(self) -> Price:
        """Mean price of the fills, rounded towards zero at the eighth decimal."""
        return divide(self.filled_value, self.cum_quantity)


class FillRow(msgspec.Struct, frozen=True, array_like=True):
    """One execution. ``time_ns`` is the broker's, where it gives one; ``booked_at_ns`` is ours."""

    seq: int
    cl_ord_id: ClOrdId
    exec_id: str
    quantity: Quantity
    price: Price
    charges: Money
    time_ns: Nanoseconds
    booked_at_ns: Nanoseconds


class RequestRow(msgspec.Struct, frozen=True, array_like=True):
    """A cancel, or a replace with its ``quantity`` and ``limit``. ``instruction_id``: who planned it."""

    seq: int
    request_id: str
    cl_ord_id: ClOrdId
    instruction_id: InstructionId
    kind: RequestKind
    status: RequestStatus
    actor: str
    door: Door
    quantity: Quantity
    limit: Price
    requested_at_ns: Nanoseconds
    dispatched_at_ns: Nanoseconds
    ended_at_ns: Nanoseconds
    reason_code: str
    reason_text: str


class SkipRow(msgspec.Struct, frozen=True, array_like=True):
    """An account for which an instruction did nothing, or not all, and why. ``instrument`` and
    ``row`` (the place in the basket or list, from 1) are empty and 0 where it is about no single one.
    """

    account: AccountId
    client_id: int | None
    client_name: str
    reason_code: str
    reason_text: str
    instrument: InstrumentKey
    symbol: str
    row: int


class ApprovalRow(msgspec.Struct, frozen=True, array_like=True):
    """Why an instruction needed another person's approval, and what came of that. ``decision`` is
    ``approved``, ``declined``, ``expired`` or ``canceled``, empty while it waits; ``actor`` whose it is.
    """

    asked_at_ns: Nanoseconds
    approve_by_ns: Nanoseconds
    reason_code: str
    reason_text: str
    ended_at_ns: Nanoseconds
    decision: str
    actor: str
    door: str
    note: str


class InstructionRow(msgspec.Struct, frozen=True, array_like=True):
    """One instruction with its counts; ``filled`` to ``not_received`` are orders by how they ended,
    ``in_doubt`` those in doubt now. ``cancels``: orders of others that it cancels. ``fire_at_ns``:
    the time for which it was held. ``follow_up``: how it follows its ``parent``. Until it is planned
    ``planned_at_ns`` is when it was given. ``undo_until_ns``: when the undo window of its orders is over,
    if it had one. ``approval``: None where nobody else had to approve it.
    """

    seq: int
    id: InstructionId
    kind: str
    status: InstructionStatus
    actor: str
    door: Door
    request_id: str
    note: str
    request: InstructionRequest
    refusal_code: str
    refusal_text: str
    planned_at_ns: Nanoseconds
    expires_at_ns: Nanoseconds
    ended_at_ns: Nanoseconds
    received_ns: Nanoseconds
    orders: int
    open_orders: int
    skips: int
    cancels: int
    filled: int
    canceled: int
    rejected: int
    expired: int
    not_received: int
    in_doubt: int
    parent: InstructionId
    follow_up: str
    fire_at_ns: Nanoseconds
    undo_until_ns: Nanoseconds = 0
    approval: ApprovalRow | None = None

    @property
    def waits_for(self) -> WaitsFor | None:
        """What it waits for; None: it is not held."""
        if self.status is not InstructionStatus.HELD:
            return None
        waits = self.approval is not None and not self.approval.ended_at_ns
        return WaitsFor.APPROVAL if waits else WaitsFor.TIME


class OrderTree(msgspec.Struct, frozen=True, array_like=True):
    """An order with its fills and its cancels and replaces, oldest first."""

    order: OrderRow
    fills: tuple[FillRow, ...]
    requests: tuple[RequestRow, ...]


class InstructionTree(msgspec.Struct, frozen=True):
    """An instruction with everything below it. ``cancels``: what it asked of others' orders.
    ``tat_ns``: the greatest of its orders', zero while none is known.
    """

    as_of: int
    tat_ns: Nanoseconds
    instruction: InstructionRow
    orders: tuple[OrderTree, ...]
    skips: tuple[SkipRow, ...]
    cancels: tuple[RequestRow, ...]

    def latencies(self) -> list[HopLatency]:
        """What each hop of its orders took, exactly."""
        hops = [one.order.hops for one in self.orders]
        first_fills = [
            # By the wall clock, which may be behind what it was by a hair.
            max(0, way.first_fill_ns - way.sent_ns)
            for way in hops
            if way.first_fill_ns and way.sent_ns
        ]
        return spread(hop_latencies([way.way for way in hops], first_fills))


class TradeRow(msgspec.Struct, frozen=True, array_like=True):
    """One buy, its slices together, and what became of it. ``seq``: the event that placed it.

    While PENDING ``bought`` is zero, ``ordered`` and ``hold`` are what its order wants and set
    aside. ``opened_at_ns``: its first fill, while PENDING when it was placed. A buy that ended
    without a fill is in no list; asked for by its id it is CLOSED, with nothing bought.
    """

    seq: int
    id: ClOrdId
    account: AccountId
    mode: Mode
    client_id: int
    client_name: str
    instrument: InstrumentKey
    symbol: str
    product: Product
    strategy: str | None
    status: TradeStatus
    ordered: Quantity
    hold: Money
    opened_at_ns: Nanoseconds
    ended_at_ns: Nanoseconds
    bought: Quantity
    cost: Money
    charges: Money
    sold: Quantity
    sold_cost: Money
    proceeds: Money
    cost_known: bool
    origin: TradeOrigin

    @property
    def pnl(self) -> TradePnl:
        """What it came to so far."""
        amounts = (self.bought, self.cost, self.charges, self.sold, self.sold_cost, self.proceeds)
        return TradePnl(*amounts, self.cost_known)


class HeldSum(msgspec.Struct, frozen=True, array_like=True):
    """What active trades hold of an instrument, and what that cost; those of unknown cost left out."""

    instrument: InstrumentKey
    quantity: Quantity
    cost: Money


class ClientSumRow(msgspec.Struct, frozen=True, array_like=True):
    """What a client's trades realised and hold, over its accounts in the mode of its primary one, and
    when it or an account of it was changed last.
    """

    client_id: int
    updated_at_ns: Nanoseconds
    realized: Money
    held: tuple[HeldSum, ...]


class LogRow(msgspec.Struct, frozen=True, array_like=True):
    """One line of the permanent order log."""

    seq: int
    time_ns: Nanoseconds
    entry: LogEntry
    cl_ord_id: ClOrdId
    account: AccountId
    client_id: int
    client_name: str
    strategy: str | None
    instrument: InstrumentKey
    symbol: str
    side: Side
    quantity: Quantity
    price: Price
    status: OrdStatus
    text: str


class KillRow(msgspec.Struct, frozen=True, array_like=True):
    """A kill that was put, or lifted; ``name`` is empty for everybody."""

    seq: int
    time_ns: Nanoseconds
    lifted: bool
    level: KillLevel
    name: str
    actor: str
    door: Door
    request_id: str
    note: str


class BreakRow(msgspec.Struct, frozen=True, array_like=True):
    """A break as it stands, or ended: ``ending`` says how, None while it is open; then ``closed_by`` and
    ``closing_note`` say who ended it and why. ``seq``: the event that filed it.
    """

    seq: int
    id: BreakId
    account: AccountId
    client_id: int
    client_name: str
    kind: BreakKind
    subject: str
    ours: str
    theirs: str
    reason: str
    filed_at_ns: Nanoseconds
    deadline_ns: Nanoseconds
    owner: str
    note: str
    ending: BreakEnd | None
    closed_by: str
    closing_note: str
    ended_at_ns: Nanoseconds
    updated_at_ns: Nanoseconds
