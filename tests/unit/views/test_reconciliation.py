"""Breaks, trades from outside, late fills and verdicts in the views, driven by the engine itself."""

import msgspec
import pytest

from phalanx.domain.breaks import BreakEnd, BreakKind
from phalanx.domain.events import BreakClosed, BreakFiled, Event, ForeignFillBooked
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, Side
from phalanx.domain.time import DAY, HOUR, SECOND
from phalanx.engine import commands as c
from phalanx.views.break_list import BreakFilters
from phalanx.views.rows import BreakRow, LogEntry, TradeOrigin, TradeRow, TradeStatus
from tests.engine_broker import TAGLESS, Shown
from tests.engine_world import fixed
from tests.unit.views.records import rows
from tests.unit.views.watched import Watched

OLGA = Origin("olga", Door.BREAKS)


@pytest.fixture
def broker(watched: Watched) -> Shown:
    return Shown(watched.world)


def filed(broker: Shown, cash: int = 7) -> str:
    """The break of cash that differs in two readings."""
    broker.cash = whole(cash)
    broker.read()
    events = broker.read()
    (found,) = [event.found for event in events if isinstance(event, BreakFiled)]
    assert found.kind is BreakKind.CASH
    return found.id


def one(watched: Watched, break_id: str) -> BreakRow:
    row = watched.views.one_break(break_id)
    assert row is not None
    return row


def trade(watched: Watched, lot: str) -> TradeRow:
    row = watched.views.trade(lot)
    assert row is not None
    return row


def booked(events: list[Event]) -> ForeignFillBooked:
    (event,) = [event for event in events if isinstance(event, ForeignFillBooked)]
    return event


class TestBreaks:
    def test_one_is_filed_taken_and_settled(self, watched: Watched, broker: Shown) -> None:
        break_id = filed(broker)
        found = watched.world.state.breaks[break_id]
        row = one(watched, break_id)
        assert (row.account, row.client_id, row.kind) == ("A1", 1, BreakKind.CASH)
        assert (row.ours, row.theirs, row.reason) == (found.ours, found.theirs, found.reason)
        assert (row.filed_at_ns, row.deadline_ns) == (found.filed_at, found.deadline)
        assert (row.owner, row.ending, row.ended_at_ns) == ("", None, 0)

        deadline = watched.world.now + HOUR
        watched.world.do(c.TakeBreak(OLGA, break_id, "asha", "called them", deadline))
        row = one(watched, break_id)
        assert (row.owner, row.note, row.deadline_ns) == ("asha", "called them", deadline)

        (closed,) = watched.world.do(c.CloseBreak(OLGA, break_id, "a fee"))
        row = one(watched, break_id)
        assert (row.ending, row.closed_by, row.closing_note) == (BreakEnd.SETTLED, "olga", "a fee")
        assert row.ended_at_ns == row.updated_at_ns == closed.time
        assert (row.owner, row.note) == ("asha", "called them")

    def test_one_that_a_reading_ends_is_nobodys_doing(
        self, watched: Watched, broker: Shown
    ) -> None:
        break_id = filed(broker)
        broker.cash = watched.world.book().cash

        events = broker.read()

        assert [type(event) for event in events] == [BreakClosed]
        row = one(watched, break_id)
        assert (row.ending, row.closed_by) == (BreakEnd.MATCHED, "")

    def test_other_values_stay_in_its_row(self, watched: Watched, broker: Shown) -> None:
        break_id = filed(broker)
        seq = one(watched, break_id).seq

        assert filed(broker, cash=9) == break_id

        row = one(watched, break_id)
        assert (row.seq, row.theirs) == (seq, "9")
        assert watched.views.breaks(BreakFilters()).total == 1

    def test_one_that_comes_back_is_another_row(self, watched: Watched, broker: Shown) -> None:
        break_id = filed(broker)
        watched.world.do(c.CloseBreak(OLGA, break_id, "a fee"))
        assert filed(broker, cash=9) == break_id

        found = watched.views.breaks(BreakFilters())
        assert [(row.theirs, row.ending) for row in found.items] == [
            ("9", None),
            ("7", BreakEnd.SETTLED),
        ]
        assert one(watched, break_id).theirs == "9"

    def test_filters(self, watched: Watched, broker: Shown) -> None:
        break_id = filed(broker)
        now = watched.world.now
        matching = (
            BreakFilters(),
            BreakFilters(account="A1", kind=BreakKind.CASH, owner="", is_open=True),
            BreakFilters(overdue_at=now + DAY),
        )
        others = (
            BreakFilters(account="A2"),
            BreakFilters(kind=BreakKind.POSITION),
            BreakFilters(owner="asha"),
            BreakFilters(is_open=False),
            BreakFilters(overdue_at=now),
        )
        for filters in matching:
            page = watched.views.breaks(filters)
            assert ([row.id for row in page.items], page.total) == ([break_id], 1)
            assert page.as_of == watched.world.state.seq
        for filters in others:
            page = watched.views.breaks(filters)
            assert (page.items, page.total) == ((), 0)

        watched.world.do(c.CloseBreak(OLGA, break_id, "a fee"))
        assert watched.views.breaks(BreakFilters(is_open=False)).total == 1
        assert watched.views.breaks(BreakFilters(overdue_at=now + DAY)).total == 0

    def test_pages(self, watched: Watched, broker: Shown) -> None:
        filed(broker)
        for asked in ({"limit": 0}, {"limit": 1_001}, {"skip": -1}):
            with pytest.raises(ValueError, match="not"):
                watched.views.breaks(BreakFilters(), **asked)
        page = watched.views.breaks(BreakFilters(), skip=1)
        assert (page.items, page.total) == ((), 1)
        assert watched.views.one_break("B") is None


class TestATradeFromOutside:
    def test_that_buys_is_a_trade_of_no_strategy(self, watched: Watched, broker: Shown) -> None:
        broker.trades_outside(Side.BUY, 5, "X1", price=90, charges=3)
        event = booked(broker.read())

        row = trade(watched, event.lot)

        assert (row.origin, row.strategy, row.status) == (
            TradeOrigin.OUTSIDE,
            None,
            TradeStatus.ACTIVE,
        )
        assert (row.bought, row.cost, row.charges) == (whole(5), whole(450), 3)
        assert row.opened_at_ns == event.traded_at
        line = watched.log()[-1]
        assert (line.entry, line.cl_ord_id) == (LogEntry.OUTSIDE, event.lot)
        assert (line.quantity, line.price, line.side) == (whole(5), whole(90), Side.BUY)
        assert line.text == "execution X1 of broker order XX1"

    def test_that_sells_closes_the_oldest_first(self, watched: Watched, broker: Shown) -> None:
        world = watched.world
        later = world.bought("RED", "INFY")
        broker.trades_outside(Side.BUY, 2, "X1")
        old = msgspec.structs.replace(broker.trades[-1], time=world.now - DAY)
        broker.trades[-1] = old
        oldest = booked(broker.read()).lot
        broker.trades_outside(Side.SELL, 2, "X2", price=110)

        broker.read()

        assert trade(watched, oldest).status is TradeStatus.CLOSED
        assert trade(watched, oldest).pnl.realized == whole(20)
        assert trade(watched, later).status is TradeStatus.ACTIVE

    def test_that_sells_too_much_is_a_short_which_the_next_buy_covers(
        self, watched: Watched, broker: Shown
    ) -> None:
        watched.world.bought("RED", "INFY")
        broker.trades_outside(Side.SELL, 4, "X1")
        broker.read()
        assert rows(watched.connection(), "SELECT quantity FROM shorts") == [whole(3)]

        broker.trades_outside(Side.BUY, 5, "X2", price=90, charges=5)
        row = trade(watched, booked(broker.read()).lot)

        assert rows(watched.connection(), "SELECT quantity FROM shorts") == [0]
        assert (row.bought, row.cost, row.charges) == (whole(2), whole(180), 2)

    def test_that_only_covers_is_no_trade(self, watched: Watched, broker: Shown) -> None:
        broker.trades_outside(Side.SELL, 4, "X1")
        broker.trades_outside(Side.BUY, 4, "X2")

        broker.read()

        assert watched.views.trades().total == 0


class TestALateFill:
    def late(self, watched: Watched, broker: Shown, *, lots: int, of: int = 10) -> str:
        """An order of ten that was canceled, left memory, and then is filled after all."""
        world = watched.world
        (draft,) = world.order(quantity=str(of), price="100").orders
        world.accepted(draft.cl_ord_id)
        world.report(draft.cl_ord_id, ExecType.CANCELED)
        order_id = broker.has(draft.cl_ord_id)
        trade = broker.fills(order_id, lots, "L1", price=99, charges=4)
        row = watched.order(draft.cl_ord_id)
        world.wait(2 * HOUR / SECOND)
        world.do(c.Tick())
        assert draft.cl_ord_id not in world.state.orders
        archived = c.ArchivedOrder(
            draft.cl_ord_id, draft.book, draft.instrument, draft.side, draft.product,
            row.cum_quantity, frozenset(),
        )  # fmt: skip
        world.do(c.BookLateFill("A1", trade, archived))
        return draft.cl_ord_id

    def test_is_on_the_row_of_its_order(self, watched: Watched, broker: Shown) -> None:
        cl_ord_id = self.late(watched, broker, lots=4)

        row = watched.order(cl_ord_id)

        assert (row.status, row.cum_quantity) == (OrdStatus.CANCELED, whole(4))
        assert (row.avg_price, row.charges, row.flag) == (whole(99), 4, "LATE")
        (fill,) = watched.views.fills(cl_ord_id)
        assert (fill.exec_id, fill.quantity, fill.price) == ("L1", whole(4), whole(99))
        line = watched.log()[-1]
        assert (line.entry, line.cl_ord_id, line.text) == (LogEntry.FILL, cl_ord_id, "LATE")
        assert line.status is OrdStatus.CANCELED

    def test_of_all_of_it_fills_the_order(self, watched: Watched, broker: Shown) -> None:
        cl_ord_id = self.late(watched, broker, lots=10)

        row = watched.order(cl_ord_id)

        assert row.status is OrdStatus.FILLED
        assert watched.views.orders(status=OrdStatus.FILLED).total == 1
        assert watched.views.orders(status=OrdStatus.CANCELED).total == 0
        tree = watched.tree(row.instruction_id)
        assert (tree.instruction.filled, tree.instruction.canceled) == (1, 0)
        assert watched.log()[-1].status is OrdStatus.FILLED

    def test_is_a_trade_of_the_lot_that_it_made(self, watched: Watched, broker: Shown) -> None:
        self.late(watched, broker, lots=4)

        (lot,) = watched.world.lots()
        (row,) = watched.views.trades().items

        assert (row.id, row.pnl.remaining, row.pnl.remaining_cost) == (
            lot.id,
            lot.remaining,
            lot.cost,
        )


class TestAVerdict:
    def test_is_in_the_log_before_what_follows_from_it(
        self, watched: Watched, broker: Shown
    ) -> None:
        world = watched.world
        world.capabilities["paper"] = TAGLESS
        (draft,) = world.order(price="100").orders
        world.unknown(draft.cl_ord_id)

        world.do(c.JudgeDoubt(OLGA, draft.cl_ord_id, "", "their desk says so"))

        judged, ended = watched.log()[-2:]
        assert (judged.entry, judged.status) == (LogEntry.JUDGED, OrdStatus.IN_DOUBT)
        assert judged.text == "by olga: the broker never received it; their desk says so"
        assert judged.quantity == fixed("10")
        assert (ended.entry, ended.status) == (LogEntry.END, OrdStatus.NOT_RECEIVED)
        assert watched.order(draft.cl_ord_id).status is OrdStatus.NOT_RECEIVED

    def test_names_the_order_that_it_is(self, watched: Watched, broker: Shown) -> None:
        world = watched.world
        (draft,) = world.order(price="100").orders
        world.unknown(draft.cl_ord_id)

        seen = broker.orders[broker.has_foreign(Side.BUY, 10, "B77")]
        world.do(c.JudgeDoubt(OLGA, draft.cl_ord_id, "B77", "seen", seen))

        (judged,) = [line for line in watched.log() if line.entry is LogEntry.JUDGED]
        assert judged.text == "by olga: it is B77; seen"
        row = watched.order(draft.cl_ord_id)
        assert (row.status, row.order_id) == (OrdStatus.NEW, "B77")

    @pytest.mark.parametrize(("granted", "word"), [(True, "granted"), (False, "not granted")])
    def test_about_a_request_names_it(
        self, watched: Watched, broker: Shown, granted: bool, word: str
    ) -> None:
        world = watched.world
        (draft,) = world.order(price="100").orders
        world.accepted(draft.cl_ord_id)
        request_id = world.replace(draft.cl_ord_id, price="101")
        world.request_sent(draft.cl_ord_id)
        world.do(c.BookUnknown(draft.cl_ord_id, "time-out", request_id))

        world.do(c.JudgeDoubt(OLGA, draft.cl_ord_id, "", "seen", granted=granted))

        (judged,) = [line for line in watched.log() if line.entry is LogEntry.JUDGED]
        assert judged.text == f"by olga: {request_id} was {word}; seen"
        assert watched.order(draft.cl_ord_id).limit == fixed("101" if granted else "100")
