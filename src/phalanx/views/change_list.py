"""The list of changes that wait for another person, or waited, as one SQL statement. They are few: what a
filter finds is counted when it is asked for.
"""

from typing import Final

import msgspec

from phalanx.domain.changes import ChangeId, ChangeStatus
from phalanx.domain.instructions import Door
from phalanx.domain.time import Nanoseconds
from phalanx.views.filters import Slice, Statement
from phalanx.views.schema import KEY_BITS

_CHANGE: Final = (
    f"json_array(g.key >> {KEY_BITS}, g.id, g.kind, g.status, g.actor, g.door, g.request_id,"
    " json(g.details), g.asked_at_ns, g.expires_at_ns, g.decided_by, g.decision_note, g.refusal,"
    " g.refusal_text, g.ended_at_ns)"
)
ONE_CHANGE: Final = f"SELECT {_CHANGE} FROM changes AS g INDEXED BY changes_id WHERE g.id = ?"  # noqa: S608


class ChangeRow(msgspec.Struct, frozen=True, array_like=True):
    """A change that was asked for. ``details``: what it would do; ``decided_by`` and ``decision_note``: who
    approved or declined it and why; ``refusal``: why it was not possible any more when it was approved.
    ``seq``: the event that asked for it.
    """

    seq: int
    id: ChangeId
    kind: str
    status: ChangeStatus
    actor: str
    door: Door
    request_id: str
    details: tuple[str, ...]
    asked_at_ns: Nanoseconds
    expires_at_ns: Nanoseconds
    decided_by: str
    decision_note: str
    refusal: str
    refusal_text: str
    ended_at_ns: Nanoseconds


def change_page(status: ChangeStatus | None, part: Slice) -> Statement:
    """One row: as of which seq, how many there are, and a JSON array of those asked for, newest first.

    ``status`` None: all of them.
    """
    condition = "TRUE" if status is None else "status = ?"
    values = () if status is None else (status.value,)
    keys = f"SELECT key FROM changes WHERE {condition} ORDER BY key DESC LIMIT ? OFFSET ?"  # noqa: S608
    statement = (
        "SELECT (SELECT seq FROM cursor),"  # noqa: S608  names of ours
        f" (SELECT count(*) FROM changes WHERE {condition}),"
        f" (SELECT json_group_array({_CHANGE} ORDER BY g.key DESC) FROM ({keys}) AS k"
        " CROSS JOIN changes AS g ON g.key = k.key)"
    )
    return statement, (*values, *values, part.limit, part.skip)


def one_change(change_id: ChangeId) -> Statement:
    """A change by its id."""
    return ONE_CHANGE, (change_id,)
