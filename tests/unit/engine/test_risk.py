"""At least one test for every reason why an order does not go."""

import msgspec
import pytest

from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.instruments import Instrument, InstrumentIndex, Quote, QuoteSource
from phalanx.domain.numbers import FIXED_MAX, whole
from phalanx.domain.orders import Product, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, PAPER, STOCKS, World, fixed
from tests.fakes.kills import of_account

LIVE = msgspec.structs.replace(PAPER, name="live", modes=frozenset(Mode))


def live_world() -> World:
    """A live account at a broker that is connected, with prices from a feed."""
    world = World()
    world.capabilities["live"] = LIVE
    account = Account("A1", 1, broker="live", mode=Mode.LIVE)
    world.do(
        c.PutReference(
            LOCAL, (Client(1, "One"),), (account,), cash=((account.book, whole(1_000_000), ""),)
        )
    )
    world.arm("A1")
    world.price("INFY", "100", QuoteSource.FEED)
    return world


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1, "20000")
    return world


def code(
    world: World,
    quantity: str = "10",
    price: str = "",
    *,
    side: Side = Side.BUY,
    instrument: str = "INFY",
    product: Product = Product.DELIVERY,
    time_in_force: TimeInForce = TimeInForce.DAY,
) -> str:
    """Why such an order is not sent, or nothing; the sentence must be complete."""
    planned = world.order(
        side, instrument, quantity, price, product=product, time_in_force=time_in_force
    )
    if planned.refusal is None:
        return ""
    (skip,) = planned.skips
    assert "{" not in str(skip.reason)
    return skip.reason.code.value


def test_an_order_that_nothing_speaks_against_is_planned(world: World) -> None:
    assert code(world) == ""


def test_an_account_that_is_switched_off(world: World) -> None:
    world.account(1, "0", enabled=False)

    assert code(world) == "ACCOUNT_DISABLED"


def test_an_account_that_is_not_reconciled(world: World) -> None:
    world.closed["A1"] = "its book could not be read"

    assert code(world) == "ACCOUNT_NOT_RECONCILED"
    assert "could not be read" in str(world.order().skips[0].reason)


@pytest.mark.parametrize("connected", [{}, {"paper": PAPER}])
def test_a_live_account_without_a_live_broker(connected: dict[str, object]) -> None:
    world = World()
    world.account(1, mode=Mode.LIVE)
    world.capabilities = connected  # type: ignore[assignment]

    assert code(world) == "LIVE_NOT_AVAILABLE"


class TestKill:
    def test_for_everybody_goes_before_the_one_for_the_account(self, world: World) -> None:
        world.do(c.PutKill(LOCAL, of_account("A1")))
        assert code(world) == "KILL_ACCOUNT"

        world.do(c.PutKill(LOCAL))
        assert code(world) == "KILL_ALL"

        world.do(c.LiftKill(LOCAL))
        world.do(c.LiftKill(LOCAL, of_account("A1")))
        assert code(world) == ""

    def test_of_another_account_stops_nothing(self, world: World) -> None:
        world.account(2)
        world.do(c.PutKill(LOCAL, of_account("A2")))

        assert code(world) == ""

    def test_lets_what_reduces_pass(self, world: World) -> None:
        (buy,) = world.order().orders
        world.filled(buy.cl_ord_id)
        world.do(c.PutKill(LOCAL))

        assert code(world, side=Side.SELL) == ""
        assert code(world, side=Side.SELL) == "NOT_SELLABLE"


class TestInstrument:
    def test_that_is_not_tradable(self, world: World) -> None:
        world.index = InstrumentIndex([msgspec.structs.replace(STOCKS[5], tradable=False)])

        assert code(world) == "INSTRUMENT_NOT_TRADABLE"

    @pytest.mark.parametrize("series", ["BE", "BZ", "ST", "SZ"])
    def test_that_is_settled_trade_for_trade_is_for_delivery(
        self, world: World, series: str
    ) -> None:
        world.index = InstrumentIndex([msgspec.structs.replace(STOCKS[5], series=series)])

        assert code(world, product=Product.INTRADAY) == "TRADE_TO_TRADE"
        assert code(world, product=Product.DELIVERY) == ""

    def test_that_became_trade_to_trade_may_be_sold_intraday_by_who_has_it(
        self, world: World
    ) -> None:
        bought = world.order(product=Product.INTRADAY)
        world.filled(bought.orders[0].cl_ord_id)
        world.index = InstrumentIndex([msgspec.structs.replace(STOCKS[5], series="BE")])

        assert code(world, side=Side.SELL, product=Product.INTRADAY) == ""

    def test_in_its_ban_period_lets_nobody_have_more(self, world: World) -> None:
        bought = world.order()
        world.filled(bought.orders[0].cl_ord_id)
        world.index = InstrumentIndex([msgspec.structs.replace(STOCKS[5], banned=True)])

        assert code(world) == "BAN_PERIOD"
        assert code(world, side=Side.SELL) == ""

    def test_that_is_ours_is_for_paper_only(self) -> None:
        world = live_world()
        local = Instrument("LOCAL:X", "LOCAL", "X", "X", "EQ", whole(1), 1)
        world.index = InstrumentIndex([local])

        assert code(world, instrument="X") == "INSTRUMENT_PAPER_ONLY"


@pytest.mark.parametrize(
    ("lacks", "named"),
    [
        ({"ord_types": frozenset()}, "MARKET"),
        ({"products": frozenset({Product.MTF})}, "DELIVERY"),
        ({"times_in_force": frozenset({TimeInForce.DAY})}, "IOC"),
    ],
)
def test_an_order_that_the_broker_does_not_take(
    world: World, lacks: dict[str, object], named: str
) -> None:
    world.capabilities["paper"] = msgspec.structs.replace(PAPER, **lacks)

    planned = world.order(time_in_force=TimeInForce.IOC)

    assert planned.skips[0].reason == Reason(ReasonCode.ORDER_TYPE_NOT_SUPPORTED, ("paper", named))


@pytest.mark.parametrize(
    ("instrument", "quantity"),
    [("INFY", "0"), ("INFY", "-1"), ("INFY", "1.5"), ("LOTS25", "30"), ("COIN", "0.0005")],
)
@pytest.mark.parametrize("side", Side)
def test_a_quantity_that_is_not_some_lots(
    world: World, instrument: str, quantity: str, side: Side
) -> None:
    assert code(world, quantity, instrument=instrument, side=side) == "LOT_MULTIPLE"


@pytest.mark.parametrize("price", ["100.01", "100.00000001"])
def test_a_limit_off_its_tick(world: World, price: str) -> None:
    assert code(world, price=price) == "OFF_TICK"


class TestPrice:
    @pytest.mark.parametrize("price", ["", "100"])
    def test_unknown(self, world: World, price: str) -> None:
        world.quotes.clear()

        assert code(world, price=price) == "NO_PRICE"

    @pytest.mark.parametrize(("last", "close"), [(0, 100), (100, 0), (-1, 100), (0, 0)])
    def test_of_nothing_is_unknown(self, world: World, last: int, close: int) -> None:
        world.quotes["NSE:6"] = Quote(whole(last), whole(close), 0, QuoteSource.CLOSE)

        assert code(world) == "NO_PRICE"

    @pytest.mark.parametrize("source", [QuoteSource.FEED, QuoteSource.REST])
    @pytest.mark.parametrize(("age_s", "expected"), [(15, ""), (16, "STALE_PRICE")])
    def test_of_the_market_grows_stale(
        self, world: World, age_s: int, expected: str, source: QuoteSource
    ) -> None:
        world.price("INFY", "100", source)
        world.wait(age_s)

        assert code(world) == expected

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            (QuoteSource.SYNTHETIC, "SYNTHETIC_PRICE"),
            (QuoteSource.SIMULATED, "SYNTHETIC_PRICE"),
            (QuoteSource.CLOSE, "STALE_PRICE"),
            (QuoteSource.FEED, "STALE_PRICE"),
            (QuoteSource.REST, "STALE_PRICE"),
        ],
    )
    def test_live_needs_a_fresh_one(self, source: QuoteSource, expected: str) -> None:
        world = live_world()
        assert code(world) == ""
        world.price("INFY", "100", source)
        world.wait(60)

        assert code(world) == expected

    @pytest.mark.parametrize(
        "source", [QuoteSource.SYNTHETIC, QuoteSource.SIMULATED, QuoteSource.CLOSE]
    )
    def test_paper_takes_an_old_close_and_what_is_made_up(
        self, world: World, source: QuoteSource
    ) -> None:
        world.price("INFY", "100", source)
        world.wait(86_400)

        assert code(world) == ""

    @pytest.mark.parametrize(
        ("price", "expected"),
        [
            ("80", "FAR_FROM_LAST"),
            ("79.95", "OUTSIDE_BAND"),
            ("0", ""),
            ("120", "FAR_FROM_LAST"),
            ("120.05", "OUTSIDE_BAND"),
            ("90", ""),
            ("89.95", "FAR_FROM_LAST"),
            ("110", ""),
            ("110.05", "FAR_FROM_LAST"),
        ],
    )
    def test_a_limit_stays_in_the_band_and_near_the_last_price(
        self, world: World, price: str, expected: str
    ) -> None:
        if price == "0":
            assert code(world) == expected  # a MARKET order has its protected price
        else:
            assert code(world, price=price) == expected

    def test_the_masters_band_goes_before_the_derived_one(self, world: World) -> None:
        banded = msgspec.structs.replace(STOCKS[5], band_low=fixed("99"), band_high=fixed("100.5"))
        world.index = InstrumentIndex([banded])

        assert code(world, price="98.95") == "OUTSIDE_BAND"
        assert code(world, price="100.55") == "OUTSIDE_BAND"
        (draft,) = world.order().orders
        assert draft.limit == fixed("100.5")


class TestCaps:
    def test_of_quantity(self, world: World) -> None:
        world.settings(quantity_max=whole(9))

        assert code(world) == "QUANTITY_CAP"
        assert code(world, "9") == ""

    def test_of_value_at_the_limit_that_is_sent(self, world: World) -> None:
        world.settings(value_max=whole(1_010))

        assert code(world, "10") == ""
        assert code(world, "11") == "VALUE_CAP"
        assert code(world, "11", "100") == "VALUE_CAP"

    def test_a_value_beyond_every_number_is_still_a_journaled_refusal(self, world: World) -> None:
        world.price("INFY", "300000")

        planned = world.order(quantity="1000000")

        assert planned.skips[0].reason.facts == (FIXED_MAX, whole(10_000_000))

    def test_the_greatest_quantity_there_is_can_be_asked_for(self, world: World) -> None:
        world.settings(quantity_max=FIXED_MAX)
        world.price("INFY", "90000000")

        assert code(world, "90000000000") == "VALUE_CAP"


class TestBook:
    def test_an_instrument_in_doubt_takes_no_new_entries(self, world: World) -> None:
        (first,) = world.order().orders
        world.unknown(first.cl_ord_id)

        assert code(world, "11") == "ORDER_IN_DOUBT"
        assert code(world, instrument="ACC") == ""
        world.absent(first.cl_ord_id)
        assert code(world, "12") == ""

    def test_nobody_sells_what_he_has_not(self, world: World) -> None:
        (buy,) = world.order().orders
        assert code(world, side=Side.SELL) == "NOT_SELLABLE"
        world.filled(buy.cl_ord_id, "6")

        planned = world.order(Side.SELL, quantity="7")

        assert planned.skips[0].reason == Reason(ReasonCode.NOT_SELLABLE, (whole(7), whole(6)))
        assert code(world, "6", side=Side.SELL, product=Product.INTRADAY) == "NOT_SELLABLE"
        assert code(world, "6", side=Side.SELL) == ""
        assert code(world, "1", side=Side.SELL) == "NOT_SELLABLE"

    def test_cash_less_holds_and_reserve_must_cover_limit_and_charges(self, world: World) -> None:
        account = msgspec.structs.replace(
            world.state.accounts["A1"], charge_bps=100, reserve=whole(1_000)
        )
        world.do(c.PutReference(LOCAL, accounts=(account,)))
        assert code(world, "100", "100") == ""  # holds 10,100 of 20,000

        planned = world.order(quantity="89", price="100")

        assert planned.skips[0].reason == Reason(
            ReasonCode.INSUFFICIENT_CASH, (whole(8_989), whole(8_900))
        )
        assert code(world, "88", "100") == ""

    def test_open_orders_are_bounded(self, world: World) -> None:
        world.settings(open_orders_max=1)
        (first,) = world.order().orders
        assert code(world, "11") == "TOO_MANY_OPEN_ORDERS"

        world.filled(first.cl_ord_id)

        assert code(world, "11") == ""

    def test_orders_of_a_day_are_bounded(self, world: World) -> None:
        world.settings(orders_per_day_max=1)
        world.do(c.Tick())
        world.filled(world.order().orders[0].cl_ord_id)
        assert code(world, "11") == "TOO_MANY_ORDERS_TODAY"

        world.now += 86_400 * SECOND
        world.do(c.Tick())

        assert code(world, "11") == ""

    def test_selling_is_not_bounded_by_counts_or_cash(self, world: World) -> None:
        (buy,) = world.order(quantity="190").orders
        world.filled(buy.cl_ord_id, price="105")
        world.settings(open_orders_max=0, orders_per_day_max=0)

        assert code(world, "190", side=Side.SELL) == ""


def test_the_same_order_again_within_the_window(world: World) -> None:
    (first,) = world.order().orders

    planned = world.order()

    assert planned.skips[0].reason == Reason(ReasonCode.DUPLICATE_ORDER, ("1", first.cl_ord_id))
    world.wait(1)
    assert code(world) == ""
