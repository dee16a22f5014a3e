"""What a broker module declares about itself; plans and risk read it, desks rely on it."""

from enum import StrEnum

import msgspec

from phalanx.domain.accounts import Mode
from phalanx.domain.orders import OrdType, Product, TimeInForce


class BrokerKind(StrEnum):
    """What we can promise at a broker: it refuses a used tag for ever, a tag can be looked up, no tag."""

    REFUSES_DUPLICATES = "D"
    LOOK_UP = "L"
    NO_TAG = "N"


class Capabilities(msgspec.Struct, frozen=True):
    """What a broker module declares.

    ``definite_codes``: refusals that prove it did not take the order; any other is no proof of
    anything. ``late_ms``: the latest that a request is known to have arrived after it was written; None where
    nothing can arrive late, because the broker lives in our process.
    ``looks_to_prove``: so many complete readings of its book in a row, all after that, prove that an
    order which is in none of them was never received.
    """

    name: str
    kind: BrokerKind
    modes: frozenset[Mode]
    ord_types: frozenset[OrdType]
    products: frozenset[Product]
    times_in_force: frozenset[TimeInForce]
    market_orders: bool
    replace: bool
    tag_length_max: int
    definite_codes: frozenset[str]
    streaming: bool
    late_ms: int | None = 180_000
    looks_to_prove: int = 3
