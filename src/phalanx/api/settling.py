"""Orders in doubt that no reading can settle: a person says what became of one."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import reconciliation_examples as examples
from phalanx.api.breaks import said
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name
from phalanx.api.policy import TRADE
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone
from phalanx.api.shapes import Name, Note
from phalanx.domain.events import DoubtJudged
from phalanx.domain.instructions import Door as DoorName
from phalanx.engine.commands import JudgeDoubt


class DoubtVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of an order in doubt: either ``order_id``, its id at the broker, or ``not_received``; or of
    its cancel or replace that is in doubt: ``request``.
    """

    note: Note
    order_id: Name | UnsetType = UNSET
    not_received: bool | UnsetType = UNSET
    request: Literal["granted", "not_granted"] | UnsetType = UNSET


class VerdictAnswer(msgspec.Struct, frozen=True):
    """What was said: RECEIVED, with the broker's id, or NOT_RECEIVED; of a request (``request_id``) GRANTED
    or NOT_GRANTED.
    """

    order_id: str
    verdict: str
    broker_order_id: str | None
    request_id: str | None
    note: str
    actor: str
    time: str


_verdict: Body[DoubtVerdict] = Body(DoubtVerdict)


async def settle_order(call: Call) -> Answer:
    """Say what became of an order in doubt, or of a request of it; its break is settled with that."""
    order_id = call.path("order_id")
    body = call.decode(_verdict)
    remark = said(body.note)
    granted = _granted(body)
    at_broker = _at_broker(body) if granted is None else ""
    about = (at_broker,) if granted is None else ("request", granted)
    origin = call.origin(DoorName.ORDERS, "settle", order_id, *about, remark)
    desk = call.desk
    order = desk.state.orders.get(order_id)
    found = None
    if order is not None and at_broker:
        account = desk.state.book_of(order).account
        found = desk.reconciler.report(account).candidate(at_broker)
    verdict = JudgeDoubt(origin, order_id, at_broker, remark, found, granted)
    executed = await desk.execute(verdict)
    if order is not None:
        # Its executions, or that it is there after all.
        desk.reconciler.read_soon(desk.state.book_of(order).account)
    event = executed.events[0]
    assert isinstance(event, DoubtJudged), f"{type(event).__name__} judges nothing"
    answer = VerdictAnswer(
        event.cl_ord_id,
        _verdict_of(event),
        event.order_id or None,
        event.request_id or None,
        event.note,
        event.origin.actor,
        Zone(call).at(event.time),
    )
    return answer_json(200, answer, executed)


def _verdict_of(event: DoubtJudged) -> str:
    if event.request_id:
        return "GRANTED" if event.granted else "NOT_GRANTED"
    return "RECEIVED" if event.order_id else "NOT_RECEIVED"


def _granted(body: DoubtVerdict) -> bool | None:
    """What is said of a request; None: it is about the order. Raises Problem ``CONTRADICTING_FIELDS``."""
    if body.request is UNSET:
        return None
    if body.order_id is not UNSET or body.not_received is True:
        detail = "either about the order or about its request"
        raise Problem("CONTRADICTING_FIELDS", detail, field="request")
    return body.request == "granted"


def _at_broker(body: DoubtVerdict) -> str:
    """The order's id at the broker; empty: it was never received.

    Raises Problem ``MISSING_FIELD``, ``CONTRADICTING_FIELDS``, and as ``name`` does.
    """
    not_received = body.not_received is True
    if body.order_id is UNSET:
        if not not_received:
            detail = "either the order's id at the broker, or not_received, or request"
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
        policy=TRADE,
        tag="orders",
        about="For orders of which no reading of the broker's book can prove what became: `order_id` is "
        "the order's id at the broker, and what it filled comes with the next reading; "
        "`not_received` ends it. Whatever the broker reports of it later is booked all the same. The last "
        "reading must show an order of that id that it could be. `request` is about its cancel or "
        "replace in doubt: `granted` or `not_granted`.",
        body=DoubtVerdict,
        examples=examples.SETTLE,
        problems=(
            *("UNKNOWN_ORDER", "NOT_IN_DOUBT", "ORDER_ID_TAKEN", "ORDER_ID_UNFIT"),
            *("VERDICT_UNFIT", "MISSING_FIELD"),
            *("CONTRADICTING_FIELDS", "EMPTY_TEXT", "TEXT_TOO_LONG", "INVALID_TEXT"),
        ),
        keyed=True,
    ),
)
