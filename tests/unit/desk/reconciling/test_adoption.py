"""What may be made of a reading at all: only one that is complete."""

from collections.abc import Callable
from typing import cast

import pytest

from phalanx.desk.reconciling.adoption import Adoption, Evidence
from phalanx.desk.reconciling.late_reports import LateReports
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.time import Nanoseconds, Timer
from phalanx.engine.commands import Command
from phalanx.engine.reconciliation import steps as steps_module
from phalanx.engine.reconciliation.comparison import Comparison, compare
from phalanx.engine.state import State
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


def adoption_of(world: World, decide: Callable[[Command], None]) -> Adoption:
    late = LateReports(
        world.state, None, cast("Timer", None), decide, print, lambda what, failure: None
    )
    return Adoption(world.state, WorldClock(world), decide, late, lambda *_: None)


def test_a_reading_is_compared_again_only_where_something_of_it_was_adopted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.account()
    shown = Shown(world)
    (buy,) = world.order(quantity="10", price="100").orders
    world.accepted(buy.cl_ord_id)
    shown.has(buy.cl_ord_id, OrdStatus.NEW)
    compared: list[BrokerBook] = []

    def count(
        state: State, book: BrokerBook, capabilities: Capabilities, now: Nanoseconds
    ) -> Comparison:
        compared.append(book)
        return compare(state, book, capabilities, now)

    monkeypatch.setattr(steps_module, "compare", count)

    def decide(command: Command) -> None:
        world.do(command)

    adoption = adoption_of(world, decide)

    left, _ = adoption.adopt(shown.book(), shown.capabilities, Evidence())
    assert left is not None
    assert (compared, left.differences) == ([], ())

    shown.trades_outside(Side.BUY, 2, "X1")
    left, _ = adoption.adopt(shown.book(), shown.capabilities, Evidence())
    assert left is not None
    assert (len(compared), left.differences) == (1, ())


def test_of_a_reading_that_is_not_complete_nothing_is_adopted_and_it_counts_as_failed() -> None:
    world = World()
    world.account()
    shown = Shown(world)
    decided: list[Command] = []
    adoption = adoption_of(world, decided.append)
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
