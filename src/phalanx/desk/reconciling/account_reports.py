"""What the last reading of each account's book came to."""

from enum import StrEnum

import msgspec

from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.time import Nanoseconds
from phalanx.engine.reconciliation.differences import Comparison


class ReadStatus(StrEnum):
    """How the last try to read an account's book ended."""

    NEVER = "NEVER"
    """It was not tried yet."""
    UNREAD = "UNREAD"
    """There was no complete reading."""
    MATCHED = "MATCHED"
    BREAKS = "BREAKS"
    """What was read differs from ours, and nobody could explain how."""


class AccountReport(msgspec.Struct, frozen=True):
    """The last try: when it ended (``at``, UTC ns; 0: never), and how.

    ``why``: what went wrong, of one that was UNREAD; ``tries``: how many in a row went wrong.
    ``comparison``: of the last complete reading, as it was left after adopting what the broker knows;
    None before the first one.
    """

    account: AccountId
    broker: str
    mode: Mode
    at: Nanoseconds = 0
    status: ReadStatus = ReadStatus.NEVER
    why: str = ""
    tries: int = 0
    comparison: Comparison | None = None

    def candidate(self, order_id: str) -> BrokerOrder | None:
        """What the last complete reading shows under an id, if it is nobody's and an order in doubt could
        be it.
        """
        shown = () if self.comparison is None else self.comparison.candidates
        return next((row for row in shown if row.order_id == order_id), None)
