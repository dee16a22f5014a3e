"""What a broker module declares about itself; plans and risk read it, desks rely on it."""

from enum import StrEnum

import msgspec

from phalanx.domain.accounts import Mode, RateLimit
from phalanx.domain.orders import OrdType, Product, TimeInForce


class BrokerKind(StrEnum):
    """What we can promise at a broker: it refuses a used tag for ever, a tag can be looked up, no tag."""

    REFUSES_DUPLICATES = "D"
    LOOK_UP = "L"
    NO_TAG = "N"


BOOK_READS_AT_ONCE_MAX = 64
BOOK_READ_S_MAX = 300
"""Whatever a broker declares: a book that takes longer says nothing about now."""


class LimitScope(StrEnum):
    """Who counts together in a limit: each account by itself, the accounts of a login, or those whose
    requests leave from one source address.
    """

    ACCOUNT = "account"
    LOGIN = "login"
    EGRESS = "egress"


class ScopedLimit(msgspec.Struct, frozen=True):
    """A limit of a broker's: new orders, replaces and cancels count together in it."""

    scope: LimitScope
    limit: RateLimit


class Capabilities(msgspec.Struct, frozen=True):
    """What a broker module declares. Raises ValueError for what no broker can mean.

    ``definite_codes``: refusals that prove it did not take the order; any other is no proof of
    anything. ``late_ms``: the latest that a request is known to have arrived after it was written; None where
    nothing can arrive late, because the broker lives in our process.
    ``looks_to_prove``: so many complete readings of its book in a row, all after that, prove that an
    order which is in none of them was never received.
    ``limits``: each binds, and an account's own rate limit too: a request goes when all have a place.
    ``limit_slack_ms``: by how much the time from our write to where the broker counts may differ from
    one request to the next; every window is kept so much longer than it says.
    ``book_reads_at_once``: so many books of one login are read at a time, and one of them takes at most
    ``book_read_s`` from when its turn came.
    ``keeps_sessions``: it stands before an exchange with a trading day; one that does not is open always.
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
    limits: tuple[ScopedLimit, ...] = ()
    limit_slack_ms: int = 0
    keeps_sessions: bool = True
    book_reads_at_once: int = 16
    book_read_s: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.book_reads_at_once <= BOOK_READS_AT_ONCE_MAX:
            raise ValueError(f"book_reads_at_once is 1 to {BOOK_READS_AT_ONCE_MAX}")
        if not 1 <= self.book_read_s <= BOOK_READ_S_MAX:
            raise ValueError(f"book_read_s is 1 to {BOOK_READ_S_MAX}")
