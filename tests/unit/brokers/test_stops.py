"""Stops on paper: they wait for their price, work from then on, and never trade before."""

import pytest

from phalanx.brokers.paper import PaperBroker
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Side, TimeInForce
from phalanx.domain.time import MILLISECOND
from tests.fakes.paper import ACCOUNT, FUTURE, SHARE, PaperWorld, code, order, restored

ID = "AA00000001"
STOP, STOP_LIMIT = OrdType.STOP, OrdType.STOP_LIMIT


async def _world(profile: FillProfile) -> PaperWorld:
    world = PaperWorld(profile)
    await world.broker.connect()
    return world


async def _placed(
    world: PaperWorld,
    side: Side = Side.BUY,
    stop: str = "103",
    limit: str = "104",
    ord_type: OrdType = STOP,
    cl_ord_id: str = ID,
) -> None:
    """A stop that paper has taken."""
    ticket = world.place(order(cl_ord_id, side, limit=limit, ord_type=ord_type, stop=stop))
    world.clock.settle()
    assert code(ticket.outcome) == "ACCEPTED"


def _move(world: PaperWorld, *prices: str) -> None:
    for price in prices:
        world.price(price)
        world.clock.settle()


@pytest.mark.parametrize(
    ("side", "stop", "limit", "before", "price"),
    [
        (Side.BUY, "103", "104", ["102.95", "99", "102"], "103"),
        (Side.BUY, "103", "104", ["90"], "103.5"),
        (Side.SELL, "97", "96", ["97.05", "101", "98"], "97"),
        (Side.SELL, "97", "96", ["110"], "96.5"),
    ],
)
async def test_it_rests_until_the_last_price_reaches_it(
    world: PaperWorld, side: Side, stop: str, limit: str, before: list[str], price: str
) -> None:
    await _placed(world, side, stop, limit)
    _move(world, *before)
    assert world.reports == []

    _move(world, price)

    assert world.filled(ID) == [(10, parse_fixed(price))]


async def test_one_whose_price_is_there_when_it_comes_is_triggered_at_once(
    world: PaperWorld,
) -> None:
    await _placed(world, stop="100", limit="101")

    assert world.filled(ID) == [(10, whole(100))]


@pytest.mark.parametrize("ord_type", [STOP, STOP_LIMIT])
async def test_it_trades_within_its_limit_only_also_long_after_it_was_triggered(
    world: PaperWorld, ord_type: OrdType
) -> None:
    await _placed(world, ord_type=ord_type)

    _move(world, "106", "104.05")
    assert world.reports == []
    _move(world, "101")

    assert world.filled(ID) == [(10, whole(101))]


async def test_a_price_that_is_gone_on_the_next_turn_has_triggered_it(world: PaperWorld) -> None:
    await _placed(world)

    world.price("103")
    world.price("102")
    assert world.reports == []
    world.clock.settle()

    assert world.filled(ID) == [(10, whole(102))]


async def test_what_fills_later_begins_when_it_is_triggered() -> None:
    world = await _world(FillProfile(fill_duration_ms=20, slices=2))
    await _placed(world)
    world.clock.advance(1_000 * MILLISECOND)

    _move(world, "103")
    assert world.reports == []
    world.clock.advance(10 * MILLISECOND)
    assert world.quantities(ID) == [5]
    world.clock.advance(10 * MILLISECOND)

    assert world.quantities(ID) == [5, 5]


async def test_a_triggered_one_stays_so(world: PaperWorld) -> None:
    await _placed(world, ord_type=STOP_LIMIT)
    _move(world, "106")

    _move(world, "90")

    assert world.filled(ID) == [(10, whole(90))]


async def test_slippage_is_bounded_by_the_protected_price() -> None:
    world = await _world(FillProfile(slippage_bps=500))
    await _placed(world)

    _move(world, "103")

    assert world.filled(ID) == [(10, whole(104))]


async def test_orders_of_one_instrument_wait_for_what_is_theirs(world: PaperWorld) -> None:
    await _placed(world, cl_ord_id="AA00000001")
    await _placed(world, stop="105", limit="106", cl_ord_id="AA00000002")
    await _placed(world, Side.SELL, "95", "94", cl_ord_id="AA00000003")
    world.place(order("AA00000004", limit="99", ord_type=OrdType.LIMIT))

    _move(world, "103", "98.9", "95")
    filled = {name: world.quantities(name) for name in (f"AA0000000{n}" for n in range(1, 5))}

    assert filled == {
        "AA00000001": [10],
        "AA00000002": [],
        "AA00000003": [10],
        "AA00000004": [10],
    }


@pytest.mark.parametrize(("stop", "expected"), [("100", [10]), ("100.05", [])])
async def test_ioc_is_triggered_when_it_comes_or_canceled(
    world: PaperWorld, stop: str, expected: list[int]
) -> None:
    world.place(order(ord_type=STOP, stop=stop, time_in_force=TimeInForce.IOC))
    world.clock.settle()

    assert world.quantities(ID) == expected
    assert (ExecType.CANCELED in world.exec_types(ID)) is not bool(expected)


@pytest.mark.parametrize("stop", ["0", "-1"])
async def test_a_stop_has_a_price(world: PaperWorld, stop: str) -> None:
    ticket = world.place(order(ord_type=STOP, stop=stop))
    world.clock.settle()

    assert code(ticket.outcome) == "INVALID_PRICE"


async def test_the_stop_of_another_type_means_nothing(world: PaperWorld) -> None:
    world.place(order(ord_type=OrdType.LIMIT, stop="103"))
    world.clock.settle()

    assert world.quantities(ID) == [10]


async def test_a_canceled_one_waits_for_nothing(world: PaperWorld) -> None:
    await _placed(world)

    world.cancel(ID)
    world.clock.settle()
    _move(world, "103")

    assert world.exec_types(ID) == [ExecType.CANCELED]
    assert world.broker._matcher._stops == world.broker._matcher._waiting == {}


async def test_a_replaced_one_keeps_its_stop(world: PaperWorld) -> None:
    await _placed(world, ord_type=STOP_LIMIT)

    world.replace(ID, 20, "105")
    world.clock.settle()
    _move(world, "102.95")
    assert world.filled(ID) == []
    _move(world, "104.5")

    assert world.filled(ID) == [(20, parse_fixed("104.5"))]


async def test_one_that_fills_nothing_is_triggered_all_the_same() -> None:
    world = await _world(FillProfile(filled_bps=5_000))
    world.place(order(quantity=1, limit="104", ord_type=STOP, stop="103"))
    world.clock.settle()
    _move(world, "103", "101")

    world.replace(ID, 10, "104")
    world.clock.settle()

    assert world.quantities(ID) == [5]


# --- restart -----------------------------------------------------------------------------------


async def _restarted(
    world: PaperWorld, filled: int, time_in_force: TimeInForce = TimeInForce.DAY
) -> PaperBroker:
    request = order(limit="104", ord_type=STOP, stop="103", time_in_force=time_in_force)
    await world.broker.close()
    broker = world.new_broker()
    broker.restore([restored(request, filled)])
    await broker.connect()
    assert world.reports == []
    world.clock.settle()
    return broker


async def test_after_a_restart_it_waits_again(world: PaperWorld) -> None:
    broker = await _restarted(world, 0)
    (found,) = (await broker.book(ACCOUNT)).orders
    assert (found.status, world.reports) == (OrdStatus.NEW, [])

    _move(world, "103")

    assert world.quantities(ID) == [10]


async def test_after_a_restart_the_price_may_be_there_already(world: PaperWorld) -> None:
    world.price("103")

    await _restarted(world, 0)

    assert world.quantities(ID) == [10]


async def test_after_a_restart_what_has_filled_is_triggered(world: PaperWorld) -> None:
    await _restarted(world, 4)

    assert world.filled(ID) == [(6, whole(100))]


async def test_after_a_restart_a_restored_ioc_ends_on_the_next_turn(world: PaperWorld) -> None:
    await _restarted(world, 0, TimeInForce.IOC)

    assert world.exec_types(ID) == [ExecType.CANCELED]


async def test_one_that_is_replaced_in_the_turn_of_the_restart_waits_once(
    world: PaperWorld,
) -> None:
    request = order(limit="104", ord_type=STOP, stop="103")
    await world.broker.close()
    broker = world.new_broker()
    broker.restore([restored(request)])
    await broker.connect()

    world.replace(ID, 20, "104")
    world.clock.settle()
    _move(world, "103")

    assert world.quantities(ID) == [20]
    assert world.steps == 0


# --- what it costs -------------------------------------------------------------------------------


async def test_a_quote_that_reaches_no_stop_costs_the_waiting_nothing(world: PaperWorld) -> None:
    for number in range(100):
        await _placed(world, cl_ord_id=f"AA{number:08}")

    world.price("102.95")
    world.price("200", FUTURE.key)

    assert world.steps == 0
    assert len(world.broker._matcher._stops[SHARE.key]) == 100
