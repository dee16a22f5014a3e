"""Instructions of the platform's doors: given, and what was planned of them."""

from phalanx.api.confine import confined
from phalanx.api.discretion import discreet_plan
from phalanx.api.exchange import Answer, Call, answer_json
from phalanx.desk.desk import Executed
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import InstructionRequest, Origin
from phalanx.engine.commands import Submit


async def answer_without(call: Call, body: object) -> Answer:
    """What there is to say where nothing is asked of the desk, once what it was read from is durable."""
    answer = answer_json(200, body)
    await call.desk.durable(call.desk.state.seq)
    return answer


async def submit(
    call: Call, origin: Origin, request: InstructionRequest, remark: str = ""
) -> tuple[InstructionPlanned | InstructionHeld, Executed]:
    """The plan as the caller may know it, once it is durable, or that another person has to approve it
    first. Raises whatever the desk refuses.
    """
    request = confined(call, origin, request)
    executed = await call.desk.execute(Submit(origin, request, remark, received=call.received))
    event = executed.events[0]
    assert isinstance(event, InstructionPlanned | InstructionHeld), f"{type(event).__name__}?"
    if isinstance(event, InstructionPlanned):
        event = discreet_plan(event, call.reach)
    return event, executed
