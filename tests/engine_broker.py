"""A broker's side of an engine's world: what its book shows, and readings of it as a desk makes them."""

from collections.abc import Mapping

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.broker_books import BrokerBook, BrokerOrder, BrokerPosition, BrokerTrade
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.events import Event
from phalanx.domain.numbers import Money, whole
from phalanx.domain.orders import ClOrdId, OrdStatus, Product, Side
from phalanx.domain.time import Nanoseconds
from phalanx.engine.commands import FileDifferences
from phalanx.engine.reconciliation.comparison import compare
from phalanx.engine.reconciliation.differences import Comparison
from phalanx.engine.reconciliation.matching import match
from phalanx.engine.reconciliation.sanity import why_incomplete
from phalanx.engine.reconciliation.steps import steps
from tests.engine_world import PAPER, World

FAR = msgspec.structs.replace(PAPER, late_ms=20_000, looks_to_prove=3)
"""A broker on the network: what was written may arrive 20 s late, and three looks prove an absence."""

TAGLESS = msgspec.structs.replace(FAR, kind=BrokerKind.NO_TAG)


class Shown:
    """One account at the broker. ``positions`` and ``cash`` None: not told. ``skew``: its clock is so much
    ahead; ``frozen``: its clock stands there.
    """

    def __init__(
        self, world: World, account: AccountId = "A1", capabilities: Capabilities = FAR
    ) -> None:
        self.world, self.account = world, account
        self.orders: dict[str, BrokerOrder] = {}
        self.trades: list[BrokerTrade] = []
        self.positions: list[BrokerPosition] | None = None
        self.cash: Money | None = None
        self.skew: Nanoseconds = 0
        world.capabilities["paper"] = capabilities
        self.absences: Mapping[ClOrdId, int] = {}
        self.asked: Mapping[ClOrdId, int] = {}
        self.sights: Mapping[ClOrdId, int] = {}
        self.standing: frozenset[str] = frozenset()

    # --- what it has -----------------------------------------------------------------------------

    def has(
        self, cl_ord_id: ClOrdId, status: OrdStatus = OrdStatus.NEW, *, tagged: bool = True
    ) -> str:
        """One of our orders, with nothing filled yet; its id at the broker."""
        order = self.world.state.orders[cl_ord_id]
        draft = order.draft
        order_id = f"B{cl_ord_id}"
        self.orders[order_id] = BrokerOrder(
            order_id,
            self.account,
            draft.instrument,
            draft.side,
            draft.product,
            order.quantity,
            0,
            status,
            cl_ord_id if tagged else "",
        )
        return order_id

    def has_foreign(
        self,
        side: Side,
        lots: int,
        order_id: str = "X1",
        instrument: str = "INFY",
        tag: str = "",
        status: OrdStatus = OrdStatus.NEW,
    ) -> str:
        """Somebody else's order, not filled yet."""
        self.orders[order_id] = BrokerOrder(
            order_id,
            self.account,
            self.world.key(instrument),
            side,
            Product.DELIVERY,
            whole(lots),
            0,
            status,
            tag,
        )
        return order_id

    def ends(self, order_id: str, status: OrdStatus) -> None:
        """The order has another status."""
        self.change(order_id, status=status)

    def change(self, order_id: str, /, **terms: object) -> None:
        """The order has other terms."""
        self.orders[order_id] = msgspec.structs.replace(self.orders[order_id], **terms)

    def fills(
        self, order_id: str, lots: int, exec_id: str, *, price: int = 100, charges: Money = 0
    ) -> BrokerTrade:
        """An execution of an order that it has."""
        order = self.orders[order_id]
        trade = BrokerTrade(
            exec_id,
            order_id,
            self.account,
            order.instrument,
            order.side,
            order.product,
            whole(lots),
            whole(price),
            charges,
            self.world.now,
            order.cl_ord_id,
        )
        self.trades.append(trade)
        filled = order.cum_quantity + whole(lots)
        status = OrdStatus.FILLED if filled >= order.quantity else OrdStatus.PARTIALLY_FILLED
        self.change(order_id, cum_quantity=filled, status=status)
        return trade

    def trades_outside(self, side: Side, lots: int, exec_id: str, **more: int) -> BrokerTrade:
        """Somebody traded outside: an order of its own, filled."""
        order_id = self.has_foreign(side, lots, f"X{exec_id}")
        return self.fills(order_id, lots, exec_id, **more)

    def holds(self, instrument: str, lots: int, product: Product = Product.DELIVERY) -> None:
        """It tells positions, this one among them."""
        held = BrokerPosition(self.world.key(instrument), product, whole(lots))
        self.positions = [*(self.positions or ()), held]

    # --- reading it --------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        return self.world.capabilities["paper"]

    def book(self) -> BrokerBook:
        """A complete reading, now."""
        return BrokerBook(
            self.account,
            self.world.now + self.skew,
            tuple(self.orders.values()),
            tuple(self.trades),
            None if self.positions is None else tuple(self.positions),
            self.cash,
        )

    def compared(self, book: BrokerBook | None = None) -> Comparison:
        """How a reading compares, now by default."""
        now = self.world.now
        return compare(self.world.state, book or self.book(), self.capabilities, now)

    def read(self, book: BrokerBook | None = None) -> list[Event]:
        """One reading as a desk makes it; what it caused."""
        book = book or self.book()
        assert why_incomplete(self.world.state, book) == ""
        state, capabilities, now = self.world.state, self.capabilities, self.world.now
        matching = match(state, book, capabilities)
        left = compare(state, book, capabilities, now, matching)
        self.absences = {id: self.absences.get(id, 0) + 1 for id in (*left.absent, *left.overdue)}
        self.asked = {id: self.asked.get(id, 0) + 1 for id in left.doubtful}
        self.sights = {id: self.sights.get(id, 0) + 1 for id in left.sighted}
        reading = FileDifferences(book, self.absences, self.asked, self.standing, self.sights)
        events: list[Event] = []
        for command in steps(state, reading, capabilities, now, matching):
            if isinstance(command, FileDifferences):
                left = command.left or left
            events += self.world.do(command)
        self.standing = frozenset(one.fingerprint for one in left.differences)
        return events
