"""What a restart tells paper of its orders."""

import pytest

from phalanx.brokers.paper import restored_orders
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport
from phalanx.engine import commands as c
from tests.engine_world import World


@pytest.mark.parametrize(
    ("exec_ids", "by_hand"),
    [
        ((), False),
        (("HAA00000001",), True),
        (("HAA00000001", "HAA00000002"), True),
        (("HAA00000001", "AA00000000-7"), False),
        # A desk may be called H-something, and with it the ids of its orders.
        (("HA00000000-4",), False),
        (("",), False),
    ],
)
def test_whether_only_a_person_filled_an_order(exec_ids: tuple[str, ...], *, by_hand: bool) -> None:
    world = World()
    world.account(1)
    (draft,) = world.order(price="100.5").orders
    world.accepted(draft.cl_ord_id)
    for total, exec_id in enumerate(exec_ids, 1):
        report = ExecutionReport(
            draft.cl_ord_id, ExecType.TRADE, "B", exec_id, whole(total), whole(1), draft.limit
        )
        world.do(c.BookReport(report))

    (restored,) = restored_orders(world.state)

    assert (restored.cum_quantity, restored.by_hand) == (whole(len(exec_ids)), by_hand)
