"""The only code that changes state: ``apply(state, event)``, one function per event."""

from collections.abc import Callable, Iterable
from typing import Any

from phalanx.domain import events as e
from phalanx.engine.apply import (
    instructions,
    orders,
    persons,
    reconciliation,
    reference,
    requests,
    upkeep,
)
from phalanx.engine.state import State

_APPLIERS: dict[type, Callable[[State, Any], None]] = {
    e.DeskFounded: upkeep.desk_founded,
    e.TermBegan: upkeep.term_began,
    e.InstrumentsLoaded: reference.instruments_loaded,
    e.LocalInstrumentPut: reference.local_instrument_put,
    e.ClientPut: reference.client_put,
    e.AccountPut: reference.account_put,
    e.CashAdjusted: reference.cash_adjusted,
    e.StrategyPut: reference.strategy_put,
    e.SubscriptionPut: reference.subscription_put,
    e.SettingsPut: reference.settings_put,
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
    e.OrdersRetired: upkeep.orders_retired,
    e.DayRolled: upkeep.day_rolled,
    e.KeysForgotten: upkeep.keys_forgotten,
    e.InstructionHeld: instructions.instruction_held,
    e.InstructionEnded: instructions.instruction_ended,
    e.ApprovalAsked: instructions.approval_asked,
    e.InstructionApproved: instructions.instruction_approved,
    e.OrdersReleased: orders.orders_released,
    e.GroupPut: reference.group_put,
    e.GroupRemoved: reference.group_removed,
    e.ListPut: reference.list_put,
    e.ListRemoved: reference.list_removed,
    e.HookSourcePut: reference.hook_source_put,
    e.HookSourceRemoved: reference.hook_source_removed,
    e.LimitPut: reference.limit_put,
    e.LimitRemoved: reference.limit_removed,
    e.FillOrdered: reference.fill_ordered,
    e.OrderFlagged: reference.order_flagged,
    e.LotAdopted: reference.lot_adopted,
    e.ForeignFillBooked: reconciliation.foreign_fill_booked,
    e.BreakFiled: reconciliation.break_filed,
    e.BreakTaken: reconciliation.break_taken,
    e.BreakClosed: reconciliation.break_closed,
    e.DoubtJudged: reconciliation.doubt_judged,
    e.AccountsArmed: persons.accounts_armed,
    e.AccountsDisarmed: persons.accounts_disarmed,
    e.ChangeAsked: persons.change_asked,
    e.ChangeApproved: persons.change_approved,
    e.ChangeDeclined: persons.change_declined,
    e.ChangesExpired: persons.changes_expired,
    e.AccessRecorded: upkeep.access_recorded,
    e.AlertRulePut: reference.alert_rule_put,
    e.AlertRuleRemoved: reference.alert_rule_removed,
    e.CalendarPut: reference.calendar_put,
    e.ClosingAuctionPut: reference.closing_auction_put,
}


def apply_all(state: State, events: Iterable[e.Event]) -> None:
    """``apply`` one after the other. Replay is a million of them, and a call for each is a twentieth of it."""
    appliers = _APPLIERS
    for event in events:
        appliers[type(event)](state, event)
        state.seq += 1
        if event.time > state.time:
            state.time = event.time


def apply(state: State, event: e.Event) -> None:
    """Change ``state`` as ``event`` says, and count the event."""
    _APPLIERS[type(event)](state, event)
    state.seq += 1
    if event.time > state.time:
        state.time = event.time
