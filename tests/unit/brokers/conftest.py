import pytest

from tests.fakes.paper import PaperWorld


@pytest.fixture
async def world() -> PaperWorld:
    world = PaperWorld()
    await world.broker.connect()
    return world
