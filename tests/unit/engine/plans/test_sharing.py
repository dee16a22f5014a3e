import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.accounts import Account
from phalanx.domain.numbers import FIXED_MAX, SCALE, whole
from phalanx.engine.plans.sharing import (
    Basket,
    Costs,
    down_the_list,
    one_lot_each,
    rooms_within,
    whole_lots,
    worth,
)
from phalanx.engine.pricing import affordable, hold_for
from tests.engine_world import fixed

ENDLESS = 10**18

carts = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)), min_size=1, max_size=6)


def basket_of(costs: list[int], rooms: list[int]) -> Basket:
    """Stocks of which a lot costs just that."""
    account = Account("A1", 1)
    found = Costs(account, costs, [SCALE] * len(costs))
    return found.basket(list(range(len(costs))), rooms)


def lots_split_again(left: int, costs: list[int], lots: list[int], rooms: list[int]) -> int:
    """Equal shares for as many of the cheapest as get a lot, again and again, said the slow way."""
    while True:
        having = [i for i, room in enumerate(rooms) if lots[i] < room]
        having.sort(key=lambda i: costs[i])
        sharers = max(
            (n for n in range(1, len(having) + 1) if costs[having[n - 1]] <= left // n), default=0
        )
        if not sharers:
            return left
        share = left // sharers
        for i in having[:sharers]:
            more = min(share // costs[i], rooms[i] - lots[i])
            lots[i] += more
            left -= more * costs[i]


def lots_one_by_one(left: int, costs: list[int], rooms: list[int]) -> tuple[list[int], int]:
    """One more lot each, round by round down the list, said the slow way."""
    lots = [0] * len(costs)
    bought = True
    while bought:
        bought = False
        for place, cost in enumerate(costs):
            if cost <= left and lots[place] < rooms[place]:
                lots[place] += 1
                left -= cost
                bought = True
    return lots, left


class TestCosts:
    def test_are_the_holds_of_one_lot(self) -> None:
        account = Account("A1", 1, charge_bps=12)

        costs = Costs(account, [fixed("101"), fixed("0.05")], [whole(1), whole(25)])

        assert costs.one_lot == [fixed("101.1212"), fixed("1.2515")]

    @given(
        charge_bps=st.integers(0, 300),
        limit=st.integers(1, 10**12),
        lot_size=st.sampled_from([1, 1_000, 123_457, SCALE // 1_000, SCALE, 25 * SCALE]),
        share=st.integers(-1, 10**16),
    )
    def test_a_share_buys_the_most_lots_whose_hold_is_within_it(
        self, charge_bps: int, limit: int, lot_size: int, share: int
    ) -> None:
        account = Account("A1", 1, charge_bps=charge_bps)
        costs = Costs(account, [limit], [lot_size])

        (lots,) = costs.basket([0], [FIXED_MAX // lot_size]).lots_for(share)

        assert lots * lot_size == affordable(account, limit, share, lot_size)

    @given(
        charge_bps=st.integers(0, 300),
        limit=st.integers(1, 10**12),
        lot_size=st.sampled_from([1, 1_000, 123_457, SCALE]),
        share=st.integers(0, 10**13),
        more=st.integers(0, 1_000),
    )
    def test_what_is_said_to_be_spent_covers_the_hold_also_of_further_lots(
        self, charge_bps: int, limit: int, lot_size: int, share: int, more: int
    ) -> None:
        account = Account("A1", 1, charge_bps=charge_bps)
        costs = Costs(account, [limit], [lot_size])
        basket = costs.basket([0], [10**6])

        lots, (need,) = basket.bill_for(share)

        assert lots == basket.lots_for(share)
        assert basket.need(lots, share) == need <= share
        covered = need + more * costs.one_lot[0]
        assert hold_for(account, limit, (lots[0] + more) * lot_size) <= covered

    def test_a_room_is_never_exceeded(self) -> None:
        costs = Costs(Account("A1", 1), [whole(100), whole(1)], [whole(1), whole(1)])
        places = [0, 1]

        assert costs.basket(places, [7, 9]).lots_for(whole(1_000)) == [7, 9]
        assert costs.basket(places, [9, 900]).lots_for(whole(500)) == [5, 500]
        assert costs.basket(places, [4, 900]).lots_for(whole(500)) == [4, 500]
        tiny = Costs(Account("A1", 1, charge_bps=7), [1], [1])
        assert tiny.basket([0], [5]).lots_for(whole(1)) == [5]

    @given(
        limits=st.lists(st.integers(1, 400).map(lambda n: n * SCALE // 20), min_size=4, max_size=4),
        asked=st.lists(
            st.tuples(
                st.integers(0, 10**13),
                st.sampled_from([[0, 1, 2, 3], [3, 1], [2], [0, 2, 3]]),
                st.sampled_from([[9, 9, 9, 9], [400, 0, 3, 10**6], [10**6] * 4]),
            ),
            min_size=2,
            max_size=6,
        ),
    )
    def test_whoever_asked_before_and_whatever_the_costs_have_in_common(
        self, limits: list[int], asked: list[tuple[int, list[int], list[int]]]
    ) -> None:
        costs = Costs(Account("A1", 1, charge_bps=10), limits, [SCALE] * 4)

        for share, places, rooms in asked:
            expected = [min(share // costs.one_lot[place], rooms[place]) for place in places]
            needs = [n * costs.one_lot[place] for n, place in zip(expected, places, strict=True)]
            basket = costs.basket(places, rooms)
            assert basket.lots_for(share) == expected
            assert basket.bill_for(share) == (expected, needs)
            assert basket.need(expected, share) == sum(needs)

    def test_whoever_wants_the_same_in_the_same_rooms_has_the_same_basket(self) -> None:
        costs = Costs(Account("A1", 1), [whole(100), whole(1)], [whole(1), whole(1)])
        rooms = [7, 9]
        basket = costs.basket([0, 1], rooms)

        assert costs.basket([0, 1], rooms) is basket
        assert costs.basket([1], rooms).costs == [whole(1)]


class TestDownTheList:
    def test_a_rank_that_cannot_be_covered_is_passed_over(self) -> None:
        lots = [5, 3, 4, 1]

        left, uncovered = down_the_list(100, [60, 50, 39, 2], lots)

        assert left == 1
        assert uncovered == {1: 40, 3: 1}
        assert lots == [5, 0, 4, 0]


class TestOneLotEach:
    @given(left=st.integers(0, 400), cart=carts)
    def test_is_what_going_round_by_round_gives(
        self, left: int, cart: list[tuple[int, int]]
    ) -> None:
        costs, rooms = [cost for cost, _ in cart], [room for _, room in cart]
        lots = [0] * len(costs)

        remains = one_lot_each(left, costs, lots, rooms)

        assert (lots, remains) == lots_one_by_one(left, costs, rooms)

    def test_takes_a_million_rounds_of_a_cheap_stock_at_once(self) -> None:
        lots = [0, 0]

        remains = one_lot_each(5 * 10**17 + 10**6, [10**6, 4 * 10**17], lots, [ENDLESS] * 2)

        assert lots == [10**11 + 1, 1]
        assert remains == 0


class TestResplit:
    @given(left=st.integers(0, 10**6), cart=carts)
    def test_spends_what_it_says_and_leaves_less_than_the_cheapest_with_room(
        self, left: int, cart: list[tuple[int, int]]
    ) -> None:
        costs, rooms = [cost for cost, _ in cart], [room for _, room in cart]
        lots = [0] * len(costs)

        remains = basket_of(costs, rooms).resplit(left, lots, rooms)

        assert remains == left - sum(n * cost for n, cost in zip(lots, costs, strict=True)) >= 0
        assert all(n <= room for n, room in zip(lots, rooms, strict=True))
        open_costs = [c for c, n, r in zip(costs, lots, rooms, strict=True) if n < r]
        assert all(cost > remains for cost in open_costs)

    @given(
        left=st.integers(0, 10**19),
        cart=st.lists(
            st.tuples(st.integers(1, 10**17), st.integers(0, 10**6), st.integers(0, 3)),
            min_size=1,
            max_size=8,
        ),
        unit=st.sampled_from([1, SCALE // 20]),
        share=st.integers(1, 10**17),
    )
    def test_is_what_splitting_by_hand_gives_whatever_was_bought_before(
        self, left: int, cart: list[tuple[int, int, int]], unit: int, share: int
    ) -> None:
        costs, rooms = [cost * unit for cost, _, _ in cart], [room for _, room, _ in cart]
        basket = basket_of(costs, rooms)
        for so_far in ([min(has, room) for _, room, has in cart], basket.lots_for(share)):
            lots, expected = so_far.copy(), so_far.copy()

            remains = basket.resplit(left, lots, rooms)

            assert remains == lots_split_again(left, costs, expected, rooms)
            assert lots == expected

    def test_splits_over_as_many_as_a_lot_fits_the_share_of(self) -> None:
        lots, rooms = [0, 0, 0], [ENDLESS] * 3

        # A third of 100 is no lot of the 60; a half of it is four lots of 10 and one of 45.
        remains = basket_of([60, 45, 10], rooms).resplit(100, lots, rooms)

        assert lots == [0, 1, 5]
        assert remains == 5

    def test_what_somebody_without_room_leaves_goes_to_the_others(self) -> None:
        lots, rooms = [0, 0], [1, 9]

        assert basket_of([10, 60], rooms).resplit(100, lots, rooms) == 30
        assert lots == [1, 1]

    def test_whoever_may_have_no_more_is_passed_over(self) -> None:
        lots = [0, 2]

        assert basket_of([10, 30], [ENDLESS] * 2).resplit(100, lots, [0, ENDLESS]) == 10
        assert lots == [0, 5]


class TestRooms:
    def test_are_whole_lots_within_both_caps(self) -> None:
        limits = [whole(100), whole(100), 0, fixed("0.3")]
        lot_sizes = [whole(1), whole(25), whole(1), fixed("0.00000001")]

        assert rooms_within(limits, lot_sizes, whole(60), whole(5_500)) == [
            55,
            2,
            0,
            60 * SCALE,
        ]


@pytest.mark.parametrize(
    ("quantity", "lot_size", "whole_ones"),
    [("10", "1", "10"), ("10.5", "1", "10"), ("24", "25", "0"), ("-30", "25", "0")],
)
def test_a_quantity_is_cut_to_whole_lots(quantity: str, lot_size: str, whole_ones: str) -> None:
    assert whole_lots(fixed(quantity), fixed(lot_size)) == fixed(whole_ones)


def test_a_quantity_always_fits_a_number() -> None:
    assert whole_lots(10**30, whole(7)) == FIXED_MAX - FIXED_MAX % whole(7)


@given(st.integers(0, 10**14), st.integers(1, 10**12))
def test_so_many_lots_are_worth_no_more_than_that(cash: int, price: int) -> None:
    quantity = worth(cash, price, SCALE)

    assert quantity * price <= cash * SCALE < (quantity + SCALE) * price or quantity == FIXED_MAX
    assert worth(-cash - 1, price, SCALE) == 0
