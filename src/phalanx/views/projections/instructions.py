"""An instruction with its plan, and how it fares."""

from typing import Final

import msgspec

from phalanx.domain.events import (
    ApprovalAsked,
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
)
from phalanx.domain.instructions import (
    KINDS,
    CancelDraft,
    CancelRestRequest,
    InstructionStatus,
    Origin,
    WaitsFor,
)
from phalanx.domain.orders import OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import ApprovalEntry, InstructionEntry, OrderEntry
from phalanx.views.projections import requests
from phalanx.views.projections.orders import place
from phalanx.views.projections.standing import set_status, stop_watching
from phalanx.views.schema import Subject
from phalanx.views.workspace import SKIPS, Workspace

_json: Final = msgspec.json.Encoder()
_DECISIONS: Final = {
    ReasonCode.DECLINED: "declined",
    ReasonCode.APPROVAL_EXPIRED: "expired",
    ReasonCode.HELD_CANCELED: "canceled",
}
"""How a wait for approval ended otherwise than by one."""


def instruction_planned(work: Workspace, event: InstructionPlanned) -> None:
    """The instruction, its orders, the cancels it starts, its skips."""
    instruction = _instruction(work, event)
    for facts in event.instruments:
        work.put_instrument(facts.key, facts.symbol, facts.isin)
    closed = [_mark_closed(work, instruction, cancel, event.time) for cancel in event.cancels]
    instruction.undo_until_ns = event.undo_until
    first = OrdStatus.HELD if event.undo_until else OrdStatus.PENDING_NEW
    for draft in event.orders:
        status = OrdStatus.PENDING_NEW if draft.reduce_only else first
        place(work, instruction, draft, event.time, event.hops.received, status)
        work.settle()
    for cancel, order in zip(event.cancels, closed, strict=True):
        request = requests.ask(work, order, cancel.request_id, event.origin, event.time)
        request.instruction_key = instruction.key
        requests.cancel(work, order, request, unsent=cancel.unsent)
        work.settle()
    for skip in event.skips:
        reason = skip.reason
        who = (skip.account, work.client_of(skip.account))
        what = (skip.instrument, skip.row)
        work.put(SKIPS, (work.next_key(), *who, reason.code, str(reason), *what))
        work.settle()


def instruction_held(work: Workspace, event: InstructionHeld) -> None:
    """It waits for its time, or for approval; its plan will come under the same id."""
    instruction = _new(work, event, InstructionStatus.HELD)
    instruction.fire_at_ns = event.fire_at
    work.held[instruction.id] = instruction.key
    if event.waits_for is WaitsFor.APPROVAL and event.cause is not None:
        _ask(work, instruction.key, event.time, event.approve_by, event.cause)


def approval_asked(work: Workspace, event: ApprovalAsked) -> None:
    """Its time came, and it waits for approval."""
    instruction = work.instruction(work.held[event.instruction_id])
    instruction.expires_at_ns = event.expires_at
    work.instructions.touch(instruction)
    _ask(work, instruction.key, event.time, event.approve_by, event.cause)


def instruction_approved(work: Workspace, event: InstructionApproved) -> None:
    """It waits for its time alone, or its plan is the next event."""
    instruction = work.instruction(work.held[event.instruction_id])
    instruction.expires_at_ns = event.expires_at
    work.instructions.touch(instruction)
    _decide(work, instruction.key, event.time, "approved", event.origin, event.note)


def instruction_ended(work: Workspace, event: InstructionEnded) -> None:
    """It was held and will never be planned."""
    instruction = work.instruction(work.held.pop(event.instruction_id))
    instruction.refusal_code = event.reason.code
    instruction.refusal_text = str(event.reason)
    set_status(work, instruction, event.status, event.time)
    decision = _DECISIONS.get(event.reason.code)
    if decision is not None:
        _decide(work, instruction.key, event.time, decision, event.origin, event.note)


def _ask(
    work: Workspace, key: int, time: Nanoseconds, approve_by: Nanoseconds, cause: Reason
) -> None:
    work.approvals.add(ApprovalEntry(key, 0, time, approve_by, cause.code, str(cause)))


def _decide(
    work: Workspace, key: int, time: Nanoseconds, decision: str, origin: Origin | None, note: str
) -> None:
    """The wait for approval is over, if there was one and it was not over before."""
    approval = work.approval(key)
    if approval is None or approval.ended_at_ns:
        return
    approval.ended_at_ns = time
    approval.decision, approval.note = decision, note
    if origin is not None:
        approval.actor, approval.door = origin.actor, origin.door
    work.approvals.touch(approval)


def _instruction(work: Workspace, event: InstructionPlanned) -> InstructionEntry:
    """Its row, with its plan: a new one, or that of the instruction which was held until now."""
    status = _status(event)
    key = work.held.pop(event.instruction_id, None)
    if key is None:
        instruction = _new(work, event, status)
    else:
        instruction = work.instruction(key)
        set_status(work, instruction, status, event.time)
    if event.refusal is not None:
        instruction.refusal_code = event.refusal.code
        instruction.refusal_text = str(event.refusal)
    instruction.plan_seq = work.seq
    instruction.planned_at_ns = event.time
    instruction.expires_at_ns = event.expires_at
    instruction.received_ns = event.hops.received
    instruction.skips = len(event.skips)
    instruction.cancels = len(event.cancels)
    return instruction


def _status(event: InstructionPlanned) -> InstructionStatus:
    """A plan without orders and cancels is refused, whether or not it says why; unless it was only to
    end an instruction that is held.
    """
    if event.orders or event.cancels:
        return InstructionStatus.WORKING
    ends_held = isinstance(event.request, CancelRestRequest) and event.refusal is None
    return InstructionStatus.DONE if ends_held else InstructionStatus.REJECTED


def _new(
    work: Workspace, event: InstructionPlanned | InstructionHeld, status: InstructionStatus
) -> InstructionEntry:
    origin = event.origin
    is_open = status in {InstructionStatus.WORKING, InstructionStatus.HELD}
    instruction = InstructionEntry(
        work.seq,
        0 if is_open else event.time,
        event.instruction_id,
        KINDS[type(event.request)],
        origin.actor,
        origin.door,
        origin.request_id,
        event.note,
        _json.encode(event.request).decode(),
        event.parent,
        "" if event.follow_up is None else event.follow_up.value,
        planned_at_ns=event.time,
        expires_at_ns=event.expires_at,
        status=status,
    )
    work.instructions.add(instruction)
    totals = work.instruction_totals
    totals[Subject.ALL, 0] += 1
    totals[Subject.KIND, instruction.kind] += 1
    totals[Subject.INSTRUCTION_STATUS, int(status)] += 1
    return instruction


def _mark_closed(
    work: Workspace, instruction: InstructionEntry, cancel: CancelDraft, time: Nanoseconds
) -> OrderEntry:
    """Say on the order who is closing it, before anything about it ends.

    An earlier one, which had seen it end before it came back, waits for it no longer.
    """
    order = work.order(cancel.cl_ord_id)
    stop_watching(work, order, time)
    order.closed_by = instruction.key
    instruction.watched += 1
    work.orders.touch(order)
    return order
