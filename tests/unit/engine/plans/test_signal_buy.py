from itertools import permutations

import msgspec
import pytest

from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import Selection, SignalRequest
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.strategies import Sizing, SizingRule, Strategy, Subscription
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, PAPER, World, fixed


def test_a_buy_is_a_market_delivery_day_order_of_one_lot(world: World) -> None:
    planned = world.signal("RED", "INFY", Side.BUY)

    (draft,) = planned.orders
    assert (draft.book, draft.instrument, draft.side) == ("A1/P", "NSE:6", Side.BUY)
    assert (draft.ord_type, draft.product) == (OrdType.MARKET, Product.DELIVERY)
    assert draft.time_in_force is TimeInForce.DAY
    assert draft.quantity == whole(1)
    assert draft.limit == draft.hold == whole(101)  # protected 1 % above the last price
    assert draft.strategy == "RED"
    assert draft.closes == ()
    assert not draft.reduce_only
    assert world.open_buys() == [("RED", "NSE:6")]
    assert planned.expires_at == planned.time + 30 * 10**9


@pytest.mark.parametrize(
    ("rule", "symbol", "quantity"),
    [
        (SizingRule(), "INFY", "1"),
        (SizingRule(), "LOTS25", "25"),
        (SizingRule(), "COIN", "0.001"),
        (SizingRule(Sizing.FIXED_QUANTITY, whole(7)), "INFY", "7"),
        (SizingRule(Sizing.FIXED_CASH, whole(1_011)), "INFY", "9"),  # 10 cost 1,010 + 12 bps
        (SizingRule(Sizing.FIXED_CASH, fixed("1011.212")), "INFY", "10"),
        (SizingRule(Sizing.FIXED_CASH, whole(6_000)), "LOTS25", "50"),
        (SizingRule(Sizing.FIXED_CASH, whole(1)), "COIN", "0.009"),
        (SizingRule(Sizing.CASH_SHARE, 100), "INFY", "98"),  # 1 % of 1,000,000 at 101.1212
        (SizingRule(Sizing.CASH_SHARE, 10_000), "INFY", "9889"),
    ],
)
def test_the_sizing_rule_makes_whole_lots(rule: SizingRule, symbol: str, quantity: str) -> None:
    world = World()
    world.subscribe(world.account(1, charge_bps=12), "RED", symbol, sizing=rule)

    (draft,) = world.signal("RED", symbol, Side.BUY).orders

    assert draft.quantity == fixed(quantity)
    assert draft.hold == draft.limit * draft.quantity // whole(1) * 10_012 // 10_000


@pytest.mark.parametrize(
    "rule",
    [
        SizingRule(Sizing.FIXED_CASH, whole(100)),
        SizingRule(Sizing.CASH_SHARE, 0),
        SizingRule(Sizing.FIXED_QUANTITY, whole(-1)),
    ],
)
def test_a_rule_that_buys_nothing_is_a_skip(rule: SizingRule) -> None:
    world = World()
    world.subscribe(world.account(1), "RED", "INFY", sizing=rule)

    planned = world.signal("RED", "INFY", Side.BUY)

    assert world.reasons(planned) == ["ZERO_QUANTITY"]


def test_the_share_of_cash_counts_what_is_available() -> None:
    world = World()
    account = world.account(1, "10000")
    half = SizingRule(Sizing.CASH_SHARE, 5_000)
    world.subscribe(account, "RED", "INFY", "ACC", sizing=half)
    (first,) = world.signal("RED", "INFY", Side.BUY).orders

    (second,) = world.signal("RED", "ACC", Side.BUY).orders

    assert first.quantity == whole(49)  # 5,000 at 101
    assert second.quantity == whole(25)  # half of the 5,051 that are not held


def test_a_limit_subscription_buys_at_the_last_price_on_its_tick() -> None:
    world = World()
    world.subscribe(
        world.account(1), "RED", "INFY", ord_type=OrdType.LIMIT, product=Product.INTRADAY
    )
    world.price("INFY", "100.07", close="100")

    (draft,) = world.signal("RED", "INFY", Side.BUY).orders

    assert (draft.ord_type, draft.product) == (OrdType.LIMIT, Product.INTRADAY)
    assert draft.limit == fixed("100.05")


def test_one_open_lot_forbids_another_of_the_same_strategy_only(world: World) -> None:
    first = world.buy("RED", "INFY")

    again = world.signal("RED", "INFY", Side.BUY)
    other = world.signal("BLUE", "INFY", Side.BUY)

    assert world.reasons(again) == ["LOT_ALREADY_OPEN"]
    assert again.skips[0].reason.facts == ("RED", "INFY", first)
    assert len(other.orders) == 1


@pytest.mark.parametrize("exec_type", [ExecType.REJECTED, ExecType.CANCELED, ExecType.EXPIRED])
def test_a_buy_that_ends_with_nothing_filled_makes_buy_valid_again(
    world: World, exec_type: ExecType
) -> None:
    first = world.buy("RED", "INFY")
    world.accepted(first)
    world.report(first, exec_type)
    assert world.lots() == []

    world.buy("RED", "INFY")

    assert world.open_buys() == [("RED", "NSE:6")]


def test_a_buy_that_ends_partly_filled_stays_an_open_lot(world: World) -> None:
    world.subscribe("A1", "RED", "INFY", sizing=SizingRule(Sizing.FIXED_QUANTITY, whole(10)))
    first = world.buy("RED", "INFY")
    world.filled(first, "4")
    world.report(first, ExecType.CANCELED)

    again = world.signal("RED", "INFY", Side.BUY)

    assert world.reasons(again) == ["LOT_ALREADY_OPEN"]
    assert world.lots()[0].remaining == whole(4)


def test_a_buy_that_was_proved_absent_makes_buy_valid_again(world: World) -> None:
    first = world.buy("RED", "INFY")
    world.unknown(first)
    in_doubt = world.signal("BLUE", "INFY", Side.BUY)
    world.absent(first)

    world.buy("RED", "INFY")

    assert world.reasons(in_doubt) == ["ORDER_IN_DOUBT"]


def test_a_lot_still_closing_in_another_product_forbids_a_buy(world: World) -> None:
    lot = world.bought("RED", "INFY")
    world.sell("RED", "INFY")
    world.subscribe("A1", "RED", "INFY", product=Product.MTF)

    planned = world.signal("RED", "INFY", Side.BUY)

    assert world.reasons(planned) == ["PRODUCT_CONFLICT"]
    assert planned.skips[0].reason.facts == ("INFY", lot)


def test_the_instruments_of_a_subscription_are_its_own_or_the_strategys(world: World) -> None:
    own = Subscription("A1", "GREEN", (world.key("ACC"),))
    strategy = Strategy("GREEN", (world.key("INFY"),))
    world.do(c.PutReference(LOCAL, strategies=(strategy,), subscriptions=(own,)))
    assert world.reasons(world.signal("GREEN", "INFY", Side.BUY)) == ["NOT_IN_SUBSCRIPTION"]
    assert len(world.signal("GREEN", "ACC", Side.BUY).orders) == 1

    inherits = msgspec.structs.replace(own, instruments=None)
    world.do(c.PutReference(LOCAL, subscriptions=(inherits,)))

    assert len(world.signal("GREEN", "INFY", Side.BUY).orders) == 1
    assert world.reasons(world.signal("GREEN", "ACC", Side.BUY)) == ["NOT_IN_SUBSCRIPTION"]


def test_what_is_wrong_with_the_whole_signal_refuses_it_without_skips(world: World) -> None:
    world.do(c.PutReference(LOCAL, strategies=(Strategy("EMPTY", ()), Strategy("OFF", (), False))))

    refusals = {
        ("NOBODY", "INFY"): ReasonCode.UNKNOWN_STRATEGY,
        ("OFF", "INFY"): ReasonCode.STRATEGY_DISABLED,
        ("RED", "NOTHING"): ReasonCode.UNKNOWN_INSTRUMENT,
        ("EMPTY", "INFY"): ReasonCode.NO_SUBSCRIBERS,
    }

    for (strategy, instrument), code in refusals.items():
        planned = world.signal(strategy, instrument, Side.BUY)
        assert planned.refusal is not None
        assert planned.refusal.code is code
        assert not planned.skips
        assert not planned.orders
        assert str(planned.refusal)


def test_a_switched_off_subscription_is_a_skip(world: World) -> None:
    off = Subscription("A1", "RED", (world.key("INFY"),), enabled=False)
    world.do(c.PutReference(LOCAL, subscriptions=(off,)))

    assert world.reasons(world.signal("RED", "INFY", Side.BUY)) == ["SUBSCRIPTION_DISABLED"]


def test_nobody_is_always_first() -> None:
    world = World()
    for client in (1, 2, 3):
        world.subscribe(world.account(client, "100000000"), "RED", "INFY")

    orders = set()
    for world.seed in range(60):
        (planned,) = world.decided(c.Submit(LOCAL, SignalRequest("RED", "INFY", Side.BUY)))
        assert isinstance(planned, InstructionPlanned)
        assert planned.seed == world.seed
        orders.add(tuple(draft.book for draft in planned.orders))

    assert orders == set(permutations(["A1/P", "A2/P", "A3/P"]))


def test_what_is_wrong_with_one_account_stops_no_other() -> None:
    world = World()
    for client, cash in [(1, "50"), (2, "5000")]:
        world.subscribe(world.account(client, cash), "RED", "INFY")
    world.subscribe(world.account(3, enabled=False), "RED", "INFY")

    planned = world.signal("RED", "INFY", Side.BUY)

    assert [draft.book for draft in planned.orders] == ["A2/P"]
    assert {skip.account: skip.reason.code.value for skip in planned.skips} == {
        "A1": "INSUFFICIENT_CASH",
        "A3": "ACCOUNT_DISABLED",
    }
    assert planned.refusal is None


def test_without_a_price_the_first_thing_that_is_wrong_is_named(world: World) -> None:
    del world.quotes[world.key("INFY")]
    assert world.reasons(world.signal("RED", "INFY", Side.BUY)) == ["NO_PRICE"]

    world.do(c.PutKill(LOCAL))

    assert world.reasons(world.signal("RED", "INFY", Side.BUY)) == ["KILL_ALL"]


def test_a_live_account_needs_a_live_broker() -> None:
    world = World()
    world.subscribe(world.account(1, mode=Mode.LIVE), "RED", "INFY")

    assert world.reasons(world.signal("RED", "INFY", Side.BUY)) == ["LIVE_NOT_AVAILABLE"]


def test_an_instruction_may_bring_its_own_expiry(world: World) -> None:
    request = SignalRequest("RED", "INFY", Side.BUY)

    planned = world.one(
        c.Submit(LOCAL, request, "why", expires_s=5, received=11), InstructionPlanned
    )

    assert planned.expires_at == planned.time + 5 * 10**9
    assert (planned.note, planned.hops.received) == ("why", 11)


class TestNamed:
    """A signal for some says of everybody who was named what became of it."""

    def test_without_a_subscription_is_skipped(self) -> None:
        world = World()
        world.subscribe(world.account(1), "RED", "INFY")
        world.account(2)
        world.account(3)

        planned = world.submit(
            SignalRequest("RED", "INFY", Side.BUY, Selection(("A1",), clients=(2,)))
        )

        assert [draft.book for draft in planned.orders] == ["A1/P"]
        assert [(skip.account, str(skip.reason)) for skip in planned.skips] == [
            ("A2", "the account is not subscribed to RED")
        ]

    def test_alone_and_without_one_makes_it_valid_for_nobody(self, world: World) -> None:
        world.account(2)

        planned = world.submit(SignalRequest("RED", "INFY", Side.BUY, Selection(("A2",))))

        assert world.reasons(planned) == ["NOT_SUBSCRIBED"]
        assert planned.refusal is not None
        assert planned.refusal.code.value == "NOTHING_VALID"

    def test_is_nobody_where_only_a_mode_is_chosen(self, world: World) -> None:
        world.account(2)

        planned = world.submit(SignalRequest("RED", "INFY", Side.BUY, Selection(mode=Mode.PAPER)))

        assert planned.skips == ()
        assert len(planned.orders) == 1


def test_many_accounts_have_each_what_it_would_have_alone() -> None:
    """Equal terms are made and checked once; whoever differs in anything has his own."""
    ten = SizingRule(Sizing.FIXED_QUANTITY, whole(10))
    kinds: list[tuple[int, dict[str, object]]] = [
        (0, {"sizing": ten}),
        (12, {"sizing": ten}),
        (12, {"sizing": ten, "product": Product.INTRADAY}),
        (12, {"sizing": ten, "ord_type": OrdType.LIMIT}),
        (0, {}),
        (12, {}),
    ]
    together, drafts = World(), {}
    for client, (charge_bps, terms) in enumerate(kinds * 3, 1):
        account = together.account(client, charge_bps=charge_bps)
        together.subscribe(account, "RED", "INFY", **terms)
        alone = World()
        alone.subscribe(alone.account(client, charge_bps=charge_bps), "RED", "INFY", **terms)
        (drafts[account],) = alone.signal("RED", "INFY", Side.BUY).orders
    orders = set()
    for together.seed in range(6):
        planned = together.decided(c.Submit(LOCAL, SignalRequest("RED", "INFY", Side.BUY)))[0]
        assert isinstance(planned, InstructionPlanned)
        orders.add(tuple(draft.book for draft in planned.orders))
        assert len(planned.orders) == len(drafts)
        for draft in planned.orders:
            alone_draft = drafts[draft.book.removesuffix("/P")]
            assert draft == msgspec.structs.replace(alone_draft, cl_ord_id=draft.cl_ord_id)
    assert len(orders) > 1


def test_accounts_of_two_brokers_are_judged_each_by_what_its_broker_takes() -> None:
    world = World()
    world.capabilities["limits only"] = msgspec.structs.replace(
        PAPER, name="limits only", ord_types=frozenset({OrdType.LIMIT})
    )
    for client in range(1, 9):
        account = Account(f"A{client}", client, broker="paper" if client % 2 else "limits only")
        cash = ((account.book, fixed("1000000"), "opening"),)
        person = Client(client, f"Client {client}")
        world.do(c.PutReference(LOCAL, (person,), (account,), cash=cash))
        world.subscribe(account.id, "RED", "INFY")

    planned = world.signal("RED", "INFY", Side.BUY)

    assert {draft.book for draft in planned.orders} == {"A1/P", "A3/P", "A5/P", "A7/P"}
    assert {skip.account for skip in planned.skips} == {"A2", "A4", "A6", "A8"}
    assert {skip.reason.code for skip in planned.skips} == {ReasonCode.ORDER_TYPE_NOT_SUPPORTED}
