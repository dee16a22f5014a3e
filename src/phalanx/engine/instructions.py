"""Instructions arrive, are approved, are dispatched, and may run out of time."""

from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from phalanx.domain.accounts import AccountId
from phalanx.domain.events import (
    ApprovalAsked,
    Event,
    InstructionApproved,
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
    WaitsFor,
    rows_of,
)
from phalanx.domain.orders import Hops, OrderDraft, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND, Nanoseconds, day_begins, trading_day
from phalanx.engine.commands import Approve, Decline, Dispatch, ExpireUnsent, Release, Submit
from phalanx.engine.context import Context
from phalanx.engine.held.approval import approval_cause, approve_by, is_as_approved, waiting_for
from phalanx.engine.held.undo import with_window
from phalanx.engine.held.waiting import HeldInstruction
from phalanx.engine.hooks import check_caps
from phalanx.engine.ids import new_instruction_id
from phalanx.engine.lifecycle import Trigger, ready_for
from phalanx.engine.plans import make_plan
from phalanx.engine.plans.moved import account_prints, leave_out_moved
from phalanx.engine.plans.plan import Plan
from phalanx.engine.refused import Refused
from phalanx.engine.state import State

HELD_ROWS_MAX = 200_000
"""Rows, names and quantities that all held instructions may say together."""

_DISPATCHABLE = ready_for(Trigger.DISPATCH)


def submit(state: State, command: Submit, context: Context) -> list[Event]:
    """The instruction with its whole plan, as one event; or held, until its time comes or another person
    approves it.

    Fired from a preview (``context.pinned``), it leaves out the accounts that moved. Raises Refused
    for what is never journaled (``AMBIGUOUS_TOKEN``, ``PLAN_TOO_LARGE``, ``TOO_MANY_HELD``, ``MOVED``,
    a webhook's ``HOOK_QUANTITY``, ``HOOK_VALUE``).
    """
    request = command.request
    now, fire_at = context.now, command.fire_at
    expires_at = _expires_at(state, command, now)
    instruction_id = new_instruction_id(state.desk_id, state.shard, state.next_instruction)
    if fire_at > now:
        cause = _foreseen_cause(state, command, context)
        return [_held(state, command, instruction_id, expires_at, now, cause)]
    # A preview is fired once: its token is a key of a kind.
    keyed = bool(command.origin.idempotency_key) or context.pinned is not None
    plan = make_plan(state, context, request, keyed=keyed, follow_up=command.follow_up)
    if context.pinned is not None:
        leave_out_moved(state, context, plan, _strategy_of(request))
    check_caps(state, command.origin, plan)
    settings = state.settings
    if command.ask or settings.approve_above:
        cause = approval_cause(settings, request, plan.orders, ask=command.ask)
        if cause is not None:
            return [_held(state, command, instruction_id, expires_at, now, cause)]
    planned = _planned(context, instruction_id, command, plan, expires_at)
    return _with_end(state, context, planned)


def _foreseen_cause(state: State, command: Submit, context: Context) -> Reason | None:
    """Why what is planned later will need approval, as far as that can be known now: then there is time
    for it.
    """
    settings, request = state.settings, command.request
    drafts: Sequence[OrderDraft] = ()
    if settings.approve_above:
        with suppress(Refused):
            drafts = make_plan(
                state, context, request, keyed=True, follow_up=command.follow_up
            ).orders
    return approval_cause(settings, request, drafts, ask=command.ask)


def _held(
    state: State,
    command: Submit,
    instruction_id: InstructionId,
    expires_at: Nanoseconds,
    now: Nanoseconds,
    cause: Reason | None,
) -> InstructionHeld:
    """Held for its time; with a ``cause`` for approval first. Raises Refused ``TOO_MANY_HELD``."""
    _check_room(state, command.request)
    fire_at = command.fire_at if command.fire_at > now else 0
    waits_for, until = WaitsFor.TIME, 0
    if cause is not None:
        waits_for, until = WaitsFor.APPROVAL, approve_by(state.settings, now, fire_at)
        # For as long as it could have been fired now, or at its time.
        expires_at += until - max(now, fire_at)
    return InstructionHeld(
        now,
        instruction_id,
        command.origin,
        command.request,
        fire_at,
        expires_at,
        command.note,
        command.parent,
        command.follow_up,
        waits_for,
        until,
        cause,
    )


def _check_room(state: State, request: InstructionRequest) -> None:
    """What is held stays in memory and in every snapshot: not too many, and not too much of it."""
    if len(state.held) >= state.settings.held_max:
        raise Refused("TOO_MANY_HELD", f"{len(state.held)} instructions are held")
    rows = rows_of(request) + sum(rows_of(held.request) for held in state.held.values())
    if rows > HELD_ROWS_MAX:
        raise Refused("TOO_MANY_HELD", f"more than {HELD_ROWS_MAX} rows would be held")


def _with_end(state: State, context: Context, planned: InstructionPlanned) -> list[Event]:
    """With its undo window, and the end of the held instruction that a cancel is about: it never fires."""
    if state.settings.undo_ms and planned.orders:
        planned = with_window(state.settings, planned)
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
    """A held instruction is planned as if it came now; one that comes too late expires, and so does one
    that nobody approved. One whose size is known only now, and too large, waits for approval from here on.
    """
    held = state.held.get(command.instruction_id)
    if held is None or context.now < held.due:
        return []
    if held.waits_for is WaitsFor.APPROVAL:
        return [_too_late(context, held, ReasonCode.APPROVAL_EXPIRED)]
    if context.now >= held.expires_at:
        return [_too_late(context, held, ReasonCode.INSTRUCTION_EXPIRED)]
    if command.failed:
        return [_not_plannable(context, held, command.failed)]
    return _plan_held(state, context, held)


def approve(state: State, command: Approve, context: Context) -> list[Event]:
    """The instruction is planned at once, anew, or goes on waiting for its time.

    What was approved is the instruction, at the prices of whenever it is planned. Where it has grown since
    it was asked for (a group got members, a price rose further than the collar) it waits for approval
    again, with its new size. Raises Refused as ``waiting_for`` does.
    """
    now, origin = context.now, command.origin
    held = waiting_for(state, command, now)
    fire_at = max(now, held.fire_at)
    expires_at = fire_at + held.lasts
    approved = InstructionApproved(now, held.id, origin, command.note, expires_at)
    if fire_at > now:
        return [approved]
    free = held.approved(origin.actor, fire_at, expires_at)
    return [approved, *_plan_held(state, context, free)]


def decline(state: State, command: Decline, context: Context) -> list[Event]:
    """The instruction ends. Raises Refused as ``waiting_for`` does."""
    held = waiting_for(state, command, context.now)
    reason = Reason(ReasonCode.DECLINED, (command.origin.actor,))
    end = InstructionEnded(context.now, held.id, InstructionStatus.REJECTED, reason)
    return [replace(end, origin=command.origin, note=command.note)]


def _plan_held(state: State, context: Context, held: HeldInstruction) -> list[Event]:
    now, settings = context.now, state.settings
    try:
        plan = make_plan(state, context, held.request, keyed=True, follow_up=held.follow_up)
        check_caps(state, held.origin, plan)
    except Refused as refused:
        return [_not_plannable(context, held, f"{refused.code}: {refused.detail}")]
    cause = approval_cause(settings, held.request, plan.orders, ask=False)
    if cause is not None and not (held.approved_by and is_as_approved(settings, held, cause)):
        until = approve_by(settings, now)
        return [ApprovalAsked(now, held.id, until, until + held.lasts, cause)]
    planned = _planned(context, held.id, held, plan, held.expires_at)
    return _with_end(state, context, planned)


def _too_late(context: Context, held: HeldInstruction, code: ReasonCode) -> InstructionEnded:
    return InstructionEnded(context.now, held.id, InstructionStatus.EXPIRED, Reason(code))


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
