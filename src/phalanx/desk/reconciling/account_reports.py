"""What the last reading of each account's book came to."""

from enum import StrEnum

import msgspec

from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.time import Nanoseconds
from phalanx.engine.reconciliation.comparison import Comparison


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
