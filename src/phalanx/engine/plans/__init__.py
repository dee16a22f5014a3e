"""What each kind of instruction means: one pure function per kind, from state to a Plan."""

from phalanx.domain.instructions import OrderRequest, SignalRequest
from phalanx.engine.commands import Submit
from phalanx.engine.context import Context
from phalanx.engine.plans.order import plan_order
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.signal import plan_signal
from phalanx.engine.state import State


def make_plan(state: State, context: Context, command: Submit) -> Plan:
    """The plan of any instruction."""
    request = command.request
    match request:
        case SignalRequest():
            return plan_signal(state, context, request)
        case OrderRequest():
            keyed = bool(command.origin.idempotency_key)
            return plan_order(state, context, request, keyed=keyed)
