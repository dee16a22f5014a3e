"""The plan of a cancel within a scope: all that works or waits there, exits only where that was asked."""

from collections.abc import Iterator

import msgspec

from phalanx.domain.instructions import CancelOpenRequest
from phalanx.domain.orders import ClOrdId
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.plans.plan import Plan
from phalanx.engine.state import Order, State

CANCELS_AT_ONCE_MAX = 5_000
"""Most orders that one record cancels, so that no turn of the loop is long; the ticks that follow do the
rest, a part each.
"""


def plan_cancel_open(state: State, request: CancelOpenRequest, after: ClOrdId = "") -> Plan:
    """Cancels of the oldest orders after ``after``, as many as one record holds; where that is not all,
    the plan is of a part of the request. What a cancelled buy still fills stays.
    """
    until = request.until or next(reversed(state.orders), "")
    # The ids of one desk are in the order in which they were made.
    found = [
        order for order in _cancelable(state, request) if after < order.draft.cl_ord_id <= until
    ]
    plan = Plan(state)
    for order in found[:CANCELS_AT_ONCE_MAX]:
        plan.cancel(order)
    if not plan.cancels:
        plan.refusal = Reason(ReasonCode.NOTHING_TO_CANCEL, (str(request.scope),))
    left = max(0, len(found) - CANCELS_AT_ONCE_MAX)
    if left:
        plan.part = msgspec.structs.replace(request, left=left, until=until)
    return plan


def _cancelable(state: State, request: CancelOpenRequest) -> Iterator[Order]:
    """The open orders in scope that nobody is canceling yet, oldest first; of those that only reduce
    none, unless ``exits`` are asked for.
    """
    scope = request.scope
    for order in state.open_orders():
        if order.is_canceling or (order.draft.reduce_only and not request.exits):
            continue
        account = state.accounts[state.book_of(order).account]
        if scope.covers(account, order.draft.strategy):
            yield order
