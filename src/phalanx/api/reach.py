"""Reach: how much of the book somebody may touch, by the accounts that there are now."""

from typing import Final

import msgspec

from phalanx.domain.access import Principal
from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey
from phalanx.engine.state import State
from phalanx.views.within import Within


class Reach(msgspec.Struct, frozen=True):
    """The accounts, clients, strategies and instruments that somebody may touch; None is no bound.

    Clients are those who have an account in reach, and of a client user also those who have none.
    """

    accounts: frozenset[AccountId] | None = None
    clients: frozenset[int] | None = None
    strategies: frozenset[str] | None = None
    instruments: frozenset[InstrumentKey] | None = None

    @property
    def is_by_account(self) -> bool:
        """Neither strategies nor instruments are a bound: accounts within reach are so as a whole."""
        return self.strategies is None and self.instruments is None

    def has_account(self, account: AccountId) -> bool:
        """Whether this account is in reach."""
        return self.accounts is None or account in self.accounts

    def has_client(self, client: int) -> bool:
        """Whether this client is in reach."""
        return self.clients is None or client in self.clients

    def has(self, account: AccountId, strategy: str | None, instrument: InstrumentKey) -> bool:
        """Whether an order, or a lot, is in reach: what has no strategy is not, where they are a bound."""
        return (
            self.has_account(account)
            and (self.strategies is None or strategy in self.strategies)
            and (self.instruments is None or instrument in self.instruments)
        )

    def has_whole_account(self, account: AccountId) -> bool:
        """Whether all that an account has is in reach: its cash has no strategy and no instrument."""
        return self.is_by_account and self.has_account(account)

    def has_whole_client(self, client: int, state: State) -> bool:
        """Whether all that a client has is in reach."""
        if self.accounts is None or not self.has_client(client):
            return self == EVERYTHING
        theirs = (one.id for one in state.accounts.values() if one.client_id == client)
        return self.is_by_account and all(map(self.has_whole_account, theirs))

    def has_subscription(self, account: AccountId, strategy: str) -> bool:
        """Whether it is in reach who follows a strategy: that is about no single instrument."""
        return self.instruments is None and self.has(account, strategy, "")

    def within(self, actor: str) -> Within | None:
        """How far ``actor`` sees in the views; None: everything."""
        if self == EVERYTHING:
            return None
        return Within(self.accounts, self.strategies, self.instruments, actor)


EVERYTHING: Final = Reach()


def reach_of(principal: Principal, state: State) -> Reach:
    """What somebody may touch now. It costs nothing for those who see everything."""
    if principal.sees_all:
        return EVERYTHING
    fence, theirs = principal.fence, principal.client_ids
    accounts, clients = None, theirs
    if theirs is not None or fence.accounts:
        named = fence.accounts or state.accounts.keys()
        accounts = frozenset(
            id
            for id in named
            if (account := state.accounts.get(id)) is not None
            and principal.sees_client(account.client_id)
        )
    if theirs is None and accounts is not None:
        clients = frozenset(state.accounts[id].client_id for id in accounts)
    return Reach(
        accounts,
        clients,
        fence.strategies or None,
        fence.instruments or None,
    )
