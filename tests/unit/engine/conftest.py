import pytest

from tests.engine_world import World


@pytest.fixture
def world() -> World:
    """One client with a million and two strategies that trade INFY and ACC."""
    world = World()
    account = world.account(1)
    world.subscribe(account, "RED", "INFY", "ACC")
    world.subscribe(account, "BLUE", "INFY", "ACC")
    return world
