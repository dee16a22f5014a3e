"""Fills by hand: a person has the paper broker fill a working order."""

import msgspec
from msgspec import UNSET

from phalanx.api import examples
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import positive
from phalanx.api.policy import TRADE
from phalanx.api.shapes import FillBody
from phalanx.domain.events import FillOrdered
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import format_fixed
from phalanx.engine.commands import FillByHand

_fill: Body[FillBody] = Body(FillBody)


class FillOrderedAnswer(msgspec.Struct, frozen=True):
    """A fill that was asked for and journaled; the paper broker reports it with this ``exec_id``.
    ``price`` null: the last price at that moment.
    """

    order_id: str
    quantity: str
    price: str | None
    exec_id: str


async def fill_order(call: Call) -> Answer:
    """Have the paper broker fill some of a working order."""
    order_id = call.path("order_id")
    body = call.decode(_fill)
    quantity = positive(body.quantity, "quantity")
    price = 0 if body.price is UNSET else positive(body.price, "price")
    origin = call.origin(DoorName.ORDERS, "fill", order_id, quantity, price)
    executed = await call.desk.execute(FillByHand(origin, order_id, quantity, price))
    event = executed.events[0]
    assert isinstance(event, FillOrdered), f"{type(event).__name__} fills nothing"
    found = FillOrderedAnswer(
        event.cl_ord_id,
        format_fixed(event.quantity),
        format_fixed(event.price) if event.price else None,
        event.exec_id,
    )
    return answer_json(202, found, executed)


doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/api/v1/orders/{order_id}/fill",
        fill_order,
        "Fill a working paper order by hand",
        FillOrderedAnswer,
        202,
        policy=TRADE,
        tag="orders",
        about="Never more than is left of it, and never beyond its limit. Without a price it fills "
        "at the last price.",
        body=FillBody,
        examples=examples.FILL,
        problems=(
            *("UNKNOWN_ORDER", "ORDER_NOT_WORKING", "NOT_PAPER", "ABOVE_LEAVES", "BEYOND_LIMIT"),
            *("LOT_MULTIPLE", "OFF_TICK", "NOT_POSITIVE"),
        ),
        keyed=True,
    ),
)
