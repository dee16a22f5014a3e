"""Facts of people's acts, decided: only whether they may be kept."""

from phalanx.domain.audit import DETAIL_CHARACTERS_MAX, SUBJECT_CHARACTERS_MAX
from phalanx.domain.events import AccessRecorded, Event
from phalanx.domain.instructions import Origin
from phalanx.domain.names import is_printable
from phalanx.engine.commands import RecordAccess
from phalanx.engine.context import Context
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

COUNT_MAX = 1 << 62


def record_access(_state: State, command: RecordAccess, context: Context) -> list[Event]:
    """One event. A fact uses no idempotency key: what was refused may be tried again under its own.

    Raises Refused ``TEXT_TOO_LONG``, ``INVALID_TEXT``, ``INVALID_VALUE``.
    """
    asked = command.origin
    _check("subject", command.subject, SUBJECT_CHARACTERS_MAX)
    _check("detail", command.detail, DETAIL_CHARACTERS_MAX)
    for part in (asked.actor, asked.request_id, asked.address):
        _check("origin", part, SUBJECT_CHARACTERS_MAX)
    if not 1 <= command.count <= COUNT_MAX:
        raise Refused("INVALID_VALUE", f"{command.count} facts")
    now = context.now
    first = command.first or now
    if not 0 <= first <= now:
        raise Refused("INVALID_VALUE", "the first of them is still to come")
    origin = Origin(asked.actor, asked.door, asked.request_id, address=asked.address)
    what = (command.act, command.subject, command.detail)
    return [AccessRecorded(now, origin, *what, command.count, first)]


def _check(what: str, text: str, characters_max: int) -> None:
    if len(text) > characters_max:
        raise Refused("TEXT_TOO_LONG", f"{what} has at most {characters_max} characters")
    if not is_printable(text):
        raise Refused("INVALID_TEXT", f"{what} has characters that nobody could read")
