"""Who did what from where: one row for each act of somebody."""

from phalanx.domain.events import Event
from phalanx.views.audited import audited
from phalanx.views.workspace import AUDIT, Workspace


def put(work: Workspace, event: Event) -> None:
    """The row of an event, where it is an act."""
    act = audited(event)
    if act is None:
        return
    origin = act.origin
    whence = (act.time_ns, origin.actor, origin.address, origin.door)
    what = (act.act, act.subject, act.detail, origin.request_id, act.count, act.first_ns)
    work.put(AUDIT, (work.seq, *whence, *what))
