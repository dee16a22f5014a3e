"""What the OpenAPI document says of ``WS /ws``, for which OpenAPI has no words of its own."""

from typing import Any

import msgspec

from phalanx.api.platform.client_streams import PACE_S, PORTFOLIO_S
from phalanx.api.sockets import (
    GOING_AWAY,
    NO_SUCH_CLIENT,
    PATH,
    POLICY_VIOLATION,
    STALL_S,
    TRY_AGAIN_LATER,
    UNKNOWN_CLIENT,
)
from phalanx.desk.showing.boards import INSTRUCTIONS_SHOWN_MAX
from phalanx.desk.showing.messages import (
    AccountMessage,
    BreakMessage,
    ChangeMessage,
    DeskMessage,
    InstructionMessage,
    OrderMessage,
)
from phalanx.desk.showing.quote_topic import SHOWN_MAX, TOLD_MS, QuoteMessage
from phalanx.desk.showing.stream import BACKLOG_MAX, READERS_MAX, SLOW_READER, STREAM_CLOSED

TAG = "stream"
TOPICS: dict[str, tuple[str, type[msgspec.Struct], str]] = {
    "orders": ("order_id", OrderMessage, "Working orders, and ended ones for a while."),
    "instructions": (
        "instruction_id",
        InstructionMessage,
        f"The last {INSTRUCTIONS_SHOWN_MAX:,} since the server started.",
    ),
    "accounts": ("account", AccountMessage, "Cash and the number of open orders."),
    "desk": ("name", DeskMessage, "Kills, and milestones of the desk itself."),
    "breaks": (
        "break_id",
        BreakMessage,
        "What differs from a broker's books, until it is settled.",
    ),
    "changes": (
        "change_id",
        ChangeMessage,
        "What loosens a bound and waits for another person.",
    ),
    "quotes": (
        "instrument",
        QuoteMessage,
        f"Last prices of at most {SHOWN_MAX} instruments, once in {TOLD_MS} ms: worked, held, then followed.",
    ),
}
"""Each topic: what names a row, the row's shape, which rows there are."""

CLOSES: tuple[tuple[int, str, str], ...] = (
    (POLICY_VIOLATION, "UNKNOWN_TOPIC", "A topic that does not exist was asked for."),
    (
        TRY_AGAIN_LATER,
        SLOW_READER,
        f"More than {BACKLOG_MAX:,} messages waited, or one for {STALL_S:g} seconds. Join again.",
    ),
    (GOING_AWAY, STREAM_CLOSED, "The server stops."),
)

MESSAGES: dict[str, Any] = {
    "snapshot": {
        "topic": "accounts",
        "type": "snapshot",
        "n": 41,
        "seq": 1207,
        "items": [
            {
                "account": "PAPER-1",
                "client_id": 1,
                "mode": "PAPER",
                "cash": "1000000",
                "open_orders": 0,
            }
        ],
    },
    "delta": {
        "topic": "accounts",
        "type": "delta",
        "n": 42,
        "seq": 1211,
        "items": [
            {
                "account": "PAPER-1",
                "client_id": 1,
                "mode": "PAPER",
                "cash": "1000000",
                "open_orders": 1,
            }
        ],
        "gone": [],
    },
}

ABOUT_STREAM = f"""\
`WS {PATH}` tells what happens, as it becomes durable. `?topics={",".join(TOPICS)}` chooses, and
without `topics` all are sent. What a reader sends means nothing.

**Messages** are JSON texts. Each topic begins with one `snapshot`, the whole table, and goes on with
one `delta` for each group of events that touched it; `quotes`, which are no events, at a pace of their
own. A row in `items` replaces the row of the same
key; the keys in `gone` leave the table. Rows are whole, never parts. Exact numbers are texts, times
are nanoseconds since 1970 in UTC.

**Gaps.** A topic's `n` counts its deltas; the snapshot has the `n` it stands at, and the next delta is
`n` + 1. Any other `n` means that something was missed: join again. `seq` is the last event that the
message tells of, the same number as `as_of` in answers of the other doors; it runs over all topics
and leaves gaps.

**The end.** The stream never waits for a reader: one that is too slow is closed with
{TRY_AGAIN_LATER} `{SLOW_READER}`, an unknown topic with {POLICY_VIOLATION} `UNKNOWN_TOPIC`, and when
the server stops it is {GOING_AWAY} `{STREAM_CLOSED}`. A handshake that is refused gets a problem
document: `HOST_NOT_ALLOWED`, `LOOPBACK_ONLY`, `ORIGIN_NOT_ALLOWED`, `NOT_FOUND`, `TEXT_TOO_LONG`,
`DESK_STOPPED`, or `TOO_MANY_READERS` beyond {READERS_MAX:,}.

**One client.** `WS {PATH}/{{client}}` is the multi-client platform's: messages `{{type, data}}` with JSON
numbers. First `portfolio_update`, as `GET /api/v1/clients/{{client_id}}/portfolio` answers it, again when
something changed, at most once in {PORTFOLIO_S:g} s; `trade_update`, a trade as `GET /api/v1/trades` has
it, when it changed; `price_update` of a token that the client holds, the last price only, at most
once in {PACE_S:g} s. It ends in the same ways, for an unknown client with {NO_SUCH_CLIENT}
`{UNKNOWN_CLIENT}`.
"""


def describe_stream(ref_template: str) -> dict[str, Any]:
    """The document's ``x-stream``: topics with the shapes of their rows, messages, close codes."""
    return {
        "path": PATH,
        "topics": [
            {
                "name": name,
                "key": key,
                "description": about,
                "items": {"$ref": ref_template.format(name=row.__name__)},
            }
            for name, (key, row, about) in TOPICS.items()
        ],
        "examples": MESSAGES,
        "closes": [
            {"code": code, "reason": reason, "description": about} for code, reason, about in CLOSES
        ],
    }
