"""Which accounts are open: those that take instructions and whose lanes move."""

from collections.abc import MutableMapping

from phalanx.desk.firing.firing import Firing
from phalanx.domain.accounts import AccountId


class Opening:
    """Opens and closes accounts. ``closed``: those that take nothing new, each with why."""

    def __init__(self, closed: MutableMapping[AccountId, str], firing: Firing) -> None:
        self.closed = closed
        self._firing = firing

    def open(self, account: AccountId) -> None:
        """The account is reconciled: it takes instructions and its lane moves."""
        self.closed.pop(account, None)
        self._firing.open(account)

    def close(self, account: AccountId, why: str) -> None:
        """The account is not to be trusted with anything new: what waits in its lane stays there, but for
        cancels while it is in reach.
        """
        self.closed[account] = why
        self._firing.shut(account)

    def reach(self, account: AccountId, *, in_reach: bool) -> None:
        """Whether its session is up: then what works there can be called back, open or not."""
        self._firing.reach(account, in_reach=in_reach)
