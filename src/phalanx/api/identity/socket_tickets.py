"""A ticket for one WebSocket."""

import msgspec

from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.policy import KNOWN
from phalanx.api.tickets import LIFE_NS
from phalanx.domain.time import SECOND


class TicketAnswer(msgspec.Struct, frozen=True):
    """Good for one socket, opened within ``expires_s`` seconds as ``/ws?ticket=…``."""

    ticket: str
    expires_s: int


async def give_ticket(call: Call) -> Answer:
    """A ticket in the caller's name."""
    ticket = call.house.tickets.give(call.principal, call.desk.clock.monotonic())
    answer = answer_json(200, TicketAnswer(ticket.reveal(), LIFE_NS // SECOND))
    return msgspec.structs.replace(answer, headers=(NO_STORE,))


doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/api/v1/auth/ticket",
        give_ticket,
        "A ticket for one WebSocket",
        TicketAnswer,
        policy=KNOWN,
        tag="identity",
        about="A browser cannot send a token when it opens a WebSocket, and a token in a URL would be "
        "logged. A ticket is good once, for half a minute, and says nothing of who it is for.",
        answers={"a ticket": {"ticket": "Yb5sQ0c…", "expires_s": LIFE_NS // SECOND}},
    ),
)
