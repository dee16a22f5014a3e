"""The capability table."""

from phalanx.brokers.motilal.codes import DEFINITE
from phalanx.domain.accounts import Mode, RateLimit
from phalanx.domain.capabilities import BrokerKind, Capabilities, LimitScope, ScopedLimit
from phalanx.domain.orders import OrdType, Product, TimeInForce

NAME = "motilal"
TAG_LENGTH_MAX = 10

ORDERS_PER_SECOND = 10
"""Of a client in a segment, place, modify and cancel together, in a second of the exchange's clock; whoever
is within it in any second is within it in every segment.
"""

RESERVED = 2
SLACK_MS = 100

BOOK_READS_AT_ONCE = 1
"""The questions of a login go one after the other: two books at once only make each other late."""

BOOK_READ_S = 60
"""A book is five questions, 0.51 s apart and twice that while last prices are asked for in between: 5 s, and
the rest for a broker that takes long to answer.
"""


def motilal_capabilities() -> Capabilities:
    """The tag is kept and a used one is taken again, so: look-up.

    MARKET and STOP are taken because they have a protected price, with which they are written. The
    limit is each account's: an account is one client there.
    """
    return Capabilities(
        name=NAME,
        kind=BrokerKind.LOOK_UP,
        modes=frozenset({Mode.LIVE}),
        ord_types=frozenset(OrdType),
        products=frozenset(Product),
        times_in_force=frozenset(TimeInForce),
        market_orders=True,
        replace=True,
        tag_length_max=TAG_LENGTH_MAX,
        definite_codes=DEFINITE,
        streaming=True,
        limits=(ScopedLimit(LimitScope.ACCOUNT, RateLimit(ORDERS_PER_SECOND, 1_000, RESERVED)),),
        limit_slack_ms=SLACK_MS,
        book_reads_at_once=BOOK_READS_AT_ONCE,
        book_read_s=BOOK_READ_S,
    )
