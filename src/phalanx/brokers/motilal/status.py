"""An order's status in their book: the case varies by channel, and there is none of a waiting trigger."""

from collections.abc import Mapping

from phalanx.brokers.motilal.row import BadData, Flaw
from phalanx.domain.numbers import Quantity
from phalanx.domain.orders import OrdStatus

_STATUSES: Mapping[str, OrdStatus] = {
    "unknown": OrdStatus.NEW,
    "sent": OrdStatus.NEW,
    "confirm": OrdStatus.NEW,
    "partial": OrdStatus.PARTIALLY_FILLED,
    "traded": OrdStatus.FILLED,
    "cancel": OrdStatus.CANCELED,
    "rejected": OrdStatus.REJECTED,
    "error": OrdStatus.REJECTED,
}


def order_status(text: str, cum_quantity: Quantity) -> OrdStatus:
    """Ours: one that works is NEW, or PARTIALLY_FILLED once something of it is filled.

    Raises BadData for a status that is not in their documents: it could be an end.
    """
    found = _STATUSES.get(text.lower())
    if found is None:
        raise BadData(Flaw.NOT_KNOWN, f"status {text}")
    if found is OrdStatus.NEW and cum_quantity:
        return OrdStatus.PARTIALLY_FILLED
    return found
