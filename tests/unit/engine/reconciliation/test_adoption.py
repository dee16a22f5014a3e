"""Whatever a broker's book shows of our orders becomes ours, once."""

import msgspec
import pytest

from phalanx.domain.events import OrderReported, RequestEnded
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Side
from phalanx.engine import commands as c
from phalanx.engine.snapshot import state_hash
from tests.engine_broker import TAGLESS, Shown
from tests.engine_world import World

S = OrdStatus


class TestAnOrderInDoubt:
    def test_that_the_book_shows_is_accepted_under_its_id(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        broker.has(doubted)

        broker.read()

        assert world.status(doubted) is S.NEW
        assert world.an_order(doubted).order_id == f"B{doubted}"
        assert world.book().doubts == {}

    def test_has_its_executions_booked_each_at_its_own_price(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        order_id = broker.has(doubted)
        broker.fills(order_id, 4, "E1", price=99, charges=7)
        broker.fills(order_id, 6, "E2", price=98)

        broker.read()

        order = world.an_order(doubted)
        assert order.status is S.FILLED
        assert order.filled_value == whole(4 * 99 + 6 * 98)
        assert order.charges == 7
        assert order.exec_ids == {"E1": whole(4), "E2": whole(6)}

    @pytest.mark.parametrize("end", [S.CANCELED, S.REJECTED, S.EXPIRED])
    def test_ends_as_it_ended_there(
        self, world: World, broker: Shown, doubted: str, end: OrdStatus
    ) -> None:
        broker.has(doubted, end)

        events = broker.read()

        assert world.status(doubted) is end
        assert len(events) == 1

    def test_ends_with_what_was_filled_before(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        order_id = broker.has(doubted)
        broker.fills(order_id, 4, "E1")
        broker.ends(order_id, S.CANCELED)

        broker.read()

        assert world.status(doubted) is S.CANCELED
        assert world.held("INFY") == whole(4)
        assert world.book().holds == 0

    def test_is_found_by_an_execution_alone(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        order_id = broker.has(doubted)
        trade = broker.fills(order_id, 4, "E1")
        broker.orders.clear()

        broker.read()

        assert trade.cl_ord_id == doubted
        assert world.status(doubted) is S.PARTIALLY_FILLED

    def test_of_which_absence_was_proved_lives_again(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        world.wait(60)
        for _ in range(3):
            broker.read()
        assert world.status(doubted) is S.NOT_RECEIVED
        broker.has(doubted)

        (event,) = broker.read()

        assert isinstance(event, OrderReported)
        assert event.flag == "LATE"
        assert world.status(doubted) is S.NEW

    def test_of_which_absence_was_proved_is_canceled_where_it_was_canceled(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        world.wait(60)
        for _ in range(3):
            broker.read()
        broker.has(doubted, S.CANCELED)

        broker.read()

        assert world.status(doubted) is S.CANCELED


class TestAWorkingOrder:
    def test_has_the_executions_booked_that_nobody_reported(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        trade = broker.fills(order_id, 4, "E1")
        world.do(
            c.BookReport(
                ExecutionReport(
                    buy, ExecType.TRADE, order_id, "E1", trade.quantity, trade.quantity, trade.price
                )
            )
        )
        broker.fills(order_id, 6, "E2")

        (event,) = broker.read()

        assert isinstance(event, OrderReported)
        assert event.report.exec_id == "E2"
        assert world.status(buy) is S.FILLED

    def test_keeps_what_reports_without_ids_filled(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        broker.fills(order_id, 4, "E1")
        report = ExecutionReport(buy, ExecType.TRADE, order_id, "", whole(4), whole(4), whole(100))
        world.do(c.BookReport(report))

        assert broker.read() == []
        assert world.held("INFY") == whole(4)

    def test_ends_although_more_was_said_than_the_book_has(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy, S.CANCELED)
        ended = ExecutionReport(buy, ExecType.CANCELED, order_id, cum_quantity=whole(4))
        world.do(c.BookReport(ended))
        assert world.status(buy) is not S.CANCELED

        broker.read()

        assert world.status(buy) is S.CANCELED

    def test_that_is_full_there_at_a_smaller_quantity_gives_up_the_rest(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        broker.fills(order_id, 4, "E1")
        broker.change(order_id, quantity=whole(4), status=S.FILLED)

        broker.read()

        assert world.status(buy) is S.CANCELED
        assert world.held("INFY") == whole(4)

    def test_is_found_by_its_id_where_no_tag_is_kept(self, world: World, buy: str) -> None:
        broker = Shown(world, capabilities=TAGLESS)
        order_id = broker.has(buy, tagged=False)
        broker.fills(order_id, 10, "E1")

        broker.read()

        assert world.status(buy) is S.FILLED
        assert world.state.foreign_fills == {}

    def test_that_was_never_written_as_we_believe_is_accepted(
        self, world: World, broker: Shown
    ) -> None:
        (draft,) = world.order(price="100").orders
        broker.has(draft.cl_ord_id)

        broker.read()

        assert world.status(draft.cl_ord_id) is S.NEW

    def test_of_another_account_is_left_alone(self, world: World, broker: Shown) -> None:
        world.account(2)
        (draft,) = world.order(price="100", client=2).orders
        world.accepted(draft.cl_ord_id)

        assert broker.read() == []
        assert broker.read() == []

    def test_is_told_once(self, world: World, broker: Shown, buy: str) -> None:
        order_id = broker.has(buy)
        broker.fills(order_id, 4, "E1")
        broker.trades_outside(Side.SELL, 3, "X1")
        book = broker.book()
        assert broker.read(book)
        before = state_hash(world.state)

        assert broker.read(book) == []
        assert state_hash(world.state) == before


class TestARequestInDoubt:
    def in_doubt(self, world: World, buy: str, quantity: str = "") -> str:
        request_id = world.replace(buy, quantity) if quantity else world.cancel(buy)
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))
        return request_id

    def test_replace_is_granted_when_the_book_shows_its_terms(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        self.in_doubt(world, buy, "15")
        order_id = broker.has(buy)
        broker.change(order_id, quantity=whole(15))

        broker.read()

        assert world.status(buy) is S.NEW
        assert world.an_order(buy).quantity == whole(15)

    def test_replace_that_was_answered_and_never_reported_is_granted_as_well(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        world.replace(buy, "15")
        world.request_sent(buy)
        order_id = broker.has(buy)
        broker.change(order_id, quantity=whole(15))
        assert broker.read() == []
        world.wait(26)

        broker.read()

        assert world.an_order(buy).quantity == whole(15)

    def replaced(self, world: World, buy: str) -> None:
        """The order was replaced before: from ten to five."""
        request_id = world.replace(buy, "5")
        world.request_sent(buy)
        world.do(c.BookReport(ExecutionReport(buy, ExecType.REPLACED, f"B{buy}")))
        assert request_id
        assert world.an_order(buy).quantity == whole(5)

    def test_replace_back_to_old_terms_is_not_granted_by_an_old_reading(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        broker.has(buy)
        old = broker.book()
        world.wait(1)
        self.replaced(world, buy)
        self.in_doubt(world, buy, "10")

        assert [broker.read(old) for _ in range(5)] == [[]] * 5
        world.wait(60)
        assert [broker.read(old) for _ in range(5)] == [[]] * 5
        assert world.an_order(buy).quantity == whole(5)

    def test_replace_back_to_old_terms_takes_looks_that_were_all_made_after_it(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        self.replaced(world, buy)
        self.in_doubt(world, buy, "10")
        broker.change(order_id, quantity=whole(10))
        assert [broker.read() for _ in range(5)] == [[]] * 5
        world.wait(6)
        assert [broker.read() for _ in range(2)] == [[]] * 2

        broker.read()

        assert world.an_order(buy).quantity == whole(10)

    def test_looks_that_show_no_effect_are_none_that_show_it(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        self.replaced(world, buy)
        self.in_doubt(world, buy, "10")
        world.wait(26)
        broker.change(order_id, quantity=whole(5))
        assert [broker.read() for _ in range(2)] == [[]] * 2
        broker.change(order_id, quantity=whole(10))

        assert broker.read() == []
        assert world.an_order(buy).quantity == whole(5)

    def test_replace_is_not_granted_while_its_answer_may_still_come(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        world.replace(buy, "15")
        world.request_sent(buy)
        broker.change(broker.has(buy), quantity=whole(15))

        assert [broker.read() for _ in range(5)] == [[]] * 5
        assert world.status(buy) is S.PENDING_REPLACE

    @pytest.mark.parametrize("quantity", ["15", ""])
    def test_without_effect_ends_after_quiet_time_and_looks(
        self, world: World, broker: Shown, buy: str, quantity: str
    ) -> None:
        self.in_doubt(world, buy, quantity)
        broker.has(buy)
        world.wait(20)
        assert broker.read() == []
        world.wait(6)
        assert broker.read() == []
        assert broker.read() == []

        (event,) = broker.read()

        assert isinstance(event, RequestEnded)
        assert world.status(buy) is S.NEW

    def test_cancel_that_had_its_effect_shows_as_the_end(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        self.in_doubt(world, buy)
        broker.has(buy, S.CANCELED)

        broker.read()

        assert world.status(buy) is S.CANCELED

    def test_replace_of_an_order_that_is_full_there_ends_with_it(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        self.in_doubt(world, buy, "15")
        order_id = broker.has(buy)
        broker.fills(order_id, 10, "E1")

        broker.read()

        assert world.status(buy) is S.FILLED

    def test_replace_and_the_cancel_over_it_are_settled_by_one_reading(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        self.in_doubt(world, buy, "15")
        self.in_doubt(world, buy)
        order_id = broker.has(buy)
        broker.fills(order_id, 2, "E1")
        broker.change(order_id, quantity=whole(15), status=S.CANCELED)

        broker.read()

        assert world.status(buy) is S.CANCELED
        assert world.an_order(buy).quantity == whole(15)

    def test_of_which_the_book_cannot_tell_stays_in_doubt(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        request_id = world.replace(buy, price="101")
        world.request_sent(buy)
        world.do(c.BookUnknown(buy, "time-out", request_id))
        broker.has(buy)
        world.wait(60)

        for _ in range(5):
            assert broker.read() == []
        assert world.status(buy) is S.PENDING_REPLACE

    def test_that_was_answered_and_never_reported_is_as_doubtful_after_its_quiet_time(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        world.cancel(buy)
        world.request_sent(buy)
        broker.has(buy)
        assert broker.compared().doubtful == ()
        world.wait(26)

        assert broker.compared().doubtful == (buy,)
        broker.read()
        broker.read()
        broker.read()
        assert world.status(buy) is S.NEW

    def test_of_our_own_process_is_never_doubtful_for_want_of_a_report(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        near = msgspec.structs.replace(broker.capabilities, late_ms=None, looks_to_prove=1)
        world.capabilities["paper"] = near
        world.cancel(buy)
        world.request_sent(buy)
        broker.has(buy)
        world.wait(3_600)

        assert broker.read() == []
        assert world.status(buy) is S.PENDING_CANCEL


class TestAnExecutionThatOvertookAnother:
    def late(self, world: World, buy: str, exec_id: str, last: int, cum: int) -> None:
        order_id = f"B{buy}"
        report = ExecutionReport(
            buy, ExecType.TRADE, order_id, exec_id, whole(cum), whole(last), whole(100)
        )
        world.do(c.BookReport(report))

    def test_is_booked_beside_the_one_that_an_older_reading_shows(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        broker.fills(order_id, 2, "E1")
        older = broker.book()
        broker.fills(order_id, 1, "E2")
        self.late(world, buy, "E2", 1, 3)

        broker.read(older)
        assert world.an_order(buy).exec_ids == {"E2": whole(1), "E1": whole(2)}

        assert broker.read() == []
        assert world.held("INFY") == whole(3)

    def test_leaves_the_part_that_was_booked_without_a_name_to_the_oldest(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        broker.fills(order_id, 4, "E1")
        self.late(world, buy, "", 3, 3)

        (event,) = broker.read()

        assert isinstance(event, OrderReported)
        assert (event.report.exec_id, event.last_quantity) == ("E1", whole(1))
        broker.fills(order_id, 4, "E2")
        (event,) = broker.read()
        assert isinstance(event, OrderReported)
        assert (event.report.exec_id, event.last_quantity) == ("E2", whole(4))
        assert broker.read() == []
