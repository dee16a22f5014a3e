"""Approving and declining what waits for another person's word."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import note
from phalanx.api.outcomes import HELD, REJECTED, PlannedInstruction, instruction_answer
from phalanx.api.policy import APPROVE
from phalanx.api.shapes import Note
from phalanx.desk.desk import Executed
from phalanx.domain.events import (
    Event,
    InstructionApproved,
    InstructionEnded,
    InstructionPlanned,
)
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.time import iso
from phalanx.engine.commands import Approve, Decline

PATH = "/api/v1/instructions/{instruction_id}"
_EXAMPLES = {"with a note": {"note": "agreed with the client"}}


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be said about a decision."""

    note: Note | UnsetType = UNSET


class DecidedInstruction(msgspec.Struct, frozen=True):
    """What somebody decided about an instruction: ``approved`` or ``declined``. ``status``: that of its
    plan, HELD while it goes on waiting for its time, REJECTED where it was declined or could not be
    planned any more. ``planned``: its plan, where it was planned at once.
    """

    instruction_id: str
    decision: str
    status: str
    reason: str | None
    message: str | None
    actor: str
    note: str
    time: str
    planned: PlannedInstruction | None = None


_body: Body[DecisionBody] = Body(DecisionBody)


async def approve_instruction(call: Call) -> Answer:
    """Let it go: it is planned now, or when its time comes."""
    executed = await _decide(call, "approve", Approve)
    events = call.desk.read_back(executed, 2)
    approved = events[0]
    assert isinstance(approved, InstructionApproved), f"{type(approved).__name__} approves nothing"
    state = call.desk.state
    status, reason, planned = HELD, None, None
    following = _next_of(events, approved.instruction_id)
    if isinstance(following, InstructionPlanned):
        planned = instruction_answer(following, state)
        status, reason = planned.status, following.refusal
    elif isinstance(following, InstructionEnded):
        status, reason = REJECTED, following.reason
    answer = DecidedInstruction(
        approved.instruction_id,
        "approved",
        status,
        None if reason is None else reason.code.value,
        None if reason is None else str(reason),
        approved.origin.actor,
        approved.note,
        iso(approved.time, state.settings.zone_offset_s),
        planned,
    )
    return answer_json(200, answer, executed)


async def decline_instruction(call: Call) -> Answer:
    """End it, unplanned."""
    executed = await _decide(call, "decline", Decline)
    ended = executed.events[0]
    assert isinstance(ended, InstructionEnded), f"{type(ended).__name__} ends nothing"
    answer = DecidedInstruction(
        ended.instruction_id,
        "declined",
        ended.status.name,
        ended.reason.code.value,
        str(ended.reason),
        "" if ended.origin is None else ended.origin.actor,
        ended.note,
        iso(ended.time, call.desk.state.settings.zone_offset_s),
    )
    return answer_json(200, answer, executed)


async def _decide(call: Call, how: str, command: type[Approve | Decline]) -> Executed:
    instruction_id = call.path("instruction_id")
    body = call.decode(_body)
    remark = "" if body.note is UNSET else note(body.note)
    origin = call.origin(DoorName.INSTRUCTIONS, how, instruction_id, remark)
    return await call.desk.execute(command(origin, instruction_id, remark))


def _next_of(events: Sequence[Event], instruction_id: str) -> Event | None:
    """What came of it in the same record. There somebody else's event may stand behind the approval."""
    following = events[1] if len(events) > 1 else None
    if isinstance(following, InstructionPlanned | InstructionEnded):
        return following if following.instruction_id == instruction_id else None
    return None


def _door(
    name: str, handler: Callable[[Call], Awaitable[Answer]], summary: str, about: str, *codes: str
) -> Door:
    return Door(
        "POST",
        f"{PATH}/{name}",
        handler,
        summary,
        DecidedInstruction,
        tag="instructions",
        about=about,
        body=DecisionBody,
        body_optional=True,
        policy=APPROVE,
        examples=_EXAMPLES,
        problems=("UNKNOWN_INSTRUCTION", "NOT_WAITING", "SAME_PERSON", "PERSON_NEEDED", *codes),
        keyed=True,
    )


doors: tuple[Door, ...] = (
    _door(
        "approve",
        approve_instruction,
        "Approve an instruction",
        "For one that waits for approval (`waits_for`: approval). Somebody else than who asked for it; "
        "no machine key. It is planned anew, for the accounts, the cash and the prices of now; one with a "
        "`fire_at` goes on waiting for that.",
        "PLAN_TOO_LARGE",
    ),
    _door(
        "decline",
        decline_instruction,
        "Decline an instruction",
        "For one that waits for approval: it ends REJECTED, and nothing of it was planned. Somebody else "
        "than who asked for it; they cancel it.",
    ),
)
