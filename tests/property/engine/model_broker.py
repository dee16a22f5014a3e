"""A broker that is slow and forgetful but does not lie: the truth that the engine must come to."""

from collections.abc import Iterable

import msgspec

from phalanx.domain.instruments import Instrument
from phalanx.domain.numbers import Price, Quantity, whole
from phalanx.domain.orders import (
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrdStatus,
    RequestKind,
    Side,
)
from phalanx.engine.state import Order, PendingRequest

_ENDS = {
    ExecType.CANCELED: OrdStatus.CANCELED,
    ExecType.EXPIRED: OrdStatus.EXPIRED,
    ExecType.REJECTED: OrdStatus.REJECTED,
}


class TrueOrder(msgspec.Struct):
    """An order as it really stands. ``reports`` is all that was ever said of it."""

    cl_ord_id: ClOrdId
    side: Side
    quantity: Quantity
    limit: Price
    lot_size: Quantity
    cum_quantity: Quantity = 0
    end: OrdStatus | None = None
    reports: list[ExecutionReport] = msgspec.field(default_factory=list)

    @property
    def status(self) -> OrdStatus:
        if self.end is not None:
            return self.end
        return OrdStatus.PARTIALLY_FILLED if self.cum_quantity else OrdStatus.NEW


class FlyingRequest(msgspec.Struct, frozen=True):
    """A cancel or replace on the wire."""

    id: str
    cl_ord_id: ClOrdId
    kind: RequestKind
    quantity: Quantity
    limit: Price


class ModelBroker:
    """``flying`` and ``requests`` are on the wire towards it, ``outbox`` is on the wire from it."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._lot_sizes = {instrument.key: instrument.lot_size for instrument in instruments}
        self.orders: dict[ClOrdId, TrueOrder] = {}
        self.flying: dict[ClOrdId, Order] = {}
        self.requests: list[FlyingRequest] = []
        self.outbox: list[ExecutionReport] = []
        self._executions = 0

    def alive(self) -> list[TrueOrder]:
        return [order for order in self.orders.values() if order.end is None]

    def write(self, order: Order) -> None:
        """The bytes of a new order left."""
        cl_ord_id = order.draft.cl_ord_id
        assert cl_ord_id not in self.orders, f"{cl_ord_id} was sent twice"
        self.flying[cl_ord_id] = order

    def arrive(self, cl_ord_id: ClOrdId, *, refuse: bool = False) -> None:
        """A flying order is taken, or refused."""
        order = self.flying.pop(cl_ord_id)
        draft = order.draft
        lot_size = self._lot_sizes[draft.instrument]
        true = TrueOrder(cl_ord_id, draft.side, draft.quantity, draft.limit, lot_size)
        self.orders[cl_ord_id] = true
        self._say(true, ExecType.NEW)
        if refuse:
            self.finish(true, ExecType.REJECTED)

    def write_request(self, cl_ord_id: ClOrdId, request: PendingRequest) -> None:
        """The bytes of a request left."""
        self.requests.append(
            FlyingRequest(request.id, cl_ord_id, request.kind, request.quantity, request.limit)
        )

    def lose_request(self, request_id: str) -> bool:
        """A flying request is lost; whether it was flying."""
        before = len(self.requests)
        self.requests = [request for request in self.requests if request.id != request_id]
        return len(self.requests) < before

    def answer(self, request: FlyingRequest, *, refuse: bool = False) -> None:
        """A flying request is granted, or refused."""
        self.requests.remove(request)
        order = self.orders.get(request.cl_ord_id)
        if order is None:
            return
        is_cancel = request.kind is RequestKind.CANCEL
        if order.end is not None or refuse:
            self._say(order, ExecType.CANCEL_REJECTED if is_cancel else ExecType.REPLACE_REJECTED)
        elif is_cancel:
            self.finish(order, ExecType.CANCELED)
        elif request.quantity < order.cum_quantity:
            self._say(order, ExecType.REPLACE_REJECTED)
        else:
            order.quantity, order.limit = request.quantity, request.limit
            self._say(order, ExecType.REPLACED)
            self._end_if_filled(order)

    def fill(self, order: TrueOrder, quantity: Quantity, price: Price) -> None:
        """An execution of at most what is left, or of more when the broker is out of its mind."""
        self._executions += 1
        order.cum_quantity += quantity
        self._say(order, ExecType.TRADE, exec_id=f"E{self._executions}", last=quantity, price=price)
        self._end_if_filled(order)

    def fill_by_hand(
        self, cl_ord_id: ClOrdId, quantity: Quantity, price: Price, exec_id: str
    ) -> None:
        """Fill what a person ordered, as far as it is left; each ExecID once."""
        order = self.orders.get(cl_ord_id)
        if order is None or order.end is not None:
            return
        part = min(quantity, order.quantity - order.cum_quantity)
        if part > 0 and all(report.exec_id != exec_id for report in order.reports):
            order.cum_quantity += part
            self._say(order, ExecType.TRADE, exec_id=exec_id, last=part, price=price)
            self._end_if_filled(order)

    def finish(self, order: TrueOrder, exec_type: ExecType) -> None:
        """No more fills."""
        order.end = _ENDS[exec_type]
        self._say(order, exec_type)

    def _end_if_filled(self, order: TrueOrder) -> None:
        if order.cum_quantity >= order.quantity:
            order.end = OrdStatus.FILLED

    def _say(
        self,
        order: TrueOrder,
        exec_type: ExecType,
        exec_id: str = "",
        last: Quantity = 0,
        price: Price = 0,
    ) -> None:
        report = ExecutionReport(
            order.cl_ord_id,
            exec_type,
            f"B{order.cl_ord_id}",
            exec_id,
            order.cum_quantity,
            last,
            price,
            charges=last // whole(1),
            quantity=order.quantity if exec_type is ExecType.REPLACED else 0,
            price=order.limit if exec_type is ExecType.REPLACED else 0,
        )
        order.reports.append(report)
        self.outbox.append(report)
