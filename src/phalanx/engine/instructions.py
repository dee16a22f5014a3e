"""Instructions arrive, are dispatched, and may run out of time."""

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import (
    Event,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    OrderEnded,
    OrdersDispatched,
)
from phalanx.domain.instructions import (
    CancelRestRequest,
    InstructionId,
    InstructionRequest,
    InstructionStatus,
    SignalRequest,
    rows_of,
)
from phalanx.domain.orders import Hops, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND, Nanoseconds, day_begins, trading_day
from phalanx.engine.commands import Dispatch, ExpireUnsent, Release, Submit
from phalanx.engine.context import Context
from phalanx.engine.ids import new_instruction_id
from phalanx.engine.lifecycle import Trigger, ready_for
from phalanx.engine.plans import make_plan
from phalanx.engine.plans.moved import account_prints, leave_out_moved
from phalanx.engine.plans.plan import Plan
from phalanx.engine.refused import Refused
from phalanx.engine.state import HeldInstruction, State

HELD_ROWS_MAX = 200_000
"""Rows, names and quantities that all held instructions may say together."""

_DISPATCHABLE = ready_for(Trigger.DISPATCH)


def submit(state: State, command: Submit, context: Context) -> list[Event]:
    """The instruction with its whole plan, as one event; or held, until its time comes.

    Fired from a preview (``context.pinned``), it leaves out the accounts that moved. Raises Refused
    for what is never journaled (``AMBIGUOUS_TOKEN``, ``PLAN_TOO_LARGE``, ``TOO_MANY_HELD``, ``MOVED``).
    """
    request = command.request
    now, fire_at = context.now, command.fire_at
    expires_at = _expires_at(state, command, now)
    instruction_id = new_instruction_id(state.desk_id, state.shard, state.next_instruction)
    if fire_at > now:
        _check_room(state, request)
        return [
            InstructionHeld(
                now,
                instruction_id,
                command.origin,
                request,
                fire_at,
                expires_at,
                command.note,
                command.parent,
                command.follow_up,
            )
        ]
    # A preview is fired once: its token is a key of a kind.
    keyed = bool(command.origin.idempotency_key) or context.pinned is not None
    plan = make_plan(state, context, request, keyed=keyed, follow_up=command.follow_up)
    if context.pinned is not None:
        leave_out_moved(state, context, plan, _strategy_of(request))
    planned = _planned(context, instruction_id, command, plan, expires_at)
    return _with_end(state, context, planned)


def _check_room(state: State, request: InstructionRequest) -> None:
    """What is held stays in memory and in every snapshot: not too many, and not too much of it."""
    if len(state.held) >= state.settings.held_max:
        raise Refused("TOO_MANY_HELD", f"{len(state.held)} instructions wait for their time")
    rows = rows_of(request) + sum(rows_of(held.request) for held in state.held.values())
    if rows > HELD_ROWS_MAX:
        raise Refused("TOO_MANY_HELD", f"more than {HELD_ROWS_MAX} rows would wait for their time")


def _with_end(state: State, context: Context, planned: InstructionPlanned) -> list[Event]:
    """With the end of the held instruction that a cancel is about: it never fires."""
    request = planned.request
    if type(request) is not CancelRestRequest or request.instruction not in state.held:
        return [planned]
    reason = Reason(ReasonCode.HELD_CANCELED)
    status = InstructionStatus.CANCELED
    return [planned, InstructionEnded(context.now, request.instruction, status, reason)]


def preview(
    state: State, command: Submit, context: Context
) -> tuple[InstructionPlanned, dict[AccountId, bytes]]:
    """What ``submit`` would plan now, under no id, and the prints to fire it by later.

    Raises Refused like ``submit``.
    """
    plan = make_plan(state, context, command.request, keyed=True, follow_up=command.follow_up)
    expires_at = _expires_at(state, command, context.now)
    prints = account_prints(state, plan, _strategy_of(command.request))
    return _planned(context, "", command, plan, expires_at), prints


def _strategy_of(request: InstructionRequest) -> str | None:
    return request.strategy if type(request) is SignalRequest else None


def release(state: State, command: Release, context: Context) -> list[Event]:
    """A held instruction is planned as if it came now; one that comes too late expires."""
    held = state.held.get(command.instruction_id)
    if held is None or context.now < held.fire_at:
        return []
    if context.now >= held.expires_at:
        reason = Reason(ReasonCode.INSTRUCTION_EXPIRED)
        return [InstructionEnded(context.now, held.id, InstructionStatus.EXPIRED, reason)]
    if command.failed:
        return [_not_plannable(context, held, command.failed)]
    try:
        plan = make_plan(state, context, held.request, keyed=True, follow_up=held.follow_up)
    except Refused as refused:
        return [_not_plannable(context, held, f"{refused.code}: {refused.detail}")]
    planned = _planned(context, held.id, held, plan, held.expires_at)
    return _with_end(state, context, planned)


def _not_plannable(context: Context, held: HeldInstruction, why: str) -> InstructionEnded:
    reason = Reason(ReasonCode.NOT_PLANNABLE, (why,))
    return InstructionEnded(context.now, held.id, InstructionStatus.REJECTED, reason)


def _planned(
    context: Context,
    instruction_id: InstructionId,
    asked: Submit | HeldInstruction,
    plan: Plan,
    expires_at: Nanoseconds,
) -> InstructionPlanned:
    return InstructionPlanned(
        context.now,
        instruction_id,
        asked.origin,
        plan.part or asked.request,
        expires_at,
        tuple(plan.instruments),
        tuple(plan.orders),
        tuple(plan.cancels),
        tuple(plan.skips),
        plan.refusal,
        asked.note,
        Hops(asked.received if type(asked) is Submit else 0),
        context.seed,
        asked.parent,
        asked.follow_up,
    )


def _expires_at(state: State, command: Submit, now: Nanoseconds) -> Nanoseconds:
    starts, expires_s = command.fire_at, command.expires_s
    if starts < now:
        starts = now
    if expires_s is None:
        is_signal = type(command.request) is SignalRequest
        settings = state.settings
        expires_s = settings.signal_expires_s if is_signal else settings.order_expires_s
    return starts + expires_s * SECOND


def dispatch(state: State, command: Dispatch, context: Context) -> list[Event]:
    """The orders' turn has come. Those that ended meanwhile are left out; those too late expire, and
    so do those of an earlier trading day.
    """
    going: list[str] = []
    late: list[str] = []
    now, orders, instructions = context.now, state.orders, state.instructions
    zone_offset_s = state.settings.zone_offset_s
    today_begins = day_begins(trading_day(now, zone_offset_s), zone_offset_s)
    for cl_ord_id in command.cl_ord_ids:
        order = orders.get(cl_ord_id)
        if order is None or order.status not in _DISPATCHABLE:
            continue
        expired = now >= instructions[order.instruction_id].expires_at
        if order.placed_at < today_begins or (expired and not order.draft.follows_fill):
            late.append(cl_ord_id)
        else:
            going.append(cl_ord_id)
    events: list[Event] = []
    if going:
        deadline = now + state.settings.send_timeout_s * SECOND
        events.append(OrdersDispatched(now, tuple(going), command.epoch, deadline))
    if late:
        events.extend([_expired(context, cl_ord_id) for cl_ord_id in late])
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
