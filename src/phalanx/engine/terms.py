"""The first act of a process that took the journal over."""

from phalanx.domain.events import DeskFounded, Event, TermBegan
from phalanx.engine.commands import BeginTerm
from phalanx.engine.context import Context
from phalanx.engine.lifecycle import Trigger, ready_for
from phalanx.engine.state import State

_DOUBTABLE = ready_for(Trigger.DOUBT)


def begin_term(state: State, command: BeginTerm, context: Context) -> list[Event]:
    """Found the desk if it is new; put in doubt every order with a dispatch and no answer."""
    events: list[Event] = []
    if not state.desk_id:
        events.append(DeskFounded(context.now, command.desk_id, command.shard))
    doubted = tuple(
        order.draft.cl_ord_id for order in state.open_orders() if order.status in _DOUBTABLE
    )
    events.append(TermBegan(context.now, command.epoch, command.version, doubted))
    return events
