"""The undo window: what may open risk stands HELD for a moment, planned and journaled, before it goes."""

from msgspec.structs import replace

from phalanx.domain.events import Event, InstructionPlanned, OrderEnded, OrdersReleased
from phalanx.domain.orders import OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import MILLISECOND
from phalanx.engine.commands import ReleaseOrders
from phalanx.engine.context import Context
from phalanx.engine.state import State


def with_window(settings: RiskSettings, planned: InstructionPlanned) -> InstructionPlanned:
    """The plan with its undo window, if there is anything in it that may open risk.

    The window changes nothing about when the instruction expires.
    """
    if all(draft.reduce_only for draft in planned.orders):
        return planned
    return replace(planned, undo_until=planned.time + settings.undo_ms * MILLISECOND)


def release_orders(state: State, command: ReleaseOrders, context: Context) -> list[Event]:
    """The window is over: what nobody undid may go, or it expires with its instruction."""
    window = state.undo.get(command.instruction_id)
    now = context.now
    if window is None or now < window.until:
        return []
    orders = (state.orders.get(cl_ord_id) for cl_ord_id in window.orders)
    left = [one for one in orders if one is not None and one.status is OrdStatus.HELD]
    ids = tuple(one.draft.cl_ord_id for one in left)
    if left and now >= state.instructions[command.instruction_id].expires_at:
        reason = Reason(ReasonCode.INSTRUCTION_EXPIRED)
        ends = [OrderEnded(now, cl_ord_id, OrdStatus.EXPIRED, reason) for cl_ord_id in ids]
        return [*ends, OrdersReleased(now, command.instruction_id, ())]
    return [OrdersReleased(now, command.instruction_id, ids)]
