"""The hot doors' handlers: what strategies and desks send, as instructions (ADR 0003)."""

import msgspec

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, note, positive, token
from phalanx.api.outcomes import (
    CreateOrderAnswer,
    PlannedInstruction,
    create_order_answer,
    instruction_answer,
)
from phalanx.api.problems import Problem
from phalanx.api.shapes import CreateOrder, InstructionBody, OrderInstruction, SignalInstruction
from phalanx.desk.desk import Executed
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import InstructionRequest, OrderRequest, SignalRequest
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.engine.commands import Submit

_INVALID_POSITION = {"POSITION": "INVALID_POSITION", "position": "INVALID_POSITION"}
_create_order: Body[CreateOrder] = Body(CreateOrder, _INVALID_POSITION)
_instruction: Body[SignalInstruction | OrderInstruction] = Body(InstructionBody, _INVALID_POSITION)

ORD_TYPES = {
    "MARKET": OrdType.MARKET,
    "LIMIT": OrdType.LIMIT,
    "STOP": OrdType.STOP,
    "SL-M": OrdType.STOP,
    "STOP_LIMIT": OrdType.STOP_LIMIT,
    "SL": OrdType.STOP_LIMIT,
}
_PRICED = frozenset({OrdType.LIMIT, OrdType.STOP_LIMIT})


async def create_order(call: Call) -> Answer:
    """STRATEGY says BUY or SELL an INSTRUMENT: 200, whatever became of it."""
    body = call.decode(_create_order)
    request = SignalRequest(
        name(body.strategy, "STRATEGY"), token(body.instrument, "INSTRUMENT"), Side[body.position]
    )
    planned, executed = await _submit(call, DoorName.CREATE_ORDER, request)
    return answer_json(200, create_order_answer(planned, call.desk.state), executed)


async def post_instruction(call: Call) -> Answer:
    """Any kind of instruction: 202 once its plan is durable."""
    body = call.decode(_instruction)
    remark = "" if body.note is msgspec.UNSET else note(body.note)
    expires_s = None if body.expires_s is msgspec.UNSET else body.expires_s
    request: InstructionRequest
    if isinstance(body, SignalInstruction):
        request = SignalRequest(
            name(body.strategy, "strategy"),
            token(body.instrument, "instrument"),
            Side[body.position],
        )
    else:
        request = order_request(body)
    planned, executed = await _submit(call, DoorName.INSTRUCTIONS, request, remark, expires_s)
    return answer_json(202, instruction_answer(planned, call.desk.state), executed)


def order_request(body: OrderInstruction) -> OrderRequest:
    """An order as the engine takes it. Raises Problem."""
    unset = msgspec.UNSET
    if body.client is unset and body.account_id is unset:
        raise Problem("MISSING_FIELD", "client or account_id must be there", field="client")
    ord_type = OrdType.MARKET if body.type is unset else ORD_TYPES[body.type]
    price = 0
    if body.price is not unset:
        if ord_type not in _PRICED:
            detail = f"a {ord_type.name} order takes no price"
            raise Problem("PRICE_NOT_ALLOWED", detail, field="price")
        price = positive(body.price, "price")
    elif ord_type in _PRICED:
        raise Problem("MISSING_FIELD", f"a {ord_type.name} order needs a price", field="price")
    return OrderRequest(
        0 if body.client is unset else body.client,
        "" if body.account_id is unset else name(body.account_id, "account_id"),
        token(body.instrument, "instrument"),
        Side[body.side],
        Product.DELIVERY if body.product is unset else Product[body.product],
        ord_type,
        positive(body.quantity, "quantity"),
        price,
        TimeInForce.DAY if body.time_in_force is unset else TimeInForce[body.time_in_force],
    )


async def _submit(
    call: Call,
    door: DoorName,
    request: InstructionRequest,
    remark: str = "",
    expires_s: int | None = None,
) -> tuple[InstructionPlanned, Executed]:
    origin = call.origin(door, request, remark, expires_s)
    command = Submit(origin, request, remark, expires_s, call.received)
    executed = await call.desk.execute(command)
    event = executed.events[0]
    assert isinstance(event, InstructionPlanned), f"{type(event).__name__} plans nothing"
    return event, executed


_SHAPE: tuple[str, ...] = (
    "MISSING_FIELD",
    "UNKNOWN_FIELD",
    "DUPLICATE_FIELD",
    "WRONG_TYPE",
    "INVALID_POSITION",
    "AMBIGUOUS_TOKEN",
)

doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/create_order",
        create_order,
        "A strategy says BUY or SELL",
        CreateOrderAnswer,
        tag="signal API",
        about="Decides for which accounts the signal is valid, places their orders and answers once "
        "that is durable. A signal that is valid for nobody is 200 with RESPONSE REJECTED.",
        body=CreateOrder,
        examples=examples.CREATE_ORDER,
        problems=_SHAPE,
        keyed=True,
        hot=True,
        answers=examples.CREATE_ORDER_ANSWERS,
    ),
    Door(
        "POST",
        "/api/v1/instructions",
        post_instruction,
        "Give an instruction",
        PlannedInstruction,
        202,
        tag="instructions",
        about="Answers once the instruction and its whole plan are durable; it does not wait for "
        "brokers. What is wrong with single accounts is in their outcomes, not in the status.",
        body=InstructionBody,
        examples=examples.INSTRUCTIONS,
        problems=(*_SHAPE, "INVALID_NUMBER", "TOO_PRECISE", "NOT_POSITIVE", "PRICE_NOT_ALLOWED"),
        keyed=True,
        hot=True,
        answers=examples.INSTRUCTION_ANSWERS,
    ),
)
