"""Executions that no order in memory made are booked once, oldest lots first."""

import msgspec
import pytest

from phalanx.domain.breaks import BreakKind
from phalanx.domain.events import BreakFiled, ForeignFillBooked
from phalanx.domain.numbers import FIXED_MAX, multiply, whole
from phalanx.domain.orders import ExecType, OrdStatus, Product, Side
from phalanx.domain.time import DAY, SECOND
from phalanx.engine import commands as c
from phalanx.engine.apply import upkeep
from phalanx.engine.ids import counter_of, new_cl_ord_id
from phalanx.engine.reconciliation import breaks, matching
from phalanx.engine.reconciliation.breaks import why_closed
from tests.engine_broker import TAGLESS, Shown
from tests.engine_world import LOCAL, World

S = OrdStatus


class TestATradeOutside:
    def test_that_buys_becomes_a_lot_of_no_strategy(self, world: World, broker: Shown) -> None:
        cash = world.book().cash
        broker.trades_outside(Side.BUY, 5, "X1", price=90, charges=3)

        (event,) = broker.read()

        assert isinstance(event, ForeignFillBooked)
        (lot,) = world.lots()
        assert lot.id == event.lot
        assert lot.id.startswith("EXT-")
        assert (lot.strategy, lot.remaining, lot.cost) == (None, whole(5), whole(450))
        assert world.book().cash == cash - whole(450) - 3
        assert world.held("INFY") == whole(5)

    def test_that_sells_closes_the_oldest_lots(self, world: World, broker: Shown) -> None:
        cash = world.book().cash
        first = world.bought("RED", "INFY")
        second = world.bought("BLUE", "INFY")
        broker.trades_outside(Side.SELL, 1, "X1", price=110, charges=2)

        events = broker.read()

        (booked,) = [e for e in events if isinstance(e, ForeignFillBooked)]
        assert booked.side is Side.SELL
        assert [lot.id for lot in world.lots()] == [second]
        assert first != second
        assert world.book().cash == cash - whole(200) + whole(110) - 2
        assert world.key("INFY") in world.book().sold_today

    def test_told_newest_first_is_booked_oldest_first(self, world: World, broker: Shown) -> None:
        for exec_id, side, lots in (("X1", Side.BUY, 3), ("X2", Side.BUY, 2), ("X3", Side.SELL, 4)):
            world.wait(1)
            broker.trades_outside(side, lots, exec_id)
        broker.trades.reverse()
        newest_first = broker.book()

        booked = [e.exec_id for e in broker.read(newest_first) if isinstance(e, ForeignFillBooked)]

        assert booked == ["X1", "X2", "X3"]
        assert [lot.remaining for lot in world.lots()] == [whole(1)]

    def test_that_sells_more_than_there_is_makes_a_short_that_a_buy_covers(
        self, world: World, broker: Shown
    ) -> None:
        world.bought("RED", "INFY")
        broker.trades_outside(Side.SELL, 4, "X1")
        broker.read()
        assert world.held("INFY") == -whole(3)
        assert world.lots() == []

        broker.trades_outside(Side.BUY, 5, "X2", price=90)
        broker.read()

        (lot,) = world.lots()
        assert world.held("INFY") == whole(2)
        assert (lot.remaining, lot.cost) == (whole(2), whole(180))

    def test_that_only_covers_leaves_no_lot(self, world: World, broker: Shown) -> None:
        broker.trades_outside(Side.SELL, 4, "X1")
        broker.trades_outside(Side.BUY, 4, "X2")

        broker.read()

        assert world.lots() == []
        assert world.book().positions == {}

    def test_comes_in_its_place_by_age(self, world: World, broker: Shown) -> None:
        broker.trades_outside(Side.BUY, 5, "X1")
        world.wait(10)
        later = world.bought("RED", "INFY")

        broker.read()

        assert [lot.id for lot in world.lots()][1] == later

    def test_is_booked_once_however_often_it_is_seen(self, world: World, broker: Shown) -> None:
        trade = broker.trades_outside(Side.BUY, 5, "X1")
        broker.read()

        assert broker.read() == []
        assert world.do(c.BookForeignFill("A1", trade)) == []
        assert world.held("INFY") == whole(5)

    def test_that_our_sells_counted_on_leaves_them_short_of_it(
        self, world: World, broker: Shown
    ) -> None:
        held = world.bought("RED", "INFY")
        (sell,) = world.order(Side.SELL, quantity="1", price="105").orders
        world.accepted(sell.cl_ord_id)
        broker.has(sell.cl_ord_id)
        broker.trades_outside(Side.SELL, 1, "X1")

        broker.read()
        world.filled(sell.cl_ord_id)

        assert held not in [lot.id for lot in world.lots()]
        assert world.held("INFY") == -whole(1)

    def test_is_of_the_book_that_the_account_trades_in(self, world: World, broker: Shown) -> None:
        assert world.do(c.BookForeignFill("A9", broker.trades_outside(Side.BUY, 1, "X1"))) == []
        broker.read()
        assert list(world.state.foreign_fills) == ["A1/P|X1"]

    def test_with_a_tag_of_another_desk_is_nobodys_of_ours(
        self, world: World, broker: Shown
    ) -> None:
        for number, tag in enumerate(["BB00000001", "AA0000000a", "AA01", "AA0 000001"]):
            order_id = broker.has_foreign(Side.BUY, 1, f"O{number}", tag=tag)
            broker.fills(order_id, 1, f"X{number}")

        broker.read()

        assert world.held("INFY") == whole(4)

    @pytest.mark.parametrize(
        "changes",
        [{"instrument": "INFY"}, {"price": FIXED_MAX, "quantity": FIXED_MAX}],
        ids=["no key", "no number holds it"],
    )
    def test_that_fits_no_book_becomes_a_break(
        self, world: World, broker: Shown, changes: dict[str, object]
    ) -> None:
        broker.trades_outside(Side.BUY, 5, "X1")
        broker.trades[0] = msgspec.structs.replace(broker.trades[0], **changes)

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.FILL_UNBOOKABLE
        assert filed.found.subject == "X1"
        assert world.do(c.BookForeignFill("A1", broker.trades[0])) == []
        assert broker.read() == []


class TestAnExecutionThatMayBeOurs:
    def test_waits_while_an_order_like_it_is_in_doubt(self, world: World, doubted: str) -> None:
        broker = Shown(world, capabilities=TAGLESS)
        order_id = broker.has(doubted, tagged=False)
        broker.fills(order_id, 4, "E1")

        assert broker.read() == []

        assert broker.compared().lines[1].doubtful == 1
        row = broker.orders[order_id]
        world.do(c.JudgeDoubt(LOCAL, doubted, order_id, "seen at the terminal", row))
        broker.read()
        assert world.an_order(doubted).cum_quantity == whole(4)
        assert world.held("INFY") == whole(4)

    def test_is_booked_as_foreign_once_the_doubt_is_judged_otherwise(
        self, world: World, doubted: str
    ) -> None:
        broker = Shown(world, capabilities=TAGLESS)
        broker.fills(broker.has(doubted, tagged=False), 4, "E1")
        broker.read()
        world.do(c.JudgeDoubt(LOCAL, doubted, "", "the broker says no"))

        (event,) = broker.read()

        assert isinstance(event, ForeignFillBooked)
        assert world.status(doubted) is S.NOT_RECEIVED

    def test_does_not_wait_for_an_order_that_is_not_like_it(
        self, world: World, doubted: str
    ) -> None:
        broker = Shown(world, capabilities=TAGLESS)
        broker.trades_outside(Side.SELL, 4, "E1")

        (event,) = broker.read()

        assert isinstance(event, ForeignFillBooked)

    def test_of_no_order_that_the_book_has_waits_where_tags_are_kept_as_well(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        order_id = broker.has(doubted, tagged=False)
        broker.fills(order_id, 4, "E1")
        broker.orders.clear()
        assert broker.read() == []

        broker.has_foreign(Side.BUY, 4, order_id)

        (event,) = broker.read()
        assert isinstance(event, ForeignFillBooked)


class TestWhatHasOurTag:
    def test_beyond_our_counter_proves_that_the_journal_lost_its_tail(
        self, world: World, broker: Shown
    ) -> None:
        lost = new_cl_ord_id("AA", 0, world.state.next_order)
        order_id = broker.has_foreign(Side.BUY, 5, tag=lost)
        broker.fills(order_id, 5, "E1")

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert (filed.found.kind, filed.found.subject) == (BreakKind.ORDER_UNKNOWN, lost)
        assert lost in why_closed(world.state, broker.compared())
        assert world.held("INFY") == 0

    def test_of_an_execution_alone_proves_the_same(self, world: World, broker: Shown) -> None:
        lost = new_cl_ord_id("AA", 0, 999)
        broker.fills(broker.has_foreign(Side.BUY, 5, tag=lost), 5, "E1")
        broker.orders.clear()

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.subject == lost

    @pytest.mark.parametrize("how", ["instrument", "account"])
    def test_and_is_another_order_than_ours_proves_the_same(
        self, world: World, broker: Shown, buy: str, how: str
    ) -> None:
        if how == "account":
            world.account(2)
            (draft,) = world.order(price="100", client=2).orders
            broker.has_foreign(Side.BUY, 10, tag=draft.cl_ord_id)
        else:
            broker.has_foreign(Side.BUY, 10, tag=buy, instrument="ACC")

        filed = broker.read()[0]

        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.ORDER_UNKNOWN

    def test_keeps_the_account_closed_when_a_later_reading_does_not_show_it(
        self, world: World, broker: Shown
    ) -> None:
        order_id = broker.has_foreign(Side.BUY, 5, tag=new_cl_ord_id("AA", 0, 999))
        (filed,) = broker.read()
        assert isinstance(filed, BreakFiled)
        del broker.orders[order_id]

        assert [broker.read() for _ in range(3)] == [[]] * 3

        assert filed.found.subject in why_closed(world.state, broker.compared())
        world.do(c.CloseBreak(LOCAL, filed.found.id, "it was a rehearsal"))
        assert why_closed(world.state, broker.compared()) == ""

    def test_is_never_given_again(self, world: World, broker: Shown) -> None:
        broker.has_foreign(Side.BUY, 5, tag=new_cl_ord_id("AA", 0, 999))
        broker.read()

        (draft,) = world.order(quantity="1").orders

        assert draft.cl_ord_id == new_cl_ord_id("AA", 0, 1_000)

    def test_that_somebody_typed_in_takes_no_ids_away(self, world: World, broker: Shown) -> None:
        before = world.state.next_order
        broker.has_foreign(Side.BUY, 5, tag="AA0ZZZZZZZ")
        broker.read()

        assert world.state.next_order == before

    def test_stays_lost_though_its_counter_is_left_out_since(
        self, world: World, broker: Shown
    ) -> None:
        lost = new_cl_ord_id("AA", 0, 999)
        broker.has_foreign(Side.BUY, 5, tag=lost)
        (filed,) = broker.read()
        assert isinstance(filed, BreakFiled)

        world.do(c.CloseBreak(LOCAL, filed.found.id, "looked into"))

        assert [broker.read() for _ in range(2)] == [[]] * 2
        assert [one.subject for one in broker.compared().differences] == [lost]

    def test_has_nothing_of_its_reading_adopted_before_it_is_settled(
        self, world: World, broker: Shown
    ) -> None:
        broker.has_foreign(Side.BUY, 5, tag=new_cl_ord_id("AA", 0, 999))
        broker.trades_outside(Side.BUY, 3, "E9")
        (filed,) = broker.read()
        assert isinstance(filed, BreakFiled)
        assert broker.read() == []

        world.do(c.CloseBreak(LOCAL, filed.found.id, "looked into"))

        assert any(isinstance(event, ForeignFillBooked) for event in broker.read())

    def test_beyond_the_bound_of_breaks_keeps_it_closed_while_it_is_shown(
        self, world: World, broker: Shown, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(breaks, "BREAKS_MAX", 0)
        lost = new_cl_ord_id("AA", 0, 999)
        broker.has_foreign(Side.BUY, 5, tag=lost)

        assert broker.read() == []
        assert lost in why_closed(world.state, broker.compared())

    def test_lets_the_account_open_once_a_person_settled_it(
        self, world: World, broker: Shown
    ) -> None:
        broker.has_foreign(Side.BUY, 5, tag=new_cl_ord_id("AA", 0, 999))
        (filed,) = broker.read()
        assert isinstance(filed, BreakFiled)

        world.do(c.CloseBreak(LOCAL, filed.found.id, "it was a rehearsal"))

        assert why_closed(world.state, broker.compared()) == ""
        assert broker.read() == []

    def test_of_an_order_that_left_memory_is_for_the_archive(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        world.report(buy, ExecType.CANCELED)
        world.wait(3_700)
        world.do(c.Tick())
        assert buy not in world.state.orders
        trade = broker.fills(order_id, 4, "E1")
        broker.ends(order_id, S.CANCELED)

        assert broker.read() == []

        assert broker.compared().retired == (trade,)

    def test_of_an_order_that_ended_and_left_memory_and_works_there_is_a_break(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        broker.has(buy)
        world.report(buy, ExecType.CANCELED)
        world.wait(3_700)
        world.do(c.Tick())
        assert broker.read() == []

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.ORDER_DIFFERS
        assert why_closed(world.state, broker.compared()) == ""


class TestALateFill:
    @pytest.fixture
    def retired(self, world: World, broker: Shown) -> c.ArchivedOrder:
        (draft,) = world.order(price="100").orders
        world.accepted(draft.cl_ord_id)
        world.report(draft.cl_ord_id, ExecType.CANCELED)
        broker.has(draft.cl_ord_id, S.CANCELED)
        world.wait(3_700)
        world.do(c.Tick())
        return c.ArchivedOrder(
            draft.cl_ord_id,
            "A1/P",
            draft.instrument,
            Side.BUY,
            Product.DELIVERY,
            0,
            frozenset({"E0"}),
        )

    def test_is_booked_under_the_name_of_its_order(
        self, world: World, broker: Shown, retired: c.ArchivedOrder
    ) -> None:
        trade = broker.fills(f"B{retired.cl_ord_id}", 4, "E1")

        (event,) = world.do(c.BookLateFill("A1", trade, retired))

        assert isinstance(event, ForeignFillBooked)
        assert event.cl_ord_id == retired.cl_ord_id
        assert world.held("INFY") == whole(4)
        assert world.do(c.BookLateFill("A1", trade, retired)) == []
        assert broker.compared().retired == ()

    def test_that_was_booked_in_its_time_is_none(
        self, world: World, broker: Shown, retired: c.ArchivedOrder
    ) -> None:
        trade = broker.fills(f"B{retired.cl_ord_id}", 4, "E0")

        assert world.do(c.BookLateFill("A1", trade, retired)) == []
        assert world.do(c.BookLateFill("A9", trade, retired)) == []

    def test_of_an_order_that_nobody_can_find_is_a_break_until_somebody_settles_it(
        self, world: World, broker: Shown, retired: c.ArchivedOrder
    ) -> None:
        trade = broker.fills(f"B{retired.cl_ord_id}", 4, "E1")

        (filed,) = world.do(c.BookLateFill("A1", trade, None))

        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.FILL_UNBOOKABLE
        assert world.do(c.BookLateFill("A1", trade, None)) == []
        broker.orders.clear()
        broker.trades.clear()
        assert broker.read() == []
        assert filed.found.id in world.state.breaks

    def test_closes_that_break_when_it_is_booked_after_all(
        self, world: World, broker: Shown, retired: c.ArchivedOrder
    ) -> None:
        trade = broker.fills(f"B{retired.cl_ord_id}", 4, "E1")
        broker.ends(f"B{retired.cl_ord_id}", S.CANCELED)
        world.do(c.BookLateFill("A1", trade, None))
        world.do(c.BookLateFill("A1", trade, retired))

        broker.read()

        assert world.state.breaks == {}

    def test_that_fits_no_book_is_a_break(
        self, world: World, broker: Shown, retired: c.ArchivedOrder
    ) -> None:
        trade = broker.fills(f"B{retired.cl_ord_id}", 4, "E1")
        odd = msgspec.structs.replace(trade, instrument="?")
        nowhere = msgspec.structs.replace(retired, book="A9/P")

        (filed,) = world.do(c.BookLateFill("A1", odd, retired))
        assert isinstance(filed, BreakFiled)
        other = msgspec.structs.replace(trade, exec_id="E2")
        (filed,) = world.do(c.BookLateFill("A1", other, nowhere))
        assert isinstance(filed, BreakFiled)
        assert "A9/P" in filed.found.reason
        (filed,) = world.do(
            c.BookLateFill("A1", msgspec.structs.replace(trade, exec_id=""), retired)
        )
        assert isinstance(filed, BreakFiled)


class TestWhatIsRemembered:
    def test_is_forgotten_after_a_week(self, world: World, broker: Shown) -> None:
        broker.trades_outside(Side.BUY, 5, "X1")
        broker.read()
        world.wait(6 * DAY // SECOND)
        world.do(c.Tick())
        assert list(world.state.foreign_fills) == ["A1/P|X1"]
        world.wait(2 * DAY // SECOND)

        world.do(c.Tick())

        assert world.state.foreign_fills == {}
        broker.trades[0] = msgspec.structs.replace(broker.trades[0], time=world.now)
        (filed,) = [e for e in broker.read() if isinstance(e, BreakFiled)]
        assert "booked long ago" in filed.found.reason

    def test_is_bounded_and_beyond_that_nothing_is_booked_twice(
        self, world: World, broker: Shown, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(matching, "FOREIGN_FILLS_MAX", 4)
        monkeypatch.setattr(upkeep, "FOREIGN_FILLS_MAX", 4)
        for number in range(5):
            broker.trades_outside(Side.BUY, 1, f"X{number}")

        events = broker.read()

        assert [type(event) for event in events] == [ForeignFillBooked] * 4 + [BreakFiled]
        assert world.held("INFY") == whole(4)
        world.wait(DAY // SECOND)
        world.do(c.Tick())
        assert list(world.state.foreign_fills) == ["A1/P|X2", "A1/P|X3"]


def test_an_outside_trade_is_worth_price_times_quantity(world: World, broker: Shown) -> None:
    cash = world.book().cash
    trade = broker.trades_outside(Side.BUY, 5, "X1")
    odd = msgspec.structs.replace(trade, price=whole(100) + 1, quantity=whole(5) // 3)
    broker.trades[0] = odd
    broker.orders.clear()

    broker.read()

    assert world.book().cash == cash - multiply(odd.price, odd.quantity)


def test_the_counter_of_an_id_is_read_back() -> None:
    assert counter_of(new_cl_ord_id("AA", 3, 123_456), "AA", 3) == 123_456
    assert counter_of(new_cl_ord_id("AA", 3, 123_456), "AA", 4) is None
    assert counter_of("", "AA", 3) is None
