"""What happens to orders, and to the cancels and replaces on them."""

from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import (
    Origin,
)
from phalanx.domain.numbers import Money, Price, Quantity
from phalanx.domain.orders import (
    ClOrdId,
    ExecutionReport,
    Hops,
    OrderDraft,
    OrdStatus,
    RequestKind,
)
from phalanx.domain.reasons import Reason
from phalanx.domain.time import Nanoseconds


class OrdersDispatched(Recorded, frozen=True, tag=12):
    """The orders may be written from now on, by this epoch, until ``deadline`` (wall time)."""

    cl_ord_ids: tuple[ClOrdId, ...]
    epoch: int
    deadline: Nanoseconds
    attempt: int = 1


class DispatchLapsed(Recorded, frozen=True, tag=26):
    """Dispatched orders that the gate did not write and that may be tried again: back to waiting."""

    cl_ord_ids: tuple[ClOrdId, ...]


class OrderReported(Recorded, frozen=True, tag=13):
    """A report was booked. ``status`` is the result; ``cum_quantity`` never falls.

    ``last_quantity`` is what this report newly fills (zero for a duplicate total). ``flag`` names
    something a person should look at (``OVERFILL``, ``LATE``). ``children`` are further reduce-only
    orders of the instruction that is closing this order's lot: what was just filled is sold at once.
    """

    cl_ord_id: ClOrdId
    status: OrdStatus
    cum_quantity: Quantity
    last_quantity: Quantity
    report: ExecutionReport
    reason: Reason | None = None
    flag: str = ""
    children: tuple[OrderDraft, ...] = ()
    hops: Hops = Hops()


class OrderDoubted(Recorded, frozen=True, tag=14):
    """An order was, or may have been, written and no trustworthy answer came."""

    cl_ord_id: ClOrdId
    text: str
    hops: Hops = Hops()


class OrderEnded(Recorded, frozen=True, tag=15):
    """An order ended without a broker's report: never written, expired unsent, or proved absent.

    ``children`` sell what the end of a cancelled sell gave free, as in OrderReported.
    """

    cl_ord_id: ClOrdId
    status: OrdStatus
    reason: Reason
    children: tuple[OrderDraft, ...] = ()


class CancelRequested(Recorded, frozen=True, tag=16):
    """A working order is to be canceled; the request has its own id. ``reason``: of the desk's own."""

    origin: Origin
    request_id: str
    cl_ord_id: ClOrdId
    reason: Reason | None = None


class ReplaceRequested(Recorded, frozen=True, tag=17):
    """A working order is to get another quantity or price. ``hold`` is what the new terms need in full.

    ``repricing``: the desk's own n-th new price of an exit that does not fill; 0: somebody asked.
    """

    origin: Origin
    request_id: str
    cl_ord_id: ClOrdId
    quantity: Quantity
    price: Price
    hold: Money
    repricing: int = 0


class RequestDispatched(Recorded, frozen=True, tag=18):
    """A cancel or replace may be written from now on, by this epoch."""

    cl_ord_id: ClOrdId
    request_id: str
    kind: RequestKind
    epoch: int
    deadline: Nanoseconds


class RequestEnded(Recorded, frozen=True, tag=19):
    """A request ended without effect (refused, never written); the order's state follows from its fills."""

    cl_ord_id: ClOrdId
    request_id: str
    reason: Reason


class RequestDoubted(Recorded, frozen=True, tag=20):
    """A request was written and not answered: the doubt is the request's, not the order's."""

    cl_ord_id: ClOrdId
    request_id: str
    text: str


class FillOrdered(Recorded, frozen=True, tag=35):
    """A person has the paper broker fill so much of a working order; the fill itself is its report."""

    origin: Origin
    cl_ord_id: ClOrdId
    quantity: Quantity
    price: Price
    exec_id: str


class OrderFlagged(Recorded, frozen=True, tag=36):
    """Something about a working order is for a person to see; no broker reported it.

    ``exec_id``: of the fill by hand that the broker did not do, and will not.
    """

    cl_ord_id: ClOrdId
    flag: str
    text: str = ""
    exec_id: str = ""
