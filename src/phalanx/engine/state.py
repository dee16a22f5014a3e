"""What the desk knows. Only ``engine.apply`` changes anything in here.

Mutable msgspec Structs, so that a snapshot is one encode and the state hash one digest of it
(``engine.snapshot``).
Dict order is insertion order and means something (oldest first); it survives a snapshot.
"""

from collections.abc import Iterator

import msgspec

from phalanx.domain.accounts import Account, AccountId, BookId, Client, Mode
from phalanx.domain.alerts import AlertRule
from phalanx.domain.arming import Armed
from phalanx.domain.breaks import Break, BreakId
from phalanx.domain.changes import AskedChange, ChangeId
from phalanx.domain.groups import Group, PriorityList
from phalanx.domain.hooks import HookSource
from phalanx.domain.instructions import (
    ExitScope,
    InstructionId,
    InstructionStatus,
    Origin,
)
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.kills import KillKey, KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import Money, Price, Quantity
from phalanx.domain.orders import (
    TERMINAL,
    ClOrdId,
    OrderDraft,
    OrdStatus,
    Product,
    RequestKind,
)
from phalanx.domain.sessions import DayChange
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.domain.time import Nanoseconds
from phalanx.engine.held.waiting import HeldInstruction, UndoWindow

FOREIGN_FILLS_MAX = 100_000
"""Most that are remembered. No more are booked beyond that: one forgotten too soon would be booked twice."""


class PendingRequest(msgspec.Struct, gc=False):
    """A cancel or replace under way on an order; its doubt is its own.

    ``quantity``, ``limit`` and ``hold`` are a replace's. ``over``: the replace in flight that a
    cancel came over; the broker may still grant it.
    """

    id: str
    kind: RequestKind
    quantity: Quantity = 0
    limit: Price = 0
    hold: Money = 0
    dispatched: bool = False
    deadline: Nanoseconds = 0
    in_doubt: bool = False
    over: "PendingRequest | None" = None


class Order(msgspec.Struct, gc=False):
    """One child order as it stands.

    ``quantity``, ``limit`` and ``hold_total`` start as drafted and follow replaces; ``hold`` is
    what is still set aside. ``filled_value`` is Σ price × quantity. ``exec_ids``: the executions that
    are booked, with how much was filled by each. ``lot``: where a buy's fills go.
    ``closed_by``: the instruction that cancels this order because it closes that lot;
    ``cancels_refused``: how often the broker would not; ``resell``: how much of what its end leaves
    that instruction wants done again (a sell sold, the buy of a short bought). ``repricings``: new
    prices of an exit that did not fill; ``unfilled``: it was flagged so, and stands.
    ``followed_by``: the instruction that retried or reversed it. ``placed_at``: when it was journaled.
    ``at_risk``: what of its instruction's ``value_at_risk`` it is.
    ``known_cum``: the most that the broker said is filled; what of it is not in ``cum_quantity`` are
    executions that are on their way, or to be read. ``ends_as``: how the broker ended the order while
    some were missing; it ends so once they are booked. ``replaced``: it had other terms once, which
    an old reading of its broker's book may still show. ``judged``: a person said what its id is there.
    """

    draft: OrderDraft
    instruction_id: InstructionId
    quantity: Quantity
    limit: Price
    hold_total: Money
    hold: Money
    status: OrdStatus = OrdStatus.PENDING_NEW
    cum_quantity: Quantity = 0
    filled_value: Money = 0
    charges: Money = 0
    order_id: str = ""
    deadline: Nanoseconds = 0
    request: PendingRequest | None = None
    exec_ids: dict[str, Quantity] = msgspec.field(default_factory=dict)
    lot: ClOrdId = ""
    closed_by: InstructionId | None = None
    cancels_refused: int = 0
    resell: Quantity = 0
    repricings: int = 0
    followed_by: InstructionId | None = None
    unfilled: bool = False
    placed_at: Nanoseconds = 0
    at_risk: Money = 0
    known_cum: Quantity = 0
    ends_as: OrdStatus | None = None
    replaced: bool = False
    judged: bool = False

    @property
    def missing(self) -> Quantity:
        """Filled as the broker says, and not booked: nobody knows at which price yet."""
        return self.known_cum - self.cum_quantity if self.known_cum > self.cum_quantity else 0

    @property
    def leaves_quantity(self) -> Quantity:
        """What may still be filled; zero once terminal."""
        is_over = self.status in TERMINAL or self.quantity < self.cum_quantity
        return 0 if is_over else self.quantity - self.cum_quantity

    @property
    def is_canceling(self) -> bool:
        """A cancel is under way, perhaps over a replace."""
        return self.request is not None and self.request.kind is RequestKind.CANCEL

    @property
    def replacing(self) -> PendingRequest | None:
        """The replace under way, with or without a cancel that came over it."""
        request = self.request
        if request is None or request.kind is RequestKind.REPLACE:
            return request
        return request.over

    def request_of(self, request_id: str) -> PendingRequest | None:
        """The request under way with that id."""
        for request in (self.request, self.replacing):
            if request is not None and request.id == request_id:
                return request
        return None


class Lot(msgspec.Struct, gc=False):
    """One buy that is not sold yet.

    ``remaining`` is filled and unsold, ``reserved`` of it is being sold. ``buys`` are the orders
    that may still add to it. ``closing``: the SELL instruction that is closing it, with
    ``closing_sells`` sells working. ``called``: the
    name of the instrument that its buyer used. ``adopted``: so much of it came in without an order.
    """

    id: ClOrdId
    strategy: str | None
    instrument: InstrumentKey
    product: Product
    opened_at: Nanoseconds
    by_signal: bool
    remaining: Quantity = 0
    reserved: Quantity = 0
    cost: Money = 0
    buys: list[ClOrdId] = msgspec.field(default_factory=list)
    closing: InstructionId | None = None
    called: str = ""
    closing_sells: int = 0
    cost_known: bool = True
    adopted: Quantity = 0

    @property
    def available(self) -> Quantity:
        """What of it could be sold now."""
        return self.remaining - self.reserved

    @property
    def is_open(self) -> bool:
        """Counts as an open buy: still buying or holding something, and no SELL is closing it."""
        return self.closing is None and (bool(self.buys) or self.remaining > self.reserved)


class Position(msgspec.Struct, gc=False):
    """Net quantity of (book, instrument, product). ``selling``: the part that working sells may still take."""

    instrument: InstrumentKey
    product: Product
    quantity: Quantity = 0
    selling: Quantity = 0

    @property
    def sellable(self) -> Quantity:
        """What may be sold now without going short."""
        return self.quantity - self.selling if self.quantity > self.selling else 0


class RecentOrder(msgspec.Struct, gc=False):
    """The latest order of one shape, for the duplicate window."""

    cl_ord_id: ClOrdId
    time: Nanoseconds


class Book(msgspec.Struct, gc=False):
    """One account in one mode. ``recent`` holds the latest single orders by shape, ``sold_today``
    every instrument of which something was sold on this trading day, ``orders`` the ids of its orders
    in memory, the oldest first.
    """

    id: BookId
    account: AccountId
    mode: Mode
    cash: Money = 0
    holds: Money = 0
    open_orders: int = 0
    orders_today: int = 0
    positions: dict[str, Position] = msgspec.field(default_factory=dict)
    lots: dict[InstrumentKey, dict[ClOrdId, Lot]] = msgspec.field(default_factory=dict)
    doubts: dict[InstrumentKey, int] = msgspec.field(default_factory=dict)
    recent: dict[str, RecentOrder] = msgspec.field(default_factory=dict)
    sold_today: dict[InstrumentKey, None] = msgspec.field(default_factory=dict)
    orders: dict[ClOrdId, None] = msgspec.field(default_factory=dict)

    def all_lots(self) -> Iterator[Lot]:
        """Every lot, instrument by instrument, oldest first within one."""
        for lots in self.lots.values():
            yield from lots.values()


class Instruction(msgspec.Struct, gc=False):
    """An instruction that still has orders in memory.

    ``open_orders``: children not terminal. ``watched``: cancelled orders of others whose end it
    still waits for. ``in_memory``: children, and orders of others it cancelled, that are not
    retired: a late fill of such a one is still its to sell. ``ended`` counts ends by OrdStatus value.
    ``called``: the instrument's name as the caller wrote it. ``percent_bps``: of an exit, how much of
    what a cancelled order still fills it closes; zero once its rest was cancelled. ``price``: of an
    exit, the limit of all it sends; 0: at the market. ``scope`` and ``trade``: which lots it closes.
    ``caps``: how much more of single accounts it may close. ``value_planned``: quantity × limit of all its
    orders ever that open risk, as they were drafted; ``value_at_risk``: what these may come to as they
    stand (``engine.apply.value``).
    """

    id: InstructionId
    origin: Origin
    kind: str
    time: Nanoseconds
    expires_at: Nanoseconds
    received: Nanoseconds = 0
    status: InstructionStatus = InstructionStatus.WORKING
    orders: int = 0
    skips: int = 0
    open_orders: int = 0
    watched: int = 0
    in_memory: int = 0
    ended: dict[int, int] = msgspec.field(default_factory=dict)
    called: str = ""
    percent_bps: int = 10_000
    price: Price = 0
    scope: ExitScope = ExitScope.BOTH
    trade: ClOrdId = ""
    caps: dict[AccountId, Quantity] = msgspec.field(default_factory=dict)
    value_planned: Money = 0
    value_at_risk: Money = 0


class HandFill(msgspec.Struct, frozen=True, gc=False):
    """A fill that a person ordered and no report has come of yet."""

    cl_ord_id: ClOrdId
    quantity: Quantity
    price: Price


class KeyUse(msgspec.Struct, gc=False):
    """Where an idempotency key was used; the first answer is read back from the event at ``seq``."""

    fingerprint: bytes
    seq: int
    time: Nanoseconds


class Kill(msgspec.Struct, gc=False):
    """A standing kill: whom it stops, who, when, why."""

    scope: KillScope
    origin: Origin
    time: Nanoseconds
    note: str


class CancelDue(msgspec.Struct, frozen=True, gc=False):
    """What a kill has yet to cancel: the orders after ``after``, up to ``until``, the youngest of then."""

    scope: KillScope
    exits: bool
    after: ClOrdId
    until: ClOrdId
    origin: Origin
    note: str


class State(msgspec.Struct):
    """Everything the single writer knows. ``kills`` is keyed by the key of whom they stop; ``breaks``
    by id, the oldest first; ``limits`` by ``limit_key``, ``hand_fills`` by the ExecID that their report
    will have. ``resting_entries`` and ``resting_exits``: since when each MARKET order rests at the
    broker with nothing under way about it, the longest first. ``groups_of``: the names of the groups
    that each account is in. ``followed``: who retried or reversed an order that is not in memory any
    more, for the latest ``FOLLOWED_MAX`` of them (``engine.apply.upkeep``). ``foreign_fills``: the
    executions without an order of ours that were booked, by ``foreign_key``, with when; what a broker's
    book still shows of them must not be booked again. ``settled_breaks``: the breaks that a person
    settled on this trading day, each with the difference that it was
    (``engine.reconciliation.breaks``). ``breaks_of``: the ids of the open ones by account; ``lost``: of
    those that prove that the journal lost its tail; ``lost_ids``: the counters, from and up to, that
    were left out of orders' ids since, because a broker had seen them. ``ended``: the orders that
    ended, with when, the oldest first; ``kept``: those of them that were due to be retired and stay
    until the day rolls (``engine.timers``), which are not in ``ended`` meanwhile. ``cancels_due``: what
    kills have yet to cancel, by ``due_key``, the first first. ``undo``: the undo windows that are open.
    ``armed``: the live accounts that a person armed; ``changes``: what waits for another person, the
    oldest first. ``calendar``: the days that differ from the published calendar, by number, the first
    first; ``closing_auction``: the symbols of stocks whose day ends in one, where they are not those of
    the shipped list. ``instruments_at``: when the instruments changed last.
    """

    seq: int = 0
    desk_id: str = ""
    shard: int = 0
    epoch: int = 0
    time: Nanoseconds = 0
    day: int = 0
    next_order: int = 0
    next_instruction: int = 0
    next_request: int = 0
    instruments_sha256: str = ""
    local_instruments: dict[InstrumentKey, Instrument] = msgspec.field(default_factory=dict)
    clients: dict[int, Client] = msgspec.field(default_factory=dict)
    accounts: dict[AccountId, Account] = msgspec.field(default_factory=dict)
    primary_accounts: dict[int, AccountId] = msgspec.field(default_factory=dict)
    strategies: dict[str, Strategy] = msgspec.field(default_factory=dict)
    subscriptions: dict[str, dict[AccountId, Subscription]] = msgspec.field(default_factory=dict)
    settings: RiskSettings = RiskSettings()
    kills: dict[KillKey, Kill] = msgspec.field(default_factory=dict)
    books: dict[BookId, Book] = msgspec.field(default_factory=dict)
    orders: dict[ClOrdId, Order] = msgspec.field(default_factory=dict)
    ended: dict[ClOrdId, Nanoseconds] = msgspec.field(default_factory=dict)
    instructions: dict[InstructionId, Instruction] = msgspec.field(default_factory=dict)
    keys: dict[str, KeyUse] = msgspec.field(default_factory=dict)
    groups: dict[str, Group] = msgspec.field(default_factory=dict)
    lists: dict[str, PriorityList] = msgspec.field(default_factory=dict)
    limits: dict[str, Limit] = msgspec.field(default_factory=dict)
    held: dict[InstructionId, HeldInstruction] = msgspec.field(default_factory=dict)
    resting_entries: dict[ClOrdId, Nanoseconds] = msgspec.field(default_factory=dict)
    resting_exits: dict[ClOrdId, Nanoseconds] = msgspec.field(default_factory=dict)
    hand_fills: dict[str, HandFill] = msgspec.field(default_factory=dict)
    groups_of: dict[AccountId, list[str]] = msgspec.field(default_factory=dict)
    followed: dict[ClOrdId, InstructionId] = msgspec.field(default_factory=dict)
    breaks: dict[BreakId, Break] = msgspec.field(default_factory=dict)
    foreign_fills: dict[str, Nanoseconds] = msgspec.field(default_factory=dict)
    settled_breaks: dict[BreakId, str] = msgspec.field(default_factory=dict)
    breaks_of: dict[AccountId, dict[BreakId, None]] = msgspec.field(default_factory=dict)
    kept: dict[ClOrdId, Nanoseconds] = msgspec.field(default_factory=dict)
    lost: dict[BreakId, None] = msgspec.field(default_factory=dict)
    lost_ids: list[tuple[int, int]] = msgspec.field(default_factory=list)
    cancels_due: dict[str, CancelDue] = msgspec.field(default_factory=dict)
    undo: dict[InstructionId, UndoWindow] = msgspec.field(default_factory=dict)
    armed: dict[AccountId, Armed] = msgspec.field(default_factory=dict)
    changes: dict[ChangeId, AskedChange] = msgspec.field(default_factory=dict)
    next_change: int = 0
    hooks: dict[str, HookSource] = msgspec.field(default_factory=dict)
    alert_rules: dict[str, AlertRule] = msgspec.field(default_factory=dict)
    calendar: dict[int, DayChange] = msgspec.field(default_factory=dict)
    closing_auction: dict[str, None] = msgspec.field(default_factory=dict)
    instruments_at: Nanoseconds = 0

    def order(self, cl_ord_id: ClOrdId) -> Order:
        """An order that must be in memory."""
        return self.orders[cl_ord_id]

    def book_of(self, order: Order) -> Book:
        """The book an order belongs to."""
        return self.books[order.draft.book]

    def open_orders(self) -> Iterator[Order]:
        """Orders that are not terminal, oldest first."""
        return (order for order in self.orders.values() if order.status not in TERMINAL)


# By a product's number: a key made so costs a fourth of an f-string, and every order needs a few.
_PRODUCT_ENDINGS = ("", *(f"|{product.value}" for product in Product))


def position_key(instrument: InstrumentKey, product: Product) -> str:
    """The key of a position within its book."""
    return instrument + _PRODUCT_ENDINGS[product]


def foreign_key(book: BookId, exec_id: str) -> str:
    """The key of an execution that no order of ours made."""
    return f"{book}|{exec_id}"


def due_key(scope: KillScope, *, exits: bool) -> str:
    """The key of what is to be cancelled in a scope."""
    return f"{scope.key}|{'all' if exits else 'entries'}"


def limit_key(level: LimitLevel, name: str) -> str:
    """The key of a level's limits."""
    return f"{level.value}/{name}"
