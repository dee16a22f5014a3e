from itertools import pairwise

import pytest

from phalanx.domain.accounts import Account, Client
from phalanx.domain.events import Event, KillPut
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.idempotency import first_use
from phalanx.engine.refused import Refused
from phalanx.engine.state import State
from tests.engine_world import World
from tests.fakes.kills import of_account

KEYED = Origin("local", Door.ORDERS, "r1", "key-1", b"print")


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    (buy,) = world.order(quantity="20").orders
    world.accepted(buy.cl_ord_id)
    return world


def commands(world: World) -> list[c.Command]:
    """One of every command that a door can send with a key, and that makes an event."""
    (cl_ord_id,) = world.state.orders
    strategy = Strategy("RED", ("NSE:6",))
    return [
        c.CancelOrder(KEYED, cl_ord_id),
        c.ReplaceOrder(KEYED, cl_ord_id, whole(21)),
        c.LoadInstruments(KEYED, "abc", 1),
        c.ImportProfiles(KEYED, {"Ann": {"RED": ["NOBODY", "INFY"]}}, whole(5)),
        c.ImportProfiles(KEYED, {"Ann": {"RED": ["INFY"]}}, whole(5)),
        c.PutReference(KEYED, (Client(2, "Bo"),), (Account("A2", 2),)),
        c.PutReference(KEYED, accounts=(Account("A1", 1, charge_bps=3),)),
        c.PutReference(KEYED, cash=(("A1/P", whole(5), "in"),)),
        c.PutReference(KEYED, cash=(("A1/P", whole(5), "in"),), settings=RiskSettings(band_bps=5)),
        c.PutReference(KEYED, strategies=(strategy,)),
        c.PutReference(KEYED, strategies=(strategy,), subscriptions=(Subscription("A1", "RED"),)),
        c.PutReference(KEYED, settings=RiskSettings(band_bps=5)),
        c.PutKill(KEYED, of_account("A1")),
    ]


@pytest.mark.parametrize("number", range(13))
def test_a_key_points_at_the_first_event_of_its_command(world: World, number: int) -> None:
    command = commands(world)[number]
    before = world.state.seq

    events: list[Event] = world.do(command)

    assert events
    assert first_use(world.state, KEYED) == before + 1
    assert world.journal[before : before + len(events)] == events


def test_an_instruction_uses_its_key_even_when_refused_in_full(world: World) -> None:
    world.order(Side.SELL, "ACC", origin=KEYED)

    assert first_use(world.state, KEYED) == world.state.seq


def test_without_a_key_nothing_is_remembered(world: World) -> None:
    plain = Origin("local", Door.ORDERS, "r1")
    world.do(c.PutKill(plain, of_account("A1")))

    assert first_use(world.state, plain) is None
    assert world.state.keys == {}


def test_the_scope_of_a_key_is_its_actor(world: World) -> None:
    world.do(c.PutKill(KEYED, of_account("A1")))

    assert first_use(world.state, Origin("ann", Door.ORDERS, "r1", "key-1", b"print")) is None


def test_the_same_key_with_another_command_is_a_mistake(world: World) -> None:
    world.do(c.PutKill(KEYED, of_account("A1")))

    with pytest.raises(Refused, match="IDEMPOTENCY_KEY_REUSED"):
        first_use(world.state, Origin("local", Door.ORDERS, "r9", "key-1", b"other"))


def test_a_command_that_changes_nothing_uses_no_key(world: World) -> None:
    assert world.do(c.PutReference(KEYED, (world.state.clients[1],))) == []

    assert first_use(world.state, KEYED) is None


def test_the_oldest_keys_are_forgotten_many_at_once() -> None:
    """One by one each would cost a search past all that were forgotten before it."""
    state = State(settings=RiskSettings(keys_max=4_096))
    sizes = []
    for number in range(10_000):
        apply(state, KillPut(number, Origin("local", Door.KILL, "r", f"{number}", b""), ""))
        sizes.append(len(state.keys))

    assert max(sizes) == 4_096 + 4
    assert sum(after < before for before, after in pairwise(sizes)) < 10_000 / 4
    assert f"local\n{10_000 - 4_096}" in state.keys
