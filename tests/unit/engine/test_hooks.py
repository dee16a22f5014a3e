import pytest
from msgspec.structs import replace

from phalanx.domain.events import HookSourcePut, HookSourceRemoved, InstructionPlanned
from phalanx.domain.hooks import (
    HookCaps,
    HookMode,
    HookSource,
    HookTemplate,
    HookVerification,
    hook_actor,
)
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine import commands as c
from phalanx.engine import hooks
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from tests.engine_world import LOCAL, World

TV = HookSource("tv", HookMode.AUTO, HookVerification.HMAC, HookTemplate('{"kind":"signal"}'))


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    return world


def capped(**caps: int) -> HookSource:
    return HookSource("tv", TV.mode, TV.verification, TV.template, HookCaps(60, **caps))


def submit(actor: str, units: int = 10) -> c.Submit:
    request = OrderRequest(0, "A1", "ACC", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(units))
    return c.Submit(Origin(actor, Door.HOOKS), request)


def refused(world: World, command: c.Command) -> str:
    """The code; and nothing happened."""
    before = state_hash(world.state)
    with pytest.raises(Refused) as caught:
        world.do(command)
    assert state_hash(world.state) == before
    return caught.value.code


def test_sources_are_put_changed_and_removed(world: World) -> None:
    by_local = replace(TV, by="local")
    assert world.one(c.PutHooks(LOCAL, (TV,)), HookSourcePut).source == by_local
    assert world.do(c.PutHooks(LOCAL, (TV,))) == []
    assert world.state.hooks == {"tv": by_local}
    assert decode_state(encode_state(world.state)).hooks == {"tv": by_local}
    assert world.one(c.PutHooks(LOCAL, removed=("tv",)), HookSourceRemoved).name == "tv"
    assert world.state.hooks == {}
    assert refused(world, c.PutHooks(LOCAL, removed=("tv",))) == "UNKNOWN_HOOK"


def test_there_are_not_too_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "HOOKS_MAX", 0)

    assert refused(world, c.PutHooks(LOCAL, (TV,))) == "TOO_MANY_HOOKS"


@pytest.mark.parametrize(
    ("caps", "code"),
    [
        ({"quantity_max": whole(9)}, "HOOK_QUANTITY"),
        ({"value_max": whole(1)}, "HOOK_VALUE"),
    ],
)
def test_a_cap_is_of_every_order_of_its_source(
    world: World, caps: dict[str, int], code: str
) -> None:
    world.do(c.PutHooks(LOCAL, (capped(**caps),)))

    assert refused(world, submit(hook_actor("tv"))) == code
    for units, actor in enumerate(("tv", "key:tv", "local"), 10):
        assert world.one(submit(actor, units), InstructionPlanned).orders


def test_within_its_caps_a_source_trades(world: World) -> None:
    world.do(c.PutHooks(LOCAL, (capped(quantity_max=whole(10), value_max=whole(10**6)),)))

    assert world.one(submit(hook_actor("tv")), InstructionPlanned).orders


def test_a_source_that_is_gone_gives_nothing(world: World) -> None:
    assert refused(world, submit(hook_actor("tv"))) == "UNKNOWN_HOOK"


def test_no_machine_says_what_a_webhook_may_do(world: World) -> None:
    assert refused(world, c.PutHooks(Origin("key:ops", Door.HOOKS), (TV,))) == "PERSON_NEEDED"


def test_a_source_remembers_who_put_it(world: World) -> None:
    world.do(c.PutHooks(Origin("ann", Door.HOOKS), (TV,)))

    assert world.state.hooks["tv"].by == "ann"
    assert world.do(c.PutHooks(Origin("bob", Door.HOOKS), (TV,))) == []


def test_a_source_that_is_switched_off_gives_nothing(world: World) -> None:
    world.do(c.PutHooks(LOCAL, (replace(TV, mode=HookMode.OFF),)))

    assert refused(world, submit(hook_actor("tv"))) == "UNKNOWN_HOOK"
