import pytest

from tests.engine_broker import Shown
from tests.engine_world import World


@pytest.fixture
def broker(world: World) -> Shown:
    """The broker of the one account, on the network, with an empty book."""
    return Shown(world)


@pytest.fixture
def buy(world: World) -> str:
    """A buy of ten that the broker acknowledged."""
    (draft,) = world.order(price="100").orders
    world.accepted(draft.cl_ord_id)
    return draft.cl_ord_id


@pytest.fixture
def doubted(world: World) -> str:
    """A buy of ten that nobody knows anything of."""
    (draft,) = world.order(price="100").orders
    world.unknown(draft.cl_ord_id)
    return draft.cl_ord_id
