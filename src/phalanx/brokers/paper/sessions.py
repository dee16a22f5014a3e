"""The sessions of paper's accounts: each is up, or was dropped for a moment by its account's profile."""

from phalanx.brokers.paper.agenda import Agenda
from phalanx.brokers.port import SessionListener
from phalanx.domain.accounts import AccountId
from phalanx.domain.time import MILLISECOND, Nanoseconds

DROPPED_NS: Nanoseconds = 2_000 * MILLISECOND
"""So long a dropped session stays down."""

DROPPED = "the session was dropped"


class Sessions:
    """Which accounts' sessions are down, and word of it. Called from the agenda only."""

    __slots__ = ("_agenda", "_down", "listener")

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._down: set[AccountId] = set()
        self.listener: SessionListener = lambda _account, _why: None

    def is_up(self, account: AccountId) -> bool:
        """Whether requests, answers and reports of that account get through."""
        return account not in self._down

    def drop(self, account: AccountId) -> None:
        """Cut that session; it comes back by itself."""
        self._down.add(account)
        self._agenda.add(DROPPED_NS, lambda: self._restore(account))
        self.listener(account, DROPPED)

    def _restore(self, account: AccountId) -> None:
        self._down.discard(account)
        self.listener(account, "")
