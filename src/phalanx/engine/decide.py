"""``decide``: what a command means now. Reads everything, changes nothing."""

from collections.abc import Callable
from typing import Any

from phalanx.domain.events import Event
from phalanx.engine import adoption as lot_adoption
from phalanx.engine import (
    alert_rules,
    audit,
    groups,
    hooks,
    imports,
    instructions,
    kills,
    limits,
    reference,
    reports,
    requests,
    terms,
    timers,
)
from phalanx.engine import commands as c
from phalanx.engine.context import Context
from phalanx.engine.day import calendar
from phalanx.engine.held import undo
from phalanx.engine.persons import arming, deciding, switching
from phalanx.engine.persons.asking import with_second_person
from phalanx.engine.reconciliation import adoption, breaks, foreign, judging
from phalanx.engine.state import State

_DECIDERS: dict[type, Callable[[State, Any, Context], list[Event]]] = {
    c.Submit: instructions.submit,
    c.Release: instructions.release,
    c.Approve: instructions.approve,
    c.Decline: instructions.decline,
    c.ReleaseOrders: undo.release_orders,
    c.CancelOrder: requests.cancel_order,
    c.ReplaceOrder: requests.replace_order,
    c.Dispatch: instructions.dispatch,
    c.DispatchRequest: requests.dispatch_request,
    c.BookReport: reports.book_report,
    c.BookUnknown: reports.book_unknown,
    c.BookNeverWritten: reports.book_never_written,
    c.BookFound: adoption.book_found,
    c.BookAbsent: adoption.book_absent,
    c.BookForeignFill: foreign.book_foreign_fill,
    c.BookLateFill: foreign.book_late_fill,
    c.FileDifferences: breaks.reconcile,
    c.BookUnread: breaks.book_unread,
    c.TakeBreak: breaks.take_break,
    c.CloseBreak: breaks.close_break,
    c.JudgeDoubt: judging.judge_doubt,
    c.ExpireUnsent: instructions.expire_unsent,
    c.BeginTerm: terms.begin_term,
    c.LoadInstruments: reference.load_instruments,
    c.ImportProfiles: imports.import_profiles,
    c.ImportRawDetails: imports.import_raw_details,
    c.ImportClients: imports.import_clients,
    c.PutReference: with_second_person(reference.put_reference),
    c.AdoptLots: lot_adoption.adopt_lots,
    c.PutGroups: with_second_person(groups.put_groups),
    c.PutLists: groups.put_lists,
    c.PutHooks: hooks.put_hooks,
    c.PutLimits: with_second_person(limits.put_limits),
    c.PutAlertRules: alert_rules.put_alert_rules,
    c.FillByHand: requests.fill_by_hand,
    c.RefuseHandFill: requests.refuse_hand_fill,
    c.PutKill: kills.put_kill,
    c.LiftKill: with_second_person(kills.lift_kill),
    c.ArmAccounts: arming.arm_accounts,
    c.SwitchMode: switching.switch_mode,
    c.DisarmAccounts: arming.disarm_accounts,
    c.ApproveChange: deciding.approve_change,
    c.DeclineChange: deciding.decline_change,
    c.RecordAccess: audit.record_access,
    c.PutCalendar: calendar.put_calendar,
    c.PutClosingAuction: calendar.put_closing_auction,
    c.Tick: timers.tick,
}


def decide(state: State, command: c.Command, context: Context) -> list[Event]:
    """The events that ``command`` causes, possibly none.

    Raises Refused when the command is turned away whole. The events, applied in order to this very
    state, cannot fail any more.
    """
    return _DECIDERS[type(command)](state, command, context)
