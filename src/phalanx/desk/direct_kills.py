"""Kills that were ordered past the server become the desk's own: journaled, and then the flag is lowered."""

from collections.abc import Callable
from typing import Final

import msgspec

from phalanx.desk.faults import Faults
from phalanx.desk.ports import KillFlag
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.kills import DirectKill, KillCancel, RaisedFlag
from phalanx.domain.time import iso
from phalanx.engine.commands import Command, PutKill
from phalanx.engine.idempotency import first_use
from phalanx.engine.state import State

_WHERE: Final = "kill flag"


class DirectKills:
    """Looks at the flag at start and at each tick. The gate refuses by it from the first instant on.

    ``trouble``: why the last look failed; empty where it did not.
    """

    def __init__(
        self,
        flag: KillFlag,
        state: State,
        handle: Callable[[Command], None],
        durable_seq: Callable[[], int],
        faults: Faults,
    ) -> None:
        self._flag = flag
        self._state = state
        self._handle = handle
        self._durable_seq = durable_seq
        self._faults = faults
        self._adopted: _Adopted | None = None
        self.trouble = ""

    def look(self) -> None:
        """Adopt what was ordered; lower the flag once that is durable.

        What a flag orders is adopted, durably, before another takes its place or it is mended. Trouble
        is said once, when it begins, and when it is over.
        """
        before = self.trouble
        try:
            self._take()
            if self._flag.renew():
                self._take()
        except OSError as failure:
            self.trouble = failure.strerror or str(failure)
            if not before:
                self._faults.say(_WHERE, failure)
        else:
            self.trouble = ""
            if before:
                self._faults.is_over(_WHERE)

    def _take(self) -> None:
        if not self._flag.is_raised():
            return
        raised = self._flag.read()
        if raised is None:
            return
        adopted = self._adopted
        if adopted is None or adopted.raised != raised:
            self._adopted = self._adopt(raised)
        elif self._durable_seq() >= adopted.seq:
            self._flag.lower(raised.number)

    def _adopt(self, raised: RaisedFlag) -> "_Adopted | None":
        """Journal what was not journaled before the flag could be lowered; None: try again."""
        for kill in raised.kills:
            origin = _origin(kill)
            if first_use(self._state, origin) is None:
                self._handle(_command(kill, origin, self._state.settings.zone_offset_s))
            if first_use(self._state, origin) is None:
                return None
        return _Adopted(raised, self._state.seq)


class _Adopted(msgspec.Struct, frozen=True, gc=False):
    """This flag is in the journal once ``seq`` is durable. A new file counts from one again, so its
    number alone does not tell it from another.
    """

    raised: RaisedFlag
    seq: int


def _origin(kill: DirectKill) -> Origin:
    """Under a key of its own, so that it is adopted once, also after a crash before the flag is down."""
    return Origin(kill.actor, Door.KILL, "", f"direct {kill.id}", kill.id.encode())


def _command(kill: DirectKill, origin: Origin, zone_offset_s: int) -> PutKill:
    when = f"kill --direct, {iso(kill.time, zone_offset_s)}"
    cancel = KillCancel.ENTRIES if kill.cancel else KillCancel.NOTHING
    note = f"{kill.note} ({when})" if kill.note else when
    return PutKill(origin, kill.scope, note, cancel=cancel, adopted=True)
