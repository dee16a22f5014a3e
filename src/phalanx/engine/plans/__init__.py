"""What each kind of instruction means: one pure function per kind, from state to a Plan."""

from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    FollowUp,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    SignalRequest,
)
from phalanx.engine.context import Context
from phalanx.engine.plans.allocated import plan_allocated
from phalanx.engine.plans.batch import plan_batch
from phalanx.engine.plans.cancel_open import plan_cancel_open
from phalanx.engine.plans.cancel_rest import plan_cancel_rest
from phalanx.engine.plans.exit import plan_exit
from phalanx.engine.plans.order import plan_order
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.priority_buy import plan_priority_buy
from phalanx.engine.plans.signal import plan_signal
from phalanx.engine.state import State


def make_plan(
    state: State,
    context: Context,
    request: InstructionRequest,
    *,
    keyed: bool,
    follow_up: FollowUp | None = None,
) -> Plan:
    """The plan of any instruction. ``keyed``: its caller gave an idempotency key. ``follow_up``: how it
    follows the instruction whose orders its rows name.

    Raises Refused for what is never journaled (``AMBIGUOUS_TOKEN``, ``PLAN_TOO_LARGE``).
    """
    # These two by type: a class pattern on a Struct costs four times as much, and they are many.
    if type(request) is SignalRequest:
        return plan_signal(state, context, request)
    if type(request) is OrderRequest:
        return plan_order(state, context, request, keyed=keyed)
    match request:
        case PriorityBuyRequest():
            return plan_priority_buy(state, context, request)
        case BatchRequest():
            return plan_batch(state, context, request, follow_up)
        case AllocatedRequest():
            return plan_allocated(state, context, request)
        case ExitRequest():
            return plan_exit(state, context, request)
        case CancelRestRequest():
            return plan_cancel_rest(state, request)
        case CancelOpenRequest():
            return plan_cancel_open(state, request)
