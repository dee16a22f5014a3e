"""The paper broker's book: orders that work, orders that ended, orders that wait for a price."""

import msgspec

from phalanx.brokers.paper.fills import filled_quantity, slice_count, slices_left
from phalanx.brokers.port import PlaceRequest
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.broker_books import BrokerOrder, BrokerTrade
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.numbers import SCALE, Money, Price, Quantity, share_up
from phalanx.domain.orders import (
    TERMINAL,
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.time import MILLISECOND, Nanoseconds

STOPS = frozenset({OrdType.STOP, OrdType.STOP_LIMIT})

_ENDS = {ExecType.CANCELED: OrdStatus.CANCELED, ExecType.EXPIRED: OrdStatus.EXPIRED}


class RestoredOrder(msgspec.Struct, frozen=True, gc=False):
    """What the journal says of an order that paper had accepted and that is not at its end.

    ``request`` carries the quantity and limit that hold now, replacements included. ``by_hand``: all
    its fills, if it has any, were a person's. ``trades``: what paper had reported as filled, under
    the ExecIDs of then; their quantities sum to what is filled. ``time``: when it was placed.
    ``ended``: the end that paper had reported of it, where the journal still waits for executions.
    """

    request: PlaceRequest
    order_id: str
    trades: tuple[BrokerTrade, ...] = ()
    by_hand: bool = False
    time: Nanoseconds = 0
    ended: OrdStatus | None = None

    @property
    def cum_quantity(self) -> Quantity:
        """What is filled of it."""
        return sum(trade.quantity for trade in self.trades)


class PaperOrder:
    """One order in the book, and what is still to be filled of it.

    ``remaining`` is filled in ``slices_left`` slices, ``interval_ns`` apart. The profile is the one
    the account had when the order came: a change of it is for later orders. ``is_triggered``: it
    works; false only of a stop (``stop_price`` above zero) that the last price has not reached.
    ``is_accepted``: its acknowledgement delay is over, and it is at the market. ``time``: when it
    was written; ``ends_at``: when the trading day of that moment is over.
    """

    __slots__ = (
        "_charged",
        "_value",
        "account",
        "charge_bps",
        "cl_ord_id",
        "cum_quantity",
        "ends_at",
        "instrument",
        "interval_ns",
        "is_accepted",
        "is_ioc",
        "is_triggered",
        "limit",
        "lot_size",
        "order_id",
        "product",
        "profile",
        "quantity",
        "remaining",
        "side",
        "slices_left",
        "status",
        "step",
        "stop_price",
        "text",
        "tick_size",
        "time",
        "trades",
    )

    def __init__(
        self,
        request: PlaceRequest,
        order_id: str,
        account: Account,
        instrument: Instrument | None,
        time: Nanoseconds,
        ends_at: Nanoseconds,
    ) -> None:
        self.cl_ord_id: ClOrdId = request.cl_ord_id
        self.order_id = order_id
        self.account: AccountId = request.account
        self.instrument: InstrumentKey = request.instrument
        self.side: Side = request.side
        self.product: Product = request.product
        self.quantity: Quantity = request.quantity
        self.limit: Price = request.limit
        stops = request.ord_type in STOPS
        self.stop_price: Price = request.stop_price if stops else 0
        self.is_triggered = not stops
        self.is_accepted = False
        self.is_ioc = request.time_in_force == TimeInForce.IOC
        self.profile = account.fill_profile
        self.charge_bps = account.charge_bps
        self.lot_size: Quantity = instrument.lot_size if instrument is not None else 0
        self.tick_size: Price = instrument.tick_size if instrument is not None else 0
        self.time = time
        self.ends_at = ends_at
        self.cum_quantity: Quantity = 0
        self.status = OrdStatus.NEW
        self.text = ""
        self.step: int | None = None
        self.trades: list[BrokerTrade] = []
        self.remaining: Quantity = 0
        self.slices_left = 0
        self.interval_ns: Nanoseconds = 0
        self._value = 0
        self._charged: Money = 0

    @property
    def ack_delay_ns(self) -> Nanoseconds:
        """How long every answer about this order takes."""
        return max(0, self.profile.ack_delay_ms) * MILLISECOND

    @property
    def is_ended(self) -> bool:
        """Nothing happens to it any more."""
        return self.status in TERMINAL

    def restore(self, restored: RestoredOrder) -> None:
        """Take over what had happened before a restart."""
        for trade in restored.trades:
            self._add(trade)
        assert self.cum_quantity <= self.quantity, "no more than asked"
        self.is_accepted = True
        if self.cum_quantity and not restored.by_hand:
            # What a price has filled has been triggered: that much of the past a restart can tell.
            self.is_triggered = True
        if restored.ended is not None:
            self.status = restored.ended
        elif self.cum_quantity == self.quantity:
            # A replace to more was under way and never reported: it had not happened.
            self.status = OrdStatus.FILLED
        elif self.cum_quantity:
            self.status = OrdStatus.PARTIALLY_FILLED

    def plan(self) -> None:
        """Plan the fills once the order is accepted, or for a restored one what is left of them."""
        profile, lot = self.profile, self.lot_size
        if lot == 0:
            return  # no instrument, no market: it can only be canceled
        planned = filled_quantity(self.quantity, lot, profile.filled_bps)
        self.remaining = max(0, planned - self.cum_quantity)
        count = slice_count(planned, lot, profile.slices)
        self.slices_left = slices_left(count, planned, self.remaining, lot)
        if profile.fill_duration_ms > 0 and not self.is_ioc:
            self.interval_ns = profile.fill_duration_ms * MILLISECOND // max(1, count)

    @property
    def waits_for(self) -> Price:
        """The last price it waits for: its limit, or first its stop."""
        return self.limit if self.is_triggered else self.stop_price

    @property
    def waits_below(self) -> bool:
        """Whether every lower price does as well; else every higher one. A stop waits the other way."""
        return (self.side == Side.BUY) == self.is_triggered

    def allows(self, last: Price) -> bool:
        """Whether that last price is what it waits for: to trade at all, or to be triggered."""
        return last <= self.waits_for if self.waits_below else last >= self.waits_for

    def may_trade_at(self, price: Price) -> bool:
        """Whether that price is within its limit."""
        return price <= self.limit if self.side == Side.BUY else price >= self.limit

    def replace(self, quantity: Quantity, limit: Price) -> None:
        """Take new terms; what is left to fill follows the new quantity."""
        assert quantity >= self.cum_quantity
        self.quantity = quantity
        self.limit = limit
        self._refill(max(1, self.slices_left))

    def fill_by_hand(self, quantity: Quantity) -> None:
        """Take note that a person fills so much now: what its profile still fills becomes less. A stop
        stays what it is: a person is no price.
        """
        self._refill(max(1, self.slices_left), quantity)

    def charges_of(self, quantity: Quantity, price: Price) -> Money:
        """What a further fill costs: the charges of all that is filled by then, rounded up once, less
        what was charged before. So many fills never cost more than the one that a hold is counted for.
        """
        value = (self._value + price * quantity) // SCALE
        return max(0, share_up(value, self.charge_bps) - self._charged)

    def record(self, report: ExecutionReport) -> None:
        """Book what is about to be reported."""
        assert self.cum_quantity <= report.cum_quantity <= self.quantity
        if report.exec_type == ExecType.TRADE:
            self._add(self._trade(report))
        if report.exec_type in _ENDS:
            self.status, self.text = _ENDS[report.exec_type], report.text
        elif self.cum_quantity == self.quantity:
            # By the last fill, or by a replacement that leaves no more to fill.
            self.status = OrdStatus.FILLED
        elif self.cum_quantity:
            self.status = OrdStatus.PARTIALLY_FILLED

    def shown(self) -> BrokerOrder:
        """The order as the book shows it."""
        return BrokerOrder(
            order_id=self.order_id,
            account=self.account,
            instrument=self.instrument,
            side=self.side,
            product=self.product,
            quantity=self.quantity,
            cum_quantity=self.cum_quantity,
            status=self.status,
            cl_ord_id=self.cl_ord_id,
            limit=self.limit,
            time=self.time,
            text=self.text,
        )

    def _trade(self, report: ExecutionReport) -> BrokerTrade:
        return BrokerTrade(
            exec_id=report.exec_id,
            order_id=self.order_id,
            account=self.account,
            instrument=self.instrument,
            side=self.side,
            product=self.product,
            quantity=report.last_quantity,
            price=report.last_price,
            charges=report.charges,
            time=report.time,
            cl_ord_id=self.cl_ord_id,
        )

    def _add(self, trade: BrokerTrade) -> None:
        self.trades.append(trade)
        self.cum_quantity += trade.quantity
        self._value += trade.price * trade.quantity
        self._charged += trade.charges

    def _refill(self, slices: int, filling: Quantity = 0) -> None:
        if self.lot_size == 0:
            return
        planned = filled_quantity(self.quantity, self.lot_size, self.profile.filled_bps)
        self.remaining = max(0, planned - self.cum_quantity - filling)
        self.slices_left = slice_count(self.remaining, self.lot_size, slices)
