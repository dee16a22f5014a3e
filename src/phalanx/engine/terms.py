"""The first act of a process that took the journal over."""

from phalanx.domain.events import DeskFounded, Event, TermBegan
from phalanx.domain.orders import OrdStatus
from phalanx.engine.commands import BeginTerm
from phalanx.engine.context import Context
from phalanx.engine.state import State


def begin_term(state: State, command: BeginTerm, context: Context) -> list[Event]:
    """Found the desk if it is new; put in doubt every order with a dispatch and no answer."""
    events: list[Event] = []
    if not state.desk_id:
        events.append(DeskFounded(context.now, command.desk_id, command.shard))
    doubted = tuple(
        order.draft.cl_ord_id for order in state.open_orders() if order.status is OrdStatus.SENT
    )
    events.append(TermBegan(context.now, command.epoch, command.version, doubted))
    return events
