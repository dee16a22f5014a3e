"""How quick the desk is, hop by hop."""

import msgspec

from phalanx.api import instruction_examples
from phalanx.api.exchange import NO_STORE, Answer, Call, Door
from phalanx.api.policy import READ
from phalanx.domain.latency import HopLatency

PATH = "/api/v1/latency"
_encode = msgspec.json.Encoder().encode


class LatencyAnswer(msgspec.Struct, frozen=True):
    """What the hops of all orders took that were answered in the last one to two minutes; empty when there
    were none.
    """

    items: list[HopLatency]


async def recent_latencies(call: Call) -> Answer:
    """The latencies of late."""
    found = call.desk.telemetry.recent_latencies()
    return Answer(200, _encode(LatencyAnswer(found)), (NO_STORE,))


doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        recent_latencies,
        "How long each hop takes, over all orders of late",
        LatencyAnswer,
        policy=READ,
        tag="health",
        about="p50, p99 and the greatest, in nanoseconds, of the orders that brokers answered in the last "
        "one to two minutes; the greatest is exact, a percentile at most 1/32 too great. The same "
        "figures are in `GET /metrics` (`phalanx_hop_recent_seconds`). Those of one instruction, first "
        "fills among them, are in `GET /api/v1/instructions/{instruction_id}`.",
        answers=instruction_examples.LATENCY,
    ),
)
