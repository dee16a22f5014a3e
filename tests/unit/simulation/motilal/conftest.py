"""A simulated broker, and somebody who is logged in to it."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes.motilal import Caller, simulated


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    """An investor with a million, shares of RELAXO and IDBI, and a broker that stands still."""
    async with simulated() as found:
        yield found
