"""The demo's people: the same every time, brought in once, each with cash and strategies."""

from collections import Counter

import pytest

from phalanx.cli.demo.world import CLIENTS, FILLS, STRATEGIES, demo_profiles, newcomers
from phalanx.cli.profiles.random_profiles import INSTRUMENTS
from phalanx.domain.accounts import Account, Client
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.numbers import whole
from phalanx.engine.apply import apply
from phalanx.engine.commands import PutReference
from phalanx.engine.context import Context
from phalanx.engine.reference import put_reference
from phalanx.engine.state import State
from phalanx.market.master import read_aliases, read_index
from phalanx.market.shipped import ALIASES, shipped_file
from phalanx.market.shipped import INSTRUMENTS as MASTER

NOW = 1_763_610_000_000_000_000


@pytest.fixture(scope="module")
def index() -> InstrumentIndex:
    aliases = read_aliases(shipped_file(ALIASES).read_bytes())
    return read_index(shipped_file(MASTER).read_bytes(), aliases)


def put(state: State, command: PutReference | None, index: InstrumentIndex) -> None:
    assert command is not None
    context = Context(NOW, index, lambda _: None, {})
    for event in put_reference(state, command, context):
        apply(state, event)


def test_every_instrument_of_the_demo_is_on_the_shipped_list(index: InstrumentIndex) -> None:
    assert {name for own in STRATEGIES.values() for name in own} == set(INSTRUMENTS)
    assert [name for name in INSTRUMENTS if index.resolve(name) is None] == []


def test_the_profiles_hold_the_worked_example_and_trade_what_the_strategies_list() -> None:
    profiles = demo_profiles()

    assert len(profiles) == CLIENTS
    assert list(profiles)[:2] == ["Holland Proctor", "Oaklee Wagner"]
    assert profiles["Oaklee Wagner"] == {"STRATEGY_D": ["ACC"]}
    assert profiles == demo_profiles()
    for own in profiles.values():
        for strategy, instruments in own.items():
            assert set(instruments) <= set(STRATEGIES[strategy])


def test_everybody_comes_once_with_cash_and_subscriptions(index: InstrumentIndex) -> None:
    state = State()
    put(state, newcomers(state, index, NOW), index)

    assert len(state.clients) == len(state.accounts) == CLIENTS
    assert sorted(state.strategies) == sorted(STRATEGIES)
    cash = Counter(state.books[account.book].cash for account in state.accounts.values())
    assert min(cash) == whole(50_000)
    assert max(cash) == whole(50_00_000)
    assert len({account.fill_profile for account in state.accounts.values()}) == len(FILLS)
    subscribed = {account for own in state.subscriptions.values() for account in own}
    assert subscribed == set(state.accounts)
    assert newcomers(state, index, NOW) is None


def test_the_worked_example_is_plain(index: InstrumentIndex) -> None:
    state = State()
    put(state, newcomers(state, index, NOW), index)

    assert [state.clients[number].name for number in (1, 2)] == ["Holland Proctor", "Oaklee Wagner"]
    assert state.accounts["PAPER-1"].fill_profile == FILLS[0]
    assert state.books["PAPER-1/P"].cash == whole(10_00_000)
    mine = {name for name, own in state.subscriptions.items() if "PAPER-1" in own}
    assert mine == {"STRATEGY_A", "STRATEGY_B"}


def test_who_is_there_already_is_left_alone(index: InstrumentIndex) -> None:
    state = State()
    put(state, newcomers(state, index, NOW, count=5), index)
    before = dict(state.books)
    put(state, newcomers(state, index, NOW, count=8), index)

    assert len(state.clients) == 8
    assert {book: state.books[book] for book in before} == before
    assert [client.name for client in state.clients.values()] == list(demo_profiles(8))


def test_a_master_without_an_instrument_leaves_it_out(index: InstrumentIndex) -> None:
    few = InstrumentIndex(
        [instrument for instrument in index if instrument.symbol in {"ACC", "INFY"}]
    )
    state = State()
    put(state, newcomers(state, few, NOW), few)

    assert state.strategies["STRATEGY_B"].instruments == ()
    assert len(state.clients) == CLIENTS
    for own in state.subscriptions.values():
        assert all(subscription.instruments for subscription in own.values())


def test_an_account_that_is_somebodys_stays_theirs(index: InstrumentIndex) -> None:
    state = State()
    first, theirs = Client(1, "Somebody"), Account("PAPER-2", 1)
    put(state, PutReference(Origin("local", Door.DESK), (first,), (theirs,)), index)
    put(state, newcomers(state, index, NOW, count=2), index)

    assert state.accounts["PAPER-2"] == theirs
    assert (state.accounts["PAPER-2-2"].client_id, state.accounts["PAPER-3"].client_id) == (2, 3)


def test_every_account_fills_its_orders_in_the_end() -> None:
    assert all(profile.filled_bps == 10_000 for profile in FILLS)
