"""Fills by hand on paper: what a person ordered, beside what the profile fills."""

import pytest

from phalanx.brokers.port import FillsByHand
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, OrdType
from phalanx.domain.time import MILLISECOND
from tests.fakes.paper import ACCOUNT, PaperWorld, order, restored

ID = "AA00000001"
RESTS = FillProfile(filled_bps=0)


async def _world(profile: FillProfile, charge_bps: int = 0) -> PaperWorld:
    world = PaperWorld(profile, charge_bps)
    await world.broker.connect()
    return world


def _fill(world: PaperWorld, quantity: int, exec_id: str = "H1", price: str = "100") -> list[str]:
    """Order a fill; the list gets why it was refused, if it is."""
    refused: list[str] = []
    wanted = (ID, whole(quantity), parse_fixed(price), exec_id)
    world.broker.fill_by_hand(*wanted, refused.append)
    return refused


async def test_it_is_a_trade_with_its_own_id_that_says_so() -> None:
    world = await _world(RESTS, charge_bps=3)
    assert isinstance(world.broker, FillsByHand)
    world.place(order())
    world.clock.settle()
    assert world.reports == []

    _fill(world, 4)
    assert world.reports == []
    world.clock.settle()

    assert world.reports == [
        ExecutionReport(
            ID,
            ExecType.TRADE,
            f"P{ID}",
            "H1",
            cum_quantity=whole(4),
            last_quantity=whole(4),
            last_price=whole(100),
            charges=parse_fixed("0.12"),
            text="by hand",
            time=world.clock.now(),
            quantity=whole(10),
            price=whole(101),
        )
    ]


async def test_the_whole_of_an_order_ends_it() -> None:
    world = await _world(RESTS)
    world.place(order())
    world.clock.settle()

    _fill(world, 10)
    world.clock.settle()

    (found,) = (await world.broker.book(ACCOUNT)).orders
    assert found.status is OrdStatus.FILLED
    assert world.broker._book.working == {}


async def test_of_what_has_filled_meanwhile_only_the_rest_is_filled() -> None:
    world = await _world(FillProfile(fill_duration_ms=10))
    world.place(order())
    world.clock.settle()

    _fill(world, 8)
    _fill(world, 8, "H2")
    _fill(world, 8, "H3")
    world.clock.settle()

    assert [(r.exec_id, r.last_quantity) for r in world.reports] == [
        ("H1", whole(8)),
        ("H2", whole(2)),
    ]


async def test_what_the_profile_still_fills_becomes_less() -> None:
    world = await _world(FillProfile(filled_bps=6_000, fill_duration_ms=30, slices=3))
    world.place(order())
    world.clock.advance(10 * MILLISECOND)
    assert world.quantities(ID) == [2]

    _fill(world, 1)
    world.clock.advance(1_000 * MILLISECOND)

    assert world.quantities(ID) == [2, 1, 2, 1]
    assert world.reports[-1].cum_quantity == whole(6)


async def test_more_than_the_profile_fills_leaves_it_nothing_to_do() -> None:
    world = await _world(FillProfile(filled_bps=6_000, fill_duration_ms=30, slices=3))
    world.place(order())
    world.clock.settle()

    _fill(world, 7)
    world.clock.advance(1_000 * MILLISECOND)

    assert world.quantities(ID) == [7]
    assert world.steps == 0


async def test_an_order_that_waits_for_its_price_goes_on_waiting(world: PaperWorld) -> None:
    world.place(order(limit="99", ord_type=OrdType.LIMIT))
    world.clock.settle()

    _fill(world, 4, price="98")
    world.clock.settle()
    assert world.quantities(ID) == [4]
    world.price("99")
    world.clock.settle()

    assert world.filled(ID) == [(4, whole(98)), (6, whole(99))]


async def test_one_that_waited_and_is_filled_waits_no_longer(world: PaperWorld) -> None:
    world.place(order(limit="99", ord_type=OrdType.LIMIT))
    world.clock.settle()

    _fill(world, 10, price="99")
    world.clock.settle()
    world.price("98")
    world.clock.settle()

    assert world.quantities(ID) == [10]
    assert world.broker._matcher._waiting == {}


@pytest.mark.parametrize("ord_type", [OrdType.STOP, OrdType.STOP_LIMIT])
async def test_a_person_triggers_no_stop(world: PaperWorld, ord_type: OrdType) -> None:
    world.place(order(limit="104", ord_type=ord_type, stop="103"))
    world.clock.settle()

    _fill(world, 1)
    world.clock.settle()
    world.price("102")
    world.clock.settle()
    assert world.quantities(ID) == [1]
    world.price("103")
    world.clock.settle()

    assert world.quantities(ID) == [1, 9]
    assert world.broker._matcher._stops == {}


async def test_what_is_left_of_a_stop_waits_once() -> None:
    world = await _world(RESTS)
    world.place(order(limit="104", ord_type=OrdType.STOP, stop="103"))
    world.clock.settle()

    _fill(world, 4)
    _fill(world, 6, "H2")
    world.clock.settle()

    assert world.quantities(ID) == [4, 6]
    assert world.broker._matcher._stops == {}


async def test_after_a_restart_a_stop_that_only_a_person_filled_waits_again() -> None:
    world = await _world(FillProfile())
    await world.broker.close()
    broker = world.new_broker()
    stop = order(limit="104", ord_type=OrdType.STOP, stop="103")
    broker.restore([restored(stop, 3, by_hand=True)])
    await broker.connect()
    world.clock.settle()
    assert world.quantities(ID) == []

    world.price("103")
    world.clock.settle()

    assert world.quantities(ID) == [7]


async def test_a_limit_that_was_replaced_meanwhile_is_kept() -> None:
    world = await _world(RESTS)
    world.place(order())
    world.clock.settle()
    world.replace(ID, 10, "99")

    refused = _fill(world, 4)
    assert refused == []
    world.clock.settle()

    assert world.quantities(ID) == []
    assert refused == ["100 is beyond its limit 99"]


async def test_the_same_fill_is_filled_once() -> None:
    world = await _world(RESTS)
    world.place(order())
    world.clock.settle()

    first = _fill(world, 4)
    world.clock.settle()
    again = _fill(world, 4)
    world.clock.settle()

    assert world.quantities(ID) == [4]
    assert first == again == []


async def test_a_broker_that_is_not_connected_fills_nothing() -> None:
    world = await _world(RESTS)
    world.place(order())
    world.clock.settle()
    await world.broker.close()

    _fill(world, 4)
    world.clock.settle()

    assert world.reports == []


async def test_an_order_that_is_not_at_the_market_yet_is_not_filled() -> None:
    world = await _world(FillProfile(ack_delay_ms=20, filled_bps=0))
    world.place(order())

    refused = _fill(world, 4)
    world.clock.advance(1_000 * MILLISECOND)

    assert world.reports == []
    assert refused == ["it is not at the market yet"]


async def test_an_order_that_ended_says_so_by_its_end_alone() -> None:
    world = await _world(RESTS)
    world.place(order())
    world.clock.settle()
    world.cancel(ID)

    refused = _fill(world, 4)
    world.clock.settle()

    assert world.quantities(ID) == []
    assert refused == []


async def test_it_is_filled_after_a_restart() -> None:
    world = await _world(RESTS)
    await world.broker.close()
    broker = world.new_broker()
    broker.restore([restored(order(), 3)])
    await broker.connect()

    _fill(world, 4)
    world.clock.settle()

    assert [(r.exec_id, r.cum_quantity) for r in world.reports] == [("H1", whole(7))]
