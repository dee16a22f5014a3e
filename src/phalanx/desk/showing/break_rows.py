"""The rows of breaks: those that are open, as durable events made them."""

from collections.abc import Callable, Iterable

import msgspec

from phalanx.desk.showing.messages import BreakRow
from phalanx.domain import events as e
from phalanx.domain.breaks import Break, BreakId


class BreakRows:
    """Keeps ``rows`` true; ``touch`` and ``drop`` are told which of them changed, and which left."""

    def __init__(
        self,
        rows: dict[BreakId, BreakRow],
        touch: Callable[[BreakId], None],
        drop: Callable[[BreakId], None],
    ) -> None:
        self._rows = rows
        self._touch = touch
        self._drop = drop

    def load(self, breaks: Iterable[Break], time: int) -> None:
        """Those that were open before the stream began."""
        self._rows.update((found.id, BreakRow(found, time)) for found in breaks)

    def filed(self, event: e.BreakFiled) -> None:
        """A new one, or another difference in the place of an old one."""
        self._put(event.found, event.time)

    def taken(self, event: e.BreakTaken) -> None:
        """Somebody has it now."""
        changes = {"owner": event.owner, "note": event.note, "deadline": event.deadline}
        found = self._rows[event.break_id].found
        self._put(msgspec.structs.replace(found, **changes), event.time)

    def closed(self, event: e.BreakClosed) -> None:
        """It is over."""
        self._drop(event.break_id)

    def _put(self, found: Break, time: int) -> None:
        self._rows[found.id] = BreakRow(found, time)
        self._touch(found.id)
