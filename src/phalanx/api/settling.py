"""Orders in doubt that no reading can settle: a person says what became of one."""

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import reconciliation_examples as examples
from phalanx.api.breaks import said
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone
from phalanx.api.shapes import Name, Note
from phalanx.domain.events import DoubtJudged
from phalanx.domain.instructions import Door as DoorName
from phalanx.engine.commands import JudgeDoubt


class DoubtVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of an order in doubt: either ``order_id``, its id at the broker, or ``not_received``."""

    note: Note
    order_id: Name | UnsetType = UNSET
    not_received: bool | UnsetType = UNSET


class VerdictAnswer(msgspec.Struct, frozen=True):
    """What was said: RECEIVED, with the broker's id, or NOT_RECEIVED."""

    order_id: str
    verdict: str
    broker_order_id: str | None
    note: str
    actor: str
    time: str


_verdict: Body[DoubtVerdict] = Body(DoubtVerdict)


async def settle_order(call: Call) -> Answer:
    """Say what became of an order in doubt; its break, if there is one, is settled with it."""
    order_id = call.path("order_id")
    body = call.decode(_verdict)
    remark = said(body.note)
    at_broker = _at_broker(body)
    origin = call.origin(DoorName.ORDERS, "settle", order_id, at_broker, remark)
    desk = call.desk
    executed = await desk.execute(JudgeDoubt(origin, order_id, at_broker, remark))
    order = desk.state.orders.get(order_id)
    if order is not None:
        # Its executions, or that it is there after all.
        desk.reconciler.read_soon(desk.state.book_of(order).account)
    event = executed.events[0]
    assert isinstance(event, DoubtJudged), f"{type(event).__name__} judges nothing"
    answer = VerdictAnswer(
        event.cl_ord_id,
        "RECEIVED" if event.order_id else "NOT_RECEIVED",
        event.order_id or None,
        event.note,
        event.origin.actor,
        Zone(call).at(event.time),
    )
    return answer_json(200, answer, executed)


def _at_broker(body: DoubtVerdict) -> str:
    """The order's id at the broker; empty: it was never received.

    Raises Problem ``MISSING_FIELD``, ``CONTRADICTING_FIELDS``, and as ``name`` does.
    """
    not_received = body.not_received is True
    if body.order_id is UNSET:
        if not not_received:
            detail = "either the order's id at the broker, or not_received"
            raise Problem("MISSING_FIELD", detail, field="order_id")
        return ""
    if not_received:
        detail = "an order that was not received has no id at the broker"
        raise Problem("CONTRADICTING_FIELDS", detail, field="not_received")
    return name(body.order_id, "order_id")


doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/api/v1/orders/{order_id}/settle",
        settle_order,
        "Say what became of an order in doubt",
        VerdictAnswer,
        tag="orders",
        about="For orders of which no reading of the broker's book can prove what became: `order_id` is "
        "the order's id at the broker, and what it filled comes with the next reading; "
        "`not_received` ends it. Whatever the broker reports of it later is booked all the same.",
        body=DoubtVerdict,
        examples=examples.SETTLE,
        problems=(
            *("UNKNOWN_ORDER", "NOT_IN_DOUBT", "ORDER_ID_TAKEN", "MISSING_FIELD"),
            *("CONTRADICTING_FIELDS", "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT"),
        ),
        keyed=True,
    ),
)
