"""Whatever of a broker's reports comes, in whatever order and between whichever readings of its book:
in the end our books are the broker's, and reading the same once more changes nothing.
"""

from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.numbers import format_fixed, multiply, whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, Side
from phalanx.engine import commands as c
from phalanx.engine.snapshot import state_hash
from tests.engine_broker import Shown
from tests.engine_world import World
from tests.property.engine.profile import profile

ORDERS = 3

Move: TypeAlias = tuple[str, int, int]
"""What happens at the broker: (fill, which order, lots), (cancel, which order, _), (outside, side, lots)."""

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.integers(0, ORDERS - 1), st.integers(1, 6)),
        st.tuples(st.just("cancel"), st.integers(0, ORDERS - 1), st.just(0)),
        st.tuples(st.just("outside"), st.sampled_from([1, 2]), st.integers(1, 6)),
    ),
    max_size=12,
)

NEWS = st.lists(
    st.tuples(st.sampled_from(["report", "report", "read", "restart"]), st.integers(0, 30)),
    max_size=30,
)
"""What of it comes to us: any report, however often, and the books that were, the newest last."""


class Story:
    """Two buys and a sell at a broker that moves, and we who hear of it."""

    def __init__(self, doubted: list[bool]) -> None:
        self.world = World()
        self.world.account()
        self.shown = Shown(self.world)
        (held,) = self.world.order(quantity="20", price="100").orders
        self.world.filled(held.cl_ord_id)
        self.opening_cash = self.world.book().cash
        self.ids = []
        for number in range(ORDERS):
            side = Side.SELL if number == ORDERS - 1 else Side.BUY
            planned = self.world.order(side, quantity=f"{10 + number}", price="100")
            self.ids += [draft.cl_ord_id for draft in planned.orders]
        for cl_ord_id, in_doubt in zip(self.ids, doubted, strict=True):
            if in_doubt:
                self.world.unknown(cl_ord_id)
            else:
                self.world.accepted(cl_ord_id)
            self.shown.has(cl_ord_id)
        self.reports: list[ExecutionReport] = []
        self.books: list[BrokerBook] = []

    def move(self, move: Move) -> None:
        """One thing happens at the broker, which says so."""
        what, who, lots = move
        if what == "outside":
            self.shown.trades_outside(Side(who), lots, f"X{len(self.shown.trades)}")
        else:
            self._move_order(what, self.ids[who], lots)
        self.books.append(self.shown.book())

    def _move_order(self, what: str, cl_ord_id: str, lots: int) -> None:
        order_id = f"B{cl_ord_id}"
        order = self.shown.orders[order_id]
        if order.status in {OrdStatus.FILLED, OrdStatus.CANCELED}:
            return
        if what == "cancel":
            self.shown.ends(order_id, OrdStatus.CANCELED)
            report = ExecutionReport(
                cl_ord_id, ExecType.CANCELED, order_id, cum_quantity=order.cum_quantity
            )
        else:
            left = (order.quantity - order.cum_quantity) // whole(1)
            price = 95 + len(self.reports)
            exec_id = f"E{len(self.shown.trades)}"
            trade = self.shown.fills(order_id, min(lots, left), exec_id, price=price, charges=1)
            report = ExecutionReport(
                cl_ord_id,
                ExecType.TRADE,
                order_id,
                trade.exec_id,
                self.shown.orders[order_id].cum_quantity,
                trade.quantity,
                trade.price,
                trade.charges,
            )
        self.reports.append(report)

    def hear(self, news: list[tuple[str, int]]) -> None:
        """Some of it reaches us."""
        newest = 0
        for what, which in news:
            if what == "report" and self.reports:
                self.world.do(c.BookReport(self.reports[which % len(self.reports)]))
            elif what == "read" and self.books:
                newest = max(newest, which % len(self.books))
                self.shown.read(self.books[newest])
            elif what == "restart":
                self.world.do(c.BeginTerm(self.world.state.epoch + 1, "0.1", "ZZ"))

    def check(self) -> None:
        """Our books are the broker's."""
        position, cash = whole(20), self.opening_cash
        for trade in self.shown.trades:
            sign = 1 if trade.side is Side.BUY else -1
            position += sign * trade.quantity
            cash -= sign * multiply(trade.price, trade.quantity) + trade.charges
        assert format_fixed(self.world.held("INFY")) == format_fixed(position)
        assert format_fixed(self.world.book().cash) == format_fixed(cash)
        for cl_ord_id in self.ids:
            ours, theirs = self.world.an_order(cl_ord_id), self.shown.orders[f"B{cl_ord_id}"]
            assert ours.status is theirs.status
            assert ours.cum_quantity == theirs.cum_quantity
            assert sum(ours.exec_ids.values()) == theirs.cum_quantity
        self.shown.positions, self.shown.cash = [], cash
        if position:
            self.shown.holds("INFY", position // whole(1))
        found = self.shown.compared()
        assert found.differences == ()
        assert [line.matched for line in found.lines[:2]] == [
            ORDERS,
            len(self.shown.trades) - len(self.world.state.foreign_fills),
        ]


@profile(examples=150)
@given(st.lists(st.booleans(), min_size=ORDERS, max_size=ORDERS), MOVES, NEWS)
def test_our_books_become_the_brokers(
    doubted: list[bool], moves: list[Move], news: list[tuple[str, int]]
) -> None:
    story = Story(doubted)
    for move in moves:
        story.move(move)
    story.hear(news)

    story.shown.read()

    story.check()
    assert story.world.state.breaks == {}
    before = state_hash(story.world.state)
    assert story.shown.read() == []
    assert state_hash(story.world.state) == before
