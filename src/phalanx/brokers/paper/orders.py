"""The paper broker's book: orders that work, orders that ended, orders that wait for a price."""

from collections import deque

import msgspec

from phalanx.brokers.paper.fills import filled_quantity, slice_count, slices_left
from phalanx.brokers.port import BrokerOrder, PlaceRequest
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.numbers import FIXED_MAX, Price, Quantity
from phalanx.domain.orders import (
    TERMINAL,
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from phalanx.domain.time import MILLISECOND, Nanoseconds

STOPS = frozenset({OrdType.STOP, OrdType.STOP_LIMIT})

ENDED_MAX = 10_000
"""So many ended orders are remembered, the latest; ``find`` knows nothing of older ones."""


class RestoredOrder(msgspec.Struct, frozen=True, gc=False):
    """What the journal says of an order that paper had accepted and that is not at its end.

    ``request`` carries the quantity and limit that hold now, replacements included. ``by_hand``: all
    its fills, if it has any, were a person's.
    """

    request: PlaceRequest
    order_id: str
    cum_quantity: Quantity
    by_hand: bool = False


class PaperOrder:
    """One order in the book, and what is still to be filled of it.

    ``remaining`` is filled in ``slices_left`` slices, ``interval_ns`` apart. The profile is the one
    the account had when the order came: a change of it is for later orders. ``is_triggered``: it
    works; false only of a stop (``stop_price`` above zero) that the last price has not reached.
    ``is_accepted``: its acknowledgement delay is over, and it is at the market.
    """

    __slots__ = (
        "account",
        "charge_bps",
        "cl_ord_id",
        "cum_quantity",
        "instrument",
        "interval_ns",
        "is_accepted",
        "is_ioc",
        "is_triggered",
        "limit",
        "lot_size",
        "order_id",
        "profile",
        "quantity",
        "remaining",
        "reports",
        "side",
        "slices_left",
        "status",
        "step",
        "stop_price",
        "tick_size",
    )

    def __init__(
        self,
        request: PlaceRequest,
        order_id: str,
        account: Account,
        instrument: Instrument | None,
        cum_quantity: Quantity = 0,
        *,
        by_hand: bool = False,
    ) -> None:
        self.cl_ord_id: ClOrdId = request.cl_ord_id
        self.order_id = order_id
        self.account: AccountId = request.account
        self.instrument: InstrumentKey = request.instrument
        self.side: Side = request.side
        self.quantity: Quantity = request.quantity
        self.limit: Price = request.limit
        stops = request.ord_type in STOPS
        self.stop_price: Price = request.stop_price if stops else 0
        # What a price has filled has been triggered: that much of the past a restart can tell.
        self.is_triggered = not stops or (cum_quantity > 0 and not by_hand)
        self.is_accepted = False
        self.is_ioc = request.time_in_force == TimeInForce.IOC
        self.profile = account.fill_profile
        self.charge_bps = account.charge_bps
        self.lot_size: Quantity = instrument.lot_size if instrument is not None else 0
        self.tick_size: Price = instrument.tick_size if instrument is not None else 0
        self.cum_quantity = cum_quantity
        self.status = OrdStatus.PARTIALLY_FILLED if cum_quantity else OrdStatus.NEW
        self.step: int | None = None
        self.reports: list[ExecutionReport] = []
        self.remaining: Quantity = 0
        self.slices_left = 0
        self.interval_ns: Nanoseconds = 0

    @property
    def ack_delay_ns(self) -> Nanoseconds:
        """How long every answer about this order takes."""
        return max(0, self.profile.ack_delay_ms) * MILLISECOND

    @property
    def is_ended(self) -> bool:
        """Nothing happens to it any more."""
        return self.status in TERMINAL

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

    def record(self, report: ExecutionReport) -> None:
        """Book what is about to be reported."""
        assert self.cum_quantity <= report.cum_quantity <= self.quantity
        self.cum_quantity = report.cum_quantity
        self.reports.append(report)
        if report.exec_type == ExecType.CANCELED:
            self.status = OrdStatus.CANCELED
        elif report.cum_quantity == self.quantity:
            # By the last fill, or by a replacement that leaves no more to fill.
            self.status = OrdStatus.FILLED
        elif report.cum_quantity:
            self.status = OrdStatus.PARTIALLY_FILLED

    def shown(self) -> BrokerOrder:
        """The order as a look-up shows it; of a restored one only reports since then."""
        return BrokerOrder(
            cl_ord_id=self.cl_ord_id,
            order_id=self.order_id,
            account=self.account,
            status=self.status,
            quantity=self.quantity,
            cum_quantity=self.cum_quantity,
            limit=self.limit,
            reports=tuple(self.reports),
        )

    def _refill(self, slices: int, filling: Quantity = 0) -> None:
        if self.lot_size == 0:
            return
        planned = filled_quantity(self.quantity, self.lot_size, self.profile.filled_bps)
        self.remaining = max(0, planned - self.cum_quantity - filling)
        self.slices_left = slice_count(self.remaining, self.lot_size, slices)


class PaperBook:
    """Every order the broker knows: all that work, and the last ``ended_max`` that ended."""

    __slots__ = ("_ended", "_ended_ids", "_ended_max", "working")

    def __init__(self, ended_max: int = ENDED_MAX) -> None:
        self.working: dict[ClOrdId, PaperOrder] = {}
        self._ended: dict[ClOrdId, PaperOrder] = {}
        self._ended_ids: deque[ClOrdId] = deque()
        self._ended_max = ended_max

    def __contains__(self, cl_ord_id: ClOrdId) -> bool:
        return cl_ord_id in self.working or cl_ord_id in self._ended

    def __len__(self) -> int:
        return len(self.working) + len(self._ended)

    def get(self, cl_ord_id: ClOrdId) -> PaperOrder | None:
        """The order, working or ended."""
        return self.working.get(cl_ord_id) or self._ended.get(cl_ord_id)

    def end(self, order: PaperOrder) -> None:
        """Move an order to the ended ones; the oldest of them may be forgotten for it."""
        assert order.is_ended
        self.working.pop(order.cl_ord_id, None)
        self._ended[order.cl_ord_id] = order
        self._ended_ids.append(order.cl_ord_id)
        if len(self._ended_ids) > self._ended_max:
            del self._ended[self._ended_ids.popleft()]


class Waiting:
    """The orders of one instrument that wait for its price, oldest first: to trade, or for their stops.

    ``allows`` is the cheap look that every quote gets: it may say yes for nobody after an order
    left, never no for somebody.
    """

    __slots__ = ("_at_or_above", "_at_or_below", "_orders")

    def __init__(self) -> None:
        self._orders: dict[ClOrdId, PaperOrder] = {}
        self._at_or_below: Price = 0
        self._at_or_above: Price = FIXED_MAX + 1

    def __len__(self) -> int:
        return len(self._orders)

    def add(self, order: PaperOrder) -> None:
        """Let an order wait."""
        self._orders[order.cl_ord_id] = order
        if order.waits_below:
            self._at_or_below = max(self._at_or_below, order.waits_for)
        else:
            self._at_or_above = min(self._at_or_above, order.waits_for)

    def discard(self, order: PaperOrder) -> bool:
        """Let an order wait no longer; whether it did."""
        return self._orders.pop(order.cl_ord_id, None) is not None

    def allows(self, last: Price) -> bool:
        """Whether some order may have waited for that price."""
        return last <= self._at_or_below or last >= self._at_or_above

    def take(self, last: Price) -> list[PaperOrder]:
        """The orders that waited for that price; they wait no longer."""
        orders = list(self._orders.values())
        self._orders.clear()
        self._at_or_below = 0
        self._at_or_above = FIXED_MAX + 1
        taken: list[PaperOrder] = []
        for order in orders:
            if order.allows(last):
                taken.append(order)
            else:
                self.add(order)
        return taken
