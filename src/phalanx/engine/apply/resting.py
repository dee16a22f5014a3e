"""MARKET orders that rest at the broker, and since when: what the policy on unfilled ones goes by."""

from phalanx.domain.orders import ClOrdId, OrdStatus, OrdType
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import Order, State

_RESTING = (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)


def rest(state: State, order: Order, time: Nanoseconds) -> None:
    """Let the order rest if it works with nothing under way about it, and all that was filled of it is told;
    one that does already goes on.
    """
    if order.draft.ord_type is not OrdType.MARKET or order.status not in _RESTING:
        return
    if order.request is None and not order.unfilled and not order.missing:
        _resting(state, order).setdefault(order.draft.cl_ord_id, time)


def rest_no_longer(state: State, order: Order) -> None:
    """It has ended, or something is under way about it, or a person looks after it now."""
    if order.draft.ord_type is OrdType.MARKET:
        _resting(state, order).pop(order.draft.cl_ord_id, None)


def _resting(state: State, order: Order) -> dict[ClOrdId, Nanoseconds]:
    return state.resting_exits if order.draft.reduce_only else state.resting_entries
