import msgspec
import pytest

from phalanx.domain.events import LotAdopted
from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.domain.orders import Product, Side
from phalanx.engine import adoption
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import state_hash
from tests.engine_world import LOCAL, START, World

TEN = c.AdoptedLot("A1/P", "NSE:6", Product.DELIVERY, whole(10), whole(950), START - 10**15)


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    return world


def adopt(world: World, *lots: c.AdoptedLot) -> list[LotAdopted]:
    events = world.do(c.AdoptLots(LOCAL, lots))
    return [event for event in events if isinstance(event, LotAdopted)]


def lot(**changes: object) -> c.AdoptedLot:
    return msgspec.structs.replace(TEN, **changes)


def test_a_position_comes_in_as_a_lot_that_no_signal_sells(world: World) -> None:
    world.subscribe("A1", "RED", "INFY")

    (event,) = adopt(world, TEN)

    (found,) = world.lots()
    assert (found.id, found.remaining, found.cost) == (event.lot, whole(10), whole(950))
    assert (found.strategy, found.by_signal, found.cost_known) == (None, False, True)
    assert found.opened_at == TEN.opened_at
    assert world.held("INFY") == whole(10)
    assert world.book().cash == whole(1_000_000)
    assert world.reasons(world.signal("RED", "INFY", Side.SELL)) == ["NO_OPEN_LOT"]
    (draft,) = world.order(Side.SELL).orders
    assert draft.closes[0].lot == event.lot
    assert draft.cl_ord_id != event.lot


def test_a_cost_that_nobody_knows_is_flagged(world: World) -> None:
    (event,) = adopt(world, lot(cost=None))

    assert (event.cost, event.cost_known) == (0, False)
    assert not world.lots()[0].cost_known


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (lot(book="A9/P"), "UNKNOWN_ACCOUNT"),
        (lot(instrument="NSE:99"), "UNKNOWN_INSTRUMENT"),
        (lot(quantity=0), "LOT_MULTIPLE"),
        (lot(quantity=-whole(1)), "LOT_MULTIPLE"),
        (lot(quantity=whole(1) // 2), "LOT_MULTIPLE"),
        (lot(quantity=FIXED_MAX), "NUMBER_TOO_LARGE"),
    ],
)
def test_they_come_all_or_none(world: World, bad: c.AdoptedLot, code: str) -> None:
    before = state_hash(world.state)

    with pytest.raises(Refused) as caught:
        world.do(c.AdoptLots(LOCAL, (TEN, bad)))

    assert caught.value.code == code
    assert state_hash(world.state) == before


def test_a_short_position_takes_none_in(world: World) -> None:
    (buy,) = world.order().orders
    world.filled(buy.cl_ord_id)
    (sell,) = world.order(Side.SELL).orders
    world.filled(sell.cl_ord_id)
    world.filled(sell.cl_ord_id, "1")

    with pytest.raises(Refused, match="SHORT_POSITION"):
        adopt(world, TEN)
    assert len(adopt(world, lot(product=Product.MTF))) == 1


def test_they_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "ORDERS_MAX", 1)

    with pytest.raises(Refused, match="PLAN_TOO_LARGE"):
        adopt(world, TEN, TEN)
