"""Accounts that a person armed, and changes that wait for another one."""

from phalanx.domain.arming import Armed
from phalanx.domain.events import (
    AccountsArmed,
    AccountsDisarmed,
    ChangeApproved,
    ChangeAsked,
    ChangeDeclined,
    ChangesExpired,
)
from phalanx.engine.apply.upkeep import use_key
from phalanx.engine.state import State


def accounts_armed(state: State, event: AccountsArmed) -> None:
    """They may take new risk until then."""
    use_key(state, event.origin, event.time)
    for account in event.accounts:
        state.armed[account] = Armed(
            account, event.origin.actor, event.time, event.until, event.note
        )


def accounts_disarmed(state: State, event: AccountsDisarmed) -> None:
    """And no more."""
    use_key(state, event.origin, event.time)
    for account in event.accounts:
        state.armed.pop(account, None)


def change_asked(state: State, event: ChangeAsked) -> None:
    """It waits."""
    use_key(state, event.origin, event.time)
    state.next_change += 1
    state.changes[event.asked.id] = event.asked


def change_approved(state: State, event: ChangeApproved) -> None:
    """Its wait is over; what it does comes in events of its own."""
    use_key(state, event.origin, event.time)
    state.changes.pop(event.change_id, None)


def change_declined(state: State, event: ChangeDeclined) -> None:
    """Its wait is over."""
    use_key(state, event.origin, event.time)
    state.changes.pop(event.change_id, None)


def changes_expired(state: State, event: ChangesExpired) -> None:
    """Their wait is over."""
    for change_id in event.change_ids:
        state.changes.pop(change_id, None)
