"""What the views' rows look like in an answer: orders, fills, requests, instructions, log lines."""

from collections.abc import Iterable

import msgspec

from phalanx.api.asked import Asking, asked
from phalanx.api.reading import Zone
from phalanx.domain.instruments import split_key
from phalanx.domain.numbers import format_fixed
from phalanx.domain.orders import RequestKind
from phalanx.views.rows import (
    ApprovalRow,
    FillRow,
    InstructionRow,
    LogRow,
    OrderRow,
    RequestRow,
    SkipRow,
)


class HopsAnswer(msgspec.Struct, frozen=True):
    """An order's way: monotonic nanoseconds of one process, ``held_ns`` and ``waited_ns`` durations.
    Zero means not (yet) there.
    """

    received_ns: int
    planned_ns: int
    held_ns: int
    committed_ns: int
    waited_ns: int
    sent_ns: int
    acknowledged_ns: int
    first_fill_ns: int
    done_ns: int
    tat_ns: int


class FillAnswer(msgspec.Struct, frozen=True):
    """One execution."""

    exec_id: str
    quantity: str
    price: str
    charges: str
    time: str
    seq: int


class RequestAnswer(msgspec.Struct, frozen=True):
    """A cancel, or a replace with its new terms."""

    request_id: str
    order_id: str
    kind: str
    status: str
    actor: str
    source: str
    quantity: str | None
    price: str | None
    requested_at: str
    ended_at: str | None
    reason: str | None
    message: str | None


class OrderAnswer(msgspec.Struct, frozen=True):
    """One order. ``price`` is its limit, for MARKET the protected price it may trade at.
    ``stop_price``: at which a stop begins to work. ``row``: its place in a basket or list, from 1.
    ``request_id``: the cancel or replace under way. ``flag`` asks for a person's look.
    """

    order_id: str
    instruction_id: str
    client: str
    client_id: int
    account: str
    mode: str
    strategy: str | None
    instrument: str
    symbol: str
    exchange: str
    token_id: str
    side: str
    product: str
    type: str
    time_in_force: str
    quantity: str
    price: str
    stop_price: str | None
    row: int | None
    filled: str
    leaves: str
    average_price: str | None
    charges: str
    status: str
    reason: str | None
    message: str | None
    text: str
    flag: str
    reduce_only: bool
    broker_order_id: str | None
    request_id: str | None
    time: str
    ended_at: str | None
    updated_at: str
    tat_ns: int
    hops: HopsAnswer


class OrderDetail(OrderAnswer, frozen=True, kw_only=True):
    """An order with its fills, and within an instruction its cancels and replaces."""

    fills: list[FillAnswer]
    requests: list[RequestAnswer] = []


class ApprovalAnswer(msgspec.Struct, frozen=True):
    """Why an instruction needed another person's approval, until when that may, or might, come, and what
    came of it. ``decision``: ``approved``, ``declined``, ``expired`` or ``canceled``; null while it waits.
    ``actor``: who approved or declined it, through the door ``source``.
    """

    reason: str
    message: str
    asked_at: str
    approve_by: str
    decision: str | None
    decided_at: str | None
    actor: str | None
    source: str | None
    note: str


class InstructionAnswer(msgspec.Struct, frozen=True):
    """One instruction. ``filled`` to ``not_received`` count its orders by how they ended;
    ``cancels`` are orders of others that it cancels. ``fire_at``: the time for which it was held;
    ``follow_up``: how it follows up on its ``parent``. ``waits_for``: ``time`` or ``approval`` while it is
    HELD. ``undo_until``: until then its orders that may open risk could be undone.
    """

    instruction_id: str
    kind: str
    status: str
    reason: str | None
    message: str | None
    asked: Asking
    parent: str | None
    follow_up: str | None
    actor: str
    source: str
    request_id: str
    note: str
    time: str
    fire_at: str | None
    expires_at: str
    ended_at: str | None
    orders_total: int
    orders_open: int
    skips_total: int
    cancels_total: int
    filled: int
    canceled: int
    rejected: int
    expired: int
    not_received: int
    in_doubt: int
    seq: int
    waits_for: str | None = None
    undo_until: str | None = None
    approval: ApprovalAnswer | None = None


class SkipAnswer(msgspec.Struct, frozen=True):
    """An account, or one row or rank of its share, for which nothing was done, and why."""

    client: str
    client_id: int | None
    account: str
    reason: str
    message: str
    instrument: str | None
    symbol: str | None
    row: int | None


class LogLine(msgspec.Struct, frozen=True):
    """One line of the permanent order log."""

    seq: int
    time: str
    entry: str
    order_id: str
    client: str
    client_id: int
    account: str
    strategy: str | None
    instrument: str
    symbol: str
    exchange: str
    token_id: str
    side: str
    quantity: str
    price: str
    status: str
    text: str


def order_answer(row: OrderRow, zone: Zone) -> OrderAnswer:
    """An order in a list."""
    return OrderAnswer(
        row.cl_ord_id,
        row.instruction_id,
        row.client_name,
        row.client_id,
        row.account,
        row.mode.name,
        row.strategy,
        *_names(row.instrument, row.symbol),
        row.side.name,
        row.product.name,
        row.ord_type.name,
        row.time_in_force.name,
        format_fixed(row.quantity),
        format_fixed(row.limit),
        format_fixed(row.stop_price) if row.stop_price else None,
        row.row or None,
        format_fixed(row.cum_quantity),
        format_fixed(row.leaves_quantity),
        format_fixed(row.avg_price) if row.cum_quantity else None,
        format_fixed(row.charges),
        row.status.name,
        row.reason_code or None,
        row.reason_text or None,
        row.text,
        row.flag,
        row.reduce_only,
        row.order_id or None,
        row.request_id or None,
        zone.at(row.placed_at_ns),
        zone.maybe(row.ended_at_ns),
        zone.at(row.updated_at_ns),
        row.hops.tat_ns,
        HopsAnswer(*msgspec.structs.astuple(row.hops)),
    )


def order_detail(
    row: OrderRow, fills: Iterable[FillRow], requests: Iterable[RequestRow], zone: Zone
) -> OrderDetail:
    """An order with what happened to it."""
    return OrderDetail(
        *msgspec.structs.astuple(order_answer(row, zone)),
        fills=[_fill(fill, zone) for fill in fills],
        requests=[request_answer(request, zone) for request in requests],
    )


def request_answer(row: RequestRow, zone: Zone) -> RequestAnswer:
    """A cancel or replace."""
    replaces = row.kind is RequestKind.REPLACE
    return RequestAnswer(
        row.request_id,
        row.cl_ord_id,
        row.kind.name,
        row.status.name,
        row.actor,
        row.door.value,
        format_fixed(row.quantity) if replaces else None,
        format_fixed(row.limit) if replaces else None,
        zone.at(row.requested_at_ns),
        zone.maybe(row.ended_at_ns),
        row.reason_code or None,
        row.reason_text or None,
    )


def instruction_answer(
    row: InstructionRow, zone: Zone, *, in_full: bool = False
) -> InstructionAnswer:
    """An instruction in a list; ``in_full`` with every row that was asked for."""
    return InstructionAnswer(
        row.id,
        row.kind,
        row.status.name,
        row.refusal_code or None,
        row.refusal_text or None,
        asked(row.request, in_full=in_full),
        row.parent or None,
        row.follow_up or None,
        row.actor,
        row.door.value,
        row.request_id,
        row.note,
        zone.at(row.planned_at_ns),
        zone.maybe(row.fire_at_ns),
        zone.at(row.expires_at_ns),
        zone.maybe(row.ended_at_ns),
        row.orders,
        row.open_orders,
        row.skips,
        row.cancels,
        row.filled,
        row.canceled,
        row.rejected,
        row.expired,
        row.not_received,
        row.in_doubt,
        row.seq,
        None if row.waits_for is None else row.waits_for.value,
        zone.maybe(row.undo_until_ns),
        None if row.approval is None else _approval(row.approval, zone),
    )


def _approval(row: ApprovalRow, zone: Zone) -> ApprovalAnswer:
    return ApprovalAnswer(
        row.reason_code,
        row.reason_text,
        zone.at(row.asked_at_ns),
        zone.at(row.approve_by_ns),
        row.decision or None,
        zone.maybe(row.ended_at_ns),
        row.actor or None,
        row.door or None,
        row.note,
    )


def skip_answer(row: SkipRow) -> SkipAnswer:
    """An account, row or rank that was left out."""
    return SkipAnswer(
        row.client_name,
        row.client_id,
        row.account,
        row.reason_code,
        row.reason_text,
        row.symbol or row.instrument or None,
        row.symbol or None,
        row.row or None,
    )


def log_line(row: LogRow, zone: Zone) -> LogLine:
    """A line of the order log."""
    return LogLine(
        row.seq,
        zone.at(row.time_ns),
        row.entry.name,
        row.cl_ord_id,
        row.client_name,
        row.client_id,
        row.account,
        row.strategy,
        *_names(row.instrument, row.symbol),
        row.side.name,
        format_fixed(row.quantity),
        format_fixed(row.price),
        row.status.name,
        row.text,
    )


def _names(key: str, symbol: str) -> tuple[str, str, str, str]:
    return symbol or key, symbol or key, *split_key(key)


def _fill(row: FillRow, zone: Zone) -> FillAnswer:
    return FillAnswer(
        row.exec_id,
        format_fixed(row.quantity),
        format_fixed(row.price),
        format_fixed(row.charges),
        zone.at(row.time_ns or row.booked_at_ns),
        row.seq,
    )
