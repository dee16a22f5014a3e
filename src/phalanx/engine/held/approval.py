"""Two pairs of eyes: what waits for another person's approval, and whose word counts.

The size is counted over the whole instruction, so that splitting it into rows or accounts changes
nothing; what only reduces does not count, so that nobody waits to get out.
"""

from collections.abc import Iterable

from phalanx.domain.access import is_person
from phalanx.domain.instructions import (
    CancelOpenRequest,
    CancelRestRequest,
    InstructionId,
    InstructionRequest,
    WaitsFor,
)
from phalanx.domain.numbers import BASIS_POINTS, FIXED_MAX, Money, Price, Quantity, multiply
from phalanx.domain.orders import OrderDraft
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND, Nanoseconds, day_begins, trading_day
from phalanx.engine.commands import Approve, Decline
from phalanx.engine.held.waiting import HeldInstruction, value_named
from phalanx.engine.ids import instruction_counter_of
from phalanx.engine.refused import Refused
from phalanx.engine.state import Order, State


def approval_cause(
    settings: RiskSettings,
    request: InstructionRequest,
    drafts: Iterable[OrderDraft],
    *,
    ask: bool,
) -> Reason | None:
    """Why an instruction with these orders waits for another person; None: it does not.

    ``ask``: it does, whatever its size; one above the bound is named with its size all the same, as that
    is what is approved. Cancels never do.
    """
    if not (ask or settings.approve_above):
        return None
    if isinstance(request, CancelRestRequest | CancelOpenRequest):
        return None
    above = _above(settings, value_at_risk(drafts)) if settings.approve_above else None
    if above is None and ask:
        return Reason(ReasonCode.ASKED_FOR_APPROVAL)
    return above


def value_at_risk(drafts: Iterable[OrderDraft]) -> Money:
    """Of the orders that open risk: quantity × the price that their holds are counted with."""
    return sum(multiply(one.limit, one.quantity) for one in drafts if not one.reduce_only)


def approval_refusal(state: State, order: Order, quantity: Quantity, limit: Price) -> Reason | None:
    """Whether new terms of an order make its instruction larger than anybody has let it be.

    Nothing waits here: what was planned, or is below the bound, may grow up to that and no further.
    """
    settings = state.settings
    if not settings.approve_above:
        return None
    instruction = state.instructions[order.instruction_id]
    after = instruction.value_at_risk - order.at_risk + multiply(limit, quantity)
    return _above(settings, after) if after > instruction.value_planned else None


def is_as_approved(settings: RiskSettings, held: HeldInstruction, cause: Reason) -> bool:
    """Whether what would be planned now is no larger than what was approved, prices aside: those may move
    as far as from a preview.
    """
    approved = held.asked_value
    return value_named(cause) <= approved + approved * settings.collar_bps // BASIS_POINTS


def _above(settings: RiskSettings, value: Money) -> Reason | None:
    if value <= settings.approve_above:
        return None
    return Reason(ReasonCode.ABOVE_APPROVAL, (min(value, FIXED_MAX), settings.approve_above))


def approve_by(settings: RiskSettings, now: Nanoseconds, fire_at: Nanoseconds = 0) -> Nanoseconds:
    """Until when an approval may come: so long after it was asked for, or after its own time, and on the
    same trading day.
    """
    begins = max(now, fire_at)
    zone_offset_s = settings.zone_offset_s
    tomorrow = day_begins(trading_day(begins, zone_offset_s) + 1, zone_offset_s)
    return min(begins + settings.approval_expires_s * SECOND, tomorrow)


def waiting_for(state: State, command: Approve | Decline, now: Nanoseconds) -> HeldInstruction:
    """The instruction that waits for this person's word.

    Raises Refused ``UNKNOWN_INSTRUCTION``, ``NOT_WAITING``, ``SAME_PERSON``, ``PERSON_NEEDED``.
    """
    held = state.held.get(command.instruction_id)
    actor = command.origin.actor
    if held is None and not _was_given(state, command.instruction_id):
        raise Refused("UNKNOWN_INSTRUCTION", f"no instruction {command.instruction_id}")
    if held is None or held.waits_for is not WaitsFor.APPROVAL:
        raise Refused("NOT_WAITING", f"{command.instruction_id} does not wait for approval")
    if now >= held.approve_by:
        raise Refused("NOT_WAITING", f"the time to approve {held.id} is over")
    if not is_person(actor):
        raise Refused("PERSON_NEEDED", f"{actor} is a machine; a person approves or declines")
    if actor in {held.origin.actor, held.origin.sponsor}:
        detail = f"{actor} asked for it: another person decides; cancel it to take it back"
        raise Refused("SAME_PERSON", detail)
    return held


def _was_given(state: State, instruction_id: InstructionId) -> bool:
    counter = instruction_counter_of(instruction_id, state.desk_id, state.shard)
    return counter is not None and counter < state.next_instruction
