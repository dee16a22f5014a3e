"""What one plan has given one book already, so that its later orders see what its earlier ones took."""

from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.limits import Limit
from phalanx.domain.numbers import Money, Quantity
from phalanx.domain.orders import ClOrdId, OrderDraft, Side, parts_closed

_SELL = Side.SELL
_NOT_RESTRICTED: frozenset[InstrumentKey] = frozenset()


class Tally:
    """One book within one plan. ``limit``: the tightest limits that hold for its account, if any, with
    the instruments ``restricted`` by them.

    ``selling`` and ``covering`` are by position, ``buying`` by instrument, ``reserved`` by lot.
    ``freed`` is what unsent sells leave that the plan cancels.
    """

    __slots__ = (
        "buying",
        "covering",
        "freed",
        "holds",
        "limit",
        "orders",
        "reserved",
        "restricted",
        "selling",
        "unreserved",
    )

    def __init__(self, limit: Limit | None = None) -> None:
        self.limit = limit
        self.restricted = _NOT_RESTRICTED if limit is None else frozenset(limit.restricted)
        self.holds: Money = 0
        self.orders = 0
        self.buying: dict[InstrumentKey, Quantity] = {}
        self.selling: dict[str, Quantity] = {}
        self.covering: dict[str, Quantity] = {}
        self.reserved: dict[ClOrdId, Quantity] = {}
        self.freed: dict[str, Quantity] = {}
        self.unreserved: dict[ClOrdId, Quantity] = {}

    def take(self, draft: OrderDraft, position: str) -> None:
        """One more order of this book; ``position`` is the key of the position it changes."""
        self.orders += 1
        self.holds += draft.hold
        if draft.side is _SELL:
            self.selling[position] = self.selling.get(position, 0) + draft.quantity
            for part in draft.closes:
                self.reserved[part.lot] = self.reserved.get(part.lot, 0) + part.quantity
        elif draft.reduce_only:
            self.covering[position] = self.covering.get(position, 0) + draft.quantity
        else:
            self.buying[draft.instrument] = self.buying.get(draft.instrument, 0) + draft.quantity

    def free(self, draft: OrderDraft, quantity: Quantity, left: Quantity, position: str) -> None:
        """A sell ends, of whose present ``quantity`` ``left`` was still to be sold: that may be sold again."""
        self.freed[position] = self.freed.get(position, 0) + left
        for closing, part in parts_closed(draft.closes, quantity - left, quantity):
            self.unreserved[closing.lot] = self.unreserved.get(closing.lot, 0) + part


NOTHING = Tally()
"""For plans with at most one order for each book, where there are no limits."""
