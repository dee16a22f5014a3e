"""A comparison counts, and names every difference."""

import msgspec
import pytest

from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.events import BreakFiled, OrderReported
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Side, TimeInForce
from phalanx.domain.time import DAY, SECOND
from phalanx.engine import commands as c
from phalanx.engine.reconciliation import matching
from phalanx.engine.reconciliation.differences import Line
from phalanx.engine.state import State
from tests.engine_broker import FAR, Shown
from tests.engine_world import World

S = OrdStatus


class TestTheLines:
    def test_of_a_book_that_agrees_match(self, world: World, broker: Shown, buy: str) -> None:
        order_id = broker.has(buy)
        broker.fills(order_id, 4, "E1")
        broker.trades_outside(Side.BUY, 2, "X1")
        broker.holds("INFY", 6)
        broker.read()
        broker.cash = world.book().cash

        found = broker.compared()

        assert found.lines == (
            Line("orders", 1, 2, 1, 1),
            Line("trades", 1, 2, 1, 1),
            Line("positions", 1, 1, 1, 0),
            Line("cash", 1, 1, 1, 0),
        )
        assert found.differences == ()
        assert found.doubtful == found.absent == ()
        assert found.retired == ()

    def test_say_what_a_broker_does_not_tell(self, world: World, broker: Shown) -> None:
        world.bought("RED", "INFY")

        found = broker.compared()

        assert [line.told for line in found.lines] == [True, True, False, False]
        assert [line.ours for line in found.lines] == [0, 0, 1, 1]

    def test_of_an_empty_account_are_empty(self, broker: Shown) -> None:
        broker.positions = []

        assert [line.theirs for line in broker.compared().lines] == [0, 0, 0, 0]


class TestOrders:
    def test_that_works_here_and_is_not_there_is_a_break_at_the_second_reading(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        assert broker.read() == []

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert (filed.found.kind, filed.found.subject) == (BreakKind.ORDER_MISSING, buy)
        assert broker.read() == []

    def test_that_comes_between_two_readings_is_none(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        broker.read()
        broker.has(buy)

        assert broker.read() == []

    @pytest.mark.parametrize("state", ["waits", "sent"])
    def test_that_is_not_known_there_yet_is_not_missed(
        self, world: World, broker: Shown, state: str
    ) -> None:
        (draft,) = world.order(price="100").orders
        if state == "sent":
            world.sent(draft.cl_ord_id)

        assert [broker.read() for _ in range(3)] == [[]] * 3

    def test_of_an_earlier_day_expired_with_it(self, world: World, broker: Shown, buy: str) -> None:
        world.wait(DAY // SECOND)
        assert [broker.read() for _ in range(FAR.looks_to_prove - 1)] == [[], []]

        (event,) = broker.read()

        assert isinstance(event, OrderReported)
        assert world.status(buy) is S.EXPIRED
        assert world.book().holds == 0

    def test_of_an_earlier_day_that_is_shown_again_did_not_expire(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        """Readings may lag: one that was made before the broker had it proves nothing on another day either."""
        world.wait(DAY // SECOND)
        late = broker.book()
        broker.has(buy)

        shown = [late, late, broker.book()] * 2
        assert [broker.read(book) for book in shown] == [[]] * 6

        assert world.status(buy) is S.NEW

    def test_of_today_by_the_brokers_clock_did_not_expire_yet(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        world.wait(DAY // SECOND)
        broker.skew = -DAY

        read = [event for _ in range(FAR.looks_to_prove + 1) for event in broker.read()]

        assert [type(event) for event in read] == [BreakFiled]
        assert world.status(buy) is S.NEW

    def test_of_another_time_in_force_does_not_expire_with_the_day(
        self, world: World, broker: Shown
    ) -> None:
        (draft,) = world.order(price="100", time_in_force=TimeInForce.IOC).orders
        world.accepted(draft.cl_ord_id)
        world.wait(DAY // SECOND)
        broker.read()

        (event,) = broker.read()

        assert isinstance(event, BreakFiled)

    def test_of_which_the_broker_shows_less_filled_is_a_break(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        broker.has(buy)
        world.filled(buy, "4")
        broker.read()

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        found = filed.found
        assert (found.kind, found.ours, found.theirs) == (BreakKind.FILLED_LESS, "4", "0")

    def test_of_which_the_broker_said_more_than_it_shows_is_a_break(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        said = ExecutionReport(buy, ExecType.TRADE, order_id, "E2", whole(7), whole(3), whole(100))
        world.do(c.BookReport(said))
        broker.fills(order_id, 3, "E2")
        broker.read()

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert (filed.found.ours, filed.found.theirs) == ("7", "3")

    def test_that_ended_here_and_works_there_is_a_break(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        broker.has(buy)
        world.report(buy, ExecType.CANCELED)
        assert broker.read() == []

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.ORDER_DIFFERS
        assert filed.found.ours.startswith("CANCELED")

    @pytest.mark.parametrize(
        ("changes", "shown"),
        [({"quantity": whole(12)}, "NEW 12 at 0"), ({"limit": whole(99)}, "NEW 10 at 99")],
    )
    def test_that_was_changed_outside_is_a_break(
        self, world: World, broker: Shown, buy: str, changes: dict[str, int], shown: str
    ) -> None:
        broker.change(broker.has(buy), **changes)
        broker.read()

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.ours == "NEW 10 at 100"
        assert filed.found.theirs == shown

    def test_that_is_being_replaced_has_no_terms_to_differ_in(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        broker.change(broker.has(buy), quantity=whole(12))
        world.replace(buy, "15")
        world.request_sent(buy)

        assert [broker.read() for _ in range(3)] == [[]] * 3

    def test_whose_protected_price_the_broker_shows_otherwise_is_none(
        self, world: World, broker: Shown
    ) -> None:
        (draft,) = world.order().orders
        world.accepted(draft.cl_ord_id)
        broker.change(broker.has(draft.cl_ord_id), limit=whole(90))

        assert [broker.read() for _ in range(3)] == [[]] * 3

    def test_with_an_execution_that_fits_no_number_stays_and_is_a_break(
        self, world: World, broker: Shown, buy: str
    ) -> None:
        order_id = broker.has(buy)
        trade = broker.fills(order_id, 10, "E1")
        broker.trades[0] = msgspec.structs.replace(trade, charges=9 * 10**18)

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.FILL_UNBOOKABLE
        assert world.status(buy) is S.NEW
        (filed,) = broker.read()
        assert isinstance(filed, BreakFiled)
        assert filed.found.kind is BreakKind.ORDER_DIFFERS


class TestPositions:
    def test_that_differ_twice_are_a_break(self, world: World, broker: Shown) -> None:
        world.bought("RED", "INFY")
        broker.holds("INFY", 3)
        broker.holds("ACC", -2)
        assert broker.read() == []

        filed = [e.found for e in broker.read() if isinstance(e, BreakFiled)]

        assert [(one.subject, one.ours, one.theirs) for one in filed] == [
            ("NSE:6|1", "1", "3"),
            ("NSE:5|1", "0", "-2"),
        ]
        assert filed[0].reason == "1 of NSE:6 with us, 3 at the broker"

    @pytest.mark.parametrize(("lots", "doubtful"), [(10, 1), (4, 1), (11, 0), (-1, 0)])
    def test_that_an_order_in_doubt_could_explain_are_none(
        self, world: World, broker: Shown, doubted: str, lots: int, doubtful: int
    ) -> None:
        broker.holds("INFY", lots)

        broker.read()

        assert broker.compared().lines[2].doubtful == doubtful
        assert len(broker.compared().differences) == 1 - doubtful

    def test_that_a_sell_in_doubt_could_explain_are_none(self, world: World, broker: Shown) -> None:
        world.bought("RED", "INFY")
        (sell,) = world.order(Side.SELL, quantity="1").orders
        world.unknown(sell.cl_ord_id)
        broker.positions = []

        assert broker.compared().differences == ()

    def test_that_a_waiting_execution_explains_are_none(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        world.capabilities["paper"] = msgspec.structs.replace(FAR)
        broker.fills(broker.has(doubted, tagged=False), 10, "E1")
        broker.orders.clear()
        broker.holds("INFY", 20)

        assert broker.compared().lines[2].doubtful == 1

    def test_that_are_flat_on_both_sides_are_not_counted(self, world: World, broker: Shown) -> None:
        broker.holds("INFY", 0)

        assert broker.compared().lines[2] == Line("positions", 0, 0, 0, 0)


class TestCash:
    def test_that_differs_by_a_hair_twice_is_a_break(self, world: World, broker: Shown) -> None:
        broker.cash = world.book().cash + 1
        assert broker.read() == []

        (filed,) = broker.read()

        assert isinstance(filed, BreakFiled)
        assert (filed.found.kind, filed.found.subject) == (BreakKind.CASH, "")
        assert filed.found.theirs == "1000000.00000001"

    def test_that_an_order_in_doubt_could_explain_is_none(
        self, world: World, broker: Shown, doubted: str
    ) -> None:
        broker.cash = 0

        assert broker.compared().differences == ()
        assert broker.compared().lines[3] == Line("cash", 1, 1, 0, 0, doubtful=1)


def test_a_reading_is_matched_once_before_and_once_after_it_is_adopted(
    world: World, broker: Shown, buy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.fills(broker.has(buy), 10, "E1")
    matched: list[BrokerBook] = []

    class Counted(matching._Matcher):
        def __init__(self, state: State, book: BrokerBook, capabilities: Capabilities) -> None:
            matched.append(book)
            super().__init__(state, book, capabilities)

    monkeypatch.setattr(matching, "_Matcher", Counted)
    broker.read()

    assert len(matched) == 2
    assert world.status(buy) is OrdStatus.FILLED
