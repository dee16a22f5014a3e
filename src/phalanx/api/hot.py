"""The hot doors: what strategies and desks send, as instructions (ADR 0003); and their preview."""

from phalanx.api import examples
from phalanx.api.confine import confined
from phalanx.api.decoding import Body
from phalanx.api.discretion import discreet_plan
from phalanx.api.exchange import BODY_BYTES_MAX, Answer, AtOnce, Call, Door, answer_json
from phalanx.api.fields import name, token
from phalanx.api.instruction_shapes import InstructionBody
from phalanx.api.new_instructions import NewInstruction, read_instruction
from phalanx.api.outcomes import (
    CreateOrderAnswer,
    PlannedInstruction,
    PreviewedInstruction,
    create_order_answer,
)
from phalanx.api.policy import TRADE_OWN
from phalanx.api.shapes import CreateOrder
from phalanx.api.submission import (
    BODY_MAX,
    command_at_once,
    give,
    given,
    preview,
    read_aside,
)
from phalanx.desk.desk import Executed
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import ExitRequest, SignalRequest
from phalanx.domain.orders import Side
from phalanx.engine.commands import Submit
from phalanx.engine.refused import Refused

_INVALID_POSITION = {"POSITION": "INVALID_POSITION", "position": "INVALID_POSITION"}
_create_order: Body[CreateOrder] = Body(CreateOrder, _INVALID_POSITION)
_SPLIT = "give several exits, each with some of the accounts, clients or groups by name"
_instruction: Body[InstructionBody] = Body(InstructionBody, _INVALID_POSITION)


async def create_order(call: Call) -> Answer:
    """STRATEGY says BUY or SELL an INSTRUMENT: 200, whatever became of it."""
    executed = await call.desk.execute(_signal(call))
    return _signal_answer(call, executed)


def _signal(call: Call) -> Submit:
    body = call.decode(_create_order)
    request = SignalRequest(
        name(body.strategy, "STRATEGY"), token(body.instrument, "INSTRUMENT"), Side[body.position]
    )
    origin = call.origin(DoorName.CREATE_ORDER, request)
    return Submit(origin, confined(call, origin, request), received=call.received)


def _signal_answer(call: Call, executed: Executed) -> Answer:
    event = executed.events[0]
    assert isinstance(event, InstructionPlanned | InstructionHeld), f"{type(event).__name__}?"
    if isinstance(event, InstructionPlanned):
        event = discreet_plan(event, call.reach)
    return answer_json(200, create_order_answer(event, call.desk.state), executed)


async def post_instruction(call: Call) -> Answer:
    """Any kind of instruction: 202 once its plan is durable."""
    asked = await read_aside(call, _read)
    try:
        return await give(call, DoorName.INSTRUCTIONS, asked)
    except Refused as refused:
        raise _with_advice(refused, asked) from None


def _instruction_at_once(call: Call) -> Submit | None:
    if len(call.body) > BODY_BYTES_MAX:
        return None
    return command_at_once(call, DoorName.INSTRUCTIONS, _read(call.body))


async def preview_instruction(call: Call) -> Answer:
    """Any kind of instruction: what it would come to now."""
    asked = await read_aside(call, _read)
    try:
        return await preview(call, DoorName.INSTRUCTIONS, asked)
    except Refused as refused:
        raise _with_advice(refused, asked) from None


def _with_advice(refused: Refused, asked: NewInstruction) -> Refused:
    """An exit that is too large can always be given in parts."""
    if refused.code != "PLAN_TOO_LARGE" or not isinstance(asked.request, ExitRequest):
        return refused
    return Refused(refused.code, f"{refused.detail}; {_SPLIT}")


def _read(content: bytes) -> NewInstruction:
    return read_instruction(_instruction.decode(content))


_SIGNAL_PROBLEMS = (
    *("MISSING_FIELD", "UNKNOWN_FIELD", "DUPLICATE_FIELD", "WRONG_TYPE", "INVALID_POSITION"),
    "AMBIGUOUS_TOKEN",
)
SHAPE_PROBLEMS = (
    *_SIGNAL_PROBLEMS,
    *("NOT_POSITIVE", "PRICE_NOT_ALLOWED"),
    *("CONTRADICTING_FIELDS", "NOTHING_CHOSEN", "INVALID_TIME", "UNKNOWN_CLIENT"),
    *("DUPLICATE_ACCOUNT", "UNKNOWN_INSTRUCTION", "NOTHING_LIKE", "SEVERAL_INSTRUMENTS"),
    *("PLAN_TOO_LARGE", "VIEWS_UNAVAILABLE"),
)
FIRING_PROBLEMS = (
    *("PREVIEW_WITH_FIRE_AT", "FIRE_AT_PAST", "FIRE_AT_TOO_FAR", "TOO_MANY_HELD"),
    *("PREVIEW_EXPIRED", "PREVIEW_MISMATCH", "MOVED"),
)

doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/create_order",
        create_order,
        "A strategy says BUY or SELL",
        CreateOrderAnswer,
        policy=TRADE_OWN,
        tag="signal API",
        about="Decides for which accounts the signal is valid, places their orders and answers once "
        "that is durable. A signal that is valid for nobody is 200 with RESPONSE REJECTED. One that "
        "another person has to approve first is taken, and nothing is placed yet: RESPONSE ACCEPTED, "
        "no outcomes, and ABOVE_APPROVAL or ASKED_FOR_APPROVAL for a reason; sent again it would be "
        "held a second time.",
        body=CreateOrder,
        examples=examples.CREATE_ORDER,
        problems=(*_SIGNAL_PROBLEMS, "TOO_MANY_HELD"),
        keyed=True,
        hot=True,
        at_once=AtOnce(_signal, _signal_answer),
        answers=examples.CREATE_ORDER_ANSWERS,
    ),
    Door(
        "POST",
        "/api/v1/instructions",
        post_instruction,
        "Give an instruction",
        PlannedInstruction,
        202,
        policy=TRADE_OWN,
        tag="instructions",
        about="Answers once the instruction and its whole plan are durable; it does not wait for "
        "brokers. What is wrong with single accounts is in their outcomes, not in the status. One that "
        "opens more risk than the setting `approve_above` is HELD until another person approves it "
        "(`waits_for`: approval), and planned then. With the setting `undo_ms` orders that may open "
        "risk can be undone until `undo_until`: cancel the instruction. With "
        "`fire_at` it is held, unplanned, until then. With the token of a `preview` it fires what "
        "was previewed; accounts that moved since are skipped, or with `on_moved: refuse` refuse "
        "everything. Exits name what they are about: nothing chosen is an error, not everything.",
        body=InstructionBody,
        body_max=BODY_MAX,
        examples=examples.INSTRUCTIONS,
        problems=(*SHAPE_PROBLEMS, *FIRING_PROBLEMS),
        keyed=True,
        hot=True,
        at_once=AtOnce(_instruction_at_once, given),
        answers=examples.INSTRUCTION_ANSWERS,
    ),
    Door(
        "POST",
        "/api/v1/instructions/preview",
        preview_instruction,
        "Preview an instruction",
        PreviewedInstruction,
        policy=TRADE_OWN,
        tag="instructions",
        about="The same plan, and nothing is done. The token is good for 120 seconds: sent back as "
        "`preview` with the same body it fires exactly this, at these prices. However many outcomes "
        "are listed, `accounts` has every account and `totals` are of the whole. A preview changes "
        "nothing, so it takes no Idempotency-Key.",
        body=InstructionBody,
        body_max=BODY_MAX,
        examples=examples.INSTRUCTIONS,
        problems=(*SHAPE_PROBLEMS, "PREVIEW_WITH_FIRE_AT"),
        answers=examples.PREVIEW_ANSWERS,
    ),
)
