from collections.abc import Callable

import pytest

from tests.contract.brokers.harness import Harness, Play
from tests.contract.brokers.paper import PaperHarness

HARNESSES: dict[str, Callable[[], Harness]] = {"paper": PaperHarness}


@pytest.fixture(params=list(HARNESSES.values()), ids=list(HARNESSES))
def harness(request: pytest.FixtureRequest) -> Harness:
    """A module's harness, not connected."""
    made: Harness = request.param()
    return made


@pytest.fixture
async def play(harness: Harness) -> Play:
    """A game with a connected broker."""
    await harness.broker.connect()
    return Play(harness)
