"""Events become rows: one function per event that matters, in the workspace of one transaction.

What ``engine.apply`` does to the status of orders and instructions is done here to their rows, with
the engine's own table of moves where an event does not carry the result.
"""

from collections.abc import Callable, Iterable
from typing import Any

from phalanx.domain import events as e
from phalanx.views.audited import ACTS as AUDITED
from phalanx.views.projections import (
    audit,
    instructions,
    orders,
    persons,
    reconciliation,
    reference,
    requests,
    trades,
)
from phalanx.views.workspace import Workspace

_PROJECTIONS: dict[type, Callable[[Workspace, Any], None]] = {
    e.TermBegan: orders.term_began,
    e.LocalInstrumentPut: reference.local_instrument_put,
    e.ClientPut: reference.client_put,
    e.AccountPut: reference.account_put,
    e.InstructionPlanned: instructions.instruction_planned,
    e.OrdersDispatched: orders.orders_dispatched,
    e.DispatchLapsed: orders.dispatch_lapsed,
    e.OrderReported: orders.order_reported,
    e.OrderDoubted: orders.order_doubted,
    e.OrderEnded: orders.order_ended,
    e.CancelRequested: requests.cancel_requested,
    e.ReplaceRequested: requests.replace_requested,
    e.RequestDispatched: requests.request_dispatched,
    e.RequestEnded: requests.request_ended,
    e.RequestDoubted: requests.request_doubted,
    e.KillPut: reference.kill_put,
    e.KillLifted: reference.kill_lifted,
    e.InstructionHeld: instructions.instruction_held,
    e.InstructionEnded: instructions.instruction_ended,
    e.ApprovalAsked: instructions.approval_asked,
    e.InstructionApproved: instructions.instruction_approved,
    e.OrdersReleased: orders.orders_released,
    e.FillOrdered: orders.fill_ordered,
    e.OrderFlagged: orders.order_flagged,
    e.LotAdopted: trades.lot_adopted,
    e.ForeignFillBooked: reconciliation.foreign_fill_booked,
    e.BreakFiled: reconciliation.break_filed,
    e.BreakTaken: reconciliation.break_taken,
    e.BreakClosed: reconciliation.break_closed,
    e.DoubtJudged: reconciliation.doubt_judged,
    e.ChangeAsked: persons.change_asked,
    e.ChangeApproved: persons.change_approved,
    e.ChangeDeclined: persons.change_declined,
    e.ChangesExpired: persons.changes_expired,
}
"""The other events change nothing that these views show; the audit has what somebody did of them too.
Who is armed, and who is told what, the desk shows from its state.
"""


def project(work: Workspace, first_seq: int, events: Iterable[e.Event]) -> None:
    """Take the events of a record in, the first of them numbered ``first_seq``."""
    for seq, event in enumerate(events, first_seq):
        kind = type(event)
        projection, is_act = _PROJECTIONS.get(kind), kind in AUDITED
        if projection is None and not is_act:
            continue
        work.begin_event(seq)
        if projection is not None:
            projection(work, event)
        if is_act:
            audit.put(work, event)
        work.settle()
