from typing import Any

import msgspec
import pytest

from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.allocation import Leftover, ListAllocation, ListMethod
from phalanx.domain.events import InstructionPlanned, encode_event
from phalanx.domain.groups import PriorityList
from phalanx.domain.instructions import PriorityBuyRequest, Selection
from phalanx.domain.instruments import Instrument, InstrumentIndex
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import format_fixed, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.decide import decide
from phalanx.engine.groups import LIST_INSTRUMENTS_MAX
from phalanx.engine.plans import priority_buy
from phalanx.engine.refused import Refused
from phalanx.engine.state import state_hash
from tests.engine_world import LOCAL, PAPER, STOCKS, World, fixed, stock
from tests.fakes.kills import of_account

FIXED_AMOUNT = ListMethod.FIXED_AMOUNT


def listed(instrument: Instrument, key: str, isin: str = "", symbol: str = "") -> Instrument:
    """The same again under another key."""
    exchange, token = key.split(":")
    return msgspec.structs.replace(
        instrument,
        key=key,
        exchange=exchange,
        token=token,
        isin=isin,
        symbol=symbol or instrument.symbol,
    )


@pytest.fixture
def world() -> World:
    """One client with 10,000 rupees; every stock costs 101 at the limit that will be sent."""
    world = World()
    world.account(1, "10000")
    return world


def spend(world: World, *instruments: str, **terms: Any) -> InstructionPlanned:  # noqa: ANN401  many kinds of terms
    """A priority_buy; ``terms`` are the request's, or its allocation's."""
    own = {key: terms.pop(key) for key in list(terms) if key in ListAllocation.__struct_fields__}
    return world.submit(
        PriorityBuyRequest(instruments=instruments, allocation=ListAllocation(**own), **terms)
    )


def bought(planned: InstructionPlanned) -> list[tuple[str, str]]:
    return [(draft.instrument, format_fixed(draft.quantity)) for draft in planned.orders]


def skipped(planned: InstructionPlanned) -> list[tuple[str, int]]:
    return [(skip.reason.code.value, skip.row) for skip in planned.skips]


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


def test_charges_are_part_of_what_a_lot_costs() -> None:
    world = World()
    world.account(1, "1011.212", charge_bps=12)

    assert bought(spend(world, "INFY")) == [("NSE:6", "10")]
    world.account(2, "1011.21199999", charge_bps=12)
    assert bought(spend(world, "INFY")) == [("NSE:6", "9")]


def test_holds_and_the_reserve_are_not_spent(world: World) -> None:
    account = msgspec.structs.replace(world.state.accounts["A1"], reserve=whole(2_000))
    world.do(c.PutReference(LOCAL, accounts=(account,)))
    world.order(instrument="GRASIM", quantity="10", price="100")

    assert bought(spend(world, "INFY")) == [("NSE:6", "69")]


def test_an_account_without_cash_is_skipped_once(world: World) -> None:
    world.account(2, "0")

    planned = spend(world, "INFY", "ACC")

    assert [(s.account, s.reason.code.value, s.row) for s in planned.skips] == [
        ("A2", "INSUFFICIENT_CASH", 0)
    ]


def test_what_a_share_does_not_buy_a_lot_of_is_skipped(world: World) -> None:
    planned = spend(world, "INFY", "LOTS25", "ACC", "GRASIM", "BSOFT")

    assert len(planned.orders) == 4
    (skip,) = planned.skips
    assert (skip.instrument, skip.row) == ("NSE:7", 2)
    assert skip.reason.code is ReasonCode.ZERO_QUANTITY
    assert skip.reason.facts == (whole(2_000), whole(25), whole(101))


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


class TestFixedAmount:
    def test_is_spent_on_each_down_the_list(self, world: World) -> None:
        planned = spend(world, "INFY", "ACC", "GRASIM", method=FIXED_AMOUNT, amount=whole(3_000))

        assert [quantity for _, quantity in bought(planned)] == ["29", "29", "29"]

    def test_passes_over_a_rank_that_is_not_covered(self, world: World) -> None:
        world.price("ACC", "2900")
        world.price("GRASIM", "1500")

        planned = spend(
            world, "INFY", "ACC", "BSOFT", "GRASIM", method=FIXED_AMOUNT, amount=whole(4_000)
        )

        # 10,000 − 39 × 101 − 2,929 = 3,132 left: no 39 further ones, but two at 1,515.
        assert bought(planned) == [("NSE:6", "39"), ("NSE:5", "1"), ("NSE:2", "2")]
        (skip,) = planned.skips
        assert (skip.row, str(skip.reason)) == (3, "3939 needed for BSOFT, 3132 left")

    def test_smaller_than_a_lot_is_a_skip(self, world: World) -> None:
        planned = spend(world, "INFY", "LOTS25", method=FIXED_AMOUNT, amount=whole(2_000))

        assert skipped(planned) == [("ZERO_QUANTITY", 2)]

    def test_leaves_only_what_whole_lots_leave_of_it(self, world: World) -> None:
        world.price("INFY", "600")
        world.price("ACC", "10")

        planned = spend(
            world,
            "INFY",
            "ACC",
            "LOTS25",
            method=FIXED_AMOUNT,
            amount=whole(1_000),
            leftover=Leftover.ONE_LOT,
        )

        # 1,000 − 606 and 1,000 − 99 × 10.1 are left: 394.1 buys 39 more at 10.1, but no second INFY.
        assert bought(planned) == [("NSE:6", "1"), ("NSE:5", "138")]
        assert skipped(planned) == [("ZERO_QUANTITY", 3)]


class TestLeftover:
    def shop(self, world: World) -> None:
        world.price("INFY", "1000")
        world.price("ACC", "2000")
        world.price("GRASIM", "400")

    @pytest.mark.parametrize(
        ("leftover", "quantities"),
        [
            # 10,000 ÷ 3 at 1,010, 2,020 and 404 leaves 10,000 − 3,030 − 2,020 − 3,232 = 1,718
            (Leftover.KEEP, ["3", "1", "8"]),
            # half of it is two of 404, but no lot of 1,010; then 910 is two more
            (Leftover.RESPLIT, ["3", "1", "12"]),
            # one of 1,010, none of 2,020, one of 404
            (Leftover.ONE_LOT, ["4", "1", "9"]),
        ],
    )
    def test_is_kept_split_again_or_spent_round_by_round(
        self, world: World, leftover: Leftover, quantities: list[str]
    ) -> None:
        self.shop(world)

        planned = spend(world, "INFY", "ACC", "GRASIM", leftover=leftover)

        assert [quantity for _, quantity in bought(planned)] == quantities
        assert world.book().holds <= world.book().cash

    @pytest.mark.parametrize(
        ("leftover", "quantities"),
        [(Leftover.KEEP, ["25", "33"]), (Leftover.ONE_LOT, ["1", "25", "34"])],
    )
    def test_may_buy_what_the_first_share_did_not(
        self, world: World, leftover: Leftover, quantities: list[str]
    ) -> None:
        world.price("INFY", "4000")

        planned = spend(world, "INFY", "LOTS25", "ACC", leftover=leftover)

        assert [quantity for _, quantity in bought(planned)] == quantities
        assert skipped(planned) == [("ZERO_QUANTITY", 1)] * (leftover is Leftover.KEEP)


class TestCaps:
    def test_cut_a_quantity_to_the_largest_allowed(self) -> None:
        world = World()
        for client in (1, 2, 3):
            world.account(client, "100000000")
        world.settings(quantity_max=whole(40_000), value_max=whole(5_000_000))
        world.limit(LimitLevel.ACCOUNT, "A1", quantity_max=whole(70))
        world.limit(LimitLevel.ACCOUNT, "A2", value_max=fixed("1010.5"))

        planned = spend(world, "LOTS25", "ACC")

        found = {(d.book, d.instrument): format_fixed(d.quantity) for d in planned.orders}
        assert found == {
            ("A1/P", "NSE:7"): "50",
            ("A1/P", "NSE:5"): "70",
            ("A2/P", "NSE:5"): "10",
            ("A3/P", "NSE:7"): "40000",
            ("A3/P", "NSE:5"): "40000",
        }
        (skip,) = planned.skips  # not even one lot of 25 is within 1,010.5
        assert (skip.account, skip.reason.code.value, skip.row) == ("A2", "VALUE_CAP", 1)

    def test_a_limit_on_positions_is_one_of_them(self, world: World) -> None:
        world.limit(LimitLevel.GLOBAL, position_max=whole(7))

        assert bought(spend(world, "INFY")) == [("NSE:6", "7")]

    def test_on_the_number_of_orders_end_the_list(self, world: World) -> None:
        world.limit(LimitLevel.GLOBAL, orders_per_day_max=2)

        planned = spend(world, "INFY", "ACC", "GRASIM")

        assert bought(planned) == [("NSE:6", "33"), ("NSE:5", "33")]
        assert skipped(planned) == [("TOO_MANY_ORDERS_TODAY", 3)]

    def test_an_order_worth_too_little_is_not_sent(self, world: World) -> None:
        planned = spend(world, "INFY", "COIN", "LOTS25", min_order_value=whole(3_000))

        assert [instrument for instrument, _ in bought(planned)] == ["NSE:6", "NSE:8"]
        (skip,) = planned.skips
        assert str(skip.reason) == "2525 is below the smallest order value 3000"

    def test_above_the_freeze_quantity_it_is_cut_into_siblings(self) -> None:
        world = World([msgspec.structs.replace(STOCKS[5], freeze_quantity=whole(40))])
        world.account(1, "10100")

        planned = spend(world, "INFY")

        assert [quantity for _, quantity in bought(planned)] == ["40", "40", "20"]
        assert {draft.row for draft in planned.orders} == {1}
        assert world.book().holds == whole(10_100)


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
