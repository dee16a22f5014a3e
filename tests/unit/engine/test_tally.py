from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Closing, OrderDraft, OrdType, Product, Side, TimeInForce
from phalanx.engine.exposure import sellable
from phalanx.engine.plans.plan import Plan
from phalanx.engine.priced import Terms
from phalanx.engine.risk import available_cash, refusal
from phalanx.engine.state import position_key
from phalanx.engine.tally import NOTHING, Tally
from tests.engine_world import World

KEY = position_key("NSE:6", Product.DELIVERY)


def draft(
    side: Side,
    units: int,
    hold: int = 0,
    closes: tuple[Closing, ...] = (),
    *,
    reduce_only: bool = False,
) -> OrderDraft:
    return OrderDraft(
        "AA00000000",
        "A1/P",
        "NSE:6",
        side,
        Product.DELIVERY,
        OrdType.MARKET,
        TimeInForce.DAY,
        whole(units),
        whole(101),
        whole(hold),
        closes=closes,
        reduce_only=reduce_only,
    )


def test_buys_take_cash_and_count() -> None:
    tally = Tally()

    tally.take(draft(Side.BUY, 3, 303), KEY)
    tally.take(draft(Side.BUY, 4, 404), KEY)

    assert (tally.orders, tally.holds) == (2, whole(707))
    assert tally.buying == {"NSE:6": whole(7)}
    assert not tally.selling


def test_sells_take_from_the_position_and_from_its_lots() -> None:
    tally = Tally()

    tally.take(draft(Side.SELL, 5, 0, (Closing("L1", whole(3)), Closing("L2", whole(2)))), KEY)
    tally.take(draft(Side.SELL, 1, 0, (Closing("L2", whole(1)),)), KEY)

    assert tally.selling == {KEY: whole(6)}
    assert tally.reserved == {"L1": whole(3), "L2": whole(3)}
    assert (tally.holds, tally.buying) == (0, {})


def test_buying_back_a_short_is_no_new_risk() -> None:
    tally = Tally()

    tally.take(draft(Side.BUY, 5, reduce_only=True), KEY)

    assert tally.covering == {KEY: whole(5)}
    assert tally.buying == {}


def test_an_unsent_sell_that_ends_gives_back_what_was_left_of_its_last_lots() -> None:
    tally = Tally()
    closes = (Closing("L1", whole(4)), Closing("L2", whole(3)), Closing("L3", whole(2)))

    tally.free(draft(Side.SELL, 9, 0, closes), whole(9), whole(4), KEY)

    assert tally.freed == {KEY: whole(4)}
    assert tally.unreserved == {"L3": whole(2), "L2": whole(2)}


def test_the_limits_name_what_is_restricted() -> None:
    limit = Limit(LimitLevel.ACCOUNT, "A1", restricted=("NSE:6", "NSE:7"))

    assert Tally(limit).restricted == {"NSE:6", "NSE:7"}
    assert Tally().restricted == frozenset()


def test_no_more_is_bought_back_than_is_short() -> None:
    world = World()
    account, book = world.state.accounts[world.account(1)], world.book()
    instrument = world.index.resolve("INFY")
    assert instrument is not None
    priced = Plan(world.state).price(world.state, world.context(), instrument)
    terms = Terms(
        Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(3), priced.protected_buy, covers=True
    )

    reason = refusal(world.state, world.context(), account, book, priced, terms, 0)

    assert reason is not None
    assert str(reason) == "3 asked, 0 to buy back"


def test_what_a_plan_took_is_not_there_for_its_next_order() -> None:
    world = World()
    world.account(1, "1000")
    (bought,) = world.order(quantity="5").orders
    world.filled(bought.cl_ord_id)
    account, book = world.state.accounts["A1"], world.book()
    tally = Tally()
    tally.take(draft(Side.BUY, 1, 101), KEY)
    tally.take(draft(Side.SELL, 2), KEY)

    assert available_cash(account, book, tally) == whole(399)
    assert available_cash(account, book) == whole(500)
    assert sellable(book, "NSE:6", Product.DELIVERY, tally) == whole(3)
    assert sellable(book, "NSE:6", Product.DELIVERY, NOTHING) == whole(5)
    tally.free(draft(Side.SELL, 9), whole(9), whole(9), KEY)
    assert sellable(book, "NSE:6", Product.DELIVERY, tally) == whole(12)
