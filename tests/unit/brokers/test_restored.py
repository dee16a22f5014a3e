"""What a restart tells paper of its orders."""

import pytest

from phalanx.brokers.paper import RestoredOrder, restored_orders
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus
from phalanx.engine import commands as c
from tests.engine_world import World, fixed
from tests.fakes.paper import PaperWorld


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


def _restored(world: World, *reports: ExecutionReport) -> RestoredOrder:
    for report in reports:
        world.do(c.BookReport(report))
    (restored,) = restored_orders(world.state)
    return restored


def _world(charge_bps: int = 10) -> tuple[World, str]:
    world = World()
    world.account(1, charge_bps=charge_bps)
    (draft,) = world.order(price="100.5").orders
    world.accepted(draft.cl_ord_id)
    return world, draft.cl_ord_id


def test_booked_executions_come_back_under_their_ids() -> None:
    world, id = _world()
    first = ExecutionReport(
        id, ExecType.TRADE, "B", "E1", whole(4), whole(4), whole(100), charges=whole(1)
    )
    second = ExecutionReport(id, ExecType.TRADE, "B", "E2", whole(6), whole(2), whole(97))

    restored = _restored(world, first, second)

    assert [(trade.exec_id, trade.quantity, trade.price) for trade in restored.trades] == [
        ("E1", whole(4), whole(99)),
        ("E2", whole(2), whole(99)),
    ]
    assert sum(trade.charges for trade in restored.trades) == whole(1)
    assert restored.time == world.an_order(id).placed_at
    assert restored.ended is None


def test_an_execution_that_was_lost_on_the_way_comes_back_as_one_that_can_be_read() -> None:
    world, id = _world()
    later = ExecutionReport(id, ExecType.TRADE, "B", "E2", whole(7), whole(3), whole(99))

    restored = _restored(world, later)

    known, lost = restored.trades
    assert (known.exec_id, known.quantity) == ("E2", whole(3))
    assert (lost.quantity, lost.price) == (whole(4), whole(99))
    assert lost.charges == fixed("0.693")
    assert lost.exec_id not in world.an_order(id).exec_ids
    report = ExecutionReport(
        id, ExecType.TRADE, "B", lost.exec_id, whole(7), lost.quantity, lost.price
    )
    world.do(c.BookReport(report))
    assert world.an_order(id).missing == 0


async def test_an_end_whose_executions_are_missing_is_an_end_after_a_restart() -> None:
    world, id = _world()
    end = ExecutionReport(id, ExecType.CANCELED, "B", cum_quantity=whole(4))

    restored = _restored(world, end)
    paper = PaperWorld()
    paper.accounts["A1"] = world.state.accounts["A1"]
    paper.broker.restore([restored])
    await paper.broker.connect()
    paper.clock.settle()

    assert restored.ended is OrdStatus.CANCELED
    assert paper.reports == []
    book = await paper.broker.book("A1")
    (shown,), (trade,) = book.orders, book.trades
    assert (shown.status, shown.cum_quantity) == (OrdStatus.CANCELED, whole(4))
    assert (trade.quantity, trade.price) == (whole(4), fixed("100.5"))
