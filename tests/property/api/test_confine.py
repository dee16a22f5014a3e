"""Whoever asks for whatever, with whatever fences: what is planned of it is within reach, or it is refused."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from phalanx.api.confine import confine
from phalanx.api.problems import Problem
from phalanx.api.reach import Reach, reach_of
from phalanx.domain.access import NO_PERMISSIONS, Fence, Principal, PrincipalKind
from phalanx.domain.accounts import AccountId
from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.groups import PriorityList
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine import commands as c
from phalanx.engine.apply.lots import find_lot_of
from phalanx.engine.plans import make_plan
from phalanx.engine.plans.plan import Plan
from phalanx.engine.refused import Refused
from tests.engine_world import LOCAL, World

ACCOUNTS = ("A1", "A1B", "A2", "A3")
CLIENTS = (1, 2, 3)
STRATEGIES = ("RED", "BLUE")
INSTRUMENTS = ("INFY", "ACC", "GRASIM")
KEYS = ("NSE:6", "NSE:5", "NSE:2")


class Peopled(World):
    """Three clients, four accounts; lots of two strategies and of none, orders that rest, a group, a list."""

    def __init__(self) -> None:
        super().__init__()
        for client in CLIENTS:
            self.account(client)
        self.account(1, id="A1B", primary=False)
        for account in ACCOUNTS:
            self.subscribe(account, "RED", "INFY", "ACC")
        for account in ("A1", "A2"):
            self.subscribe(account, "BLUE", "GRASIM", "INFY")
        self.instructions = []
        for strategy, instrument in (("RED", "INFY"), ("RED", "ACC"), ("BLUE", "GRASIM")):
            planned = self.signal(strategy, instrument, Side.BUY)
            self.instructions.append(planned.instruction_id)
            for draft in planned.orders:
                if instrument != "ACC":
                    self.filled(draft.cl_ord_id)
        for client in CLIENTS:
            bought = self.order(client=client, instrument="GRASIM", quantity=str(20 + client))
            self.filled(bought.orders[0].cl_ord_id)
            resting = self.order(client=client, quantity=str(10 + client), price="99")
            self.instructions.append(resting.instruction_id)
        self.instructions.append(
            self.basket(self.row(client=1, quantity="7"), self.row(client=2)).instruction_id
        )
        self.group("core", A1="1", A2="2")
        self.do(c.PutLists(LOCAL, (PriorityList("first", (KEYS[0], KEYS[2])),)))
        self.lot_ids = [
            lot.id
            for book in self.state.books.values()
            for lots in book.lots.values()
            for lot in lots.values()
        ]


@cache
def world() -> Peopled:
    return Peopled()


def some(values: tuple[Any, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=3).map(tuple)


def fenced(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), min_size=1, max_size=2)


@st.composite
def principals(draw: st.DrawFn) -> Principal:
    """A client, which may have no account at all, or a key with one fence, or with any."""
    if draw(st.booleans()):
        clients = draw(st.frozensets(st.sampled_from((*CLIENTS, 4)), max_size=2))
        return Principal("ann", PrincipalKind.USER, NO_PERMISSIONS, clients)
    strategies = fenced((*STRATEGIES, "NONE"))
    instruments = fenced((*KEYS, "NSE:none"))
    accounts = fenced((*ACCOUNTS, "NONE"))
    none = st.just(frozenset[str]())
    fences = (
        st.builds(Fence, strategies),
        st.builds(Fence, instruments=instruments),
        st.builds(Fence, accounts=accounts),
        st.builds(Fence, strategies | none, instruments | none, accounts | none),
    )
    fence = draw(st.one_of(fences))
    return Principal("key", PrincipalKind.MACHINE, NO_PERMISSIONS, None, fence)


class Pool(NamedTuple):
    """What requests name."""

    accounts: tuple[AccountId, ...]
    clients: tuple[int, ...]
    strategies: tuple[str, ...]
    instruments: tuple[str, ...]
    groups: tuple[str, ...]


WHOLE = Pool(
    (*ACCOUNTS, "NONE"),
    (*CLIENTS, 9),
    (*STRATEGIES, "NO"),
    (*INSTRUMENTS, *KEYS, "6", "NOTHING"),
    ("core", "none"),
)


def pool_of(reach: Reach) -> Pool:
    """What is within reach, or anything where nothing is."""
    clients = reach.clients or frozenset()
    return Pool(
        tuple(sorted(reach.accounts or ACCOUNTS)),
        tuple(sorted(clients.intersection(CLIENTS))) or CLIENTS,
        tuple(sorted(reach.strategies or STRATEGIES)),
        tuple(sorted(reach.instruments or (*INSTRUMENTS, *KEYS))),
        (),
    )


SIDES = st.sampled_from(tuple(Side))
AT_MARKET = (st.just(Product.DELIVERY), st.just(OrdType.MARKET))


def selections(pool: Pool) -> st.SearchStrategy[Selection]:
    groups = some(pool.groups) if pool.groups else st.just(())
    return st.one_of(
        st.just(Selection()),
        st.builds(Selection, some(pool.accounts)),
        st.builds(Selection, clients=some(pool.clients)),
        st.builds(Selection, some(pool.accounts), some(pool.clients), groups),
    )


def single(kind: type[Any], pool: Pool) -> st.SearchStrategy[Any]:
    """An order, or a row: by account or by client."""
    names = st.sampled_from(pool.instruments)
    rest = (names, SIDES, *AT_MARKET, st.just(whole(1)))
    by_client = st.builds(kind, st.sampled_from(pool.clients), st.just(""), *rest)
    by_account = st.builds(kind, st.just(0), st.sampled_from(pool.accounts), *rest)
    both = st.builds(kind, st.sampled_from(pool.clients), st.sampled_from(pool.accounts), *rest)
    return st.one_of(by_client, by_account, both)


def allocations(pool: Pool) -> st.SearchStrategy[Allocation]:
    sizes = some(pool.accounts).map(lambda found: tuple((one, whole(2)) for one in found))
    listed = st.builds(Allocation, st.just(Method.QUANTITIES), quantities=sizes)
    return listed | st.just(Allocation(Method.FIXED_QUANTITY, whole(2)))


def scopes(pool: Pool) -> st.SearchStrategy[KillScope]:
    return st.one_of(
        st.builds(KillScope, st.just(KillLevel.ACCOUNT), st.sampled_from(pool.accounts)),
        st.builds(KillScope, st.just(KillLevel.CLIENT), st.sampled_from(pool.clients).map(str)),
        st.builds(KillScope, st.just(KillLevel.STRATEGY), st.sampled_from(pool.strategies)),
        st.sampled_from((KillScope(KillLevel.BROKER, "paper"), KillScope())),
    )


def requests(pool: Pool) -> st.SearchStrategy[InstructionRequest]:
    """Any request of any kind."""
    found = world()
    names = st.sampled_from(pool.instruments)
    whom = selections(pool)
    sizes = some(pool.accounts).map(lambda drawn: tuple((one, whole(2)) for one in drawn))
    listed = st.lists(names, min_size=1, max_size=3, unique=True).map(tuple)
    kinds: list[st.SearchStrategy[Any]] = [
        st.builds(SignalRequest, st.sampled_from(pool.strategies), names, SIDES, whom),
        single(OrderRequest, pool),
        st.builds(PriorityBuyRequest, instruments=listed, selection=whom),
        st.builds(PriorityBuyRequest, st.sampled_from(("first", "none")), selection=whom),
        st.lists(single(BatchRow, pool), min_size=1, max_size=3).map(
            lambda drawn: BatchRequest(tuple(drawn))
        ),
        st.builds(AllocatedRequest, names, SIDES, *AT_MARKET, allocations(pool), selection=whom),
        st.builds(ExitRequest, names | st.just(""), selection=whom),
        st.builds(ExitRequest, names, selection=whom, quantities=sizes),
        st.builds(ExitRequest, trade=st.sampled_from((*found.lot_ids, "NONE")), selection=whom),
        st.builds(CancelRestRequest, st.sampled_from((*found.instructions, "NONE"))),
        st.builds(CancelOpenRequest, scopes(pool), st.booleans()),
    ]
    return st.one_of(kinds)


@st.composite
def asked(draw: st.DrawFn) -> tuple[Principal, InstructionRequest]:
    """Who asks, and what: mostly what is theirs to ask."""
    principal = draw(principals())
    is_wild = draw(st.integers(0, 4)) == 0
    pool = WHOLE if is_wild else pool_of(reach_of(principal, world().state))
    return principal, draw(requests(pool))


def touched(plan: Plan) -> Iterator[AccountId]:
    """Everybody whom a plan does something for, or says something of."""
    books = world().state.books
    yield from (books[draft.book].account for draft in plan.orders)
    yield from (books[draft.book].account for draft in plan.cancels)
    yield from (skip.account for skip in plan.skips)


def check_within(plan: Plan, reach: Reach, request: InstructionRequest) -> None:
    state = world().state
    if reach.accounts is not None:
        assert set(touched(plan)) <= reach.accounts
    if reach.instruments is not None:
        assert {draft.instrument for draft in plan.orders} <= reach.instruments
        canceled = {state.orders[one.cl_ord_id].draft.instrument for one in plan.cancels}
        assert canceled <= reach.instruments
    if reach.strategies is None:
        return
    if isinstance(request, SignalRequest):
        assert request.strategy in reach.strategies
    for draft in plan.orders:
        closed = [find_lot_of(state, one.lot) for one in draft.closes]
        strategies = {lot.strategy for _, lot in filter(None, closed)}
        if draft.closes:
            assert strategies <= reach.strategies
        else:
            assert draft.strategy in reach.strategies
    for cancel in plan.cancels:
        assert state.orders[cancel.cl_ord_id].draft.strategy in reach.strategies


@given(asked())
@settings(max_examples=150)
def test_what_is_planned_of_a_confined_request_is_within_reach(
    given_: tuple[Principal, InstructionRequest],
) -> None:
    principal, request = given_
    found = world()
    reach = reach_of(principal, found.state)
    refused, kept = "", request
    try:
        kept = confine(request, reach, found.state, found.index)
    except Problem as problem:
        refused = problem.code
    if refused:
        assert refused in {"OUT_OF_REACH", "UNKNOWN_INSTRUCTION"}
        assert not principal.sees_all
        return
    assert confine(kept, reach, found.state, found.index) == kept
    if principal.sees_all:
        assert kept is request
        return
    try:
        plan = make_plan(found.state, found.context(), kept, keyed=True)
    except Refused:
        return
    check_within(plan, reach, kept)


@given(requests(WHOLE))
@settings(max_examples=50)
def test_whoever_has_no_account_asks_for_nothing(request: InstructionRequest) -> None:
    """An empty selection would mean everybody."""
    found = world()
    for principal in (
        Principal("ann", PrincipalKind.USER, NO_PERMISSIONS, frozenset()),
        Principal(
            "key",
            PrincipalKind.MACHINE,
            NO_PERMISSIONS,
            None,
            Fence(accounts=frozenset({"GONE"})),
        ),
    ):
        reach = reach_of(principal, found.state)
        try:
            kept = confine(request, reach, found.state, found.index)
        except Problem:
            continue
        try:
            plan = make_plan(found.state, found.context(), kept, keyed=True)
        except Refused:
            continue
        assert list(touched(plan)) == []
