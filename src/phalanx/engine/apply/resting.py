"""MARKET orders that rest at the broker, and since when: what the policy on unfilled ones goes by."""

from phalanx.domain.orders import OrdStatus, OrdType
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import Order, State

# By their own names: on Python 3.11 finding an enum's member costs more than comparing with it.
_MARKET = OrdType.MARKET
_RESTING = (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)


def rest(state: State, order: Order, time: Nanoseconds) -> None:
    """Let the order rest if it works with nothing under way about it, and all that was filled of it is told;
    one that does already goes on.
    """
    draft = order.draft
    if draft.ord_type is not _MARKET or order.status not in _RESTING:
        return
    if order.request is None and not order.unfilled and order.known_cum <= order.cum_quantity:
        resting = state.resting_exits if draft.reduce_only else state.resting_entries
        resting.setdefault(draft.cl_ord_id, time)


def rest_no_longer(state: State, order: Order) -> None:
    """It has ended, or something is under way about it, or a person looks after it now."""
    draft = order.draft
    if draft.ord_type is _MARKET:
        resting = state.resting_exits if draft.reduce_only else state.resting_entries
        resting.pop(draft.cl_ord_id, None)
