"""What the stream says: types of its own, never the journal's. Exact numbers are strings, enums names."""

import msgspec

from phalanx.desk.latencies import BATCH, Latencies
from phalanx.domain.breaks import Break
from phalanx.domain.changes import KINDS, AskedChange
from phalanx.domain.instructions import FollowUp
from phalanx.domain.kills import KillScope
from phalanx.domain.latency import HopLatency, hop_latencies, spread
from phalanx.domain.numbers import divide, format_fixed
from phalanx.domain.orders import Hops, OrdStatus, OrdType, Product, Side
from phalanx.engine.state import Order

# Looked up: an enum member's name is computed each time it is asked for.
PRODUCT_NAMES = {product: product.name for product in Product}
ORD_TYPE_NAMES = {ord_type: ord_type.name for ord_type in OrdType}


class OrderMessage(msgspec.Struct, frozen=True, gc=False):
    """An order as a screen shows it."""

    order_id: str
    instruction_id: str
    account: str
    instrument: str
    symbol: str
    side: str
    product: str
    type: str
    status: str
    quantity: str
    price: str
    filled: str
    average_price: str
    strategy: str | None
    broker_order_id: str = ""
    reason: str | None = None
    message: str | None = None
    flag: str = ""
    tat_ns: int = 0
    time_ns: int = 0
    stop_price: str | None = None


class InstructionMessage(msgspec.Struct, frozen=True, gc=False):
    """An instruction with its counts. ``parent``: the one it follows up on, as ``follow_up`` says.

    ``fire_at_ns``: of one that waits for its time. ``latencies``: of each hop that its orders came by;
    where they are many, a percentile is at most 1/32 too great. ``waits_for``: while it is HELD ``time``,
    or ``approval``, which may come until ``approve_by_ns``. ``undo_until_ns``: until then those of its
    orders that may open risk are not sent.
    """

    instruction_id: str
    kind: str
    text: str
    source: str
    status: str
    orders: int
    skips: int
    open: int
    outcomes: dict[str, int]
    reason: str | None = None
    tat_ns: int = 0
    time_ns: int = 0
    parent: str | None = None
    follow_up: str | None = None
    fire_at_ns: int | None = None
    latencies: list[HopLatency] = []
    waits_for: str | None = None
    approve_by_ns: int | None = None
    undo_until_ns: int | None = None


class InstructionRow(msgspec.Struct, gc=False):
    """What the board remembers of an instruction. ``watched``: orders of others that it cancels.

    ``waiting``: the status of one that is held, or ended without ever being planned. ``ways``: the hops
    of its latest answered orders; those of the others are in ``latencies``. ``shown``: what they come to,
    empty when another one was answered since.
    """

    instruction_id: str
    kind: str
    text: str
    source: str
    orders: int
    skips: int
    time: int
    reason: str | None = None
    open: int = 0
    watched: int = 0
    tat: int = 0
    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    parent: str = ""
    follow_up: FollowUp | None = None
    waiting: str = ""
    fire_at: int = 0
    ways: list[Hops] = []
    latencies: Latencies | None = None
    shown: list[HopLatency] = []
    waits_for: str = ""
    approve_by: int = 0
    undo_until: int = 0

    @property
    def status(self) -> str:
        """As the engine has it: done when nothing of it, and nothing it cancels, is open."""
        if self.waiting:
            return self.waiting
        if self.reason is not None:
            return "REJECTED"
        return "WORKING" if self.open or self.watched else "DONE"

    def count(self, status: str, step: int) -> None:
        """One order more or less that ended so."""
        ended = self.outcomes.get(status, 0) + step
        if ended:
            self.outcomes[status] = ended
        else:
            del self.outcomes[status]

    def answered(self, hops: Hops) -> None:
        """One of its orders came this way to the answer to its write."""
        ways = self.ways
        ways.append(hops)
        if self.shown:
            self.shown = []
        if len(ways) >= BATCH:
            self._count_ways()

    def spread(self) -> list[HopLatency]:
        """What each hop took: exact while the orders are few."""
        if self.shown:
            return self.shown
        if self.latencies is not None:
            self._count_ways()
            self.shown = self.latencies.spread()
        elif self.ways:
            self.shown = spread(hop_latencies(self.ways))
        return self.shown

    def _count_ways(self) -> None:
        if self.latencies is None:
            self.latencies = Latencies()
        self.latencies.add(hop_latencies(self.ways))
        self.ways.clear()

    def message(self) -> InstructionMessage:
        """The row for a screen."""
        return InstructionMessage(
            self.instruction_id,
            self.kind,
            self.text,
            self.source,
            self.status,
            self.orders,
            self.skips,
            self.open,
            dict(self.outcomes),
            self.reason,
            self.tat,
            self.time,
            self.parent or None,
            None if self.follow_up is None else self.follow_up.value,
            self.fire_at or None,
            self.spread(),
            self.waits_for or None,
            self.approve_by or None,
            self.undo_until or None,
        )


class AccountMessage(msgspec.Struct, frozen=True, gc=False):
    """An account's cash."""

    account: str
    client_id: int
    mode: str
    cash: str
    open_orders: int


class AccountRow(msgspec.Struct, gc=False):
    """What the board remembers of a book: cash as durable events made it."""

    account: str
    client_id: int
    mode: str
    cash: int = 0
    open_orders: int = 0

    def message(self) -> AccountMessage:
        """The row for a screen."""
        cash = format_fixed(self.cash)
        return AccountMessage(self.account, self.client_id, self.mode, cash, self.open_orders)


class DeskMessage(msgspec.Struct, frozen=True, gc=False):
    """A switch or a milestone of the desk itself: ``name`` is the row's key."""

    name: str
    text: str
    time_ns: int = 0


class BreakMessage(msgspec.Struct, frozen=True, gc=False):
    """An open break. ``subject``: an order, an execution, a position, or empty; ``owner``: empty while
    nobody has it. It is overdue when ``deadline_ns`` is past.
    """

    break_id: str
    account: str
    kind: str
    subject: str
    ours: str
    theirs: str
    reason: str
    owner: str
    note: str
    filed_ns: int
    deadline_ns: int
    time_ns: int = 0


class BreakRow(msgspec.Struct, frozen=True, gc=False):
    """What the board remembers of a break, and when it changed last."""

    found: Break
    time: int

    def message(self) -> BreakMessage:
        """The row for a screen."""
        found = self.found
        return BreakMessage(
            found.id,
            found.account,
            found.kind.value,
            found.subject,
            found.ours,
            found.theirs,
            found.reason,
            found.owner,
            found.note,
            found.filed_at,
            found.deadline,
            self.time,
        )


class ChangeMessage(msgspec.Struct, frozen=True, gc=False):
    """A change that waits for another person than ``asked_by``. ``kind``: kill, limits, settings or groups;
    ``details``: what it would do, the first of many.
    """

    change_id: str
    kind: str
    details: list[str]
    asked_by: str
    expires_ns: int
    time_ns: int = 0


class ChangeRow(msgspec.Struct, frozen=True, gc=False):
    """What the board remembers of a change."""

    asked: AskedChange

    def message(self) -> ChangeMessage:
        """The row for a screen."""
        asked = self.asked
        kind = KINDS[type(asked.change)]
        asked_by, until = asked.origin.actor, asked.expires_at
        details = list(asked.details)
        return ChangeMessage(asked.id, kind, details, asked_by, until, asked.asked_at)


def kill_name(scope: KillScope) -> str:
    """The key of a kill's row: ``kill:all``, ``kill:account/PAPER-7``."""
    return f"kill:{scope.key}".removesuffix("/")


class Replacement(msgspec.Struct, gc=False):
    """What a replace asks for; ``sent``: the broker may know it."""

    request_id: str
    quantity: int
    limit: int
    sent: bool = False


class OrderRow(msgspec.Struct, gc=False):
    """What the board remembers of an order: numbers as integers, turned into a message on demand.

    ``closed_by``: the instruction that cancels this order because it closes what it bought.
    """

    cl_ord_id: str
    instruction_id: str
    account: str
    book: str
    instrument: str
    symbol: str
    side: Side
    product: str
    ord_type: str
    quantity: int
    limit: int
    strategy: str | None
    status: OrdStatus = OrdStatus.PENDING_NEW
    filled: int = 0
    filled_value: int = 0
    broker_order_id: str = ""
    reason: str | None = None
    text: str | None = None
    flag: str = ""
    tat: int = 0
    time: int = 0
    closed_by: str = ""
    replacement: Replacement | None = None
    canceling: str = ""
    stop_price: int = 0

    def message(self) -> OrderMessage:
        """The row for a screen."""
        return OrderMessage(
            self.cl_ord_id,
            self.instruction_id,
            self.account,
            self.instrument,
            self.symbol,
            self.side.name,
            self.product,
            self.ord_type,
            self.status.name,
            format_fixed(self.quantity),
            format_fixed(self.limit),
            format_fixed(self.filled),
            format_fixed(divide(self.filled_value, self.filled)),
            self.strategy,
            self.broker_order_id,
            self.reason,
            self.text,
            self.flag,
            self.tat,
            self.time,
            format_fixed(self.stop_price) if self.stop_price else None,
        )


def row_of(order: Order, account: str, symbol: str, time: int) -> OrderRow:
    """The row of an order that was in memory before the stream began."""
    draft = order.draft
    request = order.request
    canceling, replacement = "", None
    if request is not None:
        canceling = request.id if order.is_canceling else ""
        replace = order.replacing
        if replace is not None:
            replacement = Replacement(
                replace.id, replace.quantity, replace.limit, replace.dispatched
            )
    return OrderRow(
        draft.cl_ord_id,
        order.instruction_id,
        account,
        draft.book,
        draft.instrument,
        symbol,
        draft.side,
        PRODUCT_NAMES[draft.product],
        ORD_TYPE_NAMES[draft.ord_type],
        order.quantity,
        order.limit,
        draft.strategy,
        order.status,
        order.cum_quantity,
        order.filled_value,
        order.order_id,
        time=time,
        closed_by=order.closed_by or "",
        replacement=replacement,
        canceling=canceling,
        stop_price=draft.stop_price,
    )
