"""Whose prices matter most: what is worked, then what is held, then what is followed."""

import pytest

from phalanx.desk import mattering as module
from phalanx.desk.mattering import mattering
from tests.engine_world import World

BSOFT, GRASIM, EICHER, MINDA, ACC, INFY = (f"NSE:{number}" for number in range(1, 7))


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    world.account(2)
    return world


async def test_nothing_matters_to_an_empty_desk(world: World) -> None:
    assert await mattering(world.state) == []


async def test_worked_comes_before_held_and_held_before_followed(world: World) -> None:
    world.subscribe("A1", "S", "ACC", "GRASIM", "INFY", "EICHERMOT")
    world.subscribe("A2", "T", "INFY", "ACC")
    world.subscribe("A2", "U", "ACC")
    world.bought("S", "GRASIM")
    world.sent(world.buy("S", "EICHERMOT"))

    assert await mattering(world.state) == [EICHER, GRASIM, ACC, INFY]


async def test_what_more_accounts_follow_comes_first_then_it_goes_by_key(world: World) -> None:
    world.subscribe("A1", "S", "INFY", "ACC", "BSOFT")
    world.subscribe("A2", "S", "INFY")

    assert await mattering(world.state) == [INFY, BSOFT, ACC]


async def test_a_subscription_that_is_off_does_not_count(world: World) -> None:
    world.subscribe("A1", "S", "INFY", enabled=False)

    assert await mattering(world.state) == []


async def test_it_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MATTERING_MAX", 2)
    monkeypatch.setattr(module, "AT_ONCE", 1)
    world.subscribe("A1", "S", "INFY", "ACC", "BSOFT")

    assert await mattering(world.state) == [BSOFT, ACC]
