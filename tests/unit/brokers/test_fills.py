import pytest

from phalanx.brokers.paper.fills import (
    SLICES_MAX,
    draw,
    fill_price,
    filled_quantity,
    is_rejected,
    next_slice,
    slice_count,
    slices_left,
)
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import Price, Quantity, parse_fixed, whole
from phalanx.domain.orders import Side

TICK: Price = parse_fixed("0.05")


@pytest.mark.parametrize(
    ("quantity", "lot", "bps", "filled"),
    [
        ("10", "1", 10_000, "10"),
        ("10", "1", 20_000, "10"),
        ("10", "1", 5_000, "5"),
        ("10", "1", 3_333, "3"),
        ("1", "1", 9_999, "0"),
        ("10", "1", 0, "0"),
        ("10", "1", -1, "0"),
        ("300", "75", 5_000, "150"),
        ("300", "75", 4_999, "75"),
        ("0.5", "0.001", 3_333, "0.166"),
        ("10", "75", 10_000, "10"),
    ],
)
def test_the_filled_share_is_whole_lots(quantity: str, lot: str, bps: int, filled: str) -> None:
    found = filled_quantity(parse_fixed(quantity), parse_fixed(lot), bps)

    assert found == parse_fixed(filled)


def _slices(quantity: Quantity, lot: Quantity, slices: int) -> list[int]:
    found = []
    for left in range(slice_count(quantity, lot, slices), 0, -1):
        part = next_slice(quantity, left, lot)
        quantity -= part
        found.append(part // whole(1))
    assert quantity == 0
    return found


@pytest.mark.parametrize(
    ("quantity", "lot", "slices", "expected"),
    [
        (10, 1, 1, [10]),
        (10, 1, 4, [3, 3, 2, 2]),
        (10, 1, 10, [1] * 10),
        (10, 1, 11, [1] * 10),
        (10, 1, 0, [10]),
        (10, 1, -3, [10]),
        (300, 75, 3, [150, 75, 75]),
        (310, 75, 4, [75, 75, 75, 85]),
        (10, 75, 4, [10]),
        (0, 1, 4, []),
    ],
)
def test_slices_are_whole_lots_and_sum_to_the_whole(
    quantity: int, lot: int, slices: int, expected: list[int]
) -> None:
    assert _slices(whole(quantity), whole(lot), slices) == expected


def test_slices_have_a_bound() -> None:
    assert slice_count(whole(1_000_000), whole(1), 1_000_000) == SLICES_MAX


@pytest.mark.parametrize(("remaining", "left"), [(10, 5), (8, 4), (7, 4), (1, 1), (0, 0)])
def test_a_restored_order_has_the_slices_of_its_rest(remaining: int, left: int) -> None:
    assert slices_left(5, whole(10), whole(remaining), whole(1)) == left


@pytest.mark.parametrize(
    ("side", "limit", "last", "bps", "price"),
    [
        (Side.BUY, "101", "100", 0, "100"),
        (Side.BUY, "101", "100", 50, "100.5"),
        (Side.BUY, "101", "100", 52, "100.55"),
        (Side.BUY, "101", "100", 500, "101"),
        (Side.BUY, "101", "100.01", 0, "100.05"),
        (Side.BUY, "100", "100", 0, "100"),
        (Side.BUY, "100", "100.05", 0, None),
        (Side.BUY, "101", "100", -50, "100"),
        (Side.SELL, "99", "100", 0, "100"),
        (Side.SELL, "99", "100", 50, "99.5"),
        (Side.SELL, "99", "100", 52, "99.45"),
        (Side.SELL, "99", "100", 500, "99"),
        (Side.SELL, "99", "100.04", 0, "100"),
        (Side.SELL, "100", "99.95", 0, None),
        (Side.SELL, "0.05", "0.05", 20_000, "0.05"),
    ],
)
def test_a_fill_is_worse_than_last_and_never_worse_than_the_limit(
    side: Side, limit: str, last: str, bps: int, price: str | None
) -> None:
    found = fill_price(side, parse_fixed(limit), parse_fixed(last), bps, TICK)

    assert found == (None if price is None else parse_fixed(price))


def test_a_draw_depends_on_its_arguments_and_nothing_else() -> None:
    # Pinned: a replayed day must draw what it drew.
    assert draw(1, "AA00000001", "reject") == 6_432
    assert len({draw(seed, "AA00000001", "reject") for seed in range(100)}) > 90
    assert len({draw(1, f"AA{number:08}", "reject") for number in range(100)}) > 90


def test_the_reject_rate_is_met() -> None:
    def count(bps: int) -> int:
        profile = FillProfile(reject_bps=bps, seed=3)
        return sum(is_rejected(profile, f"AA{number:08}") for number in range(10_000))

    assert count(0) == count(-5) == 0
    assert count(10_000) == 10_000
    assert 2_300 < count(2_500) < 2_700
