"""From an order of the engine to what goes on the wire, and what does not go at all."""

from phalanx.brokers.port import PlaceRequest
from phalanx.domain.accounts import AccountId
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.reasons import Reason, ReasonCode
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
        draft.reduce_only,
    )


def unsupported(request: PlaceRequest, capabilities: Capabilities) -> Reason | None:
    """Why an order cannot even be written: a term that the broker's capability table does not have."""
    if (
        request.ord_type in capabilities.ord_types
        and request.product in capabilities.products
        and request.time_in_force in capabilities.times_in_force
    ):
        return None
    words = f"{request.product.name} {request.time_in_force.name} {request.ord_type.name}"
    return Reason(ReasonCode.ORDER_TYPE_NOT_SUPPORTED, (capabilities.name, words))
