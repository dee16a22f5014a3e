import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import EVERYBODY, AllocatedRequest, Selection
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import FIXED_MAX, format_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, PAPER, STOCKS, World, fixed

WIDE = msgspec.structs.replace(PAPER, ord_types=frozenset(OrdType))


@pytest.fixture
def world() -> World:
    """Three clients with 10,000 rupees each."""
    world = World()
    for client in (1, 2, 3):
        world.account(client, "10000")
    return world


def allocate(
    world: World,
    method: Method,
    amount: int = 0,
    *,
    instrument: str = "INFY",
    side: Side = Side.BUY,
    price: str = "",
    product: Product = Product.DELIVERY,
    quantities: dict[str, str] | None = None,
    selection: Selection = EVERYBODY,
) -> InstructionPlanned:
    listed = tuple((account, fixed(text)) for account, text in (quantities or {}).items())
    return world.submit(
        AllocatedRequest(
            instrument,
            side,
            product,
            OrdType.LIMIT if price else OrdType.MARKET,
            Allocation(method, amount, listed),
            fixed(price or "0"),
            selection=selection,
        )
    )


def shares(planned: InstructionPlanned) -> dict[str, str]:
    return {draft.book[:-2]: format_fixed(draft.quantity) for draft in planned.orders}


def skipped(planned: InstructionPlanned) -> dict[str, str]:
    return {skip.account: skip.reason.code.value for skip in planned.skips}


def hold(world: World, quantity: str, client: int = 1, instrument: str = "INFY") -> str:
    (draft,) = world.order(quantity=quantity, client=client, instrument=instrument).orders
    world.filled(draft.cl_ord_id)
    return draft.cl_ord_id


@pytest.mark.parametrize(
    ("method", "amount", "each"),
    [
        (Method.EQUAL_QUANTITY, whole(100), "33"),
        (Method.FIXED_QUANTITY, whole(7), "7"),
        (Method.FIXED_QUANTITY, fixed("7.9"), "7"),
        (Method.EQUAL_CASH, whole(10_000), "33"),
        (Method.FIXED_CASH, whole(1_010), "10"),
        (Method.PERCENT_OF_CASH, 1_000, "9"),
        (Method.PERCENT_OF_NET_VALUE, 1_000, "9"),
        (Method.MULTIPLIER, whole(4), "4"),
    ],
)
def test_a_buy_gives_each_account_whole_lots(
    world: World, method: Method, amount: int, each: str
) -> None:
    planned = allocate(world, method, amount)

    assert shares(planned) == {"A1": each, "A2": each, "A3": each}
    assert planned.refusal is None


class TestTerms:
    def test_are_those_of_the_request(self, world: World) -> None:
        world.capabilities["paper"] = WIDE
        request = AllocatedRequest(
            "MINDA",
            Side.BUY,
            Product.MTF,
            OrdType.STOP_LIMIT,
            Allocation(Method.FIXED_QUANTITY, whole(3)),
            fixed("104"),
            TimeInForce.IOC,
            fixed("103"),
            Selection(clients=(2,)),
        )

        (draft,) = world.submit(request).orders

        assert (draft.book, draft.instrument, draft.row) == ("A2/P", "NSE:4", 0)
        assert (draft.product, draft.ord_type) == (Product.MTF, OrdType.STOP_LIMIT)
        assert (draft.limit, draft.stop_price) == (fixed("104"), fixed("103"))
        assert draft.time_in_force is TimeInForce.IOC
        assert draft.hold == whole(312)

    def test_of_a_stop_have_a_limit_behind_it(self, world: World) -> None:
        world.capabilities["paper"] = WIDE
        allocation = Allocation(Method.FIXED_CASH, whole(1_100))
        request = AllocatedRequest(
            "INFY", Side.BUY, Product.DELIVERY, OrdType.STOP, allocation, stop_price=fixed("105")
        )

        planned = world.submit(request)

        assert {draft.limit for draft in planned.orders} == {fixed("106.05")}
        assert set(shares(planned).values()) == {"10"}

    def test_with_a_price_are_sized_at_it(self, world: World) -> None:
        planned = allocate(world, Method.FIXED_CASH, whole(1_000), price="95")

        assert set(shares(planned).values()) == {"10"}

    def test_above_the_freeze_quantity_are_cut_into_siblings(self, world: World) -> None:
        frozen = msgspec.structs.replace(STOCKS[5], freeze_quantity=whole(4))
        world.index = type(world.index)([frozen])

        planned = allocate(
            world, Method.FIXED_QUANTITY, whole(9), selection=Selection(clients=(1,))
        )

        assert [format_fixed(draft.quantity) for draft in planned.orders] == ["4", "4", "1"]

    def test_an_unknown_instrument_refuses_the_whole(self, world: World) -> None:
        planned = allocate(world, Method.FIXED_QUANTITY, whole(1), instrument="NOBODY")

        assert str(planned.refusal) == "no instrument is named NOBODY"
        assert not planned.skips

    def test_without_a_price_the_checks_say_so(self, world: World) -> None:
        world.quotes.clear()

        planned = allocate(world, Method.FIXED_CASH, whole(1_000))

        assert set(skipped(planned).values()) == {"NO_PRICE"}
        assert planned.refusal == Reason(ReasonCode.NOTHING_VALID)


class TestMultiplier:
    def test_is_the_first_named_groups(self, world: World) -> None:
        world.group("core", A1="2.5", A2="0")
        world.group("other", A1="9", A3="3")

        planned = allocate(
            world,
            Method.MULTIPLIER,
            whole(3),
            selection=Selection(groups=("core", "other"), accounts=("A2",)),
        )

        assert shares(planned) == {"A1": "7", "A3": "9"}
        assert skipped(planned) == {"A2": "ZERO_QUANTITY"}

    def test_is_one_outside_of_the_groups(self, world: World) -> None:
        world.group("core", A1="2")
        selection = Selection(groups=("core",), clients=(2,))

        planned = allocate(world, Method.MULTIPLIER, whole(3), selection=selection)

        assert shares(planned) == {"A1": "6", "A2": "3"}

    def test_never_makes_a_quantity_that_fits_no_number(self, world: World) -> None:
        world.group("core", A1=format_fixed(FIXED_MAX))

        planned = allocate(
            world, Method.MULTIPLIER, FIXED_MAX, selection=Selection(groups=("core",))
        )

        assert skipped(planned) == {"A1": "QUANTITY_CAP"}


class TestPercent:
    def test_of_cash_leaves_holds_and_the_reserve_alone(self, world: World) -> None:
        account = msgspec.structs.replace(world.state.accounts["A1"], reserve=whole(4_000))
        world.do(c.PutReference(LOCAL, accounts=(account,)))
        world.order(instrument="ACC", quantity="10", price="100")

        planned = allocate(world, Method.PERCENT_OF_CASH, 5_000)

        assert shares(planned) == {"A1": "24", "A2": "49", "A3": "49"}

    def test_of_net_value_counts_what_is_held_at_last_prices(self, world: World) -> None:
        hold(world, "90", 1, "ACC")  # for 100 each
        world.price("ACC", "200")

        planned = allocate(world, Method.PERCENT_OF_NET_VALUE, 500)

        assert shares(planned) == {"A1": "9", "A2": "4", "A3": "4"}  # 5 % of 19,000

    def test_of_net_value_needs_every_price(self, world: World) -> None:
        hold(world, "1", 2, "ACC")
        del world.quotes["NSE:5"]

        planned = allocate(world, Method.PERCENT_OF_NET_VALUE, 500)

        assert [(s.account, str(s.reason)) for s in planned.skips] == [
            ("A2", "no price is known for ACC")
        ]

    def test_of_a_position_adds_to_what_is_held_of_that_product(self, world: World) -> None:
        hold(world, "11", 1)

        planned = allocate(world, Method.PERCENT_OF_POSITION, 5_000)

        assert shares(planned) == {"A1": "5"}
        assert skipped(planned) == {"A2": "ZERO_QUANTITY", "A3": "ZERO_QUANTITY"}
        planned = allocate(world, Method.PERCENT_OF_POSITION, 5_000, product=Product.MTF)
        assert not planned.orders


class TestSell:
    def sell(self, world: World, method: Method, amount: int, **more: str) -> InstructionPlanned:
        return allocate(world, method, amount, side=Side.SELL, **more)  # type: ignore[arg-type]

    def test_of_all_of_a_position_is_exactly_what_may_be_sold(self, world: World) -> None:
        first = hold(world, "10")
        second = hold(world, "5")
        world.order(Side.SELL, quantity="3")

        planned = self.sell(world, Method.PERCENT_OF_POSITION, 10_000)

        (draft,) = planned.orders
        assert format_fixed(draft.quantity) == "12"
        parts = [(part.lot, format_fixed(part.quantity)) for part in draft.closes]
        assert parts == [(first, "7"), (second, "5")]
        assert draft.hold == 0
        assert skipped(planned) == {"A2": "ZERO_QUANTITY", "A3": "ZERO_QUANTITY"}

    def test_is_cut_to_what_may_be_sold(self, world: World) -> None:
        hold(world, "10", 1)
        hold(world, "2", 2)

        planned = self.sell(world, Method.FIXED_QUANTITY, whole(5))

        assert shares(planned) == {"A1": "5", "A2": "2"}
        assert skipped(planned) == {"A3": "NOT_SELLABLE"}

    @pytest.mark.parametrize(
        ("price", "quantity"),
        [("", "10"), ("105", "9")],  # at 99 and at 105, the last price being 100
    )
    def test_for_cash_is_worth_no_more_now_and_at_the_limit(
        self, world: World, price: str, quantity: str
    ) -> None:
        hold(world, "50")

        planned = self.sell(world, Method.FIXED_CASH, whole(1_000), price=price)

        assert shares(planned) == {"A1": quantity}


class TestQuantities:
    def test_are_for_those_that_have_one(self, world: World) -> None:
        planned = allocate(world, Method.QUANTITIES, quantities={"A1": "5", "A3": "0"})

        assert shares(planned) == {"A1": "5"}
        assert skipped(planned) == {"A3": "ZERO_QUANTITY"}

    def test_may_be_those_of_another_instruction(self, world: World) -> None:
        planned = allocate(world, Method.LIKE, quantities={"A2": "5"})

        assert shares(planned) == {"A2": "5"}

    def test_of_one_account_add_up(self, world: World) -> None:
        request = AllocatedRequest(
            "INFY",
            Side.BUY,
            Product.DELIVERY,
            OrdType.MARKET,
            Allocation(Method.QUANTITIES, 0, (("A1", whole(2)), ("A1", whole(3)))),
        )

        assert shares(world.submit(request)) == {"A1": "5"}

    def test_go_no_further_than_those_chosen(self, world: World) -> None:
        planned = allocate(
            world,
            Method.QUANTITIES,
            quantities={"A1": "5", "A2": "6"},
            selection=Selection(clients=(2, 3)),
        )

        assert shares(planned) == {"A2": "6"}
        assert skipped(planned) == {"A1": "NOT_CHOSEN", "A3": "ZERO_QUANTITY"}

    def test_of_the_other_mode_are_left_out(self, world: World) -> None:
        world.account(2, mode=Mode.LIVE)

        planned = allocate(
            world,
            Method.QUANTITIES,
            quantities={"A1": "5", "A2": "6"},
            selection=Selection(mode=Mode.PAPER),
        )

        assert shares(planned) == {"A1": "5"}
        assert not planned.skips

    def test_for_an_unknown_group_refuse_the_whole(self, world: World) -> None:
        planned = allocate(
            world,
            Method.QUANTITIES,
            quantities={"A1": "5"},
            selection=Selection(groups=("core",)),
        )

        assert str(planned.refusal) == "no group core"
        assert not planned.skips

    @pytest.mark.parametrize(
        ("quantities", "words"),
        [({"A1": "5", "A9": "5"}, "no account A9"), ({}, "the instruction applies to no account")],
    )
    def test_of_nobody_known_refuse_the_whole(
        self, world: World, quantities: dict[str, str], words: str
    ) -> None:
        planned = allocate(world, Method.QUANTITIES, quantities=quantities)

        assert str(planned.refusal) == words
        assert not planned.skips


class TestForWhom:
    def test_is_the_primary_account_of_every_client(self, world: World) -> None:
        world.account(1, id="A1-second", primary=False)

        planned = allocate(world, Method.EQUAL_QUANTITY, whole(9))

        assert shares(planned) == {"A1": "3", "A2": "3", "A3": "3"}

    def test_of_an_unknown_client_refuses_the_whole(self, world: World) -> None:
        planned = allocate(
            world, Method.FIXED_QUANTITY, whole(1), selection=Selection(clients=(9,))
        )

        assert str(planned.refusal) == "no client 9"

    def test_is_in_an_order_drawn_by_the_seed(self, world: World) -> None:
        firsts = set()
        for world.seed in range(20):
            planned = allocate(world, Method.FIXED_QUANTITY, whole(1))
            firsts.add(planned.orders[0].book)
        assert firsts == {"A1/P", "A2/P", "A3/P"}

    def test_what_is_wrong_with_one_account_stops_no_other(self, world: World) -> None:
        world.account(2, enabled=False)
        world.limit(LimitLevel.ACCOUNT, "A3", quantity_max=whole(2))

        planned = allocate(world, Method.FIXED_QUANTITY, whole(3))

        assert shares(planned) == {"A1": "3"}
        assert skipped(planned) == {"A2": "ACCOUNT_DISABLED", "A3": "QUANTITY_CAP"}
        assert {skip.instrument for skip in planned.skips} == {"NSE:6"}
