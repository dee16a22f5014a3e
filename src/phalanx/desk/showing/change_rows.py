"""The rows of changes that wait for another person, as durable events made them."""

from collections.abc import Callable, Iterable
from typing import Any

from phalanx.desk.showing.messages import ChangeRow
from phalanx.domain import events as e
from phalanx.domain.changes import AskedChange, ChangeId


class ChangeRows:
    """Keeps ``rows`` true; ``touch`` and ``drop`` are told which of them are new, and which left."""

    def __init__(
        self,
        rows: dict[ChangeId, ChangeRow],
        touch: Callable[[ChangeId], None],
        drop: Callable[[ChangeId], None],
    ) -> None:
        self._rows = rows
        self._touch = touch
        self._drop = drop

    def handlers(self) -> dict[type, Callable[[Any], None]]:
        """What to call for which event."""
        return {
            e.ChangeAsked: self._ask,
            e.ChangeApproved: self._end,
            e.ChangeDeclined: self._end,
            e.ChangesExpired: self._expire,
        }

    def load(self, changes: Iterable[AskedChange]) -> None:
        """Those that waited before the stream began."""
        self._rows.update((asked.id, ChangeRow(asked)) for asked in changes)

    def _ask(self, event: e.ChangeAsked) -> None:
        self._rows[event.asked.id] = ChangeRow(event.asked)
        self._touch(event.asked.id)

    def _end(self, event: e.ChangeApproved | e.ChangeDeclined) -> None:
        self._drop(event.change_id)

    def _expire(self, event: e.ChangesExpired) -> None:
        for change_id in event.change_ids:
            self._drop(change_id)
