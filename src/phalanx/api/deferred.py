"""What a door answers that would have loosened a bound: nothing is done, it waits for another person."""

import msgspec

from phalanx.api.exchange import Answer, Call, answer_json
from phalanx.desk.desk import Executed
from phalanx.domain.events import ChangeAsked
from phalanx.domain.time import iso

ACCEPTED = 202


class ChangeWaiting(msgspec.Struct, frozen=True):
    """A change that was asked for and not done. ``details``: what it would do, the first of many. Another
    person than ``asked_by`` approves it until ``expires_at``: `POST /api/v1/changes/{id}/approve`.
    """

    change: str
    status: str
    details: tuple[str, ...]
    asked_by: str
    expires_at: str


def deferred(call: Call, executed: Executed) -> Answer | None:
    """202 with the change, where what was asked for waits now; None where it was done."""
    first, *_ = executed.events or (None,)
    if not isinstance(first, ChangeAsked):
        return None
    asked = first.asked
    until = iso(asked.expires_at, call.desk.state.settings.zone_offset_s)
    body = ChangeWaiting(asked.id, "WAITING", asked.details, asked.origin.actor, until)
    return answer_json(ACCEPTED, body, executed)
