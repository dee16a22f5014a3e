"""What the desk's limits cost an order does not grow with who else is limited. Counts, never times."""

from collections.abc import Iterator

import pytest

from benchmarks.scene import ORIGIN, Scene, acknowledged, filled, single_orders
from phalanx.domain.groups import Group, Member
from phalanx.domain.instructions import ExitRequest, InstructionRequest, SignalRequest
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.engine import commands as c
from phalanx.engine.decide import decide
from phalanx.engine.state import State

TOUCHED_MAX = 4
"""Levels that may be asked about for one order beside its groups: everybody, client, account, strategy."""


class Members(tuple[Member, ...]):  # noqa: SLOT001  a class attribute is all it has
    """Counts how many of them somebody looked at."""

    looked_at = 0

    def __iter__(self) -> Iterator[Member]:
        for member in super().__iter__():
            Members.looked_at += 1
            yield member


class Limits(dict[str, Limit]):
    """Counts how often somebody asked for one."""

    asked = 0

    def get(self, key: str, default: object = None) -> Limit | None:  # type: ignore[override]
        Limits.asked += 1
        return super().get(key)


@pytest.fixture
def scene() -> Scene:
    """Everybody in one limited group, and a limit for each account."""
    scene = Scene()
    state = scene.state
    members = tuple(Member(account) for account in state.accounts)
    scene.do(c.PutGroups(ORIGIN, (Group("all", members),)))
    limits = [Limit(LimitLevel.GROUP, "all", quantity_max=whole(500))]
    limits += [Limit(LimitLevel.ACCOUNT, id, quantity_max=whole(400)) for id in state.accounts]
    scene.do(c.PutLimits(ORIGIN, tuple(limits)))
    return scene


def watch(state: State) -> None:
    state.groups = {"all": Group("all", Members(state.groups["all"].members))}
    state.limits = Limits(state.limits)
    Members.looked_at = Limits.asked = 0


def plan(scene: Scene, request: InstructionRequest) -> int:
    """How many orders it makes."""
    (planned,) = decide(scene.state, c.Submit(ORIGIN, request), scene.context())
    return len(planned.orders)  # type: ignore[union-attr]


def test_a_single_order_asks_for_its_own_levels_and_looks_at_no_members(scene: Scene) -> None:
    watch(scene.state)

    assert plan(scene, single_orders(1)[0]) == 1

    assert Members.looked_at == 0
    assert 0 < Limits.asked <= 1 + TOUCHED_MAX


def test_a_fan_out_asks_for_each_account_once(scene: Scene) -> None:
    watch(scene.state)

    orders = plan(scene, SignalRequest("F1000-0", "RELIANCE", Side.BUY))

    assert orders == len(scene.state.accounts)
    assert Members.looked_at == 0
    assert 0 < Limits.asked <= (1 + TOUCHED_MAX) * orders


def test_what_only_reduces_asks_for_none(scene: Scene) -> None:
    _, drafts = scene.submit(single_orders(1)[0])
    scene.report([*acknowledged(drafts), *filled(drafts)])
    watch(scene.state)

    assert plan(scene, ExitRequest("ACC")) == 1

    assert (Members.looked_at, Limits.asked) == (0, 0)
