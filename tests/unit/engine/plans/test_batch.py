from collections.abc import Callable

import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import BatchRequest, BatchRow, FollowUp
from phalanx.domain.numbers import format_fixed, whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Product, Side, TimeInForce
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine import commands as c
from phalanx.engine.apply import upkeep
from phalanx.engine.plans.plan import ORDERS_MAX
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import state_hash
from tests.engine_world import LOCAL, PAPER, STOCKS, World, fixed

ENDS = {
    "rejected": ExecType.REJECTED,
    "rejected after a fill": ExecType.REJECTED,
    "canceled": ExecType.CANCELED,
    "expired at the broker": ExecType.EXPIRED,
}
WIDE = msgspec.structs.replace(PAPER, ord_types=frozenset(OrdType))


@pytest.fixture
def world() -> World:
    """Two clients with 10,000 rupees each."""
    world = World()
    world.account(1, "10000")
    world.account(2, "10000")
    return world


def rows_of(planned: InstructionPlanned) -> list[tuple[str, int]]:
    return [(draft.book, draft.row) for draft in planned.orders]


def skipped(planned: InstructionPlanned) -> list[tuple[str, str, int]]:
    return [(skip.account, skip.reason.code.value, skip.row) for skip in planned.skips]


def bought(world: World, quantity: str = "10", client: int = 1) -> str:
    """The lot of a filled buy of INFY."""
    (draft,) = world.order(quantity=quantity, client=client).orders
    world.filled(draft.cl_ord_id)
    return draft.cl_ord_id


def test_each_row_has_its_own_terms(world: World) -> None:
    limit = BatchRow(
        1,
        "",
        "MINDA",
        Side.BUY,
        Product.MTF,
        OrdType.LIMIT,
        whole(3),
        fixed("99.5"),
        TimeInForce.IOC,
    )

    planned = world.basket(world.row(client=2), limit)

    market, limited = sorted(planned.orders, key=lambda draft: draft.row)
    assert (market.book, market.instrument, market.ord_type) == ("A2/P", "NSE:6", OrdType.MARKET)
    assert (market.quantity, market.limit, market.hold) == (whole(10), whole(101), whole(1_010))
    assert (limited.book, limited.instrument, limited.product) == ("A1/P", "NSE:4", Product.MTF)
    assert (limited.ord_type, limited.time_in_force) == (OrdType.LIMIT, TimeInForce.IOC)
    assert (limited.quantity, limited.limit, limited.hold) == (
        whole(3),
        fixed("99.5"),
        fixed("298.5"),
    )
    assert [market.row, limited.row] == [1, 2]
    assert {facts.symbol: facts.called for facts in planned.instruments} == {
        "INFY": "",
        "UNOMINDA": "MINDA",
    }


class TestStop:
    @pytest.mark.parametrize(
        ("side", "stop", "limit"),
        [
            (Side.BUY, "105", "106.05"),
            (Side.BUY, "119.9", "120"),  # the band ends there
            (Side.SELL, "95", "94.05"),
            (Side.SELL, "80.05", "80"),
        ],
    )
    def test_order_may_trade_as_much_worse_as_a_market_order(
        self, world: World, side: Side, stop: str, limit: str
    ) -> None:
        world.capabilities["paper"] = WIDE
        world.settings(distance_bps=2_000)
        bought(world)
        row = world.row(side, quantity="5")
        stopping = msgspec.structs.replace(row, ord_type=OrdType.STOP, stop_price=fixed(stop))

        planned = world.basket(stopping)

        (draft,) = planned.orders
        assert (draft.ord_type, draft.stop_price) == (OrdType.STOP, fixed(stop))
        assert draft.limit == fixed(limit)
        assert draft.hold == (5 * fixed(limit) if side is Side.BUY else 0)

    def test_limit_order_has_its_own_limit(self, world: World) -> None:
        world.capabilities["paper"] = WIDE
        stopping = msgspec.structs.replace(
            world.row(price="104"), ord_type=OrdType.STOP_LIMIT, stop_price=fixed("103")
        )

        (draft,) = world.basket(stopping).orders

        assert (draft.limit, draft.stop_price) == (fixed("104"), fixed("103"))

    def test_without_a_price_says_so(self, world: World) -> None:
        world.capabilities["paper"] = WIDE
        world.quotes.clear()
        stopping = msgspec.structs.replace(
            world.row(), ord_type=OrdType.STOP, stop_price=fixed("103")
        )

        assert skipped(world.basket(stopping)) == [("A1", "NO_PRICE", 1)]

    def test_this_side_of_the_last_price_is_refused(self, world: World) -> None:
        world.capabilities["paper"] = WIDE
        stopping = msgspec.structs.replace(
            world.row(), ord_type=OrdType.STOP, stop_price=fixed("99")
        )

        assert skipped(world.basket(stopping)) == [("A1", "STOP_NOT_BEYOND_LAST", 1)]


class TestWhole:
    @pytest.mark.parametrize(
        ("row", "code", "words"),
        [
            (lambda w: w.row(client=9), "UNKNOWN_CLIENT", "no client 9 (row 2)"),
            (lambda w: w.row(account="A9"), "UNKNOWN_ACCOUNT", "no account A9 (row 2)"),
            (
                *(lambda w: w.row(account="A2"), "ACCOUNT_NOT_CLIENTS"),
                "account A2 (row 2) is not client 1's",
            ),
            (
                *(lambda w: w.row(instrument="NOBODY"), "UNKNOWN_INSTRUMENT"),
                "no instrument is named NOBODY (row 2)",
            ),
        ],
    )
    def test_basket_is_refused_for_a_name_that_nobody_knows(
        self, world: World, row: Callable[[World], BatchRow], code: str, words: str
    ) -> None:
        planned = world.basket(world.row(), row(world))

        assert planned.refusal is not None
        assert (planned.refusal.code, str(planned.refusal)) == (code, words)
        assert (planned.orders, planned.skips) == ((), ())

    def test_basket_of_nothing_is_valid_for_nobody(self, world: World) -> None:
        planned = world.basket()

        assert planned.refusal == Reason(ReasonCode.NOTHING_VALID)

    def test_basket_that_is_too_large_changes_nothing(self, world: World) -> None:
        rows = (world.row(quantity="1", price="100"),) * 100_000
        before = state_hash(world.state)

        with pytest.raises(Refused, match=f"PLAN_TOO_LARGE: more than {ORDERS_MAX} rows"):
            world.submit(BatchRequest(rows))

        assert state_hash(world.state) == before

    def test_basket_that_freeze_quantities_make_too_large_is_refused_as_well(self) -> None:
        world = World([msgspec.structs.replace(STOCKS[5], freeze_quantity=whole(1))])
        world.account(1, "5000000")
        world.settings(open_orders_max=30_000)

        with pytest.raises(Refused, match=f"PLAN_TOO_LARGE: more than {ORDERS_MAX} orders"):
            world.basket(*[world.row(quantity="10001")] * 2)

    def test_basket_with_an_ambiguous_token_is_not_journaled(self, world: World) -> None:
        there = msgspec.structs.replace(STOCKS[5], key="BSE:6", exchange="BSE")
        world.index = type(world.index)([*STOCKS, there])

        with pytest.raises(Refused, match="AMBIGUOUS_TOKEN"):
            world.basket(world.row(instrument="6"))


class TestRows:
    def test_that_may_not_go_are_skipped_with_their_place(self, world: World) -> None:
        world.account(3, enabled=False)
        del world.quotes["NSE:5"]

        planned = world.basket(
            world.row(),
            world.row(instrument="ACC"),
            world.row(client=3),
            world.row(quantity="1.5", client=2),
            world.row(price="130", client=2),
        )

        assert rows_of(planned) == [("A1/P", 1)]
        assert sorted(skipped(planned), key=lambda skip: skip[2]) == [
            ("A1", "NO_PRICE", 2),
            ("A3", "ACCOUNT_DISABLED", 3),
            ("A2", "LOT_MULTIPLE", 4),
            ("A2", "OUTSIDE_BAND", 5),
        ]
        assert {skip.instrument for skip in planned.skips} == {"NSE:5", "NSE:6"}

    def test_of_the_other_mode_are_skipped(self, world: World) -> None:
        world.capabilities["paper"] = msgspec.structs.replace(PAPER, modes=frozenset(Mode))
        world.account(2, mode=Mode.LIVE)

        planned = world.submit(BatchRequest((world.row(), world.row(client=2)), Mode.PAPER))

        assert rows_of(planned) == [("A1/P", 1)]
        assert skipped(planned) == [("A2", "OTHER_MODE", 2)]

    def test_see_what_earlier_ones_of_their_book_take(self, world: World) -> None:
        planned = world.basket(
            world.row(quantity="60"), world.row(quantity="50"), world.row(quantity="39")
        )

        assert rows_of(planned) == [("A1/P", 1), ("A1/P", 3)]
        assert str(planned.skips[0].reason) == "5050 needed, 3940 available"

    def test_see_the_limits_with_what_earlier_ones_take(self, world: World) -> None:
        world.settings(orders_per_day_max=2)

        planned = world.basket(*[world.row(quantity="1")] * 3)

        assert skipped(planned) == [("A1", "TOO_MANY_ORDERS_TODAY", 3)]

    def test_take_turns_by_account(self, world: World) -> None:
        one = world.row(quantity="1")
        two = world.row(quantity="1", client=2)
        firsts = set()
        for world.seed in range(6):
            planned = world.basket(one, one, one, two, one)
            first = planned.orders[0].book
            firsts.add(first)
            mixed = [("A1/P", 1), ("A2/P", 4)]
            expected = mixed if first == "A1/P" else mixed[::-1]
            assert rows_of(planned) == [*expected, ("A1/P", 2), ("A1/P", 3), ("A1/P", 5)]
        assert firsts == {"A1/P", "A2/P"}


class TestSells:
    def test_close_the_oldest_lots_once(self, world: World) -> None:
        first, second, third = (bought(world, quantity) for quantity in ("10", "5", "20"))
        sell = world.row(Side.SELL, quantity="8")

        planned = world.basket(sell, sell, sell)

        parts = [[(p.lot, format_fixed(p.quantity)) for p in d.closes] for d in planned.orders]
        assert parts == [
            [(first, "8")],
            [(first, "2"), (second, "5"), (third, "1")],
            [(third, "8")],
        ]
        assert all(draft.reduce_only for draft in planned.orders)

    def test_never_take_more_than_there_is(self, world: World) -> None:
        bought(world)
        world.order(Side.SELL, quantity="3")

        planned = world.basket(
            *[world.row(Side.SELL, quantity=quantity) for quantity in ("5", "3", "2")]
        )

        assert rows_of(planned) == [("A1/P", 1), ("A1/P", 3)]
        assert str(planned.skips[0].reason) == "3 asked, 2 sellable"

    def test_of_another_product_find_nothing(self, world: World) -> None:
        bought(world)

        planned = world.basket(world.row(Side.SELL, quantity="1", product=Product.MTF))

        assert skipped(planned) == [("A1", "NOT_SELLABLE", 1)]

    def test_pass_a_kill_that_stops_buys(self, world: World) -> None:
        bought(world)
        world.do(c.PutKill(LOCAL))

        planned = world.basket(world.row(), world.row(Side.SELL, quantity="1"))

        assert rows_of(planned) == [("A1/P", 2)]
        assert skipped(planned) == [("A1", "KILL_ALL", 1)]


class TestRetry:
    def ended(self, world: World, how: str) -> str:
        """An order of 10 INFY that ended like that."""
        (draft,) = world.order(client=2).orders
        cl_ord_id = draft.cl_ord_id
        if how in {"rejected", "working", "canceled", "expired at the broker"}:
            world.accepted(cl_ord_id)
        match how:
            case "never written":
                world.sent(cl_ord_id)
                world.do(c.BookNeverWritten(cl_ord_id, Reason(ReasonCode.NEVER_SENT, ("x",))))
            case "out of time":
                world.do(c.ExpireUnsent((cl_ord_id,)))
            case "absent" | "in doubt":
                world.unknown(cl_ord_id)
            case "filled":
                world.filled(cl_ord_id)
            case "rejected after a fill":
                world.filled(cl_ord_id, "4")
            case _:
                assert how in ENDS or how == "working"
        if how == "absent":
            world.absent(cl_ord_id)
        if how in ENDS:
            world.report(cl_ord_id, ENDS[how])
        return cl_ord_id

    def again(
        self, world: World, source: str, how: FollowUp | None = FollowUp.RETRY
    ) -> InstructionPlanned:
        return world.basket(world.row(client=2, source=source), follow_up=how)

    @pytest.mark.parametrize("how", ["rejected", "never written", "out of time", "absent"])
    def test_does_again_what_was_never_taken(self, world: World, how: str) -> None:
        source = self.ended(world, how)

        planned = self.again(world, source)

        assert rows_of(planned) == [("A2/P", 1)]
        assert world.an_order(source).followed_by == planned.instruction_id

    @pytest.mark.parametrize(
        "how",
        [
            "in doubt",
            "working",
            "filled",
            "canceled",
            "expired at the broker",
            "rejected after a fill",
        ],
    )
    def test_does_nothing_else_again(self, world: World, how: str) -> None:
        source = self.ended(world, how)
        status = world.status(source)

        planned = self.again(world, source)

        (skip,) = planned.skips
        assert skip.reason == Reason(ReasonCode.NOT_RETRYABLE, (source, status.name))
        assert world.an_order(source).followed_by is None

    def test_is_done_once(self, world: World) -> None:
        source = self.ended(world, "rejected")
        first = self.again(world, source)

        planned = self.again(world, source)

        assert planned.skips[0].reason == Reason(
            ReasonCode.ALREADY_FOLLOWED, (source, first.instruction_id)
        )

    def test_is_done_once_also_within_one_basket(self, world: World) -> None:
        row = world.row(client=2, quantity="1", source=self.ended(world, "rejected"))

        planned = world.basket(row, row, follow_up=FollowUp.RETRY)

        assert rows_of(planned) == [("A2/P", 1)]
        assert skipped(planned) == [("A2", "ALREADY_FOLLOWED", 2)]

    def test_may_be_asked_for_again_when_it_could_not_go(self, world: World) -> None:
        source = self.ended(world, "rejected")
        world.do(c.PutKill(LOCAL))
        assert skipped(self.again(world, source)) == [("A2", "KILL_ALL", 1)]
        world.do(c.LiftKill(LOCAL))

        assert rows_of(self.again(world, source)) == [("A2/P", 1)]

    def test_may_be_repeated_by_who_wants_just_that(self, world: World) -> None:
        source = self.ended(world, "rejected")
        self.again(world, source)

        assert rows_of(self.again(world, source, FollowUp.REPEAT)) == [("A2/P", 1)]

    def test_of_an_order_that_left_memory_cannot_be_sure(self, world: World) -> None:
        assert skipped(self.again(world, "AA0000000Z")) == [("A2", "ORDER_TOO_OLD", 1)]

    def test_that_was_held_is_planned_as_one_when_its_time_comes(self, world: World) -> None:
        source = self.ended(world, "filled")
        request = BatchRequest((world.row(client=2, source=source),))
        fire_at = world.now + 10**10
        world.do(c.Submit(LOCAL, request, fire_at=fire_at, follow_up=FollowUp.RETRY))
        (held,) = world.state.held

        world.wait(11)
        planned = world.one(c.Release(held), InstructionPlanned)

        assert skipped(planned) == [("A2", "NOT_RETRYABLE", 1)]


class TestReverse:
    def test_takes_back_what_was_bought_once(self, world: World) -> None:
        source = bought(world)
        row = world.row(Side.SELL, source=source)

        (draft,) = world.basket(row, follow_up=FollowUp.REVERSE).orders

        assert draft.closes[0].lot == source
        planned = world.basket(row, follow_up=FollowUp.REVERSE)
        assert skipped(planned) == [("A1", "ALREADY_FOLLOWED", 1)]

    def test_waits_for_the_end_of_what_still_works(self, world: World) -> None:
        (buy,) = world.order(Side.BUY, quantity="10", price="99").orders
        world.filled(buy.cl_ord_id, "4", price="99")
        row = world.row(Side.SELL, quantity="4", source=buy.cl_ord_id)

        planned = world.basket(row, follow_up=FollowUp.REVERSE)

        assert skipped(planned) == [("A1", "STILL_WORKING", 1)]
        assert world.an_order(buy.cl_ord_id).followed_by is None

    def test_may_be_of_an_order_that_left_memory(self, world: World) -> None:
        bought(world)
        row = world.row(Side.SELL, quantity="4", source="AA0000000Z")

        assert rows_of(world.basket(row, follow_up=FollowUp.REVERSE)) == [("A1/P", 1)]
        assert world.status("AA00000000") is OrdStatus.FILLED

    def test_is_done_once_also_of_an_order_that_left_memory(self, world: World) -> None:
        bought(world)
        row = world.row(Side.SELL, quantity="4", source="AA0000000Z")
        world.basket(row, follow_up=FollowUp.REVERSE)

        planned = world.basket(row, follow_up=FollowUp.REVERSE)

        assert skipped(planned) == [("A1", "ALREADY_FOLLOWED", 1)]

    def test_is_known_when_the_order_that_it_followed_leaves_memory(self, world: World) -> None:
        source = bought(world)
        row = world.row(Side.SELL, source=source)
        reverse = world.basket(row, follow_up=FollowUp.REVERSE)
        world.filled(reverse.orders[0].cl_ord_id)
        world.settings(retire_after_s=0)
        world.do(c.Tick())
        assert source not in world.state.orders
        bought(world)

        planned = world.basket(row, follow_up=FollowUp.REVERSE)

        assert skipped(planned) == [("A1", "ALREADY_FOLLOWED", 1)]
        assert planned.skips[0].reason.facts == (source, reverse.instruction_id)

    def test_of_the_oldest_is_forgotten_beyond_the_bound(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(upkeep, "FOLLOWED_MAX", 2)
        monkeypatch.setattr(upkeep, "_FORGOTTEN_AT_ONCE", 1)
        bought(world)
        rows = [world.row(Side.SELL, quantity="1", source=f"AA0000000{x}") for x in "XYZ"]
        for row in rows:
            world.basket(row, follow_up=FollowUp.REVERSE)

        assert list(world.state.followed) == ["AA0000000Y", "AA0000000Z"]
        again = world.basket(*rows, follow_up=FollowUp.REVERSE)
        assert rows_of(again) == [("A1/P", 1)]
