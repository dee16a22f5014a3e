from phalanx.domain.orders import Side
from phalanx.engine.apply import apply_all
from phalanx.engine.snapshot import state_hash
from phalanx.engine.state import State
from tests.engine_world import World


def test_many_at_once_are_the_same_as_one_by_one(world: World) -> None:
    world.bought("RED", "INFY")
    world.filled(world.sell("RED", "INFY"))
    world.order(Side.BUY, "ACC", "3")
    at_once = State()

    apply_all(at_once, world.journal)

    assert at_once.seq == len(world.journal)
    assert at_once.time == world.state.time
    assert state_hash(at_once) == state_hash(world.state)
