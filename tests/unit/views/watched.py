"""An engine and the views of what happened to it."""

from pathlib import Path

import apsw

from phalanx.domain.events import Event
from phalanx.views.queries import Views
from phalanx.views.rows import InstructionTree, LogRow, OrderRow
from phalanx.views.schema import open_for_reading
from tests.engine_world import World
from tests.unit.views.records import Records, follow


class Watched:
    """A world with one account, and views that are brought up to date when they are asked."""

    def __init__(self, path: Path) -> None:
        self.world = World()
        self.account = self.world.account(charge_bps=10)
        self.world.subscribe(self.account, "RED", "INFY")
        self.source = Records()
        self._path = path
        self._views = Views(path)
        self._taken = 0

    @property
    def views(self) -> Views:
        events: list[Event] = self.world.journal[self._taken :]
        if events:
            self._taken += len(events)
            self.source.append(*events)
        follow(self._path, self.source)
        return self._views

    def connection(self) -> apsw.Connection:
        """The file as somebody else sees it."""
        assert self.views is not None
        found = open_for_reading(self._path)
        assert found is not None
        return found

    def order(self, cl_ord_id: str) -> OrderRow:
        row = self.views.order(cl_ord_id)
        assert row is not None
        return row

    def tree(self, instruction: str) -> InstructionTree:
        found = self.views.instruction(instruction)
        assert found is not None
        return found

    def log(self) -> list[LogRow]:
        return list(reversed(self.views.order_log().items))

    def close(self) -> None:
        self._views.close()
