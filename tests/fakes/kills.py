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
    """Outlives the processes of a rig, as the file does. ``is_broken``: it cannot be lowered; ``is_lost``:
    it cannot be renewed; ``later``: what somebody put in its place.
    """

    def __init__(self) -> None:
        self.number = self.adopted = 0
        self.kills: tuple[DirectKill, ...] = ()
        self.is_being_written = False
        self.is_broken = False
        self.is_lost = False
        self.later: FakeKillFlag | None = None

    def order(self, *kills: DirectKill) -> None:
        """What ``kill --direct`` does."""
        waiting = self.kills if self._is_up() else ()
        self.kills = (*waiting, *kills)
        self.number += 1

    def renew(self) -> bool:
        if self._is_up():
            return False
        if self.is_lost:
            raise OSError("the flag is a folder")
        if self.later is None:
            return False
        self.number, self.adopted, self.kills = self.later.number, 0, self.later.kills
        self.later = None
        return True

    def is_raised(self) -> bool:
        return self.is_lost or self._is_up()

    def _is_up(self) -> bool:
        return self.number != self.adopted

    def keys(self) -> Container[KillKey]:
        return {EVERYBODY.key} if self.is_lost else {kill.scope.key for kill in self.kills}

    def read(self) -> RaisedFlag | None:
        if self.is_being_written or not self._is_up():
            return None
        return RaisedFlag(self.number, self.kills)

    def lower(self, number: int) -> None:
        if self.is_broken:
            raise OSError("the disk is gone")
        self.adopted = number
