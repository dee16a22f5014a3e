"""What the projector has in hand during a transaction, and how it gets to the file."""

from collections import Counter
from collections.abc import Callable
from itertools import chain, repeat
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeAlias

import apsw

from phalanx.domain.accounts import AccountId
from phalanx.domain.breaks import BreakId
from phalanx.domain.changes import ChangeId
from phalanx.domain.instructions import InstructionId, InstructionStatus
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Quantity
from phalanx.domain.orders import ClOrdId
from phalanx.views.bulk import Bulk, Row, insert, replace
from phalanx.views.entries import (
    ApprovalEntry,
    BreakEntry,
    ChangeEntry,
    InstructionEntry,
    OrderEntry,
    RequestEntry,
    TradeEntry,
)
from phalanx.views.schema import KEY_BITS, PLACES, Subject
from phalanx.views.table import Table

ROWS_IN_HAND_MAX: Final = 4_096
"""So many unwritten rows are collected before they are written, whatever the transaction's size."""
ROWS_PER_BREATH: Final = 64
"""So much is done between two breaths: about 0.2 ms of holding the interpreter's lock."""

CLIENTS: Final = replace("clients", 5)
ACCOUNTS: Final = replace("accounts", 11)
INSTRUMENTS: Final = replace("instruments", 3)
KILLS: Final = insert("kills", 9)
SKIPS: Final = insert("skips", 7)
FILLS: Final = insert("fills", 8)
LOG: Final = insert("order_log", 13)
AUDIT: Final = insert("audit", 11)
SHORTS: Final = replace("shorts", 5)
"""The tables whose rows are only ever added, or put in place of the one before."""

_TOTALS: Final = Bulk(
    "INSERT INTO totals VALUES",
    6,
    "ON CONFLICT DO UPDATE SET orders = orders + excluded.orders,"
    " entries = entries + excluded.entries, instructions = instructions + excluded.instructions,"
    " trades = trades + excluded.trades",
)
_PROFITS: Final = Bulk(
    "INSERT INTO profits VALUES",
    3,
    "ON CONFLICT DO UPDATE SET realized = realized + excluded.realized",
)

Holding: TypeAlias = tuple[AccountId, int, InstrumentKey, int]
"""Account, mode, instrument, product."""

_HELD: Final = "SELECT id, key FROM instructions INDEXED BY instructions_status WHERE status = ?"

_OPEN_BREAKS: Final = "SELECT id, key FROM breaks INDEXED BY breaks_open WHERE ended_at_ns = 0"
_OPEN_CHANGES: Final = "SELECT id, key FROM changes INDEXED BY changes_open WHERE ended_at_ns = 0"

_Counts: TypeAlias = Counter[tuple[Subject, int | str | None]]
_Subjects: TypeAlias = tuple[tuple[Subject, Callable[[Any], int | str | None]], ...]
_ORDER_SUBJECTS: Final[_Subjects] = (
    (Subject.ACCOUNT, attrgetter("account")),
    (Subject.INSTRUMENT, attrgetter("instrument")),
    (Subject.STRATEGY, attrgetter("strategy")),
)
_TRADE_SUBJECTS: Final[_Subjects] = _ORDER_SUBJECTS[:2]
_LOG_SUBJECTS: Final[_Subjects] = (
    (Subject.ACCOUNT, itemgetter(4)),
    (Subject.STRATEGY, itemgetter(6)),
    (Subject.INSTRUMENT, itemgetter(7)),
)


class Workspace:
    """Open rows by name, rows that are only ever added, and the totals of both.

    Between a commit and the next event nothing in here is ahead of the file. ``breathe`` is called
    now and then, wherever all rows are whole: a chance for other threads.
    """

    def __init__(self, connection: apsw.Connection, breathe: Callable[[], None]) -> None:
        self.connection = connection
        self.orders = Table("orders", OrderEntry, "quantity", "cl_ord_id")
        self.requests = Table("requests", RequestEntry, "status")
        self.instructions = Table("instructions", InstructionEntry, "plan_seq")
        self.trades = Table("trades", TradeEntry, "bought", "id")
        self.breaks = Table("breaks", BreakEntry, "ours")
        self.changes = Table("changes", ChangeEntry, "status")
        self.approvals = Table("approvals", ApprovalEntry, "decision")
        self.held: dict[InstructionId, int] = {}
        self.open_breaks: dict[BreakId, int] = {}
        self.open_changes: dict[ChangeId, int] = {}
        self.shorts: dict[Holding, Quantity] = {}
        self.order_totals: _Counts = Counter()
        self.instruction_totals: _Counts = Counter()
        self.trade_totals: _Counts = Counter()
        self._realized: Counter[tuple[AccountId, int]] = Counter()
        self._entry_totals: _Counts = Counter()
        self._clients: dict[AccountId, int] = {}
        self._instruments: dict[InstrumentKey, Row] = {}
        self._added: dict[Bulk, list[Row]] = {}
        self._added_count = 0
        self._breathe = breathe
        self._steps = 0
        self._next_key = 0
        self.seq = 0
        self._read_reference()

    def begin_event(self, seq: int) -> None:
        """From here on new keys belong to that event."""
        self.seq = seq
        self._next_key = seq << KEY_BITS

    def next_key(self) -> int:
        """The key of the next row that this event makes."""
        key = self._next_key
        self._next_key = key + 1
        assert self._next_key % PLACES, "one event made more rows than keys can tell apart"
        return key

    def order(self, cl_ord_id: ClOrdId) -> OrderEntry:
        """The row of an order, to be changed and touched."""
        return self.orders.find(self.connection, cl_ord_id)

    def request(self, key: int) -> RequestEntry:
        """The row of a cancel or replace, to be changed and touched."""
        return self.requests.find(self.connection, key)

    def instruction(self, key: int) -> InstructionEntry:
        """The row of an instruction, to be changed and touched."""
        return self.instructions.find(self.connection, key)

    def trade(self, lot: ClOrdId) -> TradeEntry | None:
        """The row of a trade, to be changed and touched; None while nothing of it is filled."""
        try:
            return self.trades.find(self.connection, lot)
        except KeyError:
            return None

    def break_(self, key: int) -> BreakEntry:
        """The row of a break, to be changed and touched."""
        return self.breaks.find(self.connection, key)

    def change(self, key: int) -> ChangeEntry:
        """The row of a change that waits, to be changed and touched."""
        return self.changes.find(self.connection, key)

    def approval(self, key: int) -> ApprovalEntry | None:
        """The row of an instruction that waits, or waited, for approval; to be changed and touched."""
        try:
            return self.approvals.find(self.connection, key)
        except KeyError:
            return None

    def realize(self, account: AccountId, mode: int, amount: Money) -> None:
        """A book gained that much, or lost it."""
        self._realized[account, mode] += amount

    def put_short(self, holding: Holding, quantity: Quantity) -> None:
        """So much is sold that nobody held."""
        if quantity:
            self.shorts[holding] = quantity
        else:
            self.shorts.pop(holding, None)
        self.put(SHORTS, (*holding, quantity))

    def client_of(self, account: AccountId) -> int | None:
        """Whose account that is; None for one that was never put."""
        return self._clients.get(account)

    def own(self, account: AccountId, client_id: int) -> None:
        """An account belongs to a client, for ever."""
        self._clients[account] = client_id

    def put_instrument(self, key: InstrumentKey, symbol: str, isin: str) -> None:
        """What an instrument is called; written when it is new or called otherwise."""
        row = (key, symbol, isin)
        if self._instruments.get(key) != row:
            self._instruments[key] = row
            self.put(INSTRUMENTS, row)

    def put(self, table: Bulk, row: Row) -> None:
        """A row that nobody will change."""
        rows = self._added.get(table)
        if rows is None:
            rows = self._added[table] = []
        rows.append(row)
        self._added_count += 1

    def settle(self) -> None:
        """Between two rows, where all of them are whole: breathe, and write if there are many."""
        self._steps += 1
        if self._steps % ROWS_PER_BREATH:
            return
        self._breathe()
        waiting = sum(table.waiting for table in self._tables())
        if waiting + self._added_count >= ROWS_IN_HAND_MAX:
            self.write()

    def write(self) -> None:
        """Write all rows in hand, inside the transaction that is open."""
        _count(self.order_totals, _ORDER_SUBJECTS, self.orders.new)
        _count(self.trade_totals, _TRADE_SUBJECTS, self.trades.new)
        for changing in self._tables():
            changing.write(self.connection)
        for table, rows in self._added.items():
            if table is LOG:
                _count(self._entry_totals, _LOG_SUBJECTS, rows)
            table.execute(self.connection, rows, tuple)
        self._added.clear()
        self._added_count = 0

    def write_totals(self) -> None:
        """Add what this transaction counted. Once, at its end: one row for each value it met."""
        counts = (
            self.order_totals,
            self._entry_totals,
            self.instruction_totals,
            self.trade_totals,
        )
        keys = dict.fromkeys(chain(*counts))
        rows: list[Row] = [
            (key[0], key[1], *(count[key] for count in counts))
            for key in keys
            if key[1] is not None
        ]
        _TOTALS.execute(self.connection, rows, tuple)
        for count in counts:
            count.clear()
        profits: list[Row] = [(*book, amount) for book, amount in self._realized.items()]
        _PROFITS.execute(self.connection, profits, tuple)
        self._realized.clear()

    def let_go(self) -> None:
        """After a commit: memory follows what is open."""
        for table in self._tables():
            table.let_go()

    def _tables(self) -> tuple[Table[Any], ...]:
        settling = (self.breaks, self.changes, self.approvals)
        return self.orders, self.requests, self.instructions, self.trades, *settling

    def _read_reference(self) -> None:
        accounts: Any = self.connection.execute("SELECT id, client_id FROM accounts")
        self._clients.update(accounts)
        instruments: Any = self.connection.execute("SELECT key, symbol, isin FROM instruments")
        self._instruments.update((row[0], row) for row in instruments)
        held: Any = self.connection.execute(_HELD, (InstructionStatus.HELD,))
        self.held.update(held)
        breaks: Any = self.connection.execute(_OPEN_BREAKS)
        self.open_breaks.update(breaks)
        changes: Any = self.connection.execute(_OPEN_CHANGES)
        self.open_changes.update(changes)
        shorts: Any = self.connection.execute("SELECT * FROM shorts WHERE quantity > 0")
        self.shorts.update((row[:4], row[4]) for row in shorts)


def _count(totals: _Counts, subjects: _Subjects, rows: list[Any]) -> None:
    if rows:
        totals[Subject.ALL, 0] += len(rows)
        for subject, value in subjects:
            totals.update(zip(repeat(subject), map(value, rows), strict=False))
