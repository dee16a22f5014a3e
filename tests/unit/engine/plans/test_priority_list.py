import pytest

from phalanx.domain.groups import PriorityList
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.groups import LIST_INSTRUMENTS_MAX
from phalanx.engine.refused import Refused
from tests.engine_world import LOCAL, STOCKS, World
from tests.unit.engine.plans.buying import bought, listed, one_client, skipped, spend


@pytest.fixture
def world() -> World:
    return one_client()


class TestList:
    def test_may_be_one_that_is_kept(self, world: World) -> None:
        kept = PriorityList("nifty", ("NSE:6", "NSE:99", "NSE:4"), ("INFY", "GONE", "MINDA"))
        world.do(c.PutLists(LOCAL, (kept,)))

        planned = spend(world, list_name="nifty")

        assert bought(planned) == [("NSE:6", "49"), ("NSE:4", "49")]
        assert skipped(planned) == [("UNKNOWN_INSTRUMENT", 2)]
        assert [facts.called for facts in planned.instruments] == ["", "MINDA"]

    def test_that_nobody_knows_refuses_the_whole(self, world: World) -> None:
        planned = spend(world, list_name="nifty")

        assert str(planned.refusal) == "no priority list nifty"
        assert not planned.skips

    def test_of_the_callers_own_with_an_unknown_name_refuses_the_whole(self, world: World) -> None:
        planned = spend(world, "INFY", "NOBODY")

        assert str(planned.refusal) == "no instrument is named NOBODY"
        assert (planned.orders, planned.skips) == ((), ())

    def test_that_names_a_stock_twice_buys_it_once(self) -> None:
        world = World([*STOCKS, listed(STOCKS[5], "BSE:6", symbol="INFY")])
        world.account(1, "10000")

        planned = spend(world, "INFY", "ACC", "NSE:6", "BSE:6")

        assert bought(planned) == [("NSE:6", "49"), ("NSE:5", "49")]
        assert skipped(planned) == [("TWICE_IN_LIST", 3), ("TWICE_IN_LIST", 4)]

    def test_that_is_empty_is_valid_for_nobody(self, world: World) -> None:
        world.do(c.PutLists(LOCAL, (PriorityList("none", ()),)))

        for planned in (spend(world, list_name="none"), spend(world)):
            assert planned.refusal is not None
            assert planned.refusal.code is ReasonCode.NOTHING_VALID

    def test_that_is_too_long_is_not_journaled(self, world: World) -> None:
        with pytest.raises(Refused, match="PLAN_TOO_LARGE"):
            spend(world, *["INFY"] * (LIST_INSTRUMENTS_MAX + 1))

    def test_with_an_ambiguous_token_is_not_journaled(self) -> None:
        world = World([*STOCKS, listed(STOCKS[5], "BSE:6")])
        world.account(1)

        with pytest.raises(Refused, match="AMBIGUOUS_TOKEN"):
            spend(world, "6")
