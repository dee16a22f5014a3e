"""Arming of live accounts: set by a person, over with the trading day."""

from phalanx.domain.accounts import Mode
from phalanx.domain.events import AccountsArmed, AccountsDisarmed, Event
from phalanx.domain.instructions import DESK_ORIGIN
from phalanx.domain.time import day_begins, trading_day
from phalanx.engine.context import Context
from phalanx.engine.persons.commands import ArmAccounts, DisarmAccounts
from phalanx.engine.persons.person import check_person
from phalanx.engine.refused import Refused
from phalanx.engine.state import State


def arm_accounts(state: State, command: ArmAccounts, context: Context) -> list[Event]:
    """Arm live accounts until this trading day ends, all or none; who is armed is armed anew.

    Raises Refused ``PERSON_NEEDED``, ``UNKNOWN_ACCOUNT``, ``ACCOUNT_NOT_LIVE``.
    """
    check_person(command.origin, "arming")
    accounts = tuple(dict.fromkeys(command.accounts))
    for account_id in accounts:
        account = state.accounts.get(account_id)
        if account is None:
            raise Refused("UNKNOWN_ACCOUNT", f"no account {account_id}")
        if account.mode is not Mode.LIVE:
            detail = f"{account_id} is on paper; only live accounts are armed"
            raise Refused("ACCOUNT_NOT_LIVE", detail)
    if not accounts:
        return []
    zone_offset_s = state.settings.zone_offset_s
    until = day_begins(trading_day(context.now, zone_offset_s) + 1, zone_offset_s)
    return [AccountsArmed(context.now, command.origin, accounts, until, command.note)]


def disarm_accounts(state: State, command: DisarmAccounts, context: Context) -> list[Event]:
    """Disarm those of them that are armed; anybody may. Raises Refused ``UNKNOWN_ACCOUNT``.

    With an idempotency key it is journaled also where none is armed: the key must not disarm what was
    armed later.
    """
    for account_id in command.accounts:
        if account_id not in state.accounts:
            raise Refused("UNKNOWN_ACCOUNT", f"no account {account_id}")
    origin = command.origin
    armed = tuple(one for one in dict.fromkeys(command.accounts) if one in state.armed)
    if not armed and not origin.idempotency_key:
        return []
    return [AccountsDisarmed(context.now, origin, armed, command.note)]


def disarm_overdue(state: State, context: Context) -> list[Event]:
    """Whose trading day is over."""
    overdue = tuple(one.account for one in state.armed.values() if one.until <= context.now)
    if not overdue:
        return []
    return [AccountsDisarmed(context.now, DESK_ORIGIN, overdue, "the trading day is over")]
