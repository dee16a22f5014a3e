"""Instructions arrive, are dispatched, and may run out of time."""

from phalanx.domain.events import Event, InstructionPlanned, OrderEnded, OrdersDispatched
from phalanx.domain.instructions import InstructionId, SignalRequest
from phalanx.domain.orders import Hops, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine.commands import Dispatch, ExpireUnsent, Submit
from phalanx.engine.context import Context
from phalanx.engine.ids import base36, prefix
from phalanx.engine.lifecycle import Trigger, ready_for
from phalanx.engine.plans import make_plan
from phalanx.engine.state import State

_DISPATCHABLE = ready_for(Trigger.DISPATCH)


def submit(state: State, command: Submit, context: Context) -> list[Event]:
    """The instruction with its whole plan, as one event.

    Raises Refused for what is never journaled (``AMBIGUOUS_TOKEN``, ``PLAN_TOO_LARGE``).
    """
    plan = make_plan(state, context, command)
    expires_s = command.expires_s
    if expires_s is None:
        settings = state.settings
        is_signal = isinstance(command.request, SignalRequest)
        expires_s = settings.signal_expires_s if is_signal else settings.order_expires_s
    planned = InstructionPlanned(
        context.now,
        next_instruction_id(state),
        command.origin,
        command.request,
        context.now + expires_s * SECOND,
        tuple(plan.instruments),
        tuple(plan.orders),
        tuple(plan.cancels),
        tuple(plan.skips),
        plan.refusal,
        command.note,
        Hops(received=command.received),
        context.seed,
    )
    return [planned]


def next_instruction_id(state: State) -> InstructionId:
    """``I`` and ten characters like a ClOrdID's, from the journaled counter."""
    return "I" + prefix(state.desk_id, state.shard) + base36(state.next_instruction)


def dispatch(state: State, command: Dispatch, context: Context) -> list[Event]:
    """The orders' turn has come. Those that ended meanwhile are left out; those too late expire."""
    going: list[str] = []
    late: list[str] = []
    for cl_ord_id in command.cl_ord_ids:
        order = state.orders.get(cl_ord_id)
        if order is None or order.status not in _DISPATCHABLE:
            continue
        instruction = state.instructions[order.instruction_id]
        expired = context.now >= instruction.expires_at and not order.draft.follows_fill
        (late if expired else going).append(cl_ord_id)
    events: list[Event] = []
    if going:
        deadline = context.now + state.settings.send_timeout_s * SECOND
        events.append(OrdersDispatched(context.now, tuple(going), command.epoch, deadline))
    events.extend(_expired(context, cl_ord_id) for cl_ord_id in late)
    return events


def expire_unsent(state: State, command: ExpireUnsent, context: Context) -> list[Event]:
    """Orders that never had their turn end with their instruction's time."""
    return [
        _expired(context, cl_ord_id)
        for cl_ord_id in command.cl_ord_ids
        if (order := state.orders.get(cl_ord_id)) is not None and order.status in _DISPATCHABLE
    ]


def _expired(context: Context, cl_ord_id: str) -> OrderEnded:
    reason = Reason(ReasonCode.INSTRUCTION_EXPIRED)
    return OrderEnded(context.now, cl_ord_id, OrdStatus.EXPIRED, reason)
