"""The plan of a cancel: what is still open of an earlier instruction is called back, and nothing else."""

from phalanx.domain.instructions import CancelRestRequest, InstructionId
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.plans.plan import Plan
from phalanx.engine.state import State

_R = ReasonCode


def plan_cancel_rest(state: State, request: CancelRestRequest) -> Plan:
    """A cancel for every open order that nobody is cancelling yet.

    What a cancelled buy still fills stays: this closes nothing. An instruction that closes stops
    doing so: what the orders that it cancelled still fill, or give free, stays as well. One that is
    held has no orders; ``engine.instructions`` ends it.
    """
    plan = Plan(state)
    for order in state.open_orders():
        if order.instruction_id != request.instruction:
            continue
        if order.is_canceling:
            reason = Reason(_R.ALREADY_CANCELING, (order.draft.cl_ord_id,))
            plan.skip_for(state.book_of(order).account, reason, order.draft.instrument)
        else:
            plan.cancel(order)
    is_waiting = request.instruction in state.held or _is_closing(state, request.instruction)
    if not plan.cancels and not is_waiting:
        code = _R.NOTHING_VALID if plan.skips else _R.NOTHING_OPEN
        plan.refusal = Reason(code, () if plan.skips else (request.instruction,))
    return plan


def _is_closing(state: State, instruction_id: InstructionId) -> bool:
    """It waits for orders that it cancelled, to sell what they still fill or give free."""
    instruction = state.instructions.get(instruction_id)
    if instruction is None or instruction.kind == "cancel":
        return False
    return bool(instruction.watched and instruction.percent_bps)
