"""What an instruction asked for, in the words of the body that asked for it."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec

from phalanx.api.fields import BASIS_POINT
from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.allocation import Allocation, ListMethod, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.numbers import Fixed, Quantity, format_fixed

_QUANTITIES = frozenset({Method.EQUAL_QUANTITY, Method.FIXED_QUANTITY, Method.MULTIPLIER})
_AMOUNTS = frozenset({Method.EQUAL_CASH, Method.FIXED_CASH})


class Whom(msgspec.Struct, frozen=True, kw_only=True):
    """For whom; nobody named: everybody that the kind can apply to."""

    accounts: list[str] = []
    clients: list[int] = []
    groups: list[str] = []
    mode: str | None = None


class AskedSignal(Whom, frozen=True, tag_field="kind", tag="signal"):
    """What was asked: a strategy's signal."""

    strategy: str
    instrument: str
    position: str


class AskedOrder(msgspec.Struct, frozen=True, tag_field="kind", tag="order"):
    """What was asked: one order."""

    client: int | None
    account_id: str | None
    instrument: str
    side: str
    product: str
    type: str
    quantity: str
    price: str | None
    stop_price: str | None
    time_in_force: str
    mode: str | None


class AskedPriorityBuy(Whom, frozen=True, tag_field="kind", tag="priority_buy"):
    """What was asked: to spend cash down a list."""

    list: str | None
    instruments: tuple[str, ...]
    allocation: str
    amount: str | None
    leftover: str
    max_new: int | None
    max_names: int | None
    min_order_value: str | None
    product: str


class AskedRow(msgspec.Struct, frozen=True):
    """One row of a batch. ``source``: the order that a follow-up does again or takes back."""

    client: int | None
    account_id: str | None
    instrument: str
    side: str
    product: str
    type: str
    quantity: str
    price: str | None
    stop_price: str | None
    time_in_force: str
    source: str | None


class AskedQuantity(msgspec.Struct, frozen=True):
    """So many units for an account."""

    account: str
    quantity: str


class AskedAllocation(msgspec.Struct, frozen=True):
    """How much for each account; ``quantities`` also of ``like``, as they were read then."""

    method: str
    quantity: str | None = None
    amount: str | None = None
    percent: str | None = None
    quantities: list[AskedQuantity] | None = None
    instruction: str | None = None


class AskedBatch(Whom, frozen=True, tag_field="kind", tag="batch", kw_only=True):
    """What was asked: a basket, with ``rows_total``, or one instrument with an ``allocation``. Only an
    instruction by itself shows its ``rows`` and ``quantities``; lists of instructions leave them out.
    """

    rows: list[AskedRow] | None = None
    rows_total: int | None = None
    instrument: str | None = None
    side: str | None = None
    product: str | None = None
    type: str | None = None
    price: str | None = None
    stop_price: str | None = None
    time_in_force: str | None = None
    allocation: AskedAllocation | None = None


class AskedExit(Whom, frozen=True, tag_field="kind", tag="exit"):
    """What was asked: to get out. ``quantity``: at most so many of each account; ``quantities``: at most
    so many of these ones, and nothing of others, where a door says so for its callers. Lists of
    instructions leave them out. ``held_only``: what worked was left alone.
    """

    instrument: str | None
    trade: str | None
    percent: str
    scope: str
    quantity: str | None
    product: str | None
    price: str | None
    quantities: list[AskedQuantity] | None = None
    held_only: bool = False


class AskedCancel(msgspec.Struct, frozen=True, tag_field="kind", tag="cancel"):
    """What was asked: to cancel the rest of another ``instruction``, or what works where a kill's
    ``level`` and ``name`` say, with or without ``exits`` under way.
    """

    instruction: str | None
    level: str | None = None
    name: str | None = None
    exits: bool | None = None


Asking: TypeAlias = (
    AskedSignal | AskedOrder | AskedPriorityBuy | AskedBatch | AskedExit | AskedCancel
)


def asked(request: InstructionRequest, *, in_full: bool) -> Asking:
    """The request; rows and single quantities only ``in_full``."""
    match request:
        case BatchRequest():
            rows = [_row(row) for row in request.rows] if in_full else None
            return AskedBatch(rows=rows, rows_total=len(request.rows), mode=_mode(request.mode))
        case AllocatedRequest():
            return _allocated(request, in_full=in_full)
        case ExitRequest():
            return _exit(request, in_full=in_full)
        case _:
            return _ASKED[type(request)](request)


def _signal(request: SignalRequest) -> AskedSignal:
    return AskedSignal(
        request.strategy, request.instrument, request.side.name, **_whom(request.selection)
    )


def _order(request: OrderRequest) -> AskedOrder:
    return AskedOrder(
        request.client or None,
        request.account or None,
        request.instrument,
        request.side.name,
        request.product.name,
        request.ord_type.name,
        format_fixed(request.quantity),
        _maybe(request.price),
        _maybe(request.stop_price),
        request.time_in_force.name,
        _mode(request.mode),
    )


def _priority_buy(request: PriorityBuyRequest) -> AskedPriorityBuy:
    allocation = request.allocation
    fixed = allocation.method is ListMethod.FIXED_AMOUNT
    return AskedPriorityBuy(
        request.list_name or None,
        request.instruments,
        allocation.method.value,
        format_fixed(allocation.amount) if fixed else None,
        allocation.leftover.value,
        request.max_new or None,
        request.max_names or None,
        _maybe(allocation.min_order_value),
        request.product.name,
        **_whom(request.selection),
    )


def _allocated(request: AllocatedRequest, *, in_full: bool) -> AskedBatch:
    return AskedBatch(
        instrument=request.instrument,
        side=request.side.name,
        product=request.product.name,
        type=request.ord_type.name,
        price=_maybe(request.price),
        stop_price=_maybe(request.stop_price),
        time_in_force=request.time_in_force.name,
        allocation=_allocation(request.allocation, in_full=in_full),
        **_whom(request.selection),
    )


def _allocation(allocation: Allocation, *, in_full: bool) -> AskedAllocation:
    method, amount = allocation.method, allocation.amount
    if method in _QUANTITIES:
        return AskedAllocation(method.value, quantity=format_fixed(amount))
    if method in _AMOUNTS:
        return AskedAllocation(method.value, amount=format_fixed(amount))
    if method not in {Method.QUANTITIES, Method.LIKE}:
        return AskedAllocation(method.value, percent=_percent(amount))
    return AskedAllocation(
        method.value,
        quantities=_sizes(allocation.quantities) if in_full else None,
        instruction=allocation.instruction or None,
    )


def _sizes(quantities: Iterable[tuple[AccountId, Quantity]]) -> list[AskedQuantity]:
    return [AskedQuantity(who, format_fixed(size)) for who, size in quantities]


def _exit(request: ExitRequest, *, in_full: bool) -> AskedExit:
    return AskedExit(
        request.instrument or None,
        request.trade or None,
        _percent(request.percent_bps),
        request.scope.name.lower(),
        _maybe(request.each_max),
        None if request.product is None else request.product.name,
        _maybe(request.price),
        _sizes(request.quantities) if in_full and request.quantities else None,
        request.held_only,
        **_whom(request.selection),
    )


def _cancel(request: CancelRestRequest) -> AskedCancel:
    return AskedCancel(request.instruction)


def _cancel_open(request: CancelOpenRequest) -> AskedCancel:
    scope = request.scope
    return AskedCancel(None, scope.level.value, scope.name or None, request.exits)


def _row(row: BatchRow) -> AskedRow:
    return AskedRow(
        row.client or None,
        row.account or None,
        row.instrument,
        row.side.name,
        row.product.name,
        row.ord_type.name,
        format_fixed(row.quantity),
        _maybe(row.price),
        _maybe(row.stop_price),
        row.time_in_force.name,
        row.source or None,
    )


def _whom(selection: Selection) -> dict[str, Any]:
    return {
        "accounts": list(selection.accounts),
        "clients": list(selection.clients),
        "groups": list(selection.groups),
        "mode": _mode(selection.mode),
    }


def _mode(mode: Mode | None) -> str | None:
    return None if mode is None else mode.name.lower()


def _percent(basis_points: int) -> str:
    return format_fixed(basis_points * BASIS_POINT)


def _maybe(value: Fixed) -> str | None:
    return format_fixed(value) if value else None


_ASKED: dict[type, Callable[[Any], Asking]] = {
    SignalRequest: _signal,
    OrderRequest: _order,
    PriorityBuyRequest: _priority_buy,
    CancelRestRequest: _cancel,
    CancelOpenRequest: _cancel_open,
}
