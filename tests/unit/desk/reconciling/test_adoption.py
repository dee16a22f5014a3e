"""What may be made of a reading at all: only one that is complete."""

from typing import cast

import pytest

from phalanx.desk.reconciling.adoption import Adoption, Evidence
from phalanx.desk.reconciling.late_reports import LateReports
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.time import Timer
from phalanx.engine.commands import Command
from tests.engine_broker import Shown
from tests.engine_world import World


class WorldClock:
    """An engine's world's time, by either clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> int:
        return self._world.now

    def monotonic(self) -> int:
        return self._world.now


def test_of_a_reading_that_is_not_complete_nothing_is_adopted_and_it_counts_as_failed() -> None:
    world = World()
    world.account()
    shown = Shown(world)
    decided: list[Command] = []
    late = LateReports(
        world.state, None, cast("Timer", None), decided.append, print, lambda what, failure: None
    )
    adoption = Adoption(world.state, WorldClock(world), decided.append, late, lambda *_: None)
    (buy,) = world.order(quantity="10", price="100").orders
    world.accepted(buy.cl_ord_id)
    shown.has(buy.cl_ord_id, OrdStatus.PARTIALLY_FILLED)
    shown.trades_outside(Side.BUY, 2, "X1")
    shown.change(f"B{buy.cl_ord_id}", cum_quantity=whole(5))

    with pytest.raises(OSError, match="executions of order"):
        adoption.adopt(shown.book(), shown.capabilities, Evidence())

    assert decided == []
    shown.change(f"B{buy.cl_ord_id}", cum_quantity=0)
    adoption.adopt(shown.book(), shown.capabilities, Evidence())
    assert decided
