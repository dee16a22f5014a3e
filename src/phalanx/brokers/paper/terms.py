"""What the paper broker can do, and the codes with which it refuses."""

from enum import StrEnum

from phalanx.brokers.port import PlaceRequest
from phalanx.domain.accounts import Mode
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.orders import OrdType, Product, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode


class Code(StrEnum):
    """Why paper refuses a request. All of them are definite: it did not take it."""

    REJECTED = "REJECTED"
    DUPLICATE_TAG = "DUPLICATE_TAG"
    INVALID_TAG = "INVALID_TAG"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    INVALID_PRICE = "INVALID_PRICE"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    TOO_LATE = "TOO_LATE"
    BELOW_FILLED = "BELOW_FILLED"


CAPABILITIES = Capabilities(
    name="paper",
    kind=BrokerKind.LOOK_UP,
    modes=frozenset({Mode.PAPER}),
    ord_types=frozenset(OrdType),
    products=frozenset(Product),
    times_in_force=frozenset({TimeInForce.DAY, TimeInForce.IOC}),
    market_orders=True,
    replace=True,
    tag_length_max=32,
    definite_codes=frozenset(Code),
    streaming=True,
)

TEXTS: dict[Code, str] = {
    Code.REJECTED: "rejected by the account's fill profile",
    Code.DUPLICATE_TAG: "an order with this tag is known already",
    Code.INVALID_TAG: f"a tag has 1 to {CAPABILITIES.tag_length_max} characters",
    Code.INVALID_QUANTITY: "a quantity must be above zero",
    Code.INVALID_PRICE: "a limit, protected or stop price must be above zero",
    Code.UNKNOWN_ACCOUNT: "no such account",
    Code.UNKNOWN_INSTRUMENT: "no such instrument",
    Code.UNKNOWN_ORDER: "no such order of this account",
    Code.TOO_LATE: "the order is filled, canceled or rejected already",
    Code.BELOW_FILLED: "less than what is filled already",
}


def unable(request: PlaceRequest) -> Reason | None:
    """Why an order cannot even be written here: a term that the capability table does not have."""
    if (
        request.ord_type in CAPABILITIES.ord_types
        and request.product in CAPABILITIES.products
        and request.time_in_force in CAPABILITIES.times_in_force
    ):
        return None
    words = f"{request.product.name} {request.time_in_force.name} {request.ord_type.name}"
    return Reason(ReasonCode.ORDER_TYPE_NOT_SUPPORTED, (CAPABILITIES.name, words))
