"""What the paper broker can do, and the codes with which it refuses."""

from enum import StrEnum

from phalanx.domain.accounts import Mode
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.orders import OrdType, Product, TimeInForce


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


# Paper declares no limit: an account's own rate limit is all that binds it.
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
    late_ms=None,
    looks_to_prove=1,
    keeps_sessions=False,
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
