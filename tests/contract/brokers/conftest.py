from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from phalanx.domain.capabilities import BrokerKind
from tests.contract.brokers.harness import Harness, Play
from tests.contract.brokers.motilal import MotilalHarness
from tests.contract.brokers.paper import PaperHarness
from tests.contract.brokers.stub import StubHarness

HARNESSES: dict[str, Callable[[], Harness]] = {
    "paper": PaperHarness,
    **{f"stub {kind}": partial(StubHarness, kind) for kind in BrokerKind},
    "stub over TLS": partial(StubHarness, BrokerKind.LOOK_UP, tls=True),
    "motilal": MotilalHarness,
    "motilal dealer": partial(MotilalHarness, dealer=True),
}


@pytest.fixture(params=list(HARNESSES.values()), ids=list(HARNESSES))
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    """A module's harness, not connected."""
    made: Harness = request.param()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def play(harness: Harness) -> Play:
    """A game with a connected broker."""
    await harness.broker.connect()
    return Play(harness)
