"""An instruction with its plan, and how it fares."""

from typing import Final

import msgspec

from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import KINDS, CancelDraft, InstructionStatus
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import InstructionEntry, OrderEntry
from phalanx.views.projections import requests
from phalanx.views.projections.orders import place
from phalanx.views.projections.standing import stop_watching
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
        client = work.client_of(skip.account)
        reason = skip.reason
        work.put(SKIPS, (work.next_key(), skip.account, client, reason.code, str(reason)))
        work.settle()


def _instruction(work: Workspace, event: InstructionPlanned) -> InstructionEntry:
    """Its row. A plan without orders and cancels is refused, whether or not it says why."""
    origin = event.origin
    refusal = event.refusal
    works = bool(event.orders or event.cancels)
    status = InstructionStatus.WORKING if works else InstructionStatus.REJECTED
    instruction = InstructionEntry(
        work.seq,
        0 if works else event.time,
        event.instruction_id,
        KINDS[type(event.request)],
        origin.actor,
        origin.door,
        origin.request_id,
        event.note,
        _json.encode(event.request).decode(),
        "" if refusal is None else refusal.code,
        "" if refusal is None else str(refusal),
        event.time,
        event.expires_at,
        event.hops.received,
        len(event.skips),
        len(event.cancels),
        status,
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
