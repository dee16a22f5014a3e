import pytest

from phalanx.domain.events import GroupPut, GroupRemoved, LimitRemoved, ListPut, ListRemoved
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import whole
from phalanx.engine import commands as c
from phalanx.engine import groups
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import state_hash
from tests.engine_world import LOCAL, World

CORE = Group("core", (Member("A1"), Member("A2", whole(2))))
NIFTY = PriorityList("nifty", ("NSE:6", "NSE:5"), ("INFY", "ACC"))


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    world.account(2)
    return world


def refused(world: World, command: c.Command) -> str:
    """The code; and nothing happened."""
    before = state_hash(world.state)
    with pytest.raises(Refused) as caught:
        world.do(command)
    assert state_hash(world.state) == before
    return caught.value.code


class TestGroups:
    def test_are_put_changed_and_removed_as_a_whole(self, world: World) -> None:
        assert world.one(c.PutGroups(LOCAL, (CORE,)), GroupPut).group == CORE
        smaller = Group("core", (Member("A2"),))
        world.do(c.PutGroups(LOCAL, (smaller,)))
        assert world.state.groups == {"core": smaller}

        assert world.one(c.PutGroups(LOCAL, removed=("core",)), GroupRemoved).name == "core"
        assert world.state.groups == {}

    def test_take_their_limits_with_them(self, world: World) -> None:
        world.do(c.PutGroups(LOCAL, (CORE,)))
        world.limit(LimitLevel.GROUP, "core", quantity_max=whole(1))
        world.limit(LimitLevel.GLOBAL, quantity_max=whole(9))

        removed, limit = world.do(c.PutGroups(LOCAL, removed=("core",)))

        assert isinstance(removed, GroupRemoved)
        assert isinstance(limit, LimitRemoved)
        assert (limit.level, limit.name) == (LimitLevel.GROUP, "core")
        world.do(c.PutGroups(LOCAL, (CORE,)))
        assert [one.level for one in world.state.limits.values()] == [LimitLevel.GLOBAL]

    def test_that_do_not_change_are_no_event(self, world: World) -> None:
        world.do(c.PutGroups(LOCAL, (CORE,)))

        assert world.do(c.PutGroups(LOCAL, (CORE,))) == []

    @pytest.mark.parametrize(
        ("command", "code"),
        [
            (c.PutGroups(LOCAL, (CORE, Group("x", (Member("A9"),)))), "UNKNOWN_ACCOUNT"),
            (c.PutGroups(LOCAL, (Group("x", (Member("A1"), Member("A1"))),)), "DUPLICATE_MEMBER"),
            (c.PutGroups(LOCAL, (CORE,), removed=("other",)), "UNKNOWN_GROUP"),
        ],
    )
    def test_are_put_all_or_none(self, world: World, command: c.PutGroups, code: str) -> None:
        assert refused(world, command) == code

    def test_are_bounded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(groups, "MEMBERS_MAX", 1)
        assert refused(world, c.PutGroups(LOCAL, (CORE,))) == "TOO_MANY_MEMBERS"
        monkeypatch.setattr(groups, "GROUPS_MAX", 1)
        world.group("one", A1="1")
        world.group("one", A2="1")
        assert refused(world, c.PutGroups(LOCAL, (Group("two", ()),))) == "TOO_MANY_GROUPS"


class TestLists:
    def test_are_put_changed_and_removed_as_a_whole(self, world: World) -> None:
        assert world.one(c.PutLists(LOCAL, (NIFTY,)), ListPut).priority_list == NIFTY
        other = PriorityList("nifty", ("NSE:5",))
        world.do(c.PutLists(LOCAL, (other,)))
        assert world.state.lists == {"nifty": other}

        assert world.one(c.PutLists(LOCAL, removed=("nifty",)), ListRemoved).name == "nifty"
        assert world.state.lists == {}

    def test_that_do_not_change_are_no_event(self, world: World) -> None:
        world.do(c.PutLists(LOCAL, (NIFTY,)))

        assert world.do(c.PutLists(LOCAL, (NIFTY,))) == []

    def test_are_put_all_or_none(self, world: World) -> None:
        twice = PriorityList("x", ("NSE:6", "NSE:6"))

        assert refused(world, c.PutLists(LOCAL, (NIFTY, twice))) == "DUPLICATE_INSTRUMENT"
        assert refused(world, c.PutLists(LOCAL, (NIFTY,), removed=("x",))) == "UNKNOWN_LIST"

    def test_are_bounded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(groups, "LIST_INSTRUMENTS_MAX", 1)
        assert refused(world, c.PutLists(LOCAL, (NIFTY,))) == "TOO_MANY_INSTRUMENTS"
        monkeypatch.setattr(groups, "LISTS_MAX", 0)
        assert refused(world, c.PutLists(LOCAL, (PriorityList("x", ()),))) == "TOO_MANY_LISTS"
