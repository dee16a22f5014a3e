"""An instruction with its plan, and how it fares."""

from typing import Final

import msgspec

from phalanx.domain.events import InstructionEnded, InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import (
    KINDS,
    CancelDraft,
    CancelRestRequest,
    InstructionStatus,
)
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import InstructionEntry, OrderEntry
from phalanx.views.projections import requests
from phalanx.views.projections.orders import place
from phalanx.views.projections.standing import set_status, stop_watching
from phalanx.views.schema import Subject
from phalanx.views.workspace import SKIPS, Workspace

_json: Final = msgspec.json.Encoder()


def instruction_planned(work: Workspace, event: InstructionPlanned) -> None:
    """The instruction, its orders, the cancels it starts, its skips."""
    instruction = _instruction(work, event)
    for facts in event.instruments:
        work.put_instrument(facts.key, facts.symbol, facts.isin)
    closed = [_mark_closed(work, instruction, cancel, event.time) for cancel in event.cancels]
    for draft in event.orders:
        place(work, instruction, draft, event.time, event.hops.received)
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
    """It waits for its time; its plan will come under the same id."""
    instruction = _new(work, event, InstructionStatus.HELD)
    instruction.fire_at_ns = event.fire_at
    work.held[instruction.id] = instruction.key


def instruction_ended(work: Workspace, event: InstructionEnded) -> None:
    """It was held and will never be planned."""
    instruction = work.instruction(work.held.pop(event.instruction_id))
    instruction.refusal_code = event.reason.code
    instruction.refusal_text = str(event.reason)
    set_status(work, instruction, event.status, event.time)


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
