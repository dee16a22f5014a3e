"""From an order of the engine to what goes on the wire."""

from phalanx.brokers.port import PlaceRequest
from phalanx.domain.accounts import AccountId
from phalanx.engine.state import Order


def place_request(order: Order, account: AccountId) -> PlaceRequest:
    """The order as it stands: its quantity and limit follow replaces."""
    draft = order.draft
    return PlaceRequest(
        draft.cl_ord_id,
        account,
        draft.instrument,
        draft.side,
        draft.product,
        draft.ord_type,
        draft.time_in_force,
        order.quantity,
        order.limit,
        draft.stop_price,
    )
