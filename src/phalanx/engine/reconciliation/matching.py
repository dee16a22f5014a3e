"""Whose is what in a broker's book: ours by our tag, else by the broker's order id, else somebody's outside.

A tag of ours that the journal does not know proves that its tail was lost; one that left memory is
looked up in the archive by the shell. An untagged execution that an order of ours may have made,
whose id the broker has not told us yet, is nobody's until that is known.
"""

from enum import IntEnum
from functools import cached_property

import msgspec

from phalanx.domain.accounts import AccountId, BookId, Mode, book_id
from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerBook, BrokerOrder, BrokerTrade
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.instruments import split_key
from phalanx.domain.numbers import FIXED_MAX, Quantity, multiply
from phalanx.domain.orders import TERMINAL, ClOrdId, OrdStatus
from phalanx.engine.apply.lots import find_lot
from phalanx.engine.ids import counter_of, foreign_lot_id, new_break_id
from phalanx.engine.state import FOREIGN_FILLS_MAX, Order, State, foreign_key, position_key

_NOT_AT_THE_BROKER = frozenset({OrdStatus.HELD, OrdStatus.PENDING_NEW})

_NOT_EXPECTED = TERMINAL | _NOT_AT_THE_BROKER | {OrdStatus.SENT, OrdStatus.IN_DOUBT}
"""An order like that may well be missing in a book: over, not sent, not answered, or not known."""


class Whose(IntEnum):
    """Of a row that no order in memory has."""

    RETIRED = 1
    """An order of ours that left memory."""
    LOST = 2
    """It has a tag of ours that the journal never gave to it."""
    FOREIGN = 3
    """Somebody traded outside."""


class Matched(msgspec.Struct, gc=False):
    """An order of ours with what the broker shows of it. ``filled``: what all its executions come to;
    ``elsewhere``: what those come to that were booked as somebody else's; ``trades`` are the others, as
    far as they can be booked.
    """

    ours: Order
    theirs: BrokerOrder | None = None
    filled: Quantity = 0
    elsewhere: Quantity = 0
    trades: list[BrokerTrade] = []

    @property
    def bookable(self) -> Quantity:
        """What the trades come to."""
        return sum(trade.quantity for trade in self.trades)

    @property
    def unnamed(self) -> Quantity:
        """How much of executions that are not booked here was booked all the same, by reports that named
        another execution, or none: booked, less what the known executions explain.
        """
        booked = dict(self.ours.exec_ids)
        unnamed = self.ours.cum_quantity
        for trade in self.trades:
            if trade.exec_id in booked:
                del booked[trade.exec_id]
                unnamed -= trade.quantity
        return max(0, unnamed - sum(booked.values()))


class Matching(msgspec.Struct, gc=False):
    """One reading, taken apart. Trades in the book's order, each in one list only.

    ``own``: the account's orders in memory. ``missing``: those that should be in the book. ``doubtful`` are
    looked for elsewhere; ``waiting`` may be of orders of ours whose id is not known yet. ``unbookable``:
    with why.
    """

    matched: dict[ClOrdId, Matched] = {}
    missing: list[Order] = []
    foreign_orders: list[BrokerOrder] = []
    lost: dict[str, BrokerOrder | BrokerTrade] = {}
    retired_orders: list[BrokerOrder] = []
    ours: list[tuple[Matched, BrokerTrade]] = []
    foreign: list[BrokerTrade] = []
    retired: list[BrokerTrade] = []
    waiting: list[BrokerTrade] = []
    unbookable: list[tuple[BrokerTrade, str]] = []
    own: list[Order] = []


def orders_of(state: State, account: AccountId) -> list[Order]:
    """The orders of an account in memory, the oldest first within each book."""
    books, orders = (state.books.get(book_id(account, mode)) for mode in Mode), state.orders
    return [orders[id] for book in books if book is not None for id in book.orders]


def is_booked(state: State, account: AccountId, exec_id: str) -> bool:
    """Whether an execution was booked as one of no order in memory."""
    if not state.foreign_fills:
        return False
    keys = (foreign_key(book_id(account, mode), exec_id) for mode in Mode)
    return any(key in state.foreign_fills for key in keys)


def misfit(state: State, book: BookId, trade: BrokerTrade) -> str:
    """Why an execution can be booked nowhere; empty: it can. Its own numbers are sane already
    (``sanity.why_incomplete``).
    """
    found = state.books.get(book)
    if found is None:
        return f"there is no book {book}"
    if not trade.exec_id:
        return "it has no id"
    if not all(split_key(trade.instrument)):
        return f"{trade.instrument} names no instrument"
    value = multiply(trade.price, trade.quantity) + abs(trade.charges)
    held = found.positions.get(position_key(trade.instrument, trade.product))
    position = 0 if held is None else abs(held.quantity)
    if abs(found.cash) + value > FIXED_MAX or position + trade.quantity > FIXED_MAX:
        return "it would fit no number"
    return ""


def foreign_misfit(state: State, book: BookId, trade: BrokerTrade) -> str:
    """The same of one that no order in memory made: such must be remembered as well."""
    if len(state.foreign_fills) >= FOREIGN_FILLS_MAX:
        return f"{FOREIGN_FILLS_MAX} executions from outside are remembered already"
    why = misfit(state, book, trade)
    if not why and find_lot(
        state.books[book], trade.instrument, foreign_lot_id(book, trade.exec_id)
    ):
        why = "one of the same id was booked long ago"
    return why


def proves_loss(state: State, account: AccountId, matching: Matching) -> bool:
    """Whether it shows orders that the journal must have lost, and no person has settled that today."""
    return any(
        new_break_id(account, BreakKind.ORDER_UNKNOWN, tag) not in state.settled_breaks
        for tag in matching.lost
    )


def match(state: State, book: BrokerBook, capabilities: Capabilities) -> Matching:
    """Take a reading apart. ``book.account`` must be an account of ours."""
    return _Matcher(state, book, capabilities).matching


class _Matcher:
    """One reading being taken apart."""

    def __init__(self, state: State, book: BrokerBook, capabilities: Capabilities) -> None:
        self.state, self.book = state, book
        self.own_book = state.accounts[book.account].book
        self.own = orders_of(state, book.account)
        self.matching = Matching(own=self.own)
        self.rows = {order.order_id: order for order in book.orders}
        # Where the broker keeps tags, a row without one is nobody's of ours.
        self.keeps_tags = capabilities.kind is not BrokerKind.NO_TAG
        self.unnamed = [
            order
            for order in self.own
            if not order.order_id
            and order.status not in TERMINAL
            and order.status not in _NOT_AT_THE_BROKER
        ]
        for row in book.orders:
            self._take_order(row)
        for trade in book.trades:
            self._take_trade(trade)
        matched = self.matching.matched
        self.matching.missing = [
            order
            for order in self.own
            if order.status not in _NOT_EXPECTED and order.draft.cl_ord_id not in matched
        ]

    @cached_property
    def by_order_id(self) -> dict[str, Order]:
        """Only rows without a tag of ours are looked up here."""
        return {order.order_id: order for order in self.own if order.order_id}

    def _take_order(self, row: BrokerOrder) -> None:
        found = self._whose(row, row.cl_ord_id)
        if isinstance(found, Order):
            self._match(found).theirs = row
        elif found is Whose.LOST:
            self.matching.lost[row.cl_ord_id or row.order_id] = row
        elif found is Whose.RETIRED:
            self.matching.retired_orders.append(row)
        else:
            self.matching.foreign_orders.append(row)

    def _take_trade(self, trade: BrokerTrade) -> None:
        matching, row = self.matching, self.rows.get(trade.order_id)
        tag = trade.cl_ord_id or (row.cl_ord_id if row is not None else "")
        found = self._whose(trade, tag)
        if isinstance(found, Order):
            self._take_our_trade(found, trade)
        elif found is Whose.LOST:
            matching.lost.setdefault(tag or trade.order_id, trade)
        elif is_booked(self.state, self.book.account, trade.exec_id):
            matching.foreign.append(trade)
        elif found is Whose.RETIRED:
            matching.retired.append(trade)
        elif self._may_be_ours(trade, known=row is not None):
            matching.waiting.append(trade)
        elif why := foreign_misfit(self.state, self.own_book, trade):
            matching.unbookable.append((trade, why))
        else:
            matching.foreign.append(trade)

    def _take_our_trade(self, order: Order, trade: BrokerTrade) -> None:
        found = self._match(order)
        found.filled += trade.quantity
        if is_booked(self.state, self.book.account, trade.exec_id):
            found.elsewhere += trade.quantity
            self.matching.foreign.append(trade)
        elif trade.exec_id not in order.exec_ids and (
            why := misfit(self.state, order.draft.book, trade)
        ):
            self.matching.unbookable.append((trade, why))
        else:
            found.trades.append(trade)
            self.matching.ours.append((found, trade))

    def _match(self, order: Order) -> Matched:
        cl_ord_id = order.draft.cl_ord_id
        found = self.matching.matched.get(cl_ord_id)
        if found is None:
            found = self.matching.matched[cl_ord_id] = Matched(order)
        return found

    def _whose(self, row: BrokerOrder | BrokerTrade, tag: str) -> Order | Whose:
        state = self.state
        order = state.orders.get(tag)
        if order is not None:
            same_account = state.book_of(order).account == self.book.account
            return order if same_account and _is_same(order, row) else Whose.LOST
        counter = counter_of(tag, state.desk_id, state.shard)
        if counter is not None:
            is_lost = counter >= state.next_order or _was_left_out(state, counter)
            return Whose.LOST if is_lost else Whose.RETIRED
        # A broker may give the same id to another order on another day.
        order = self.by_order_id.get(row.order_id)
        return order if order is not None and _is_same(order, row) else Whose.FOREIGN

    def _may_be_ours(self, trade: BrokerTrade, *, known: bool) -> bool:
        """Untagged, and an order of ours like that is at the broker under an id that we do not know."""
        if known and self.keeps_tags:
            return False
        return any(_is_same(order, trade) for order in self.unnamed)


def _is_same(order: Order, row: BrokerOrder | BrokerTrade) -> bool:
    draft = order.draft
    return (draft.instrument, draft.side, draft.product) == (row.instrument, row.side, row.product)


def _was_left_out(state: State, counter: int) -> bool:
    """No order has this id: the journal lost the one that had."""
    return any(first <= counter < after for first, after in state.lost_ids)
