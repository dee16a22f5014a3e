"""An instruction in a few words, as its caller wrote it."""

from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    ExitScope,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.numbers import BASIS_POINTS, SCALE, format_fixed
from phalanx.domain.orders import OrdType

NAMES_MAX = 3
"""Names said one by one; more are counted."""

_PERCENT_METHODS = frozenset(
    {Method.PERCENT_OF_CASH, Method.PERCENT_OF_NET_VALUE, Method.PERCENT_OF_POSITION}
)


def describe(request: InstructionRequest, stocks: int = 0) -> str:
    """``priority list nifty, 49 stocks``, ``exit 50 % of RELIANCE``, and so on for every kind.

    ``stocks``: how many a list by name came to; zero: not known yet.
    """
    match request:
        case SignalRequest():
            return f"{request.strategy} {request.side.name} {request.instrument}"
        case OrderRequest():
            who = request.account or f"client {request.client}"
            return f"{_ordered(request)} for {who}"
        case PriorityBuyRequest():
            return _listed(request, stocks)
        case BatchRequest():
            if len(request.rows) == 1:
                return f"basket of {_ordered(request.rows[0])}"
            return f"basket of {len(request.rows)} orders"
        case AllocatedRequest():
            side, shared = request.side.name, _shared(request.allocation)
            return f"{side} {request.instrument}, {shared}{_for(request.selection)}"
        case ExitRequest():
            return _exited(request)
        case CancelRestRequest():
            return f"cancel the rest of {request.instruction}"
        case CancelOpenRequest():
            exits = ", exits too" if request.exits else ""
            return f"cancel what works of {request.scope}{exits}"


def _ordered(order: OrderRequest | BatchRow) -> str:
    said = f"{order.side.name} {format_fixed(order.quantity)} {order.instrument}"
    return said if order.ord_type in {OrdType.MARKET, OrdType.LIMIT} else f"{said} at a stop"


def _listed(request: PriorityBuyRequest, stocks: int) -> str:
    if request.list_name:
        count = f", {stocks} stocks" if stocks else ""
        return f"priority list {request.list_name}{count}{_for(request.selection)}"
    return f"priority list of {_counted(request.instruments, 'stocks')}{_for(request.selection)}"


def _shared(allocation: Allocation) -> str:
    method = allocation.method
    if allocation.instruction:
        return f"quantities like {allocation.instruction}"
    if method is Method.QUANTITIES:
        return f"quantities for {len(allocation.quantities)} accounts"
    if method in _PERCENT_METHODS:
        return f"{_percent(allocation.amount)} {method.value}"
    return f"{method.value} {format_fixed(allocation.amount)}"


def _exited(request: ExitRequest) -> str:
    share = request.percent_bps
    part = "" if share == BASIS_POINTS else f"{_percent(share)} % of "
    trade = f"trade {request.trade}" if request.trade else "everything"
    scope = "" if request.scope is ExitScope.BOTH else f", {request.scope.name.lower()} only"
    rest = ", what works stays" if request.held_only else ""
    return f"exit {part}{request.instrument or trade}{_for(request.selection)}{scope}{rest}"


def _percent(basis_points: int) -> str:
    return format_fixed(basis_points * (SCALE // 100))


def _for(selection: Selection) -> str:
    names = (
        *selection.accounts,
        *(f"client {client}" for client in selection.clients),
        *(f"group {group}" for group in selection.groups),
    )
    return f" for {_counted(names, 'accounts, clients and groups')}" if names else ""


def _counted(names: tuple[str, ...], what: str) -> str:
    if len(names) > NAMES_MAX:
        return f"{len(names)} {what}"
    return ", ".join(names)
