"""The kill flag of a world: it outlives processes, as the file in a data folder does."""

from collections.abc import Container

from phalanx.domain.kills import EVERYBODY, DirectKill, KillKey, RaisedFlag


class SimulatedKillFlag:
    """The `KillFlag` port, and ``order`` for whoever kills past the desk.

    ``ordered``: every kill ever, by its id. ``is_torn``: somebody is writing, so it can only be seen
    that it is raised.
    """

    def __init__(self) -> None:
        self.ordered: dict[str, DirectKill] = {}
        self.is_torn = False
        self._number = 0
        self._adopted = 0
        self._kills: tuple[DirectKill, ...] = ()

    def order(self, kill: DirectKill) -> None:
        """Raise the flag, beside the kills that wait there already."""
        self._kills = (*self._kills, kill) if self.is_raised() else (kill,)
        self._number += 1
        self.ordered[kill.id] = kill

    def renew(self) -> bool:
        """See `KillFlag.renew`: nobody takes it away."""
        return False

    def is_raised(self) -> bool:
        """See `KillFlag.is_raised`."""
        return self._number != self._adopted

    def keys(self) -> Container[KillKey]:
        """See `KillFlag.keys`: everybody, where it cannot be read."""
        if self.is_torn:
            return (EVERYBODY.key,)
        return tuple(kill.scope.key for kill in self._kills)

    def read(self) -> RaisedFlag | None:
        """See `KillFlag.read`."""
        return None if self.is_torn else RaisedFlag(self._number, self._kills)

    def lower(self, number: int) -> None:
        """See `KillFlag.lower`."""
        self._adopted = number
