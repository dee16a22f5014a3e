"""The server side of a stub broker: its books, and what it does with whatever reaches it.

It survives every process of ours and never forgets what it took. It is lax on purpose: it asks for no
margin and no holdings, so what we sell and do not have shows in its own ledger as a short position.
It does nothing by itself: fills, ends and other people's orders are a story's moves.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice

import msgspec

from phalanx.brokers.outcome import Reply
from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook, BrokerOrder, BrokerPosition, BrokerTrade
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Price, Quantity, multiply, share_up
from phalanx.domain.orders import (
    TERMINAL,
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
)
from phalanx.domain.time import Clock, Nanoseconds

OUTSIDE = "outside"
"""The sender of orders that are none of ours."""


class Code(StrEnum):
    """What the exchange answers when it does not take a request."""

    REJECTED = "REJECTED"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    TOO_LATE = "TOO_LATE"
    """To cancel or to change: the order has ended, or more of it is filled than is asked for."""
    DUPLICATE_TAG = "DUPLICATE_TAG"
    """Kind D. It proves that the tag was taken, so it is no proof that the order was not."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """One order that the exchange took. ``sender``: the process that sent it."""

    order_id: str
    account: AccountId
    sender: str
    time: Nanoseconds


class StubOrder(msgspec.Struct, gc=False):
    """One order in the exchange's book. ``tag`` is our ClOrdID, also where the exchange does not keep
    it; ``shown_tag`` is what its book and its reports say.
    """

    order_id: str
    account: AccountId
    instrument: InstrumentKey
    side: Side
    product: Product
    ord_type: OrdType
    quantity: Quantity
    limit: Price
    time: Nanoseconds
    tag: ClOrdId = ""
    shown_tag: ClOrdId = ""
    cum_quantity: Quantity = 0
    status: OrdStatus = OrdStatus.NEW
    text: str = ""

    @property
    def leaves_quantity(self) -> Quantity:
        """What is not filled yet."""
        return self.quantity - self.cum_quantity

    @property
    def is_working(self) -> bool:
        """Not at its end."""
        return self.status not in TERMINAL


class StubAccount(msgspec.Struct, gc=False):
    """One account's books. ``orders`` and ``trades`` are of the exchange's day; ``executions`` is every
    trade there ever was.
    """

    id: AccountId
    cash: Money
    orders: dict[str, StubOrder]
    trades: list[BrokerTrade]
    positions: dict[tuple[InstrumentKey, Product], Quantity]
    executions: list[BrokerTrade]


class StubExchange:
    """An exchange of kind D (refuses a used tag for ever), L (shows tags, and takes one twice) or N (keeps
    no tags). ``refuse_next``: so many of the next orders are refused, and that is definite.

    ``taken`` holds every order of ours it ever took by our ClOrdID, of kind N too, and ``replaced`` how often
    each of them was changed: for the judges.
    ``skew`` is how far its clock is from the world's. ``welcome``: an account that nobody opened has so much
    money from the moment that anybody speaks of it; None: it is unknown.
    """

    def __init__(
        self,
        name: str,
        kind: BrokerKind,
        clock: Clock,
        *,
        charge_bps: int = 0,
        welcome: Money | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.skew: Nanoseconds = 0
        self.accounts: dict[AccountId, StubAccount] = {}
        self.listeners: list[Callable[[ExecutionReport], None]] = []
        self.taken: dict[ClOrdId, list[Taken]] = {}
        self.replaced: Counter[ClOrdId] = Counter()
        self.refusals: Counter[Code] = Counter()
        self.refuse_next = 0
        self._clock = clock
        self._charge_bps = charge_bps
        self._welcome = welcome
        self._orders: dict[str, StubOrder] = {}
        self._orders_before = 0
        self._executions = 0

    @property
    def now(self) -> Nanoseconds:
        """Its own wall clock."""
        return self._clock.now() + self.skew

    def open(self, account: AccountId, cash: Money) -> None:
        """A new account with so much money."""
        assert account not in self.accounts, f"{account} is open already"
        self.accounts[account] = StubAccount(account, cash, {}, [], {}, [])

    # --- what sessions ask -----------------------------------------------------------------------

    def place(self, request: PlaceRequest, sender: str = "") -> Reply:
        """Take a new order, or refuse it."""
        account = self._account(request.account)
        if account is None:
            return self._refuse(Code.UNKNOWN_ACCOUNT)
        if self.kind is BrokerKind.REFUSES_DUPLICATES and request.cl_ord_id in self.taken:
            return self._refuse(Code.DUPLICATE_TAG)
        if self.refuse_next:
            self.refuse_next -= 1
            return self._refuse(Code.REJECTED)
        tag = request.cl_ord_id
        order = self._enter(
            account,
            (request.instrument, request.product),
            (request.side, request.ord_type, request.quantity, request.limit),
            tag,
        )
        taken = Taken(order.order_id, account.id, sender, self.now)
        self.taken.setdefault(tag, []).append(taken)
        self._report(order, ExecType.NEW)
        return Reply(accepted=True, order_id=order.order_id)

    def cancel(self, request: CancelRequest) -> Reply:
        """Cancel a working order, or say why not."""
        order = self._find(request.account, request.order_id, request.cl_ord_id)
        if order is None:
            return self._refuse(Code.UNKNOWN_ORDER)
        if not order.is_working:
            return self._refuse(Code.TOO_LATE)
        self._end(order, OrdStatus.CANCELED, ExecType.CANCELED)
        return Reply(accepted=True, order_id=order.order_id)

    def replace(self, request: ReplaceRequest) -> Reply:
        """Change a working order, or say why not."""
        order = self._find(request.account, request.order_id, request.cl_ord_id)
        if order is None:
            return self._refuse(Code.UNKNOWN_ORDER)
        if not order.is_working or request.quantity <= order.cum_quantity:
            return self._refuse(Code.TOO_LATE)
        order.quantity, order.limit = request.quantity, request.limit
        self.replaced[order.tag] += 1
        self._report(order, ExecType.REPLACED)
        return Reply(accepted=True, order_id=order.order_id)

    def book(self, account: AccountId) -> BrokerBook:
        """The account's whole book, at this moment. Raises KeyError for an account that it does not have."""
        found = self._account(account)
        if found is None:
            raise KeyError(account)
        positions = tuple(
            BrokerPosition(instrument, product, quantity)
            for (instrument, product), quantity in found.positions.items()
            if quantity
        )
        orders = tuple(map(_shown, found.orders.values()))
        return BrokerBook(account, self.now, orders, tuple(found.trades), positions, found.cash)

    # --- the market's moves, and other people's --------------------------------------------------

    def order(self, order_id: str) -> StubOrder:
        """An order by the exchange's own id. Raises KeyError."""
        return self._orders[order_id]

    def orders(self) -> Iterator[StubOrder]:
        """Every order it ever took, oldest first, other people's too."""
        return iter(self._orders.values())

    def working(self, account: AccountId | None = None) -> list[StubOrder]:
        """What works, of one account or of all, oldest first."""
        accounts = self.accounts.values() if account is None else (self.accounts[account],)
        return [o for found in accounts for o in found.orders.values() if o.is_working]

    def fill(self, order_id: str, quantity: Quantity, price: Price) -> None:
        """So much of a working order trades, at this price."""
        order = self._orders[order_id]
        assert order.is_working, f"{order_id} has ended"
        assert 0 < quantity <= order.leaves_quantity, f"{order_id} has only so much left"
        account = self.accounts[order.account]
        self._executions += 1
        trade = BrokerTrade(
            f"{self.name}-E{self._executions}",
            order_id,
            order.account,
            order.instrument,
            order.side,
            order.product,
            quantity,
            price,
            share_up(multiply(price, quantity), self._charge_bps),
            self.now,
            order.shown_tag,
        )
        order.cum_quantity += quantity
        order.status = OrdStatus.PARTIALLY_FILLED if order.leaves_quantity else OrdStatus.FILLED
        account.trades.append(trade)
        account.executions.append(trade)
        sign = 1 if order.side is Side.BUY else -1
        key = (order.instrument, order.product)
        account.positions[key] = account.positions.get(key, 0) + sign * quantity
        account.cash -= sign * multiply(price, quantity) + trade.charges
        self._report(order, ExecType.TRADE, trade)

    def order_outside(
        self,
        account: AccountId,
        instrument: InstrumentKey,
        side: Side,
        product: Product,
        quantity: Quantity,
        limit: Price,
    ) -> str:
        """Somebody places an order past us, without a tag; returns the exchange's id."""
        terms = (side, OrdType.LIMIT, quantity, limit)
        order = self._enter(self.accounts[account], (instrument, product), terms, "")
        self._report(order, ExecType.NEW)
        return order.order_id

    def trade(
        self,
        account: AccountId,
        instrument: InstrumentKey,
        side: Side,
        product: Product,
        quantity: Quantity,
        price: Price,
    ) -> str:
        """Somebody trades past us: an order without a tag, filled at once; returns the exchange's id."""
        order_id = self.order_outside(account, instrument, side, product, quantity, price)
        self.fill(order_id, quantity, price)
        return order_id

    def cancel_outside(self, order_id: str) -> None:
        """Somebody cancels a working order, ours perhaps, at the broker's own screen."""
        self._end(self._orders[order_id], OrdStatus.CANCELED, ExecType.CANCELED)

    def reject_later(self, order_id: str, text: str = "rejected by the exchange") -> None:
        """A working order that was accepted is rejected after all."""
        order = self._orders[order_id]
        order.text = text
        self._end(order, OrdStatus.REJECTED, ExecType.REJECTED)

    def end_day(self) -> None:
        """The session ends: whatever works expires. The books show this day until another one begins."""
        for order in self.working():
            self._end(order, OrdStatus.EXPIRED, ExecType.EXPIRED)
        self._orders_before = len(self._orders)

    def begin_day(self) -> None:
        """A new day's book: no order of the days that have ended is shown any more, and no trade of one."""
        old = frozenset(islice(self._orders, self._orders_before))
        for account in self.accounts.values():
            account.trades = [trade for trade in account.trades if trade.order_id not in old]
            account.orders = {id: order for id, order in account.orders.items() if id not in old}

    # --- inside ----------------------------------------------------------------------------------

    def _account(self, account: AccountId) -> StubAccount | None:
        if self._welcome is not None and account not in self.accounts:
            self.open(account, self._welcome)
        return self.accounts.get(account)

    def _refuse(self, code: Code) -> Reply:
        self.refusals[code] += 1
        return Reply(accepted=False, code=code, text=code.replace("_", " ").lower())

    def _enter(
        self,
        account: StubAccount,
        what: tuple[InstrumentKey, Product],
        terms: tuple[Side, OrdType, Quantity, Price],
        tag: ClOrdId,
    ) -> StubOrder:
        side, ord_type, quantity, limit = terms
        order = StubOrder(
            f"{self.name}-{len(self._orders) + 1}",
            account.id,
            what[0],
            side,
            what[1],
            ord_type,
            quantity,
            limit,
            self.now,
            tag,
            "" if self.kind is BrokerKind.NO_TAG else tag,
        )
        self._orders[order.order_id] = account.orders[order.order_id] = order
        return order

    def _find(self, account: AccountId, order_id: str, tag: ClOrdId) -> StubOrder | None:
        """By its own id; by our tag where it keeps it and was not told its own."""
        order = self._orders.get(order_id)
        if not order_id and self.kind is not BrokerKind.NO_TAG and tag in self.taken:
            order = self._orders[self.taken[tag][-1].order_id]
        return order if order is not None and order.account == account else None

    def _end(self, order: StubOrder, status: OrdStatus, exec_type: ExecType) -> None:
        assert order.is_working, f"{order.order_id} has ended"
        order.status = status
        self._report(order, exec_type)

    def _report(
        self, order: StubOrder, exec_type: ExecType, trade: BrokerTrade | None = None
    ) -> None:
        report = ExecutionReport(
            order.shown_tag,
            exec_type,
            order.order_id,
            cum_quantity=order.cum_quantity,
            text=order.text,
            time=self.now,
            quantity=order.quantity,
            price=order.limit,
            account=order.account,
        )
        if trade is not None:
            report = msgspec.structs.replace(
                report,
                exec_id=trade.exec_id,
                last_quantity=trade.quantity,
                last_price=trade.price,
                charges=trade.charges,
            )
        for listener in self.listeners:
            listener(report)


def _shown(order: StubOrder) -> BrokerOrder:
    return BrokerOrder(
        order.order_id,
        order.account,
        order.instrument,
        order.side,
        order.product,
        order.quantity,
        order.cum_quantity,
        order.status,
        order.shown_tag,
        order.limit,
        order.time,
        order.text,
    )
