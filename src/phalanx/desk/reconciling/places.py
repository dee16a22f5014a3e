"""Where each account is traded: one that goes elsewhere is not trusted before its book there was read."""

from collections.abc import Mapping

from phalanx.brokers.port import Broker
from phalanx.domain.accounts import Account
from phalanx.engine.state import State


class Places:
    """Broker and login of each account, as far as it was told of."""

    def __init__(self, state: State, brokers: Mapping[str, Broker]) -> None:
        self._brokers = brokers
        self._known = {one.id: (one.broker, one.login) for one in state.accounts.values()}

    def is_elsewhere(self, account: Account) -> bool:
        """Whether the account is traded where it was not before, and something may be found there: a new
        one in our own process has nothing yet.
        """
        before = self._known.get(account.id)
        self._known[account.id] = now = (account.broker, account.login)
        if before is not None:
            return before != now
        broker = self._brokers.get(account.broker)
        return broker is None or broker.capabilities.late_ms is not None
