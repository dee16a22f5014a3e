"""Whom a kill of a test stops, and a kill flag in memory."""

from collections.abc import Container

from phalanx.domain.kills import (
    EVERYBODY,
    DirectKill,
    KillKey,
    KillLevel,
    KillScope,
    RaisedFlag,
)


def of_account(account: str) -> KillScope:
    """The account, or everybody for an empty name."""
    return KillScope(KillLevel.ACCOUNT, account) if account else EVERYBODY


class FakeKillFlag:
    """Outlives the processes of a rig, as the file does. ``is_broken``: it cannot be lowered; ``later``:
    what somebody put in its place.
    """

    def __init__(self) -> None:
        self.number = self.adopted = 0
        self.kills: tuple[DirectKill, ...] = ()
        self.is_being_written = False
        self.is_broken = False
        self.later: FakeKillFlag | None = None

    def order(self, *kills: DirectKill) -> None:
        """What ``kill --direct`` does."""
        waiting = self.kills if self.is_raised() else ()
        self.kills = (*waiting, *kills)
        self.number += 1

    def renew(self) -> bool:
        assert not self.is_raised(), "what a raised flag orders would be lost"
        if self.later is None:
            return False
        self.number, self.adopted, self.kills = self.later.number, 0, self.later.kills
        self.later = None
        return True

    def is_raised(self) -> bool:
        return self.number != self.adopted

    def keys(self) -> Container[KillKey]:
        return {kill.scope.key for kill in self.kills}

    def read(self) -> RaisedFlag | None:
        return None if self.is_being_written else RaisedFlag(self.number, self.kills)

    def lower(self, number: int) -> None:
        if self.is_broken:
            raise OSError("the disk is gone")
        self.adopted = number
