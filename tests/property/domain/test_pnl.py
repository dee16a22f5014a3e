"""Whatever fills come in whatever order, not one 1e-8 of money appears or vanishes."""

from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.numbers import multiply
from phalanx.domain.orders import Closing, parts_closed
from phalanx.domain.pnl import TradePnl, shared

QUANTITIES = st.integers(1, 10**13)
VALUES = st.integers(0, 10**15)
FILLS = st.lists(
    st.tuples(st.booleans(), QUANTITIES, VALUES, st.integers(0, 10**10)), min_size=1, max_size=30
)


def folded(fills: list[tuple[bool, int, int, int]], *, cost_known: bool) -> TradePnl:
    """The fold of those of the fills that can be: nothing is sold that is not there."""
    pnl = TradePnl(cost_known=cost_known)
    for buys, quantity, value, charges in fills:
        if buys:
            pnl = pnl.buy(quantity, value, charges)
        elif pnl.remaining:
            pnl = pnl.sell(min(quantity, pnl.remaining), value, charges)
    return pnl


@given(FILLS)
def test_realized_is_cash_in_less_cost_out_less_charges(
    fills: list[tuple[bool, int, int, int]],
) -> None:
    pnl = TradePnl()
    cash = 0
    for buys, quantity, value, charges in fills:
        if buys:
            pnl = pnl.buy(quantity, value, charges)
            cash -= value + charges
        elif pnl.remaining:
            pnl = pnl.sell(min(quantity, pnl.remaining), value, charges)
            cash += value - charges
        assert pnl.realized - pnl.remaining_cost == cash
        assert pnl.remaining >= 0
        assert pnl.remaining_cost >= 0
        if not pnl.remaining:
            assert pnl.remaining_cost == 0, "what is all sold costs nothing any more"
            assert pnl.realized == cash


@given(FILLS, st.integers(1, 10**12))
def test_what_is_held_is_worth_its_price_less_its_cost(
    fills: list[tuple[bool, int, int, int]], last: int
) -> None:
    pnl = folded(fills, cost_known=True)

    assert pnl.unrealized(last) == multiply(last, pnl.remaining) - pnl.remaining_cost


@given(FILLS, st.integers(1, 10**12))
def test_an_unknown_cost_neither_gains_nor_loses(
    fills: list[tuple[bool, int, int, int]], last: int
) -> None:
    pnl = folded(fills, cost_known=False)

    assert pnl.realized == -pnl.charges
    assert pnl.unrealized(last) == 0


@given(st.integers(-(10**18), 10**18), st.lists(QUANTITIES, min_size=1, max_size=20))
def test_shares_add_up_and_none_is_off_by_a_unit(amount: int, parts: list[int]) -> None:
    shares = shared(amount, parts)

    assert sum(shares) == amount
    for share, part in zip(shares, parts, strict=True):
        assert abs(share * sum(parts) - amount * part) < sum(parts)


@given(st.lists(st.integers(1, 50), max_size=6), st.integers(0, 400), st.integers(0, 400))
def test_a_sell_falls_on_its_lots_one_after_the_other(
    quantities: list[int], first: int, second: int
) -> None:
    closes = tuple(Closing(f"L{place}", one) for place, one in enumerate(quantities))
    start, end = sorted((first, second))
    units = [closing.lot for closing in closes for _ in range(closing.quantity)]

    found = {closing.lot: part for closing, part in parts_closed(closes, start, end)}

    assert found == {lot: n for lot in set(units) if (n := units[start:end].count(lot))}
