import msgspec
import pytest

from phalanx.domain.events import LimitPut, LimitRemoved
from phalanx.domain.instructions import SignalRequest
from phalanx.domain.instruments import Instrument
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.engine import commands as c
from phalanx.engine import limits
from phalanx.engine.limits import limit_for
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import state_hash
from tests.engine_world import LOCAL, World, fixed

LEVELS = [
    (LimitLevel.GLOBAL, ""),
    (LimitLevel.GROUP, "core"),
    (LimitLevel.CLIENT, "1"),
    (LimitLevel.ACCOUNT, "A1"),
    (LimitLevel.STRATEGY, "RED"),
]


@pytest.fixture
def world() -> World:
    """Clients 1 and 2, of which 1 is in the group core; both are subscribed to RED."""
    world = World()
    for client in (1, 2):
        world.subscribe(world.account(client), "RED", "INFY", "ACC")
    world.group("core", A1="1")
    return world


def refused(world: World, *put: Limit, removed: tuple[tuple[LimitLevel, str], ...] = ()) -> str:
    before = state_hash(world.state)
    with pytest.raises(Refused) as caught:
        world.do(c.PutLimits(LOCAL, put, removed))
    assert state_hash(world.state) == before
    return caught.value.code


class TestPut:
    def test_is_an_event_for_each_that_changes(self, world: World) -> None:
        limit = Limit(LimitLevel.GLOBAL, quantity_max=whole(5))

        assert world.one(c.PutLimits(LOCAL, (limit,)), LimitPut).limit == limit
        assert world.do(c.PutLimits(LOCAL, (limit,))) == []
        removed = world.one(c.PutLimits(LOCAL, removed=((LimitLevel.GLOBAL, ""),)), LimitRemoved)
        assert (removed.level, removed.name) == (LimitLevel.GLOBAL, "")
        assert world.state.limits == {}

    @pytest.mark.parametrize(("level", "name"), LEVELS)
    def test_takes_every_level_that_there_is(
        self, world: World, level: LimitLevel, name: str
    ) -> None:
        world.limit(level, name, quantity_max=whole(5))

        assert [limit.name for limit in world.state.limits.values()] == [name]

    @pytest.mark.parametrize(
        ("level", "name"),
        [
            (LimitLevel.GLOBAL, "x"),
            (LimitLevel.GROUP, "x"),
            (LimitLevel.CLIENT, "9"),
            (LimitLevel.CLIENT, "01"),
            (LimitLevel.CLIENT, "¹"),
            (LimitLevel.CLIENT, "1" * 5_000),
            (LimitLevel.ACCOUNT, "x"),
            (LimitLevel.STRATEGY, "x"),
        ],
    )
    def test_takes_no_other(self, world: World, level: LimitLevel, name: str) -> None:
        good = Limit(LimitLevel.GLOBAL)

        assert refused(world, good, Limit(level, name)) == "UNKNOWN_LEVEL_NAME"

    def test_removes_only_what_stands(self, world: World) -> None:
        assert refused(world, removed=((LimitLevel.GLOBAL, ""),)) == "NO_SUCH_LIMIT"

    def test_is_bounded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "LIMITS_MAX", 1)
        world.limit(LimitLevel.GLOBAL)
        world.limit(LimitLevel.GLOBAL, quantity_max=whole(1))

        assert refused(world, Limit(LimitLevel.CLIENT, "1")) == "TOO_MANY_LIMITS"


class TestTightest:
    def test_of_each_kind_wins(self, world: World) -> None:
        for number, (level, name) in enumerate(LEVELS):
            world.limit(
                level,
                name,
                quantity_max=whole(50 - number),
                value_max=whole(40 + number),
                position_max=None if level is LimitLevel.GLOBAL else whole(30 + number),
                orders_per_day_max=number + 7,
                restricted=(f"NSE:{number}", "NSE:9"),
            )
        account = world.state.accounts["A1"]

        found = limit_for(world.state, account, "RED")

        assert found == Limit(
            LimitLevel.ACCOUNT,
            "A1",
            whole(46),
            whole(40),
            whole(31),
            7,
            ("NSE:0", "NSE:9", "NSE:1", "NSE:2", "NSE:3", "NSE:4"),
        )
        own = limit_for(world.state, account)
        assert own is not None
        assert own.quantity_max == whole(47)  # without the strategy's

    def test_is_none_where_there_are_none(self, world: World) -> None:
        account = world.state.accounts["A2"]
        assert limit_for(world.state, account) is None

        world.limit(LimitLevel.GROUP, "core", quantity_max=whole(1))

        assert limit_for(world.state, account) is None

    def test_goes_with_a_group_that_is_gone(self, world: World) -> None:
        world.limit(LimitLevel.GROUP, "core", quantity_max=whole(1))
        world.do(c.PutGroups(LOCAL, removed=("core",)))

        assert limit_for(world.state, world.state.accounts["A1"]) is None

    def test_follows_an_account_from_group_to_group(self, world: World) -> None:
        world.limit(LimitLevel.GROUP, "core", quantity_max=whole(5))
        world.group("tight", A2="1")
        world.limit(LimitLevel.GROUP, "tight", quantity_max=whole(2))
        world.group("core", A2="1")

        found = [limit_for(world.state, world.state.accounts[id]) for id in ("A1", "A2")]

        assert [limit and limit.quantity_max for limit in found] == [None, whole(2)]
        assert world.state.groups_of == {"A2": ["tight", "core"]}


class TestChecks:
    @pytest.mark.parametrize(
        ("bounds", "words"),
        [
            ({"quantity_max": whole(9)}, "10 is above the quantity cap 9"),
            ({"value_max": whole(1_000)}, "1010 is above the value cap 1000"),
            ({"position_max": whole(14)}, "15 would be held, more than the limit 14"),
            ({"orders_per_day_max": 1}, "the book sent 1 orders today already"),
            ({"restricted": ("NSE:6",)}, "INFY is restricted for A1"),
        ],
    )
    def test_stop_buys_of_that_account_only(
        self, world: World, bounds: dict[str, object], words: str
    ) -> None:
        for client in (1, 2):
            (draft,) = world.order(quantity="5", client=client).orders
            world.filled(draft.cl_ord_id)
        world.limit(LimitLevel.ACCOUNT, "A1", **bounds)

        planned = world.basket(world.row(), world.row(client=2))

        assert [draft.book for draft in planned.orders] == ["A2/P"]
        assert [str(skip.reason) for skip in planned.skips] == [words]

    def test_let_sells_pass(self, world: World) -> None:
        (draft,) = world.order(quantity="5").orders
        world.filled(draft.cl_ord_id)
        world.limit(
            LimitLevel.GLOBAL,
            quantity_max=0,
            value_max=0,
            position_max=0,
            orders_per_day_max=0,
            restricted=("NSE:6",),
        )

        assert len(world.order(Side.SELL, quantity="5").orders) == 1

    def test_count_what_is_held_in_any_product_and_still_being_bought(self, world: World) -> None:
        world.limit(LimitLevel.CLIENT, "1", position_max=whole(10))
        (draft,) = world.order(quantity="4").orders
        world.filled(draft.cl_ord_id)
        world.order(quantity="3", price="99")

        planned = world.basket(world.row(quantity="2"), world.row(quantity="2"))

        assert [draft.row for draft in planned.orders] == [1]
        assert str(planned.skips[0].reason) == "11 would be held, more than the limit 10"

    def test_of_a_strategy_hold_for_its_signals(self, world: World) -> None:
        world.limit(LimitLevel.STRATEGY, "RED", restricted=("NSE:6",))

        (planned,) = world.decided(c.Submit(LOCAL, SignalRequest("RED", "INFY", Side.BUY)))

        assert world.reasons(planned) == ["RESTRICTED", "RESTRICTED"]  # type: ignore[arg-type]
        assert len(world.order().orders) == 1


def test_a_limit_is_journaled_whole() -> None:
    limit = Limit(LimitLevel.CLIENT, "7", 1, 2, 3, 4, ("NSE:6",))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(limit), type=Limit) == limit


def test_a_stock_on_two_exchanges_is_one_for_limits() -> None:
    zed = Instrument("NSE:91", "NSE", "91", "ZED", "EQ", whole(1), fixed("0.05"), "INE000Z01011")
    same = Instrument("BSE:92", "BSE", "92", "ZEDB", "EQ", whole(1), fixed("0.05"), "INE000Z01011")
    world = World((zed, same))
    world.account(1)
    world.do(c.PutLimits(LOCAL, (Limit(LimitLevel.GLOBAL, position_max=whole(5)),)))
    world.filled(world.order(Side.BUY, "ZED", "4").orders[0].cl_ord_id)
    assert world.reasons(world.order(Side.BUY, "ZEDB", "2")) == ["POSITION_CAP"]
    assert len(world.order(Side.BUY, "ZEDB", "1").orders) == 1

    world.do(c.PutLimits(LOCAL, (Limit(LimitLevel.GLOBAL, restricted=("NSE:91",)),)))
    assert world.reasons(world.order(Side.BUY, "ZEDB", "1")) == ["RESTRICTED"]
