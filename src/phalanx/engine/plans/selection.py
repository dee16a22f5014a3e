"""For whom an instruction is: the accounts that a selection names, in an order drawn by lot."""

from collections.abc import Iterable, Sequence
from hashlib import shake_128
from typing import TypeVar

from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.instructions import BatchRow, OrderRequest, Selection
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.state import State

_R = ReasonCode
_T = TypeVar("_T")


def shuffled(found: Sequence[_T], seed: int) -> list[_T]:
    """In an order that ``seed`` draws: nobody is always first, also not among those that remain when
    others are skipped.
    """
    count = len(found)
    if count < 2:  # noqa: PLR2004  nothing to choose
        return list(found)
    keys = memoryview(shake_128(b"%d" % seed).digest(8 * count)).cast("Q").tolist()
    return [found[place] for place in sorted(range(count), key=keys.__getitem__)]


def account_of(state: State, request: OrderRequest | BatchRow) -> Account | None:
    """The account that is named, else the client's primary one; None: nobody has it."""
    account_id = request.account or state.primary_accounts.get(request.client, "")
    return state.accounts.get(account_id)


def chosen(
    state: State, seed: int, selection: Selection, *, primary_only: bool
) -> list[Account] | Reason:
    """The accounts, shuffled; or why the whole instruction is refused: a name that nobody has.

    Of a client (and of everybody) that is the primary account, unless ``primary_only`` is False;
    accounts and members of groups are who they are. Accounts in the other mode are left out.
    """
    ids = _named(state, selection, primary_only=primary_only)
    if isinstance(ids, Reason):
        return ids
    mode = selection.mode
    accounts = (state.accounts[account_id] for account_id in dict.fromkeys(ids))
    found = [account for account in accounts if mode is None or account.mode is mode]
    if not found:
        return Reason(_R.NOBODY_CHOSEN)
    return shuffled(found, seed)


def _named(
    state: State, selection: Selection, *, primary_only: bool
) -> Iterable[AccountId] | Reason:
    if selection.is_everybody:
        if primary_only:
            return state.primary_accounts.values()
        return state.accounts
    ids: list[AccountId] = []
    for account_id in selection.accounts:
        if account_id not in state.accounts:
            return Reason(_R.UNKNOWN_ACCOUNT, (account_id,))
        ids.append(account_id)
    clients = _accounts_by_client(state) if selection.clients and not primary_only else {}
    for client in selection.clients:
        if client not in state.primary_accounts:
            return Reason(_R.UNKNOWN_CLIENT, (str(client),))
        ids += [state.primary_accounts[client]] if primary_only else clients[client]
    for name in selection.groups:
        group = state.groups.get(name)
        if group is None:
            return Reason(_R.UNKNOWN_GROUP, (name,))
        ids += [member.account for member in group.members if member.account in state.accounts]
    return ids


def _accounts_by_client(state: State) -> dict[int, list[AccountId]]:
    found: dict[int, list[AccountId]] = {}
    for account in state.accounts.values():
        found.setdefault(account.client_id, []).append(account.id)
    return found
