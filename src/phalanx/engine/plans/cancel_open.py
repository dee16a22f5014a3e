"""The plan of a cancel within a scope: all that works or waits there, exits only where that was asked."""

from collections.abc import Iterable, Iterator
from itertools import islice

from phalanx.domain.instructions import CancelOpenRequest
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.plans.plan import ORDERS_MAX, Plan
from phalanx.engine.state import Order, State


def cancelable(state: State, request: CancelOpenRequest) -> Iterator[Order]:
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


def plan_cancel_open(state: State, request: CancelOpenRequest) -> Plan:
    """A cancel for each of them, of the oldest that one plan holds."""
    return plan_cancels(state, request, islice(cancelable(state, request), ORDERS_MAX))


def plan_cancels(state: State, request: CancelOpenRequest, orders: Iterable[Order]) -> Plan:
    """A cancel for each of these. What a cancelled buy still fills stays."""
    plan = Plan(state)
    for order in orders:
        plan.cancel(order)
    if not plan.cancels:
        plan.refusal = Reason(ReasonCode.NOTHING_TO_CANCEL, (str(request.scope),))
    return plan
