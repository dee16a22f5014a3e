"""What a person has to say: accounts armed, and changes that wait for a second one."""

from phalanx.domain.accounts import AccountId
from phalanx.domain.changes import AskedChange, ChangeId
from phalanx.domain.events.recorded import Recorded
from phalanx.domain.instructions import Origin
from phalanx.domain.time import Nanoseconds


class AccountsArmed(Recorded, frozen=True, tag=50):
    """A person armed live accounts ``until`` the end of the trading day."""

    origin: Origin
    accounts: tuple[AccountId, ...]
    until: Nanoseconds
    note: str = ""


class AccountsDisarmed(Recorded, frozen=True, tag=51):
    """Accounts are armed no more: somebody said so, or (the desk) the trading day is over."""

    origin: Origin
    accounts: tuple[AccountId, ...]
    note: str = ""


class ChangeAsked(Recorded, frozen=True, tag=52):
    """A change that loosens a bound was asked for, and waits for another person. Nothing changed yet."""

    asked: AskedChange

    @property
    def origin(self) -> Origin:
        """Who asked."""
        return self.asked.origin


class ChangeApproved(Recorded, frozen=True, tag=53):
    """Another person approved it. ``events`` of it follow in this very record; none where it was
    refused when it was decided anew (``refusal``, a code, and ``detail``). Its wait is over either way.
    """

    origin: Origin
    change_id: ChangeId
    events: int = 0
    note: str = ""
    refusal: str = ""
    detail: str = ""


class ChangeDeclined(Recorded, frozen=True, tag=54):
    """A person declined it, or who asked took it back. Nothing changed."""

    origin: Origin
    change_id: ChangeId
    note: str = ""


class ChangesExpired(Recorded, frozen=True, tag=55):
    """Nobody decided about these in time. Nothing changed."""

    change_ids: tuple[ChangeId, ...]
