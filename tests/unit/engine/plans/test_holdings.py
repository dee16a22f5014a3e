import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.orders import Side
from phalanx.engine.plans.holdings import Held, Holdings, Identity
from tests.engine_world import STOCKS, World

ONE = Identity("INFY", "INE009A01021")


def holds(held: Held, asked: Identity) -> bool:
    return not held.names.isdisjoint(asked.asked)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Identity("INFY", "INE009A01021"), True),
        (Identity("INFOSYS", "INE009A01021"), True),
        (Identity("INFY", ""), True),
        (Identity("INFY", "INE000000000"), False),
        (Identity("ACC", ""), False),
    ],
)
def test_a_stock_is_known_by_its_isin_or_by_its_symbol(asked: Identity, found: bool) -> None:
    held = Held()

    held.add(ONE)

    assert holds(held, asked) is found


def test_one_without_an_isin_is_known_by_its_symbol_only() -> None:
    held = Held()

    held.add(Identity("INFY", ""))

    assert holds(held, ONE)
    assert not holds(held, Identity("INFOSYS", "INE009A01021"))


def test_a_symbol_that_looks_like_an_isin_is_none() -> None:
    held = Held()

    held.add(Identity("INE009A01021", ""))

    assert not holds(held, ONE)


class TestHoldings:
    @pytest.fixture
    def world(self) -> World:
        world = World()
        world.account(1)
        world.account(1, id="A1-second", primary=False)
        world.account(2)
        return world

    def of(self, world: World) -> Held:
        account = world.state.accounts["A1"]
        return Holdings(world.state, world.context(), [account]).of(1, Mode.PAPER)

    def test_are_over_all_accounts_of_a_client(self, world: World) -> None:
        (first,) = world.order(instrument="INFY", account="A1-second").orders
        world.filled(first.cl_ord_id)
        world.order(instrument="ACC")
        world.order(instrument="GRASIM", client=2)

        held = self.of(world)

        assert held.stocks == {"no isin INFY", "no isin ACC"}

    def test_remember_what_was_sold_today_without_counting_it(self, world: World) -> None:
        for side in Side:
            (draft,) = world.order(side, "INFY").orders
            world.filled(draft.cl_ord_id)

        held = self.of(world)

        assert holds(held, Identity("INFY", ""))
        assert held.stocks == set()

    def test_of_what_no_master_knows_go_by_the_key(self, world: World) -> None:
        world.order(instrument="INFY")
        world.index = type(world.index)([])

        assert self.of(world).stocks == {"no isin NSE:6"}

    def test_count_one_stock_on_two_exchanges_once(self, world: World) -> None:
        here = msgspec.structs.replace(STOCKS[5], isin="X")
        there = msgspec.structs.replace(here, key="BSE:6", exchange="BSE")
        world.index = type(world.index)([here, there])
        world.price("BSE:6", "100")
        world.order(instrument="NSE:6")
        world.order(instrument="BSE:6")

        assert self.of(world).stocks == {"isin X"}

    def test_take_in_what_is_bought_now_for_that_client_only(self, world: World) -> None:
        accounts = [world.state.accounts["A1"], world.state.accounts["A2"]]
        holdings = Holdings(world.state, world.context(), accounts)

        holdings.add(1, Mode.PAPER, ONE)

        assert holds(holdings.of(1, Mode.PAPER), ONE)
        assert not holds(holdings.of(2, Mode.PAPER), ONE)
        assert not holds(holdings.of(1, Mode.LIVE), ONE)

    def test_know_whether_two_accounts_are_one_clients(self, world: World) -> None:
        first, second, other = (world.state.accounts[a] for a in ("A1", "A1-second", "A2"))

        assert Holdings(world.state, world.context(), [first, other, second]).has_siblings
        assert not Holdings(world.state, world.context(), [second, other]).has_siblings
