"""Rules of what is told: put, changed and removed, within bounds."""

import msgspec
import pytest

from phalanx.domain.alerts import RULES_MAX, AlertKind, AlertRule
from phalanx.domain.events import AlertRulePut, AlertRuleRemoved
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from phalanx.engine.state import State
from tests.engine_world import LOCAL, World

RULE = AlertRule("storm", AlertKind.REJECT_STORM, ("phone",), threshold=20)


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    return world


def refused(world: World, command: c.Command) -> str:
    before = state_hash(world.state)
    with pytest.raises(Refused) as caught:
        world.do(command)
    assert state_hash(world.state) == before
    return caught.value.code


def test_rules_are_put_changed_and_removed(world: World) -> None:
    assert world.one(c.PutAlertRules(LOCAL, (RULE,)), AlertRulePut).rule == RULE
    louder = msgspec.structs.replace(RULE, threshold=2)
    world.do(c.PutAlertRules(LOCAL, (louder,)))
    assert world.state.alert_rules == {"storm": louder}
    assert world.do(c.PutAlertRules(LOCAL, (louder,))) == []

    removed = world.one(c.PutAlertRules(LOCAL, removed=("storm",)), AlertRuleRemoved)
    assert removed.name == "storm"
    assert world.state.alert_rules == {}


def test_rules_are_in_a_snapshot_and_in_a_replay(world: World) -> None:
    events = world.do(c.PutAlertRules(LOCAL, (RULE,)))

    assert decode_state(encode_state(world.state)).alert_rules == {"storm": RULE}
    fresh = State()
    for event in events:
        apply(fresh, event)
    assert fresh.alert_rules == {"storm": RULE}


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": 0},
        {"threshold": 10_001},
        {"window_s": 0},
        {"window_s": 86_401},
        {"throttle_s": -1},
        {"throttle_s": 86_401},
        {"channels": ()},
        {"channels": ("x",) * 101},
        {"accounts": ("A1",) * 101},
    ],
)
def test_numbers_out_of_bounds_are_refused(world: World, changes: dict[str, object]) -> None:
    rule = msgspec.structs.replace(RULE, **changes)

    assert refused(world, c.PutAlertRules(LOCAL, (rule,))) == "INVALID_ALERT_RULE"


def test_unknown_names_are_refused(world: World) -> None:
    stranger = msgspec.structs.replace(RULE, accounts=("A1", "A9"))
    group = msgspec.structs.replace(RULE, groups=("core",))

    assert refused(world, c.PutAlertRules(LOCAL, (RULE, stranger))) == "UNKNOWN_ACCOUNT"
    assert refused(world, c.PutAlertRules(LOCAL, (group,))) == "UNKNOWN_GROUP"
    assert refused(world, c.PutAlertRules(LOCAL, removed=("x",))) == "UNKNOWN_ALERT_RULE"
    world.group("core", A1="1")
    world.do(c.PutAlertRules(LOCAL, (group,)))


def test_there_are_only_so_many(world: World) -> None:
    def named(*numbers: int) -> tuple[AlertRule, ...]:
        return tuple(msgspec.structs.replace(RULE, name=f"r{n}") for n in numbers)

    world.do(c.PutAlertRules(LOCAL, named(*range(RULES_MAX))))

    assert refused(world, c.PutAlertRules(LOCAL, named(RULES_MAX))) == "TOO_MANY_ALERT_RULES"
    world.do(c.PutAlertRules(LOCAL, named(RULES_MAX - 1)))
