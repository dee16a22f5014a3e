import msgspec
import pytest

from phalanx.domain.allocation import Leftover, ListMethod
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import format_fixed, whole
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, STOCKS, World, fixed
from tests.unit.engine.plans.buying import bought, one_client, skipped, spend

FIXED_AMOUNT = ListMethod.FIXED_AMOUNT


@pytest.fixture
def world() -> World:
    return one_client()


def test_charges_are_part_of_what_a_lot_costs() -> None:
    world = World()
    world.account(1, "1011.212", charge_bps=12)

    assert bought(spend(world, "INFY")) == [("NSE:6", "10")]
    world.account(2, "1011.21199999", charge_bps=12)
    assert bought(spend(world, "INFY")) == [("NSE:6", "9")]


def test_holds_and_the_reserve_are_not_spent(world: World) -> None:
    account = msgspec.structs.replace(world.state.accounts["A1"], reserve=whole(2_000))
    world.do(c.PutReference(LOCAL, accounts=(account,)))
    world.order(instrument="GRASIM", quantity="10", price="100")

    assert bought(spend(world, "INFY")) == [("NSE:6", "69")]


def test_an_account_without_cash_is_skipped_once(world: World) -> None:
    world.account(2, "0")

    planned = spend(world, "INFY", "ACC")

    assert [(s.account, s.reason.code.value, s.row) for s in planned.skips] == [
        ("A2", "INSUFFICIENT_CASH", 0)
    ]


def test_what_a_share_does_not_buy_a_lot_of_is_skipped(world: World) -> None:
    planned = spend(world, "INFY", "LOTS25", "ACC", "GRASIM", "BSOFT")

    assert len(planned.orders) == 4
    (skip,) = planned.skips
    assert (skip.instrument, skip.row) == ("NSE:7", 2)
    assert skip.reason.code is ReasonCode.ZERO_QUANTITY
    assert skip.reason.facts == (whole(2_000), whole(25), whole(101))


class TestFixedAmount:
    def test_is_spent_on_each_down_the_list(self, world: World) -> None:
        planned = spend(world, "INFY", "ACC", "GRASIM", method=FIXED_AMOUNT, amount=whole(3_000))

        assert [quantity for _, quantity in bought(planned)] == ["29", "29", "29"]

    def test_passes_over_a_rank_that_is_not_covered(self, world: World) -> None:
        world.price("ACC", "2900")
        world.price("GRASIM", "1500")

        planned = spend(
            world, "INFY", "ACC", "BSOFT", "GRASIM", method=FIXED_AMOUNT, amount=whole(4_000)
        )

        # 10,000 − 39 × 101 − 2,929 = 3,132 left: no 39 further ones, but two at 1,515.
        assert bought(planned) == [("NSE:6", "39"), ("NSE:5", "1"), ("NSE:2", "2")]
        (skip,) = planned.skips
        assert (skip.row, str(skip.reason)) == (3, "3939 needed for BSOFT, 3132 left")

    def test_smaller_than_a_lot_is_a_skip(self, world: World) -> None:
        planned = spend(world, "INFY", "LOTS25", method=FIXED_AMOUNT, amount=whole(2_000))

        assert skipped(planned) == [("ZERO_QUANTITY", 2)]

    def test_leaves_only_what_whole_lots_leave_of_it(self, world: World) -> None:
        world.price("INFY", "600")
        world.price("ACC", "10")

        planned = spend(
            world,
            "INFY",
            "ACC",
            "LOTS25",
            method=FIXED_AMOUNT,
            amount=whole(1_000),
            leftover=Leftover.ONE_LOT,
        )

        # 1,000 − 606 and 1,000 − 99 × 10.1 are left: 394.1 buys 39 more at 10.1, but no second INFY.
        assert bought(planned) == [("NSE:6", "1"), ("NSE:5", "138")]
        assert skipped(planned) == [("ZERO_QUANTITY", 3)]


class TestLeftover:
    def shop(self, world: World) -> None:
        world.price("INFY", "1000")
        world.price("ACC", "2000")
        world.price("GRASIM", "400")

    @pytest.mark.parametrize(
        ("leftover", "quantities"),
        [
            # 10,000 ÷ 3 at 1,010, 2,020 and 404 leaves 10,000 − 3,030 − 2,020 − 3,232 = 1,718
            (Leftover.KEEP, ["3", "1", "8"]),
            # half of it is two of 404, but no lot of 1,010; then 910 is two more
            (Leftover.RESPLIT, ["3", "1", "12"]),
            # one of 1,010, none of 2,020, one of 404
            (Leftover.ONE_LOT, ["4", "1", "9"]),
        ],
    )
    def test_is_kept_split_again_or_spent_round_by_round(
        self, world: World, leftover: Leftover, quantities: list[str]
    ) -> None:
        self.shop(world)

        planned = spend(world, "INFY", "ACC", "GRASIM", leftover=leftover)

        assert [quantity for _, quantity in bought(planned)] == quantities
        assert world.book().holds <= world.book().cash

    @pytest.mark.parametrize(
        ("leftover", "quantities"),
        [(Leftover.KEEP, ["25", "33"]), (Leftover.ONE_LOT, ["1", "25", "34"])],
    )
    def test_may_buy_what_the_first_share_did_not(
        self, world: World, leftover: Leftover, quantities: list[str]
    ) -> None:
        world.price("INFY", "4000")

        planned = spend(world, "INFY", "LOTS25", "ACC", leftover=leftover)

        assert [quantity for _, quantity in bought(planned)] == quantities
        assert skipped(planned) == [("ZERO_QUANTITY", 1)] * (leftover is Leftover.KEEP)


class TestCaps:
    def test_cut_a_quantity_to_the_largest_allowed(self) -> None:
        world = World()
        for client in (1, 2, 3):
            world.account(client, "100000000")
        world.settings(quantity_max=whole(40_000), value_max=whole(5_000_000))
        world.limit(LimitLevel.ACCOUNT, "A1", quantity_max=whole(70))
        world.limit(LimitLevel.ACCOUNT, "A2", value_max=fixed("1010.5"))

        planned = spend(world, "LOTS25", "ACC")

        found = {(d.book, d.instrument): format_fixed(d.quantity) for d in planned.orders}
        assert found == {
            ("A1/P", "NSE:7"): "50",
            ("A1/P", "NSE:5"): "70",
            ("A2/P", "NSE:5"): "10",
            ("A3/P", "NSE:7"): "40000",
            ("A3/P", "NSE:5"): "40000",
        }
        (skip,) = planned.skips  # not even one lot of 25 is within 1,010.5
        assert (skip.account, skip.reason.code.value, skip.row) == ("A2", "VALUE_CAP", 1)

    def test_a_limit_on_positions_is_one_of_them(self, world: World) -> None:
        world.limit(LimitLevel.GLOBAL, position_max=whole(7))

        assert bought(spend(world, "INFY")) == [("NSE:6", "7")]

    def test_on_the_number_of_orders_end_the_list(self, world: World) -> None:
        world.limit(LimitLevel.GLOBAL, orders_per_day_max=2)

        planned = spend(world, "INFY", "ACC", "GRASIM")

        assert bought(planned) == [("NSE:6", "33"), ("NSE:5", "33")]
        assert skipped(planned) == [("TOO_MANY_ORDERS_TODAY", 3)]

    def test_an_order_worth_too_little_is_not_sent(self, world: World) -> None:
        planned = spend(world, "INFY", "COIN", "LOTS25", min_order_value=whole(3_000))

        assert [instrument for instrument, _ in bought(planned)] == ["NSE:6", "NSE:8"]
        (skip,) = planned.skips
        assert str(skip.reason) == "2525 is below the smallest order value 3000"

    def test_above_the_freeze_quantity_it_is_cut_into_siblings(self) -> None:
        world = World([msgspec.structs.replace(STOCKS[5], freeze_quantity=whole(40))])
        world.account(1, "10100")

        planned = spend(world, "INFY")

        assert [quantity for _, quantity in bought(planned)] == ["40", "40", "20"]
        assert {draft.row for draft in planned.orders} == {1}
        assert world.book().holds == whole(10_100)
