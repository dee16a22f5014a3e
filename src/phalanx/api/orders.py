"""Single orders: list them, look at one, change or cancel it; and the order log."""

from typing import Literal, TypeAlias

import msgspec
from msgspec import UNSET

from phalanx.api import examples
from phalanx.api.confine import check_order
from phalanx.api.decoding import Body
from phalanx.api.exchange import NO_STORE, Answer, Call, Door, answer_json
from phalanx.api.fields import positive
from phalanx.api.history import (
    LogLine,
    OrderAnswer,
    OrderDetail,
    log_line,
    order_answer,
    order_detail,
)
from phalanx.api.lists import ClientFilter, Skip, ViewLimit
from phalanx.api.naming import find_key
from phalanx.api.policy import CANCEL_OWN, READ_OWN, TRADE_OWN
from phalanx.api.problems import Problem
from phalanx.api.reading import Zone, gently, read_views
from phalanx.api.shapes import ReplaceOrderBody
from phalanx.api.tables import FormatName, csv_answer, struct_rows
from phalanx.domain.events import CancelRequested, ReplaceRequested
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.orders import OrdStatus
from phalanx.engine.commands import CancelOrder, ReplaceOrder
from phalanx.views.queries import Views

PATH = "/api/v1/orders"
_replace: Body[ReplaceOrderBody] = Body(ReplaceOrderBody)
_encode = msgspec.json.Encoder().encode

ORDER_COLUMNS = tuple(field for field in OrderAnswer.__struct_fields__ if field != "hops")
"""Of an order in a table: everything but its way in nanoseconds."""

StatusName: TypeAlias = Literal[
    "HELD",
    "PENDING_NEW",
    "SENT",
    "NEW",
    "PARTIALLY_FILLED",
    "FILLED",
    "PENDING_CANCEL",
    "CANCELED",
    "PENDING_REPLACE",
    "REJECTED",
    "EXPIRED",
    "IN_DOUBT",
    "NOT_RECEIVED",
]


class OrderQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which orders; filters are combined with "and"."""

    account: str | None = None
    client: ClientFilter | None = None
    instrument: str | None = None
    strategy: str | None = None
    status: StatusName | None = None
    instruction: str | None = None
    open: bool = False
    skip: Skip = 0
    limit: ViewLimit = 100
    format: FormatName = "json"


class LogQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which lines; with ``since_seq`` those after that event, oldest first, else newest first."""

    account: str | None = None
    client: ClientFilter | None = None
    instrument: str | None = None
    strategy: str | None = None
    since_seq: Skip | None = None
    skip: Skip = 0
    limit: ViewLimit = 100
    format: FormatName = "json"


class OrderList(msgspec.Struct, frozen=True):
    """Orders, newest first."""

    items: list[OrderAnswer]
    total: int
    as_of: int


class OrderLog(msgspec.Struct, frozen=True):
    """Lines of the order log."""

    items: list[LogLine]
    total: int
    as_of: int


class OrderRequestAnswer(msgspec.Struct, frozen=True):
    """A cancel or replace that was journaled; the order itself says how it ends."""

    order_id: str
    request_id: str
    status: str


async def list_orders(call: Call) -> Answer:
    """Orders, newest first, those that left memory included."""
    query = call.query(OrderQuery)
    instrument = None if query.instrument is None else find_key(call.desk, query.instrument)
    zone, within = Zone(call), call.within

    def work(views: Views) -> Answer:
        found = views.orders(
            within=within,
            account=query.account,
            client_id=query.client,
            instrument=instrument,
            strategy=query.strategy,
            status=None if query.status is None else OrdStatus[query.status],
            instruction=query.instruction,
            open_only=query.open,
            skip=query.skip,
            limit=query.limit,
        )
        items = [order_answer(row, zone) for row in gently(found.items)]
        if query.format == "csv":
            rows = struct_rows(ORDER_COLUMNS, items)
            return csv_answer("orders", ORDER_COLUMNS, rows, found.total)
        return Answer(200, _encode(OrderList(items, found.total, found.as_of)), (NO_STORE,))

    return await read_views(call, work)


async def get_order(call: Call) -> Answer:
    """One order with its fills."""
    order_id = call.path("order_id")
    zone, within = Zone(call), call.within

    def work(views: Views) -> bytes | None:
        row = views.order(order_id, within)
        if row is None:
            return None
        return _encode(order_detail(row, gently(views.fills(order_id)), (), zone))

    content = await read_views(call, work)
    if content is None:
        raise Problem("UNKNOWN_ORDER", f"no order {order_id}")
    return Answer(200, content, (NO_STORE,))


async def replace_order(call: Call) -> Answer:
    """Ask for another total quantity or price of a working order."""
    order_id = call.path("order_id")
    body = call.decode(_replace)
    quantity = None if body.quantity is UNSET else positive(body.quantity, "quantity")
    price = None if body.price is UNSET else positive(body.price, "price")
    if quantity is None and price is None:
        raise Problem("NOTHING_TO_CHANGE", "name quantity, price or both")
    check_order(call, order_id)
    origin = call.origin(DoorName.ORDERS, "replace", order_id, quantity, price)
    executed = await call.desk.execute(ReplaceOrder(origin, order_id, quantity, price))
    event = executed.events[0]
    assert isinstance(event, ReplaceRequested), f"{type(event).__name__} replaces nothing"
    body_out = OrderRequestAnswer(event.cl_ord_id, event.request_id, "PENDING")
    return answer_json(202, body_out, executed)


async def cancel_order(call: Call) -> Answer:
    """Ask for the cancel of a working order."""
    order_id = call.path("order_id")
    check_order(call, order_id)
    origin = call.origin(DoorName.ORDERS, "cancel", order_id)
    executed = await call.desk.execute(CancelOrder(origin, order_id))
    event = executed.events[0]
    assert isinstance(event, CancelRequested), f"{type(event).__name__} cancels nothing"
    body_out = OrderRequestAnswer(event.cl_ord_id, event.request_id, "PENDING")
    return answer_json(202, body_out, executed)


async def order_log(call: Call) -> Answer:
    """What happened to orders, line by line, for ever."""
    query = call.query(LogQuery)
    instrument = None if query.instrument is None else find_key(call.desk, query.instrument)
    zone, within = Zone(call), call.within

    def work(views: Views) -> Answer:
        found = views.order_log(
            within=within,
            account=query.account,
            client_id=query.client,
            instrument=instrument,
            strategy=query.strategy,
            since_seq=query.since_seq,
            skip=query.skip,
            limit=query.limit,
        )
        items = [log_line(row, zone) for row in gently(found.items)]
        if query.format == "csv":
            columns = LogLine.__struct_fields__
            return csv_answer("order-log", columns, struct_rows(columns, items), found.total)
        return Answer(200, _encode(OrderLog(items, found.total, found.as_of)), (NO_STORE,))

    return await read_views(call, work)


_VIEWS = ("VIEWS_UNAVAILABLE", "QUERY_TOO_LONG")
_WORKING = ("UNKNOWN_ORDER", "ORDER_NOT_WORKING", "REQUEST_PENDING")
_NEW_TERMS = (
    *("NOT_REPLACEABLE", "NOTHING_TO_CHANGE", "NOT_POSITIVE", "BELOW_FILLED"),
    *("SELL_MAY_ONLY_SHRINK", "ABOVE_FREEZE", "UNKNOWN_INSTRUMENT"),
)
_NEW_RISK = (
    *("ACCOUNT_DISABLED", "ACCOUNT_NOT_RECONCILED", "LIVE_NOT_AVAILABLE", "NOT_ARMED"),
    *("KILL_ALL", "KILL_BROKER", "KILL_STRATEGY", "KILL_CLIENT", "KILL_ACCOUNT"),
    *("INSTRUMENT_NOT_TRADABLE", "INSTRUMENT_PAPER_ONLY", "ORDER_TYPE_NOT_SUPPORTED"),
    *("BAN_PERIOD", "TRADE_TO_TRADE"),
    *("LOT_MULTIPLE", "OFF_TICK", "NO_PRICE", "SYNTHETIC_PRICE", "STALE_PRICE", "OUTSIDE_BAND"),
    *("FAR_FROM_LAST", "STOP_BEYOND_LIMIT", "ORDER_IN_DOUBT", "RESTRICTED", "QUANTITY_CAP"),
    *("VALUE_CAP", "POSITION_CAP", "ABOVE_APPROVAL", "INSUFFICIENT_CASH"),
)
"""The checks that new terms have to pass."""

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_orders,
        "Orders",
        OrderList,
        policy=READ_OWN,
        tag="orders",
        query=OrderQuery,
        problems=("AMBIGUOUS_TOKEN", *_VIEWS),
    ),
    Door(
        "GET",
        f"{PATH}/{{order_id}}",
        get_order,
        "One order",
        OrderDetail,
        policy=READ_OWN,
        tag="orders",
        problems=("UNKNOWN_ORDER", *_VIEWS),
    ),
    Door(
        "PATCH",
        f"{PATH}/{{order_id}}",
        replace_order,
        "Change a working order",
        OrderRequestAnswer,
        202,
        policy=TRADE_OWN,
        tag="orders",
        about="The new terms pass the same checks as a new order. A sell may only shrink.",
        body=ReplaceOrderBody,
        examples=examples.REPLACE_ORDER,
        problems=(*_WORKING, *_NEW_TERMS, *_NEW_RISK),
        keyed=True,
    ),
    Door(
        "POST",
        f"{PATH}/{{order_id}}/cancel",
        cancel_order,
        "Cancel a working order",
        OrderRequestAnswer,
        202,
        policy=CANCEL_OWN,
        tag="orders",
        problems=_WORKING,
        keyed=True,
        unlimited=True,
    ),
    Door(
        "GET",
        "/api/v1/order-log",
        order_log,
        "The order log",
        OrderLog,
        policy=READ_OWN,
        tag="orders",
        query=LogQuery,
        problems=("AMBIGUOUS_TOKEN", *_VIEWS),
    ),
)
