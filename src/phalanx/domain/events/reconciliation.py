"""What was found at a broker that no report had told, and what could not be explained."""

from phalanx.domain.accounts import BookId
from phalanx.domain.breaks import Break, BreakEnd, BreakId
from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import Origin
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Price, Quantity
from phalanx.domain.orders import ClOrdId, Product, Side
from phalanx.domain.time import Nanoseconds


class ForeignFillBooked(Recorded, frozen=True, tag=38):
    """An execution that no order in memory made: somebody traded outside, or an order of ours that left
    memory was filled late (``cl_ord_id``, else empty).

    A sell closes the oldest lots; what a buy has beyond a short becomes the lot named ``lot``.
    ``exec_id`` identifies it within its book for ever; ``traded_at`` is the broker's time.
    """

    book: BookId
    exec_id: str
    order_id: str
    instrument: InstrumentKey
    side: Side
    product: Product
    quantity: Quantity
    price: Price
    charges: Money
    traded_at: Nanoseconds
    lot: ClOrdId
    cl_ord_id: ClOrdId = ""


class BreakFiled(Recorded, frozen=True, tag=39):
    """A difference stood through as many readings as it takes, and is somebody's to settle now. The
    same break filed again has other values.
    """

    found: Break


class BreakTaken(Recorded, frozen=True, tag=40):
    """A person changed who has a break, its note or its deadline."""

    origin: Origin
    break_id: BreakId
    owner: str
    note: str
    deadline: Nanoseconds


class BreakClosed(Recorded, frozen=True, tag=41):
    """A break is over: a later reading agrees (``origin`` is the desk's), or a person settled it."""

    origin: Origin
    break_id: BreakId
    end: BreakEnd
    note: str = ""


class DoubtJudged(Recorded, frozen=True, tag=42):
    """A person says what became of an order in doubt. What follows of it is in the next events.

    ``order_id``: it is this one at the broker; empty: the broker never received it. With a ``request_id``
    it is about that cancel or replace of it, and ``granted`` says what became of that.
    """

    origin: Origin
    cl_ord_id: ClOrdId
    order_id: str
    note: str
    request_id: str = ""
    granted: bool = False
