"""What the disk may hold after a broker showed that its end was lost."""

import pytest

from phalanx.domain.events import BreakFiled
from phalanx.journal.memory import MemoryDisk
from phalanx.simulation.invariants.disk import Disk
from phalanx.simulation.invariants.named import Invariant, Violation
from tests.engine_broker import Shown
from tests.engine_world import World


def test_no_order_gets_an_id_up_to_one_that_a_broker_showed_to_be_lost() -> None:
    world = World()
    world.account()
    shown = Shown(world)
    lost = [world.order(quantity="1", price=price) for price in ("100", "101", "102")]
    (newest,) = lost[-1].orders
    after = World()
    after.account()
    shown.world = after
    shown.has_foreign(newest.side, 1, tag=newest.cl_ord_id)
    (filed,) = shown.read()
    assert isinstance(filed, BreakFiled)
    disk = Disk(MemoryDisk())
    disk.state.desk_id = after.state.desk_id

    disk._take(filed)
    disk._take(after.order(quantity="1", price="100"))
    with pytest.raises(Violation) as caught:
        disk._take(lost[1])

    assert caught.value.invariant is Invariant.LOST_TAIL
    assert lost[1].orders[0].cl_ord_id not in disk.drafts
