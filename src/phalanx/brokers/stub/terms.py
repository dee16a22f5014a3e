"""What the stub broker can do, and the codes with which it refuses."""

from enum import StrEnum

from phalanx.domain.accounts import Mode
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.orders import OrdType, Product, TimeInForce

NAME = "stub"
LATE_MS = 20_000
TAG_LENGTH_MAX = 10


class Code(StrEnum):
    """Why it refuses a request. Each of them proves that it did not take it."""

    REJECTED = "REJECTED"
    UNKNOWN_ACCOUNT = "UNKNOWN_ACCOUNT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    TOO_LATE = "TOO_LATE"
    LIMITED = "LIMITED"
    """Too many requests; with HTTP 429."""
    UNAUTHORIZED = "UNAUTHORIZED"
    """Without a session nothing is looked at; with HTTP 401."""


def stub_capabilities(
    kind: BrokerKind = BrokerKind.LOOK_UP, late_ms: int = LATE_MS
) -> Capabilities:
    """The capability table of a stub broker of this kind.

    A used tag is refused with a code that is not in it: it proves that the tag was taken. It declares no
    limit: an account's own rate limit is all that binds it.
    """
    return Capabilities(
        name=NAME,
        kind=kind,
        modes=frozenset(Mode),
        ord_types=frozenset({OrdType.MARKET, OrdType.LIMIT}),
        products=frozenset(Product),
        times_in_force=frozenset({TimeInForce.DAY}),
        market_orders=True,
        replace=True,
        tag_length_max=0 if kind is BrokerKind.NO_TAG else TAG_LENGTH_MAX,
        definite_codes=frozenset(Code),
        streaming=True,
        late_ms=late_ms,
        looks_to_prove=3,
        keeps_sessions=False,
    )
