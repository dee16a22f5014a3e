"""Whatever the engine lived through, the views say the same of it, however they came to it."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from phalanx.domain.accounts import Mode, book_id
from phalanx.domain.events import Event, OrdersRetired
from phalanx.domain.numbers import whole
from phalanx.domain.orders import TERMINAL, OrdStatus
from phalanx.engine.apply import apply
from phalanx.engine.state import Instruction, Order, State, position_key
from phalanx.views.follower import Follower
from phalanx.views.queries import LIMIT_MAX, Views
from phalanx.views.rows import (
    InstructionRow,
    OrderRow,
    OrderTree,
    RequestStatus,
    TradeRow,
    TradeStatus,
)
from tests.property.engine.profile import profile
from tests.property.engine.test_honest_broker import HonestBroker
from tests.unit.views.records import Records, contents, follow, rows

DEPOSIT = whole(60_000)
"""What each of the accounts begins with."""


def order_terms(order: Order) -> tuple[Any, ...]:
    """What the engine knows of an order, as far as the views show it."""
    request = order.request
    return (
        order.status,
        order.quantity,
        order.limit,
        order.cum_quantity,
        order.filled_value,
        order.charges,
        order.order_id,
        order.instruction_id,
        "" if request is None else request.id,
    )


def row_terms(row: OrderRow) -> tuple[Any, ...]:
    """The same of a row."""
    return (
        row.status,
        row.quantity,
        row.limit,
        row.cum_quantity,
        row.filled_value,
        row.charges,
        row.order_id,
        row.instruction_id,
        row.request_id,
    )


def requests_of(order: Order) -> dict[str, RequestStatus]:
    """The requests under way on an order, by id."""
    found = {}
    for request in (order.request, order.replacing):
        if request is not None and request.in_doubt:
            found[request.id] = RequestStatus.IN_DOUBT
        elif request is not None:
            found[request.id] = RequestStatus.SENT if request.dispatched else RequestStatus.WAITING
    return found


class FollowedEngine(HonestBroker):
    """An engine with its broker, and views that follow it in records of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "views.db"
        self.source = Records()
        self.follower = Follower(self.path, self.source)
        self.views = Views(self.path)
        self.taken = 0
        self.replayed = State()
        self.known: dict[str, tuple[Any, ...]] = {}

    @rule(together=st.integers(1, 5), restart=st.booleans())
    def follow(self, together: int, restart: bool) -> None:
        """The journal's new events reach the views."""
        events = self.world.journal[self.taken :]
        self.taken += len(events)
        self.source.append_each(events, together)
        self.remember_retired(events)
        for _ in self.follower.advance():
            pass
        if restart:
            self.follower.close()
            self.follower = Follower(self.path, self.source)
        self.compare()

    def remember_retired(self, events: list[Event]) -> None:
        """An order that leaves the engine's memory is shown for ever as it was then."""
        for event in events:
            if isinstance(event, OrdersRetired):
                for key in event.cl_ord_ids:
                    self.known[key] = order_terms(self.replayed.orders[key])
            apply(self.replayed, event)

    def compare(self) -> None:
        state = self.world.state
        for order in state.orders.values():
            self.known[order.draft.cl_ord_id] = order_terms(order)
        shown: dict[str, OrderRow] = {}
        while len(page := self.views.orders(skip=len(shown), limit=LIMIT_MAX).items):
            shown.update((row.cl_ord_id, row) for row in page)
        assert {key: row_terms(row) for key, row in shown.items()} == self.known
        self.compare_trades()
        for instruction in state.instructions.values():
            tree = self.views.instruction(instruction.id)
            assert tree is not None
            self.compare_instruction(instruction, tree.instruction, tree.orders)

    def compare_trades(self) -> None:
        """What trades hold is the long position; what they realised and still cost is the cash."""
        trades: list[TradeRow] = []
        while len(page := self.views.trades(skip=len(trades), limit=LIMIT_MAX).items):
            trades += page
        state = self.world.state
        held: Counter[tuple[str, str]] = Counter()
        gained: Counter[str] = Counter()
        for trade in trades:
            pnl = trade.pnl
            key = book_id(trade.account, trade.mode)
            held[key, position_key(trade.instrument, trade.product)] += pnl.remaining
            gained[key] += pnl.realized - pnl.remaining_cost
            assert (trade.status is TradeStatus.ACTIVE) == (pnl.remaining > 0)
            assert (trade.status is TradeStatus.PENDING) == (pnl.bought == 0)
        assert {key: quantity for key, quantity in held.items() if quantity} == {
            (book.id, key): position.quantity
            for book in state.books.values()
            for key, position in book.positions.items()
            if position.quantity > 0
        }
        shorts = rows(self.follower._connection, "SELECT account FROM shorts")
        for book in state.books.values():
            if book.account not in shorts:
                paid_in = self.world.ledger.cash[book.id] - gained[book.id]
                assert paid_in == (DEPOSIT if book.mode is Mode.PAPER else 0)
        self.compare_sums(trades)

    def compare_sums(self, trades: list[TradeRow]) -> None:
        """What is kept is what would be added up and counted."""
        for row in self.views.client_sums(0, 10):
            own = [trade for trade in trades if trade.client_id == row.client_id]
            assert row.realized == sum(trade.pnl.realized for trade in own)
            assert self.views.trades(client_id=row.client_id, limit=1).total == len(own)
        for status in TradeStatus:
            count = sum(trade.status is status for trade in trades)
            assert self.views.trades(status=status, limit=1).total == count

    def compare_instruction(
        self, instruction: Instruction, row: InstructionRow, trees: tuple[OrderTree, ...]
    ) -> None:
        assert (row.status, row.orders) == (instruction.status, instruction.orders)
        assert row.open_orders == instruction.open_orders
        assert row.skips == instruction.skips
        statuses = [tree.order.status for tree in trees]
        assert len(statuses) == row.orders
        assert row.open_orders == sum(status not in TERMINAL for status in statuses)
        for status in (*TERMINAL, OrdStatus.IN_DOUBT):
            assert getattr(row, status.name.lower()) == statuses.count(status)
        for tree in trees:
            assert sum(fill.quantity for fill in tree.fills) == tree.order.cum_quantity
            order = self.world.state.orders.get(tree.order.cl_ord_id)
            if order is not None:
                pending = [r for r in tree.requests if r.status <= RequestStatus.IN_DOUBT]
                assert {r.request_id: r.status for r in pending} == requests_of(order)

    def teardown(self) -> None:
        try:
            super().teardown()
            self.follow(together=3, restart=False)
            self.check_totals()
            again = self.path.with_name("again.db")
            follow(again, self.source)
            grown, rebuilt = contents(self.path), contents(again)
            assert grown == rebuilt
        finally:
            self.follower.close()
            self.views.close()
            self.folder.cleanup()

    def check_totals(self) -> None:
        """What is kept is what would be counted."""
        connection = self.follower._connection
        for subject, table, column in (
            ("ACCOUNT", "orders", "account"),
            ("INSTRUMENT", "orders", "instrument"),
            ("STRATEGY", "orders", "strategy"),
        ):
            del subject
            counted = rows(
                connection,
                f"SELECT {column}, count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1",
            )
            for value, count in counted:
                page = self.views.orders(**{column: value}, limit=1)
                assert page.total == count
        for status in OrdStatus:
            count = rows(connection, "SELECT count(*) FROM orders WHERE status = ?", status)
            assert [self.views.orders(status=status, limit=1).total] == count
        count = rows(connection, "SELECT count(*) FROM orders WHERE is_open")
        assert [self.views.orders(open_only=True, limit=1).total] == count
        count = rows(connection, "SELECT count(*) FROM order_log")
        assert [self.views.order_log(limit=1).total] == count


TestFollowedEngine = FollowedEngine.TestCase
TestFollowedEngine.settings = profile(examples=60)
