"""Whatever is bought, sold, oversold and adopted, and whichever lots a sell says it closes: trades hold
the long position, and realise what the cash says.
"""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from phalanx.domain.events import (
    Event,
    ForeignFillBooked,
    InstructionPlanned,
    LotAdopted,
    OrderReported,
)
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.numbers import multiply, whole
from phalanx.domain.orders import (
    Closing,
    ExecType,
    ExecutionReport,
    OrderDraft,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.engine.ids import base36
from phalanx.views.queries import Views
from phalanx.views.rows import TradeRow, TradeStatus
from tests.property.engine.profile import SOAK
from tests.unit.views.lives import LOCAL, START, Lives
from tests.unit.views.records import Records, contents, follow

TERMS = ("A1/P", "NSE:1")
QUANTITIES = st.integers(1, 9)
PRICES = st.integers(1, 5 * 10**8)
CHARGES = st.integers(0, 10**6)
FILL = st.tuples(QUANTITIES, PRICES, CHARGES)
BUY = st.tuples(st.just("buy"), st.lists(FILL, min_size=1, max_size=3))
SELL = st.tuples(
    st.just("sell"),
    st.lists(FILL, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 8), QUANTITIES), max_size=4),
)
ADOPT = st.tuples(st.just("adopt"), QUANTITIES, st.integers(0, 10**10))
SLICED = st.tuples(
    st.just("sliced"), st.lists(st.tuples(st.integers(0, 2), FILL), min_size=1, max_size=5)
)
OUTSIDE = st.tuples(st.just("outside"), st.sampled_from(Side), FILL)
STORY = st.lists(st.one_of(BUY, SLICED, SELL, ADOPT, OUTSIDE), min_size=1, max_size=12)


class Told:
    """A story as events, with the position and the cash it must come to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ids: list[str] = []
        self.sliced: list[tuple[str, list[str]]] = []
        self.position = 0
        self.spent = 0
        self.was_short = False

    def tell(self, kind: str, *what: object) -> None:
        cl_ord_id = f"AA0{base36(len(self.ids))}"
        if kind == "adopt":
            quantity, cost = what
            assert isinstance(quantity, int)
            assert isinstance(cost, int)
            self._adopt(cl_ord_id, quantity, cost)
        elif kind == "sliced":
            self._slices(what[0])  # type: ignore[arg-type]
            return
        elif kind == "outside":
            self._outside(*what)  # type: ignore[arg-type]
            return
        else:
            fills, *closes = what
            self._trade(cl_ord_id, Side[kind.upper()], fills, closes[0] if closes else ())  # type: ignore[arg-type]
        self.ids.append(cl_ord_id)

    def _adopt(self, lot: str, quantity: int, cost: int) -> None:
        if self.position < 0:
            return  # no position comes in over a short
        self.position += quantity
        self.spent += cost
        terms = (lot, *TERMS, Product.DELIVERY, quantity, cost)
        self.events.append(LotAdopted(START, LOCAL, *terms, cost_known=True, opened_at=START))

    def _trade(
        self,
        cl_ord_id: str,
        side: Side,
        fills: list[tuple[int, int, int]],
        closes: list[tuple[int, int]],
    ) -> None:
        named = tuple(
            Closing(self.ids[place % len(self.ids)], quantity) for place, quantity in closes
        ) if self.ids else ()  # fmt: skip
        total = sum(quantity for quantity, _, _ in fills)
        draft = OrderDraft(
            *(cl_ord_id, *TERMS, side, Product.DELIVERY, OrdType.MARKET, TimeInForce.DAY),
            *(total, whole(5), 0),
            closes=named,
        )
        request = OrderRequest(1, "A1", "NSE:1", side, Product.DELIVERY, OrdType.MARKET, total)
        planned = InstructionPlanned(START, f"I{cl_ord_id}", LOCAL, request, START, (), (draft,))
        self.events.append(planned)
        done = 0
        for fill in fills:
            done += fill[0]
            self._fill(cl_ord_id, side, done, total, fill)

    def _outside(self, side: Side, fill: tuple[int, int, int]) -> None:
        """Somebody traded past us."""
        quantity, price, charges = fill
        self._count(side, fill)
        name = f"X{len(self.events)}"
        terms = (*TERMS, side, Product.DELIVERY, quantity, price, charges, START)
        self.events.append(ForeignFillBooked(START, "A1/P", name, "B", *terms[1:], f"EXT-{name}"))

    def _slices(self, fills: list[tuple[int, tuple[int, int, int]]]) -> None:
        """One buy in three slices, of which each fill names its own."""
        ids = [f"AA0{base36(len(self.ids) + place)}" for place in range(3)]
        totals = [sum(fill[0] for at, fill in fills if at == place) for place in range(3)]
        drafts = tuple(
            OrderDraft(
                *(cl_ord_id, *TERMS, Side.BUY, Product.DELIVERY, OrdType.MARKET, TimeInForce.DAY),
                *(total or 1, whole(5), 0),
                lot="" if cl_ord_id == ids[0] else ids[0],
            )
            for cl_ord_id, total in zip(ids, totals, strict=True)
        )
        request = OrderRequest(1, "A1", "NSE:1", Side.BUY, Product.DELIVERY, OrdType.MARKET, 1)
        planned = InstructionPlanned(START, f"I{ids[0]}", LOCAL, request, START, (), drafts)
        self.events.append(planned)
        done = [0, 0, 0]
        for place, fill in fills:
            done[place] += fill[0]
            self._fill(ids[place], Side.BUY, done[place], totals[place], fill)
        self.ids += ids
        self.sliced.append((ids[0], ids[1:]))

    def _fill(
        self, cl_ord_id: str, side: Side, done: int, total: int, fill: tuple[int, int, int]
    ) -> None:
        quantity, price, charges = fill
        self._count(side, fill)
        status = OrdStatus.FILLED if done == total else OrdStatus.PARTIALLY_FILLED
        report = ExecutionReport(
            *(cl_ord_id, ExecType.TRADE, "B", f"{cl_ord_id}-{done}"),
            *(done, quantity, price, charges),
        )
        self.events.append(OrderReported(START, cl_ord_id, status, done, quantity, report))

    def _count(self, side: Side, fill: tuple[int, int, int]) -> None:
        quantity, price, charges = fill
        sign = 1 if side is Side.BUY else -1
        self.position += sign * quantity
        self.spent += sign * multiply(price, quantity) + charges
        self.was_short |= self.position < 0


def trades_of(path: Path) -> tuple[list[TradeRow], int]:
    """All trades, and what the client's realised."""
    views = Views(path)
    try:
        found = list(views.trades(limit=1_000).items)
        (summed,) = views.client_sums(1, 1)
        for status in TradeStatus:
            count = sum(trade.status is status for trade in found)
            assert views.trades(status=status).total == count
        return found, summed.realized
    finally:
        views.close()


@settings(max_examples=120 * SOAK, deadline=None)
@given(STORY, st.integers(1, 4))
def test_trades_hold_the_position_and_realize_the_cash(
    story: list[tuple[str, object]], together: int
) -> None:
    told = Told()
    for step in story:
        told.tell(*step)
    people = list(Lives(2).people())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "views.db"
        source = Records()
        source.append(*people)
        source.append_each(told.events, together)
        follow(path, source)

        trades, realized = trades_of(path)

        assert sum(trade.pnl.remaining for trade in trades) == max(0, told.position)
        assert all(trade.pnl.remaining >= 0 for trade in trades)
        listed = [trade.id for trade in trades]
        assert len(listed) == len(set(listed))
        for first, later in told.sliced:
            assert not set(later) & set(listed), f"slices of {first} are trades of their own"
        assert realized == sum(trade.pnl.realized for trade in trades)
        if not told.was_short:
            assert realized - sum(trade.pnl.remaining_cost for trade in trades) == -told.spent
        at_once = Records()
        at_once.append(*people)
        at_once.append(*told.events)
        again = Path(folder) / "again.db"
        follow(again, at_once)
        for table in ("trades", "shorts", "profits", "totals"):
            assert contents(again)[table] == contents(path)[table]
