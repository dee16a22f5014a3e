"""The doors behind which orders are placed, changed and called back, and positions converted."""

from typing import Final

from phalanx.simulation.motilal.calls import Call, Envelope, success
from phalanx.simulation.motilal.config import SimulatorConfig
from phalanx.simulation.motilal.faults import Faults
from phalanx.simulation.motilal.matching import Matching
from phalanx.simulation.motilal.moments import stamp
from phalanx.simulation.motilal.orders import Order, Orders
from phalanx.simulation.motilal.portfolio import Portfolio
from phalanx.simulation.motilal.rates import ClockSeconds
from phalanx.simulation.motilal.refusals import RATE_SENTENCE, Refused
from phalanx.simulation.motilal.tickets import Reader

NEVER: Final = "0"


class Trading:
    """What ``/rest/trans`` does. A success says that the gateway has it, and nothing more."""

    def __init__(
        self,
        config: SimulatorConfig,
        reader: Reader,
        orders: Orders,
        portfolio: Portfolio,
        matching: Matching,
        faults: Faults,
    ) -> None:
        self._now = config.now
        self._rejects_excess = config.ops_excess == "reject"
        self._rates = ClockSeconds(config.ops_max)
        self._reader = reader
        self._orders = orders
        self._portfolio = portfolio
        self._matching = matching
        self._faults = faults

    def place(self, call: Call) -> Envelope:
        """``placeorder``. Raises Refused."""
        now = self._now()
        ticket = self._reader.ticket(call.body, call.client, call.session.login.userid, now)
        if ticket.is_amo and self._matching.is_open:
            raise Refused("MO1061")
        doom = ""
        if not self._rates.take(call.client, ticket.scrip.exchange, now):
            if not self._rejects_excess:
                raise Refused("", RATE_SENTENCE)
            doom = RATE_SENTENCE
        if fault := self._faults.of_order(call.client):
            doom = fault.text
        order = self._orders.place(ticket, doom)
        return success("Order Placed Successfully", uniqueorderid=order.id)

    def modify(self, call: Call) -> Envelope:
        """``modifyorder`` v5: for who knows the order as it is. Raises Refused."""
        order = self._working_order(call)
        if str(call.body.get("lastmodifiedtime")) not in _times_of(order):
            raise Refused("MO1089")
        traded = call.body.get("qtytradedtoday")
        if isinstance(traded, bool) or traded != order.traded:
            raise Refused("MO1090")
        return self._change(order, call)

    def modify_blindly(self, call: Call) -> Envelope:
        """``modifyorder`` v6, as the Java SDK calls it: whatever became of the order. Raises Refused."""
        return self._change(self._working_order(call), call)

    def cancel(self, call: Call) -> Envelope:
        """``cancelorder``. Raises Refused."""
        order = self._working_order(call)
        self._count(order)
        order.is_called_back = True
        return success("Cancel Order Request Sent")

    def convert(self, call: Call) -> Envelope:
        """``positionconversion``, of shares and not of lots. Raises Refused."""
        body = call.body
        scrip = self._reader.scrip(body.get("exchange"), body.get("scripcode"))
        old = self._reader.product(body.get("oldproduct"), scrip)
        new = self._reader.product(body.get("newproduct"), scrip)
        quantity = body.get("quantity")
        if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity <= 0:
            raise Refused("MO1055")
        if quantity % scrip.lot:
            raise Refused("MO1059")
        if not self._portfolio.convert(call.client, scrip, old, new, quantity):
            raise Refused("MO1016")
        return success("Position Conversion Request Sent Successfully")

    def _change(self, order: Order, call: Call) -> Envelope:
        terms = self._reader.change(call.body, order.ticket, order.traded, self._now())
        self._count(order)
        order.change = terms
        return success("Modify Order Request Sent Successfully")

    def _working_order(self, call: Call) -> Order:
        unique_id = call.body.get("uniqueorderid")
        if not unique_id:
            raise Refused("MO1070")
        try:
            order = self._orders.get(str(unique_id))
        except KeyError:
            raise Refused("MO1060") from None
        if order.ticket.client != call.client:
            raise Refused("MO1060")
        self._orders.check_working(order)
        return order

    def _count(self, order: Order) -> None:
        ticket = order.ticket
        if not self._rates.take(ticket.client, ticket.scrip.exchange, self._now()):
            raise Refused("", RATE_SENTENCE)


def _times_of(order: Order) -> set[str]:
    """What an order that nobody changed yet goes by: when it came in, or when the exchange took it."""
    if order.modified:
        return {stamp(order.modified)}
    return {stamp(order.inserted), stamp(order.entered)} - {NEVER}
