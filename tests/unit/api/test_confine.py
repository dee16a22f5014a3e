"""What somebody asks for, kept to their reach; the property is in ``tests/property/api/test_confine.py``."""

import ast
from pathlib import Path

import pytest
from msgspec.structs import replace

from phalanx.api.confine import check_scope, confine
from phalanx.api.problems import Problem
from phalanx.api.reach import EVERYTHING, Reach
from phalanx.domain.groups import PriorityList
from phalanx.domain.instructions import (
    CancelRestRequest,
    ExitRequest,
    InstructionRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.orders import Side
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, World

DOORS = Path(__file__).parents[3] / "src/phalanx/api"
INFY, ACC = "NSE:6", "NSE:5"
OF_ONE = Reach(frozenset({"A1"}), frozenset({1}))


@pytest.fixture
def world() -> World:
    """Two clients who follow RED, and one of them BLUE."""
    made = World()
    for client in (1, 2):
        account = made.account(client)
        made.subscribe(account, "RED", "INFY", "ACC")
    made.subscribe("A2", "BLUE", "ACC")
    return made


def kept(world: World, request: InstructionRequest, reach: Reach) -> InstructionRequest:
    return confine(request, reach, world.state, world.index)


def refusal(world: World, request: InstructionRequest, reach: Reach) -> tuple[str, str]:
    with pytest.raises(Problem) as refused:
        kept(world, request, reach)
    return refused.value.code, refused.value.detail


def test_every_instruction_of_a_door_comes_by_here() -> None:
    """A function of a door that makes a Submit keeps its request to the caller's reach."""
    free = []
    for path in DOORS.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            called = {
                node.func.id
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            if "Submit" in called and "confined" not in called:
                free.append(f"{path.name}: {function.name}")
    assert free == []


def test_whoever_sees_everything_asks_for_just_that(world: World) -> None:
    request = SignalRequest("RED", "INFY", Side.BUY)

    assert kept(world, request, EVERYTHING) is request


def test_a_signal_for_nobody_is_for_those_within_reach_who_follow(world: World) -> None:
    found = kept(world, SignalRequest("RED", "INFY", Side.BUY), OF_ONE)

    assert found == SignalRequest("RED", "INFY", Side.BUY, Selection(("A1",)))


@pytest.mark.parametrize("strategy", ["BLUE", "NONE"])
def test_a_strategy_that_nobody_within_reach_follows(world: World, strategy: str) -> None:
    """Whether others do is not said."""
    found = refusal(world, SignalRequest(strategy, "ACC", Side.BUY), OF_ONE)

    assert found == refusal(
        world, SignalRequest("RED", "ACC", Side.BUY, Selection(("A2",))), OF_ONE
    )
    assert found[0] == "OUT_OF_REACH"


def test_a_strategy_of_the_fence_may_have_no_followers(world: World) -> None:
    """It is theirs to name: the signal's answer says that nobody follows."""
    reach = Reach(frozenset({"A1"}), frozenset({1}), frozenset({"BLUE"}))
    found = kept(world, SignalRequest("BLUE", "ACC", Side.BUY), reach)

    assert found == SignalRequest("BLUE", "ACC", Side.BUY, Selection(("A1",)))


def test_an_empty_reach_is_never_everybody(world: World) -> None:
    nothing = Reach(frozenset(), frozenset({3}))

    assert refusal(world, ExitRequest("INFY"), nothing)[0] == "OUT_OF_REACH"
    assert refusal(world, PriorityBuyRequest(instruments=("INFY",)), nothing)[0] == "OUT_OF_REACH"


def test_a_client_with_several_accounts_is_those_within_reach(world: World) -> None:
    world.account(1, id="A1B", primary=False)
    request = ExitRequest("INFY", selection=Selection(clients=(1,)))
    reach = Reach(frozenset({"A1B"}), frozenset({1}))
    found = kept(world, request, reach)
    assert isinstance(found, ExitRequest)
    assert found.selection == Selection(("A1B",))
    # Buying is for a client's primary account, which is outside.
    buying = PriorityBuyRequest(instruments=("INFY",), selection=Selection(clients=(1,)))
    assert refusal(world, buying, reach)[0] == "OUT_OF_REACH"


def test_a_name_becomes_a_key_where_instruments_are_a_bound(world: World) -> None:
    """So that another master, which calls something else so, changes nothing."""
    found = kept(world, ExitRequest("INFY"), Reach(instruments=frozenset({INFY})))

    assert found == ExitRequest(INFY)


def test_a_kept_list_is_what_it_says_now_where_instruments_are_a_bound(world: World) -> None:
    world.do(c.PutLists(LOCAL, (PriorityList("few", (INFY,)), PriorityList("more", (INFY, ACC)))))
    reach = Reach(instruments=frozenset({INFY}))

    assert kept(world, PriorityBuyRequest("few"), reach) == PriorityBuyRequest(instruments=(INFY,))
    assert refusal(world, PriorityBuyRequest("more"), reach)[0] == "OUT_OF_REACH"
    assert refusal(world, PriorityBuyRequest("few"), OF_ONE)[0] == "OUT_OF_REACH"


def test_a_cancel_of_what_is_others_too_is_of_nothing_known(world: World) -> None:
    both = world.signal("RED", "INFY", Side.BUY).instruction_id
    own = world.order(price="99").instruction_id

    assert kept(world, CancelRestRequest(own), OF_ONE) == CancelRestRequest(own)
    code, detail = refusal(world, CancelRestRequest(both), OF_ONE)
    assert (code, detail) == ("UNKNOWN_INSTRUCTION", f"no instruction {both}")


def test_a_cancel_of_what_left_memory_is_of_nothing_known_unless_it_was_seen(world: World) -> None:
    own = world.order(price="99")
    world.filled(own.orders[0].cl_ord_id)
    world.wait(4_000)
    world.do(c.Tick())
    assert own.instruction_id not in world.state.instructions
    gone = CancelRestRequest(own.instruction_id)

    for request in (gone, CancelRestRequest("NONE")):
        assert refusal(world, request, OF_ONE)[0] == "UNKNOWN_INSTRUCTION"
    assert confine(gone, OF_ONE, world.state, world.index, own.instruction_id) == gone
    with pytest.raises(Problem, match="UNKNOWN_INSTRUCTION"):
        confine(gone, OF_ONE, world.state, world.index, "NONE")


def test_what_was_seen_is_looked_at_in_memory_all_the_same(world: World) -> None:
    both = world.signal("RED", "INFY", Side.BUY).instruction_id

    with pytest.raises(Problem, match="UNKNOWN_INSTRUCTION"):
        confine(CancelRestRequest(both), OF_ONE, world.state, world.index, both)


def test_a_sell_of_a_key_with_strategies_closes_their_lots_only(world: World) -> None:
    reach = Reach(strategies=frozenset({"RED", "BLUE"}))
    sell = SignalRequest("RED", "INFY", Side.SELL)

    assert kept(world, sell, reach) == replace(sell, lots_of=("BLUE", "RED"))
    assert kept(world, sell, OF_ONE) == replace(sell, selection=Selection(("A1",)))
    buy = SignalRequest("RED", "INFY", Side.BUY)
    assert kept(world, buy, reach) == buy


@pytest.mark.parametrize(
    ("scope", "reach", "is_within"),
    [
        (KillScope(KillLevel.ACCOUNT, "A1"), OF_ONE, True),
        (KillScope(KillLevel.CLIENT, "1"), OF_ONE, True),
        (KillScope(KillLevel.ACCOUNT, "A2"), OF_ONE, False),
        (KillScope(KillLevel.CLIENT, "2"), OF_ONE, False),
        (KillScope(KillLevel.BROKER, "paper"), OF_ONE, False),
        (KillScope(), OF_ONE, False),
        (KillScope(KillLevel.STRATEGY, "RED"), OF_ONE, False),
        (KillScope(KillLevel.STRATEGY, "RED"), Reach(strategies=frozenset({"RED"})), True),
        (KillScope(KillLevel.STRATEGY, "BLUE"), Reach(strategies=frozenset({"RED"})), False),
        (KillScope(KillLevel.ACCOUNT, "A1"), Reach(strategies=frozenset({"RED"})), False),
        (KillScope(KillLevel.ACCOUNT, "A1"), Reach(instruments=frozenset({INFY})), False),
        (KillScope(), EVERYTHING, True),
    ],
)
def test_a_kill_is_of_what_is_within_reach_as_a_whole(
    world: World, scope: KillScope, reach: Reach, *, is_within: bool
) -> None:
    if is_within:
        check_scope(scope, reach, world.state)
        return
    with pytest.raises(Problem, match="OUT_OF_REACH"):
        check_scope(scope, reach, world.state)
