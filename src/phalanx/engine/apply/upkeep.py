"""Terms, days, and what leaves memory."""

from itertools import islice
from typing import Any

from phalanx.domain.events import (
    AccessRecorded,
    DayRolled,
    DeskFounded,
    KeysForgotten,
    OrdersRetired,
    TermBegan,
)
from phalanx.domain.instructions import InstructionId, Origin
from phalanx.domain.orders import ClOrdId, OrdStatus
from phalanx.domain.time import DAY, Nanoseconds
from phalanx.engine.apply.orders import enter_doubt, forget_end
from phalanx.engine.state import FOREIGN_FILLS_MAX, Instruction, KeyUse, State

FOLLOWED_MAX = 100_000
"""How many orders are remembered that were retried or reversed and are not in memory any more; after
that the oldest are forgotten, and such a one could be reversed a second time."""

FOREIGN_FILLS_DAYS = 7
"""So long the executions without an order of ours are remembered; a broker's book is of one day."""

_FORGOTTEN_AT_ONCE = 1_024


def key_id(actor: str, idempotency_key: str) -> str:
    """The scope of an idempotency key is its actor."""
    return f"{actor}\n{idempotency_key}"


def use_key(state: State, origin: Origin, time: Nanoseconds) -> None:
    """Remember where a key was used first, and forget the oldest beyond the bound.

    Every event with an origin comes by here, so that the key points at its command's first event.
    """
    if not origin.idempotency_key:
        return
    key = key_id(origin.actor, origin.idempotency_key)
    if key in state.keys:
        return
    state.keys[key] = KeyUse(origin.fingerprint, state.seq + 1, time)
    surplus = 1 + state.settings.keys_max // 1_024
    if len(state.keys) >= state.settings.keys_max + surplus:
        _forget_oldest(state.keys, surplus)


def desk_founded(state: State, event: DeskFounded) -> None:
    """The data folder has its two letters."""
    state.desk_id = event.desk_id
    state.shard = event.shard


def term_began(state: State, event: TermBegan) -> None:
    """Another process writes now. What was sent and never answered is in doubt until asked about."""
    state.epoch = event.epoch
    for cl_ord_id in event.doubted:
        order = state.orders[cl_ord_id]
        order.status = OrdStatus.IN_DOUBT
        enter_doubt(state.book_of(order), order)
    for order in state.open_orders():
        for request in (order.request, order.replacing):
            if request is not None and request.dispatched:
                request.in_doubt = True


def orders_retired(state: State, event: OrdersRetired) -> None:
    """Terminal orders leave; an instruction leaves with its last one. Some stay until the day rolls."""
    for cl_ord_id in event.kept:
        state.kept[cl_ord_id] = state.ended.pop(cl_ord_id)
    orders, books, instructions = state.orders, state.books, state.instructions
    for cl_ord_id in event.cl_ord_ids:
        order = orders.pop(cl_ord_id)
        del books[order.draft.book].orders[cl_ord_id]
        forget_end(state, cl_ord_id)
        if order.followed_by is not None:
            remember_followed(state, cl_ord_id, order.followed_by)
        _let_go(state, instructions[order.instruction_id])
        if order.closed_by is not None:
            closer = instructions.get(order.closed_by)
            if closer is not None:
                _let_go(state, closer)


def remember_followed(state: State, source: ClOrdId, instruction_id: InstructionId) -> None:
    """Of an order that is not in memory: who retried or reversed it last."""
    state.followed.pop(source, None)
    state.followed[source] = instruction_id
    if len(state.followed) >= FOLLOWED_MAX + _FORGOTTEN_AT_ONCE:
        _forget_oldest(state.followed, _FORGOTTEN_AT_ONCE)


def _let_go(state: State, instruction: Instruction) -> None:
    left = instruction.in_memory = instruction.in_memory - 1
    if left:
        assert left > 0, f"{instruction.id} kept by fewer than nobody"
    elif not instruction.watched:
        del state.instructions[instruction.id]


def day_rolled(state: State, event: DayRolled) -> None:
    """The day counters start again, and what brokers' books show no more is forgotten."""
    state.day = event.day
    state.settled_breaks.clear()
    if state.kept:
        # They ended before whatever was not looked at yet.
        state.ended = {**state.kept, **state.ended}
        state.kept = {}
    _forget_foreign_fills(state, event.time)
    for book in state.books.values():
        book.orders_today = 0
        book.recent.clear()
        book.sold_today.clear()


def _forget_foreign_fills(state: State, now: Nanoseconds) -> None:
    """Those of the last days stay, so many that half of the bound is free for the day that begins."""
    oldest_kept = now - FOREIGN_FILLS_DAYS * DAY
    surplus = len(state.foreign_fills) - FOREIGN_FILLS_MAX // 2
    old = sum(booked_at < oldest_kept for booked_at in state.foreign_fills.values())
    _forget_oldest(state.foreign_fills, max(surplus, old, 0))


def keys_forgotten(state: State, event: KeysForgotten) -> None:
    """The oldest keys are past their retention."""
    _forget_oldest(state.keys, event.count)


def access_recorded(_state: State, _event: AccessRecorded) -> None:
    """It is on record: nothing that is decided depends on it."""


def _forget_oldest(found: dict[str, Any], count: int) -> None:
    """At once and seldom: finding a dict's first key costs as much as was deleted before it."""
    for key in list(islice(found, count)):
        del found[key]
