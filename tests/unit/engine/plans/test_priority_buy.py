from typing import Any

import msgspec
import pytest

from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.events import InstructionPlanned, encode_event
from phalanx.domain.instructions import PriorityBuyRequest, Selection
from phalanx.domain.instruments import InstrumentIndex
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import format_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.decide import decide
from phalanx.engine.plans import priority_buy
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import state_hash
from tests.engine_world import LOCAL, PAPER, STOCKS, World, stock
from tests.fakes.kills import of_account
from tests.unit.engine.plans.buying import bought, listed, one_client, skipped, spend


@pytest.fixture
def world() -> World:
    return one_client()


def test_the_cash_is_split_equally_over_the_list(world: World) -> None:
    planned = spend(world, "INFY", "ACC", "GRASIM")

    first, second, third = planned.orders
    assert bought(planned) == [("NSE:6", "33"), ("NSE:5", "33"), ("NSE:2", "33")]
    assert (first.row, second.row, third.row) == (1, 2, 3)
    assert (first.side, first.ord_type, first.product) == (
        Side.BUY,
        OrdType.MARKET,
        Product.DELIVERY,
    )
    assert first.time_in_force is TimeInForce.DAY
    assert (first.limit, first.hold) == (whole(101), whole(3_333))
    assert first.strategy is None
    assert world.book().holds == whole(9_999)
    assert planned.refusal is None


class TestHeld:
    def hold(self, world: World, symbol: str, **more: Any) -> str:  # noqa: ANN401  as World.order
        (draft,) = world.order(instrument=symbol, quantity="1", **more).orders
        return draft.cl_ord_id

    def test_what_is_held_is_not_bought(self, world: World) -> None:
        world.filled(self.hold(world, "INFY"))

        planned = spend(world, "INFY", "ACC")

        assert skipped(planned) == [("ALREADY_HELD", 1)]
        assert bought(planned) == [("NSE:5", "98")]

    def test_nor_what_is_being_bought(self, world: World) -> None:
        self.hold(world, "INFY")

        assert skipped(spend(world, "INFY", "ACC")) == [("ALREADY_HELD", 1)]

    def test_nor_what_was_sold_today(self, world: World) -> None:
        world.filled(self.hold(world, "INFY"))
        world.filled(self.hold(world, "INFY", side=Side.SELL))
        assert not world.lots()

        assert skipped(spend(world, "INFY")) == [("ALREADY_HELD", 1)]
        world.wait(86_400)
        world.do(c.Tick())
        assert bought(spend(world, "INFY")) == [("NSE:6", "99")]

    def test_nor_what_the_client_is_short_of(self, world: World) -> None:
        cl_ord_id = self.hold(world, "INFY")
        world.filled(cl_ord_id)
        sell = self.hold(world, "INFY", side=Side.SELL)
        world.filled(sell)
        world.filled(sell, "1")  # more than was ordered: the position is short now
        world.wait(86_400)
        world.do(c.Tick())

        assert world.held("INFY") == -whole(1)
        assert skipped(spend(world, "INFY")) == [("ALREADY_HELD", 1)]

    def test_nor_what_another_account_of_the_client_holds(self, world: World) -> None:
        world.account(1, id="A1-second", primary=False)
        world.filled(self.hold(world, "INFY", account="A1-second", product=Product.MTF))

        assert skipped(spend(world, "INFY")) == [("ALREADY_HELD", 1)]

    def test_but_what_another_client_holds_or_the_client_in_the_other_mode_is(self) -> None:
        world = World()
        world.capabilities["paper"] = msgspec.structs.replace(PAPER, modes=frozenset(Mode))
        world.account(1)
        world.account(1, id="A1-live", primary=False, mode=Mode.LIVE)
        world.account(2)
        world.filled(self.hold(world, "INFY", account="A1-live"))
        world.filled(self.hold(world, "INFY", client=2))

        planned = spend(world, "INFY")

        assert [draft.book for draft in planned.orders] == ["A1/P"]

    def test_the_same_isin_on_two_exchanges_is_one_stock(self) -> None:
        here = listed(STOCKS[5], "NSE:6", "INE009A01021")
        there = listed(STOCKS[5], "BSE:500209", "INE009A01021", "INFOSYS")
        world = World([here, there])
        world.account(1)
        world.filled(self.hold(world, "BSE:500209"))

        assert skipped(spend(world, "NSE:6")) == [("ALREADY_HELD", 1)]

    @pytest.mark.parametrize(("held", "asked"), [("", "X"), ("X", ""), ("", "")])
    def test_where_an_isin_is_missing_the_symbol_counts(self, held: str, asked: str) -> None:
        there = listed(STOCKS[5], "BSE:500209", held)
        world = World([listed(STOCKS[5], "NSE:6", asked), there])
        world.account(1)
        world.price("BSE:500209", "100")
        world.filled(self.hold(world, "BSE:500209"))

        assert skipped(spend(world, "NSE:6")) == [("ALREADY_HELD", 1)]

    def test_two_isins_under_one_symbol_are_two_stocks(self) -> None:
        world = World([listed(STOCKS[5], "NSE:6", "X"), listed(STOCKS[5], "BSE:500209", "Y")])
        world.account(1)
        world.price("BSE:500209", "100")
        world.filled(self.hold(world, "BSE:500209"))

        assert len(spend(world, "NSE:6").orders) == 1

    def test_something_that_no_master_knows_any_more_stands_in_nobodys_way(self) -> None:
        world = World()
        world.account(1)
        world.filled(self.hold(world, "ACC"))
        world.index = InstrumentIndex(STOCKS[5:])

        assert len(spend(world, "INFY").orders) == 1

    def test_one_client_buys_a_stock_for_one_of_its_accounts_only(self, world: World) -> None:
        world.account(1, "10000", id="A1-second", primary=False)

        planned = spend(world, "INFY", selection=Selection(("A1", "A1-second")))

        (draft,) = planned.orders
        (skip,) = planned.skips
        assert {draft.book, f"{skip.account}/P"} == {"A1/P", "A1-second/P"}
        assert skip.reason.code is ReasonCode.ALREADY_HELD


class TestEligible:
    def test_is_what_may_be_traded_and_has_a_price(self, world: World) -> None:
        halted = msgspec.structs.replace(STOCKS[5], tradable=False)
        world.index = InstrumentIndex([halted, *STOCKS[:5]])
        del world.quotes["NSE:5"]

        planned = spend(world, "INFY", "ACC", "GRASIM")

        assert skipped(planned) == [("INSTRUMENT_NOT_TRADABLE", 1), ("NO_PRICE", 2)]
        assert bought(planned) == [("NSE:2", "99")]

    def test_is_what_the_broker_takes(self, world: World) -> None:
        cash_only = msgspec.structs.replace(PAPER, products=frozenset({Product.DELIVERY}))
        world.capabilities["paper"] = cash_only

        planned = spend(world, "INFY", product=Product.MTF)

        assert skipped(planned) == [("ORDER_TYPE_NOT_SUPPORTED", 1)]
        assert planned.refusal is not None
        assert planned.refusal.code is ReasonCode.NOTHING_VALID

    def test_is_what_is_not_restricted(self, world: World) -> None:
        world.account(2, "10000")
        world.limit(LimitLevel.CLIENT, "1", restricted=("NSE:6",))

        planned = spend(world, "INFY", "ACC")

        found = [(s.account, s.reason.code.value, s.row) for s in planned.skips]
        assert found == [("A1", "RESTRICTED", 1)]
        shares = {(d.book, d.row): format_fixed(d.quantity) for d in planned.orders}
        assert shares == {("A1/P", 2): "99", ("A2/P", 1): "49", ("A2/P", 2): "49"}

    def test_accounts_that_may_not_trade_are_skipped_once_each(self, world: World) -> None:
        world.account(2, enabled=False)
        world.account(3)
        world.do(c.PutKill(LOCAL, of_account("A3")))
        world.closed["A1"] = "not asked yet"

        planned = spend(world, "INFY", "ACC")

        assert {(s.account, s.reason.code.value, s.row) for s in planned.skips} == {
            ("A1", "ACCOUNT_NOT_RECONCILED", 0),
            ("A2", "ACCOUNT_DISABLED", 0),
            ("A3", "KILL_ACCOUNT", 0),
        }
        assert planned.refusal is not None

    def test_others_share_what_is_not_eligible_leaves(self, world: World) -> None:
        del world.quotes["NSE:6"]

        assert bought(spend(world, "INFY", "ACC")) == [("NSE:5", "99")]


class TestNumber:
    def test_of_new_stocks_is_capped(self, world: World) -> None:
        planned = spend(world, "INFY", "ACC", "GRASIM", max_new=2)

        assert bought(planned) == [("NSE:6", "49"), ("NSE:5", "49")]
        (skip,) = planned.skips
        assert str(skip.reason) == "GRASIM comes after the 2 stocks that may be bought"

    def test_of_names_counts_those_held(self, world: World) -> None:
        for symbol in ("BSOFT", "UNOMINDA"):
            (draft,) = world.order(instrument=symbol, quantity="1").orders
            world.filled(draft.cl_ord_id)

        planned = spend(world, "BSOFT", "INFY", "ACC", "GRASIM", max_names=4)

        assert [instrument for instrument, _ in bought(planned)] == ["NSE:6", "NSE:5"]
        assert skipped(planned) == [("ALREADY_HELD", 1), ("NOT_WANTED", 4)]
        assert skipped(spend(world, "GRASIM", max_names=2)) == [("NOT_WANTED", 1)]

    def test_of_names_does_not_count_what_was_sold_today(self, world: World) -> None:
        for side in (Side.BUY, Side.SELL):
            (draft,) = world.order(side, "BSOFT", "1").orders
            world.filled(draft.cl_ord_id)

        assert len(spend(world, "INFY", max_names=1).orders) == 1


class TestOrder:
    def test_is_by_rank_and_within_a_rank_drawn_by_the_seed(self) -> None:
        world = World()
        for client in range(1, 6):
            world.account(client, "10000")
        world.seed = 3

        planned = spend(world, "INFY", "ACC")

        books = [draft.book for draft in planned.orders]
        assert [draft.row for draft in planned.orders] == [1] * 5 + [2] * 5
        assert books[:5] == books[5:]
        assert sorted(books[:5]) == [f"A{client}/P" for client in range(1, 6)] != books[:5]

    def test_is_for_the_primary_account_of_every_client(self, world: World) -> None:
        world.account(1, id="A1-second", primary=False)
        world.account(2)

        planned = spend(world, "INFY")

        assert {draft.book for draft in planned.orders} == {"A1/P", "A2/P"}

    def test_of_an_unknown_group_refuses_the_whole(self, world: World) -> None:
        planned = spend(world, "INFY", selection=Selection(groups=("core",)))

        assert str(planned.refusal) == "no group core"


class TestSize:
    def crowd(self, accounts: int, stocks: int) -> World:
        world = World([stock(str(n), f"S{n}") for n in range(1, stocks + 1)])
        people = range(1, accounts + 1)
        world.do(
            c.PutReference(
                LOCAL,
                tuple(Client(n, f"Client {n}") for n in people),
                tuple(Account(f"PAPER-{n}", n, charge_bps=12) for n in people),
                cash=tuple((f"PAPER-{n}/P", whole(1_000_000 + n), "") for n in people),
            )
        )
        return world

    def test_a_fan_out_of_an_index_over_400_accounts_is_one_event(self) -> None:
        world = self.crowd(400, 49)
        names = tuple(instrument.symbol for instrument in world.index)
        request = PriorityBuyRequest(instruments=names)

        (planned,) = decide(world.state, c.Submit(LOCAL, request), world.context())

        assert isinstance(planned, InstructionPlanned)
        assert len(planned.orders) == 19_600
        assert len(encode_event(planned)) < 8 << 20

    def test_more_orders_than_20_000_are_not_journaled(self) -> None:
        world = self.crowd(402, 50)
        before = state_hash(world.state)

        with pytest.raises(Refused, match="PLAN_TOO_LARGE: more than 20000 orders"):
            spend(world, *(instrument.symbol for instrument in world.index))

        assert state_hash(world.state) == before

    def test_more_skips_than_a_record_holds_are_not_counted_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(priority_buy, "SKIPS_MAX", 15)
        world = self.crowd(10, 3)
        world.quotes.clear()

        with pytest.raises(Refused, match="PLAN_TOO_LARGE: more than 15 skips"):
            spend(world, "S1", "S2", "S3")
