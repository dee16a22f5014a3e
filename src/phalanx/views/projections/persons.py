"""Changes that waited for another person, and what became of them."""

import msgspec

from phalanx.domain.changes import KINDS, ChangeId, ChangeStatus
from phalanx.domain.events import ChangeApproved, ChangeAsked, ChangeDeclined, ChangesExpired
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import ChangeEntry
from phalanx.views.workspace import Workspace

_encode = msgspec.json.Encoder().encode


def change_asked(work: Workspace, event: ChangeAsked) -> None:
    """It waits."""
    asked, origin = event.asked, event.origin
    entry = ChangeEntry(
        work.next_key(),
        0,
        asked.id,
        KINDS[type(asked.change)],
        origin.actor,
        origin.door.value,
        origin.request_id,
        _encode(asked.details).decode(),
        asked.asked_at,
        asked.expires_at,
    )
    work.changes.add(entry)
    work.open_changes[asked.id] = entry.key


def change_approved(work: Workspace, event: ChangeApproved) -> None:
    """Another person approved it; perhaps it was not possible any more."""
    status = ChangeStatus.REFUSED if event.refusal else ChangeStatus.APPROVED
    entry = _end(work, event.change_id, status, event.time)
    entry.decided_by, entry.decision_note = event.origin.actor, event.note
    entry.refusal, entry.refusal_text = event.refusal, event.detail


def change_declined(work: Workspace, event: ChangeDeclined) -> None:
    """Somebody declined it."""
    entry = _end(work, event.change_id, ChangeStatus.DECLINED, event.time)
    entry.decided_by, entry.decision_note = event.origin.actor, event.note


def changes_expired(work: Workspace, event: ChangesExpired) -> None:
    """Nobody decided about them."""
    for change_id in event.change_ids:
        _end(work, change_id, ChangeStatus.EXPIRED, event.time)


def _end(
    work: Workspace, change_id: ChangeId, status: ChangeStatus, time: Nanoseconds
) -> ChangeEntry:
    entry = work.change(work.open_changes.pop(change_id))
    entry.status, entry.ended_at_ns = status.value, time
    work.changes.touch(entry)
    return entry
