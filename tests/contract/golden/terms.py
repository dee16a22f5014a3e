"""What happens in a golden journal, term after term."""

import msgspec

from phalanx.bootstrap import System
from phalanx.domain.accounts import Account, FillProfile, RateLimit
from phalanx.domain.allocation import Allocation, Leftover, ListAllocation, ListMethod, Method
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    ExitRequest,
    ExitScope,
    FollowUp,
    PriorityBuyRequest,
    Selection,
)
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import SCALE, Price, parse_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import SellScope, Sizing, SizingRule, Subscription
from phalanx.domain.time import DAY
from phalanx.engine.commands import (
    AdoptedLot,
    AdoptLots,
    CancelOrder,
    FillByHand,
    LiftKill,
    PutGroups,
    PutKill,
    PutLimits,
    PutLists,
    PutReference,
    ReplaceOrder,
)
from tests.contract.golden.hand import ORIGIN, Hand, orders_of
from tests.contract.golden.moods import MoodyPaper
from tests.fakes.kills import of_account

PROFILES = {
    "Holland Proctor": {
        "STRATEGY_A": ["BIRLASOFT", "GRASIM", "EICHER"],
        "STRATEGY_B": ["MINDA"],
    },
    "Oaklee Wagner": {"STRATEGY_D": ["ACC", "NOBODY KNOWS THIS"]},
    "Slow Hand": {"STRATEGY_A": ["GRASIM", "INFY"], "STRATEGY_D": ["ACC"]},
}
QUICK = RiskSettings(entry_cancel_after_s=1, exit_reprice_after_s=1, exit_reprices_max=1)
CORE = Selection(groups=("core",))
ALL_METHODS = {
    Method.EQUAL_QUANTITY: whole(9),
    Method.FIXED_QUANTITY: whole(2),
    Method.MULTIPLIER: whole(2),
    Method.EQUAL_CASH: whole(20_000),
    Method.FIXED_CASH: whole(4_000),
    Method.PERCENT_OF_CASH: 50,
    Method.PERCENT_OF_NET_VALUE: 50,
    Method.PERCENT_OF_POSITION: 5_000,
}


async def people_and_signals(system: System) -> None:
    """Clients, the worked example, single orders, a kill."""
    hand = Hand(system)
    await _people(hand)
    for strategy, side, instrument in (
        ("STRATEGY_A", Side.SELL, "GRASIM"),
        ("STRATEGY_B", Side.BUY, "MINDA"),
        ("STRATEGY_D", Side.BUY, "INFY"),
        ("STRATEGY_A", Side.BUY, "GRASIM"),
        ("STRATEGY_D", Side.BUY, "ACC"),
        ("NO_SUCH", Side.BUY, "ACC"),
    ):
        await hand.signal(strategy, side, instrument, f"{strategy}{side}{instrument}")
    await hand.wait(0.3)
    await hand.signal("STRATEGY_A", Side.SELL, "MINDA")
    await hand.signal("STRATEGY_A", Side.SELL, "GRASIM")
    await _replaced_and_cancelled(hand)
    await hand.do(PutKill(ORIGIN, of_account("PAPER-2"), "golden"))
    await hand.signal("STRATEGY_D", Side.BUY, "NOBODY KNOWS THIS")
    await hand.do(LiftKill(ORIGIN, of_account("PAPER-2"), "golden"))
    await hand.signal("STRATEGY_D", Side.BUY, "NOBODY KNOWS THIS")
    for more in range(8):
        await hand.order(3, Side.BUY, 10 + more, "1443")
    await hand.wait(0.5)


async def _people(hand: Hand) -> None:
    await hand.system.import_profiles(PROFILES, ORIGIN)
    slow = Account(
        "PAPER-3",
        3,
        charge_bps=12,
        rate_limit=RateLimit(5, 1_000, 1),
        fill_profile=FillProfile(20, 400, 6_000, 3, 5, 0, 9),
    )
    second = Account("SECOND", 1, primary=False, charge_bps=7)
    kept = hand.desk.state.subscriptions["STRATEGY_A"]["PAPER-3"]
    subscription = Subscription(
        "PAPER-3",
        "STRATEGY_A",
        kept.instruments,
        SizingRule(Sizing.FIXED_CASH, whole(20_000)),
        sell_scope=SellScope.STRATEGY,
    )
    cash = (("SECOND/P", whole(200_000), "opening"),)
    await hand.do(
        PutReference(ORIGIN, accounts=(slow, second), subscriptions=(subscription,), cash=cash)
    )
    await hand.wait(1.2)


async def _replaced_and_cancelled(hand: Hand) -> None:
    """A replace that is granted, one that comes too late, and a cancel."""
    resting = await hand.order(1, Side.BUY, 10, "1400")
    await hand.wait(0.05)
    await hand.do(ReplaceOrder(ORIGIN, resting, whole(12), parse_fixed("1410")))
    doomed = await hand.order(2, Side.BUY, 3, "1390.5")
    await hand.wait(0.05)
    await hand.do(CancelOrder(ORIGIN, doomed))
    await hand.treat("PAPER-2", ack_delay_ms=60, fill_duration_ms=300, slices=3)
    filling = await hand.order(2, Side.BUY, 9)
    await hand.wait(0.12)
    await hand.do(ReplaceOrder(ORIGIN, filling, whole(2)))
    await hand.wait(0.5)
    await hand.treat("PAPER-2")


async def every_kind(system: System) -> None:
    """Groups, lists, limits and positions come in; every way to buy; what follows up on it."""
    hand = Hand(system)
    await hand.change("PAPER-3", rate_limit=RateLimit())
    await _reference(hand)
    await _lists_and_shares(hand)
    await _baskets(hand)
    await _orders_of_all_types(hand)
    await hand.wait(0.5)


async def _reference(hand: Hand) -> None:
    infy, tcs = (hand.key(name) for name in ("INFY", "TCS"))
    members = (Member("PAPER-1"), Member("PAPER-2", 2 * SCALE), Member("SECOND", SCALE // 2))
    await hand.do(PutGroups(ORIGIN, (Group("core", members), Group("gone", members[:1]))))
    called = ("INFY", "TCS", "GRASIM")
    keys = (infy, tcs, hand.key("GRASIM"))
    lists = (PriorityList("first", keys, called), PriorityList("gone", keys[:1]))
    await hand.do(PutLists(ORIGIN, lists))
    limits = (
        Limit(LimitLevel.GLOBAL, quantity_max=whole(5_000)),
        Limit(LimitLevel.GROUP, "core", orders_per_day_max=500),
        Limit(LimitLevel.CLIENT, "2", value_max=whole(400_000)),
        Limit(LimitLevel.ACCOUNT, "SECOND", position_max=whole(400), restricted=(tcs,)),
        Limit(LimitLevel.STRATEGY, "STRATEGY_B", position_max=whole(40)),
    )
    await hand.do(PutLimits(ORIGIN, limits))
    yesterday = hand.desk.clock.now() - 3 * DAY
    lots = (
        AdoptedLot("PAPER-1/P", tcs, Product.DELIVERY, whole(9), None, yesterday),
        AdoptedLot("PAPER-2/P", infy, Product.MTF, whole(7), whole(9_000), yesterday, "INFY"),
    )
    await hand.do(AdoptLots(ORIGIN, lots))


async def _lists_and_shares(hand: Hand) -> None:
    await hand.give(PriorityBuyRequest("first", max_new=2, selection=CORE), key="list")
    for leftover in Leftover:
        allocation = ListAllocation(ListMethod.FIXED_AMOUNT, whole(6_000), leftover, whole(10))
        names = {"keep": "RELIANCE", "resplit": "WIPRO", "one_lot": "SBIN"}
        await hand.give(PriorityBuyRequest("", ("ACC", names[leftover.value]), allocation))
    for method, amount in ALL_METHODS.items():
        await hand.give(_share(Allocation(method, amount)))
    quantities = (("PAPER-1", whole(3)), ("PAPER-2", 0))
    await hand.give(_share(Allocation(Method.QUANTITIES, quantities=quantities)))
    await hand.give(_share(Allocation(Method.LIKE, quantities=quantities, instruction="I")))
    await hand.wait(0.3)


def _share(allocation: Allocation) -> AllocatedRequest:
    return AllocatedRequest(
        "RELIANCE", Side.BUY, Product.DELIVERY, OrdType.MARKET, allocation, selection=CORE
    )


async def _baskets(hand: Hand) -> None:
    """A basket of which one account's orders are rejected: retried, reversed, repeated, cancelled."""
    low = hand.price("INFY", -500)
    await hand.treat("PAPER-2", reject_bps=10_000)
    basket = await hand.give(
        BatchRequest((_row("PAPER-1", 5), _row("PAPER-2", 4), _row("PAPER-1", 6, low)))
    )
    await hand.wait(0.1)
    await hand.treat("PAPER-2")
    bought, rejected, *_ = (_row("PAPER-1", 5), _row("PAPER-2", 4))
    orders = {hand.desk.state.orders[key].draft.row: key for key in orders_of(basket)}
    again = BatchRequest((_from(rejected, orders[2]),))
    id = basket.instruction_id
    await hand.give(again, parent=id, follow_up=FollowUp.RETRY)
    back = BatchRequest((_from(_row("PAPER-1", 5, side=Side.SELL), orders[1]),))
    await hand.give(back, parent=id, follow_up=FollowUp.REVERSE)
    await hand.give(BatchRequest((bought,)), parent=id, follow_up=FollowUp.REPEAT)
    await hand.cancel_rest(basket)
    await hand.wait(0.2)
    moved = PutReference(ORIGIN, cash=(("PAPER-2/P", whole(1), "interest"),))
    await hand.fire_preview(BatchRequest((bought, rejected)), moved=moved)


def _row(account: str, quantity: int, price: Price = 0, side: Side = Side.BUY) -> BatchRow:
    ord_type = OrdType.LIMIT if price else OrdType.MARKET
    return BatchRow(0, account, "INFY", side, Product.DELIVERY, ord_type, whole(quantity), price)


def _from(row: BatchRow, source: str) -> BatchRow:
    return msgspec.structs.replace(row, source=source)


async def _orders_of_all_types(hand: Hand) -> None:
    """Stops, IOC, a fill by hand, and an entry that nobody fills."""
    await hand.order(1, Side.BUY, 2, stop="1500")
    await hand.order(1, Side.BUY, 2, "1530", stop="1510")
    await hand.order(1, Side.BUY, 2, "1400", time_in_force=TimeInForce.IOC)
    resting = await hand.order(1, Side.BUY, 8, "1405")
    await hand.wait(0.05)
    await hand.do(FillByHand(ORIGIN, resting, whole(3), parse_fixed("1405")))
    await hand.do(PutReference(ORIGIN, settings=QUICK))
    await hand.treat("PAPER-2", filled_bps=0)
    await hand.order(2, Side.BUY, 3, instrument="WIPRO")
    await hand.wait(1.8)


async def exits(system: System) -> None:
    """What works and what is held is closed; exits that nobody fills; what waits for its time."""
    hand = Hand(system)
    await hand.treat("PAPER-1", fill_duration_ms=600, slices=3, ack_delay_ms=30)
    await hand.order(1, Side.BUY, 9, instrument="SBIN", product=Product.INTRADAY)
    await hand.wait(0.3)
    await hand.give(ExitRequest("SBIN"))
    await _exit_by_every_way(hand)
    held = await hand.give(ExitRequest("ACC", percent_bps=5_000), in_s=60)
    await hand.give(_share(Allocation(Method.FIXED_QUANTITY, whole(1))), in_s=0.3, key="later")
    await hand.cancel_rest(held)
    await hand.treat("PAPER-2", filled_bps=0)
    await hand.give(ExitRequest("INFY", selection=Selection(accounts=("PAPER-2",))))
    await hand.wait(0.6)
    _price(hand, "INFY", -50)
    await hand.wait(2.8)
    await hand.give(ExitRequest("TCS"), in_s=0.05, expires_s=1)


async def _exit_by_every_way(hand: Hand) -> None:
    await hand.treat("SECOND", fill_duration_ms=200, slices=2)
    high = hand.price("INFY", 500)
    sell = await hand.give(
        BatchRequest((_row("PAPER-1", 3, high, Side.SELL), _row("PAPER-1", 2, high, Side.SELL)))
    )
    await hand.wait(0.1)
    assert orders_of(sell)
    trade = next(hand.desk.state.books["PAPER-1/P"].all_lots()).id
    await hand.give(ExitRequest(trade=trade, percent_bps=5_000))
    await hand.give(ExitRequest("INFY", quantities=(("PAPER-1", whole(40)),)))
    await hand.give(ExitRequest(scope=ExitScope.HOLDINGS, selection=Selection(clients=(1,))))
    limited = ExitRequest("RELIANCE", selection=CORE, price=hand.price("RELIANCE", 200))
    await hand.give(limited)
    await hand.wait(1.0)


async def the_end(system: System) -> None:
    """Too late for what was held; answers that never come; a kill that flattens; what is forgotten."""
    hand = Hand(system)
    await hand.treat("PAPER-1")
    MoodyPaper.unreachable = 1
    await hand.order(1, Side.BUY, 1)
    await hand.wait(0.3)
    MoodyPaper.mute = 1
    await hand.order(1, Side.BUY, 2)
    resting = await hand.order(1, Side.BUY, 2, "1400", instrument="INFY")
    resting = resting or await hand.order(1, Side.BUY, 2, "200", instrument="WIPRO")
    await hand.wait(0.2)
    MoodyPaper.mute = 1
    await hand.do(CancelOrder(ORIGIN, resting))
    await hand.wait(0.1)
    await hand.change("PAPER-3", rate_limit=RateLimit(1, 2_000))
    for more in range(3):
        await hand.order(3, Side.BUY, 1 + more, "1443")
    await hand.do(PutKill(ORIGIN, of_account("PAPER-3"), "golden"))
    await hand.wait(2.2)
    await hand.do(PutKill(ORIGIN, note="golden"))
    await hand.give(ExitRequest(scope=ExitScope.POSITIONS), key="flatten")
    await hand.do(PutGroups(ORIGIN, removed=("gone",)))
    await hand.do(PutLists(ORIGIN, removed=("gone",)))
    await hand.do(PutLimits(ORIGIN, removed=((LimitLevel.STRATEGY, "STRATEGY_B"),)))
    await hand.wait(3.5)
    forgetful = RiskSettings(retire_after_s=3, keys_retain_s=5)
    await hand.do(PutReference(ORIGIN, settings=forgetful))
    await hand.wait(0.6)


def _price(hand: Hand, name: str, basis_points: int) -> None:
    """The last price moves."""
    key, last = hand.key(name), hand.price(name, basis_points)
    quote = hand.system.quotes.get(key)
    assert quote is not None
    moved = Quote(last, quote.reference_close, hand.desk.clock.now(), QuoteSource.SIMULATED)
    hand.system.quotes.put(key, moved)
