import pytest

from phalanx.domain.numbers import whole
from phalanx.domain.orders import Closing, Product, Side
from phalanx.engine.exposure import coming, exposed, sellable, slices, to_cover
from tests.engine_world import World


@pytest.fixture
def world() -> World:
    """Ten INFY delivered, of which three are being sold; five more and two intraday are being bought."""
    world = World()
    world.account(1)
    (held,) = world.order(quantity="10").orders
    world.filled(held.cl_ord_id)
    world.order(Side.SELL, quantity="3", price="101")
    (buy,) = world.order(quantity="6", price="99").orders
    world.filled(buy.cl_ord_id, "1", price="99")
    world.order(quantity="2", price="99", product=Product.INTRADAY)
    return world


def test_what_is_held_and_not_being_sold_is_sellable(world: World) -> None:
    assert sellable(world.book(), "NSE:6", Product.DELIVERY) == whole(8)
    assert sellable(world.book(), "NSE:6", Product.INTRADAY) == 0


def test_what_works_may_still_fill_in_one_product_or_in_any(world: World) -> None:
    state, book = world.state, world.book()

    assert coming(state, book, "NSE:6", Product.DELIVERY) == whole(5)
    assert coming(state, book, "NSE:6", Product.INTRADAY) == whole(2)
    assert coming(state, book, "NSE:6") == whole(7)
    assert coming(state, book, "NSE:5") == 0


def test_exposed_is_what_is_held_with_what_may_come(world: World) -> None:
    assert exposed(world.state, world.book(), ["NSE:6"]) == whole(18)


def test_what_is_long_needs_no_cover(world: World) -> None:
    assert to_cover(world.state, world.book(), "NSE:6", Product.DELIVERY) == 0


@pytest.mark.parametrize(
    ("quantity", "most", "lot_size", "parts"),
    [
        (10, 10, 1, [(10, [("L1", 4), ("L2", 6)])]),
        (10, 6, 1, [(6, [("L1", 4), ("L2", 2)]), (4, [("L2", 4)])]),
        (10, 7, 5, [(5, [("L1", 4), ("L2", 1)]), (5, [("L2", 5)])]),
        (10, 3, 5, [(5, [("L1", 4), ("L2", 1)]), (5, [("L2", 5)])]),
        (0, 10, 1, []),
    ],
)
def test_slices_are_whole_lots_and_name_what_they_close(
    quantity: int, most: int, lot_size: int, parts: list[tuple[int, list[tuple[str, int]]]]
) -> None:
    closes = (Closing("L1", 4), Closing("L2", 6))

    found = list(slices(quantity, closes, most, lot_size))

    assert [(part, [(c.lot, c.quantity) for c in closed]) for part, closed in found] == parts
