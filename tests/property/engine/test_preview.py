"""Preview and firing agree, or say MOVED: account by account, whatever happens between the two."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.accounts import Account
from phalanx.domain.allocation import Allocation, Leftover, ListAllocation, ListMethod, Method
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelRestRequest,
    ExitRequest,
    ExitScope,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
    Skip,
)
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import TERMINAL, ClOrdId, OrdStatus, OrdType, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Sizing, SizingRule
from phalanx.engine import commands as c
from phalanx.engine.ids import base36
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import state_hash
from phalanx.engine.state import Order
from tests.engine_preview import Looked, PreviewWorld, outcomes
from tests.engine_world import LOCAL, fixed
from tests.fakes.kills import of_account
from tests.property.engine.profile import profile

ACCOUNTS = ["A1", "A1B", "A2", "A3"]
SYMBOLS = ["INFY", "ACC", "GRASIM"]
LISTED = ["EICHERMOT", *SYMBOLS, "BSOFT"]
CORE = Selection(groups=("core",))
Outcome: TypeAlias = list[object]
Happening: TypeAlias = tuple[int, int, int]


def made(seed: int, steps: list[Happening]) -> PreviewWorld:
    """Three clients, one of them with two accounts, who hold and buy a little of everything."""
    world = PreviewWorld()
    world.seed = seed
    for client in (1, 2, 3):
        world.account(client, "9000", charge_bps=12 * (client - 1))
    world.account(1, "7000", id="A1B", primary=False)
    for account in ACCOUNTS:
        sizing = SizingRule(Sizing.CASH_SHARE, 2_500)
        world.subscribe(account, "RED", "INFY", "ACC", sizing=sizing)
    members = tuple(Member(account, whole(n)) for n, account in enumerate(ACCOUNTS, 1))
    world.do(c.PutGroups(LOCAL, (Group("core", members), Group("few", members[:2]))))
    world.do(c.PutLists(LOCAL, (PriorityList("list", tuple(map(world.key, LISTED))),)))
    for symbol in ("INFY", "GRASIM"):
        for account in ACCOUNTS[:3]:
            world.filled(_bought(world, account, symbol, "8"))
    for account in ACCOUNTS[1:]:
        world.accepted(_bought(world, account, "ACC", "6"))
    world.accepted(world.signal("RED", "ACC", Side.BUY).orders[0].cl_ord_id)
    for step in steps:
        happen(world, step)
    return world


def _bought(world: PreviewWorld, account: str, symbol: str, quantity: str) -> ClOrdId:
    planned = world.order(Side.BUY, symbol, quantity, client=0, account=account)
    return planned.orders[0].cl_ord_id


# --- instructions --------------------------------------------------------------------------------


def _row(number: int, symbol: str, side: Side) -> BatchRow:
    account = ACCOUNTS[number % len(ACCOUNTS)]
    product, market = Product.DELIVERY, OrdType.MARKET
    return BatchRow(0, account, symbol, side, product, market, whole(number + 1))


sides = st.sampled_from(Side)
symbols = st.sampled_from(SYMBOLS)
selections = st.sampled_from(
    [Selection(), CORE, Selection(groups=("few",)), Selection(("A2",), (1,))]
)
signals = st.builds(SignalRequest, st.just("RED"), symbols, sides, selections)
orders = st.builds(
    OrderRequest,
    st.just(0),
    st.sampled_from(ACCOUNTS),
    symbols,
    sides,
    st.just(Product.DELIVERY),
    st.just(OrdType.MARKET),
    st.integers(1, 60).map(whole),
)
allocations = st.builds(
    ListAllocation,
    st.sampled_from(ListMethod),
    st.integers(1, 9_000).map(whole),
    st.sampled_from(Leftover),
)
priority_buys = st.builds(
    PriorityBuyRequest,
    st.just("list"),
    st.just(()),
    allocations,
    st.integers(0, 2),
    st.integers(0, 2),
    st.just(Product.DELIVERY),
    selections,
)
rows = st.builds(_row, st.integers(0, 40), symbols, sides)
batches = st.builds(BatchRequest, st.lists(rows, min_size=1, max_size=6).map(tuple))
shares = st.one_of(
    st.builds(
        Allocation,
        st.sampled_from([Method.EQUAL_QUANTITY, Method.FIXED_QUANTITY, Method.MULTIPLIER]),
        st.integers(1, 40).map(whole),
    ),
    st.builds(
        Allocation,
        st.sampled_from([Method.EQUAL_CASH, Method.FIXED_CASH]),
        st.integers(50, 9_000).map(whole),
    ),
    st.builds(
        Allocation,
        st.sampled_from(
            [Method.PERCENT_OF_CASH, Method.PERCENT_OF_NET_VALUE, Method.PERCENT_OF_POSITION]
        ),
        st.integers(1, 10_000),
    ),
)
allocated = st.builds(
    AllocatedRequest,
    symbols,
    sides,
    st.just(Product.DELIVERY),
    st.just(OrdType.MARKET),
    shares,
    selection=selections,
)
exits = st.builds(
    ExitRequest,
    st.sampled_from([*SYMBOLS, ""]),
    st.just(""),
    st.sampled_from([10_000, 5_000, 1]),
    st.sampled_from(ExitScope),
    selections,
)
cancels = st.builds(CancelRestRequest, st.sampled_from([f"IAA0000000{n}" for n in range(6, 10)]))
KINDS = {
    "signal": signals,
    "order": orders,
    "priority_buy": priority_buys,
    "batch": batches,
    "allocated": allocated,
    "exit": exits,
    "cancel": cancels,
}

# --- what happens between ------------------------------------------------------------------------


def working(world: PreviewWorld, number: int) -> list[Order]:
    """One order that is not over, or none."""
    found = [o for o in world.state.orders.values() if o.status not in TERMINAL]
    return [found[number % len(found)]] if found else []


def tick(world: PreviewWorld, which: int, number: int) -> None:
    world.price(LISTED[which % 5], f"{97 + number % 7}")


def no_price(world: PreviewWorld, which: int, number: int) -> None:
    world.quotes.pop(world.key(SYMBOLS[which % 3]), None)


def buy(world: PreviewWorld, which: int, number: int) -> None:
    world.order(
        Side.BUY, SYMBOLS[which % 3], str(number + 1), account=ACCOUNTS[which % 4], client=0
    )


def sell(world: PreviewWorld, which: int, number: int) -> None:
    symbol = SYMBOLS[which % 3]
    world.order(Side.SELL, symbol, str(number % 3 + 1), account=ACCOUNTS[which % 4], client=0)


def signal(world: PreviewWorld, which: int, number: int) -> None:
    world.signal("RED", SYMBOLS[which % 2], list(Side)[number % 2])


def send(world: PreviewWorld, which: int, number: int) -> None:
    for order in working(world, which):
        if order.status is OrdStatus.PENDING_NEW:
            world.accepted(order.draft.cl_ord_id)


def fill(world: PreviewWorld, which: int, number: int) -> None:
    for order in working(world, which):
        if order.request is None:
            left = order.leaves_quantity // whole(1)
            world.filled(order.draft.cl_ord_id, str(max(1, left // (number % 3 + 1))))


def cancel(world: PreviewWorld, which: int, number: int) -> None:
    for order in working(world, which):
        world.do(c.CancelOrder(LOCAL, order.draft.cl_ord_id))


def cash(world: PreviewWorld, which: int, number: int) -> None:
    book = f"{ACCOUNTS[which % 4]}/P"
    world.do(c.PutReference(LOCAL, cash=((book, whole(number - 4), ""),)))


def kill(world: PreviewWorld, which: int, number: int) -> None:
    world.do(c.PutKill(LOCAL, of_account([*ACCOUNTS, ""][which % 5])))


def lift(world: PreviewWorld, which: int, number: int) -> None:
    world.do(c.LiftKill(LOCAL, of_account([*ACCOUNTS, ""][which % 5])))


def limit(world: PreviewWorld, which: int, number: int) -> None:
    level, name = [
        (LimitLevel.GLOBAL, ""),
        (LimitLevel.GROUP, "few"),
        (LimitLevel.CLIENT, "1"),
        (LimitLevel.ACCOUNT, "A2"),
        (LimitLevel.STRATEGY, "RED"),
    ][which % 5]
    world.do(c.PutLimits(LOCAL, (Limit(level, name, quantity_max=whole(number + 1)),)))


def settings(world: PreviewWorld, which: int, number: int) -> None:
    world.settings(value_max=whole(1_000 * (number + 1)))


def regroup(world: PreviewWorld, which: int, number: int) -> None:
    members = tuple(Member(a, whole(number + 1)) for a in ACCOUNTS[which % 4 :])
    world.do(c.PutGroups(LOCAL, (Group("core", members),)))


def relist(world: PreviewWorld, which: int, number: int) -> None:
    keys = tuple(world.key(symbol) for symbol in LISTED[which % 5 :])
    world.do(c.PutLists(LOCAL, (PriorityList("list", keys),)))


def switch(world: PreviewWorld, which: int, number: int) -> None:
    account = world.state.accounts[ACCOUNTS[which % 4]]
    other = msgspec.structs.replace(account, enabled=not account.enabled)
    world.do(c.PutReference(LOCAL, accounts=(other,)))


def close(world: PreviewWorld, which: int, number: int) -> None:
    world.closed[ACCOUNTS[which % 4]] = "not reconciled"


def subscribe(world: PreviewWorld, which: int, number: int) -> None:
    world.subscribe(ACCOUNTS[which % 4], "RED", SYMBOLS[number % 3])


def newcomer(world: PreviewWorld, which: int, number: int) -> None:
    fresh = Account(f"N{len(world.state.accounts)}", 2, primary=False)
    world.do(c.PutReference(LOCAL, accounts=(fresh,), cash=((fresh.book, whole(5_000), ""),)))


def time_passes(world: PreviewWorld, which: int, number: int) -> None:
    world.wait(number * 12)
    world.do(c.Tick())


HAPPENINGS: list[Callable[[PreviewWorld, int, int], None]] = [
    tick,
    tick,
    no_price,
    buy,
    buy,
    sell,
    signal,
    send,
    send,
    fill,
    fill,
    cancel,
    cash,
    kill,
    lift,
    limit,
    settings,
    regroup,
    relist,
    switch,
    close,
    subscribe,
    newcomer,
    time_passes,
]


def happen(world: PreviewWorld, step: Happening) -> None:
    """Something happens; what is refused does not."""
    what, which, number = step
    with suppress(Refused):
        HAPPENINGS[what](world, which, number)


happenings = st.tuples(st.integers(0, len(HAPPENINGS) - 1), st.integers(0, 19), st.integers(0, 9))
before = st.lists(happenings, max_size=12)
between = st.lists(happenings, min_size=1, max_size=4)

# --- what must hold ------------------------------------------------------------------------------


def without_facts(outcome: Outcome) -> Outcome:
    """Reasons by their codes: how old a price is, say, goes on while nobody does anything."""
    return [
        (one.reason.code, one.instrument, one.row) if isinstance(one, Skip) else one
        for one in outcome
    ]


def is_moved(outcome: Outcome) -> bool:
    (only,) = outcome if len(outcome) == 1 else (None,)
    return isinstance(only, Skip) and only.reason.code is ReasonCode.MOVED


def stands(world: PreviewWorld) -> dict[str, bytes]:
    """How each account stands, said in another way than the engine's prints."""
    state = world.state
    return {
        account.id: repr(
            (account, state.books[account.book], account.id in state.kills, "" in state.kills)
        ).encode()
        for account in state.accounts.values()
    }


def check_ids(planned: InstructionPlanned, order: int, request: int) -> None:
    """Both counters go on without a gap: applying counts."""
    ids = [draft.cl_ord_id for draft in planned.orders]
    assert ids == ["AA0" + base36(number) for number in range(order, order + len(ids))]
    requests = [cancel.request_id for cancel in planned.cancels]
    numbers = range(request, request + len(requests))
    assert requests == ["RAA0" + base36(number) for number in numbers]


def check_prices(world: PreviewWorld, looked: Looked, fired: InstructionPlanned) -> None:
    """Nothing is fired at a price that is too far from what was looked at."""
    for draft in fired.orders:
        seen, latest = looked.quotes[draft.instrument], world.quotes[draft.instrument]
        assert seen is not None
        assert abs(latest.last - seen.last) * 100 <= seen.last


@pytest.mark.parametrize("kind", KINDS)
def test_with_nothing_between_them_they_agree_to_the_last_fact(kind: str) -> None:
    @profile(25)
    @given(KINDS[kind], st.integers(0, 99), before)
    def check(request: InstructionRequest, seed: int, steps: list[Happening]) -> None:
        world = made(seed, steps)
        looked = world.look(request)
        world.seed += 1

        fired = world.fire(looked, refuse=True)

        assert outcomes(world.state, fired) == outcomes(world.state, looked.planned)
        assert fired.refusal == looked.planned.refusal
        assert fired.orders == looked.planned.orders
        assert fired.instruments == looked.planned.instruments

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_between_them_each_account_agrees_or_has_moved(kind: str) -> None:
    @profile(60)
    @given(KINDS[kind], st.integers(0, 99), before, between)
    def check(
        request: InstructionRequest, seed: int, steps: list[Happening], later: list[Happening]
    ) -> None:
        world = made(seed, steps)
        looked = world.look(request)
        expected = outcomes(world.state, looked.planned)
        stood = stands(world)
        for step in later:
            happen(world, step)
        changed = {a for a, now in stands(world).items() if stood.get(a) != now}
        digest = state_hash(world.state)
        first = (world.state.next_order, world.state.next_request)
        fired = refused = None
        try:
            fired = world.fire(looked, refuse=True)
        except Refused as refusal:
            refused = refusal
            assert state_hash(world.state) == digest
            fired = world.fire(looked)
        check_ids(fired, *first)
        check_prices(world, looked, fired)
        found = outcomes(world.state, fired)
        moved = {account for account, outcome in found.items() if is_moved(outcome)}
        assert expected.keys() <= found.keys()
        assert changed & found.keys() <= moved
        for account in found.keys() - moved:
            assert without_facts(found[account]) == without_facts(expected[account])
        check_refused(refused, moved)

    check()


def check_refused(refused: Refused | None, moved: set[str]) -> None:
    """All or nothing is nothing exactly when somebody moved, and names everybody who did."""
    if refused is None:
        assert not moved
        return
    assert refused.code == "MOVED"
    assert {sentence.partition(":")[0] for sentence in refused.differences} == moved != set()


def test_prices_that_only_tick_move_nobody() -> None:
    world = made(1, [])
    collar = RiskSettings().collar_bps
    for request in (
        PriorityBuyRequest("list"),
        SignalRequest("RED", "INFY", Side.BUY),
        AllocatedRequest(
            "ACC",
            Side.BUY,
            Product.DELIVERY,
            OrdType.MARKET,
            Allocation(Method.PERCENT_OF_NET_VALUE, 500),
        ),
    ):
        looked = world.look(request)
        assert looked.planned.orders
        world.price("INFY", "101")
        world.price("ACC", "99")
        world.price("GRASIM", "100.5")
        assert collar == 100

        assert world.fire(looked).orders == looked.planned.orders
        for symbol in SYMBOLS:
            world.price(symbol, "100")
        for draft in looked.planned.orders:
            world.do(c.CancelOrder(LOCAL, draft.cl_ord_id))
            world.do(c.ExpireUnsent((draft.cl_ord_id,)))


def test_a_worked_example_of_what_moves() -> None:
    world = made(3, [])
    looked = world.look(PriorityBuyRequest("list", selection=CORE))
    world.do(c.PutReference(LOCAL, cash=(("A2/P", fixed("0.01"), ""),)))
    world.price("BSOFT", "98.99")

    fired = world.fire(looked)

    reasons = {s.account: str(s.reason) for s in fired.skips if s.reason.code is ReasonCode.MOVED}
    standing = "cash, holdings, orders or limits changed since the preview"
    price = "the price of BSOFT changed since the preview"
    # Of client 1 the other account buys it all: whoever buys nothing minds no price.
    assert reasons == {"A2": standing, "A1B": price, "A3": price}
