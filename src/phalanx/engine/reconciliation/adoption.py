"""What a broker's book shows of an order becomes ours; one it is proved not to have was not received."""

from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.events import Event
from phalanx.domain.orders import TERMINAL, ExecType, ExecutionReport, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.closing import order_ended
from phalanx.engine.commands import BookReport
from phalanx.engine.context import Context
from phalanx.engine.lifecycle import Trigger, move
from phalanx.engine.reconciliation.commands import BookAbsent, BookFound
from phalanx.engine.reconciliation.doubt import (
    dispatched_requests,
    may_prove_absence,
    may_prove_no_effect,
)
from phalanx.engine.reconciliation.effects import Effect, effect_of, may_believe_shown
from phalanx.engine.reports import book_report, end_request
from phalanx.engine.state import Order, PendingRequest, State


def book_found(state: State, command: BookFound, context: Context) -> list[Event]:
    """One thing of what it shows: the acceptance, or what became of one request. Asked again, the next."""
    order = state.orders.get(command.cl_ord_id)
    if order is None:
        return []
    if is_news(order, command.found):
        report = _report(order, ExecType.NEW, command.found)
        return book_report(state, BookReport(report), context)
    for request in dispatched_requests(order):
        events = _settle_request(state, order, request, command, context)
        if events:
            return events
    return []


def book_absent(state: State, command: BookAbsent, context: Context) -> list[Event]:
    """NOT_RECEIVED, with proof; without it nothing comes of it, whoever says so."""
    order = state.orders.get(command.cl_ord_id)
    if order is None or move(order.status, Trigger.ABSENT) is None:
        return []
    capabilities = capabilities_of(state, order, context)
    if capabilities is None or command.looks < capabilities.looks_to_prove:
        return []
    if not may_prove_absence(state, order, capabilities, context.now, command.book_time):
        return []
    reason = Reason(ReasonCode.ABSENT_AT_BROKER)
    return [order_ended(state, order, OrdStatus.NOT_RECEIVED, reason, context)]


def is_news(order: Order, theirs: BrokerOrder) -> bool:
    """Whether it is alive at the broker, and we did not know that, or not under which id."""
    if theirs.status in TERMINAL:
        return False
    if move(order.status, Trigger.ACCEPT) is not None:
        return True
    return bool(theirs.order_id and not order.order_id)


def is_settling(order: Order, theirs: BrokerOrder, looks: int) -> bool:
    """Whether what the broker shows, now for so many looks, may settle a request of it."""
    effects = [effect_of(order, request, theirs) for request in dispatched_requests(order)]
    return any(
        effect in {Effect.SHOWN, Effect.NO_MORE} or (effect is Effect.NOT_SHOWN and looks > 0)
        for effect in effects
    )


def capabilities_of(state: State, order: Order, context: Context) -> Capabilities | None:
    """What the order's broker declares; None for a broker that is not there."""
    return context.capabilities.get(state.accounts[state.book_of(order).account].broker)


def _settle_request(
    state: State, order: Order, request: PendingRequest, command: BookFound, context: Context
) -> list[Event]:
    theirs = command.found
    effect = effect_of(order, request, theirs)
    capabilities = capabilities_of(state, order, context)
    if capabilities is None:
        return []
    if effect is Effect.SHOWN:
        now, book_time = context.now, command.book_time
        if not may_believe_shown(
            order, request, theirs, capabilities, now, book_time, command.sights
        ):
            return []
        report = _report(order, ExecType.REPLACED, theirs)
        return book_report(state, BookReport(report), context)
    reason = Reason(ReasonCode.ABSENT_AT_BROKER)
    if effect is Effect.NO_MORE and order.cum_quantity >= theirs.cum_quantity:
        return end_request(state, order, request, reason, context)
    if effect is not Effect.NOT_SHOWN or command.looks < capabilities.looks_to_prove:
        return []
    if not may_prove_no_effect(request, capabilities, context.now, command.book_time):
        return []
    return end_request(state, order, request, reason, context)


def _report(order: Order, exec_type: ExecType, theirs: BrokerOrder) -> ExecutionReport:
    """As if the broker had told it: the report that a reading stands for."""
    replaced = exec_type is ExecType.REPLACED
    return ExecutionReport(
        order.draft.cl_ord_id,
        exec_type,
        theirs.order_id,
        text="as the broker's book has it",
        quantity=theirs.quantity if replaced else 0,
        price=theirs.limit if replaced else 0,
    )
