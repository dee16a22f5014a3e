"""Trades in the views, driven by the engine itself."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from phalanx.domain.events import InstructionPlanned, LotAdopted, OrderReported
from phalanx.domain.instructions import OrderRequest
from phalanx.domain.instruments import InstrumentIndex
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
from phalanx.domain.time import DAY
from phalanx.engine import commands as c
from phalanx.views.queries import Views
from phalanx.views.rows import TradeRow, TradeStatus
from tests.engine_world import STOCKS, fixed, stock
from tests.unit.views.lives import LOCAL, START, Lives
from tests.unit.views.records import Records, follow
from tests.unit.views.watched import Watched


def trade(watched: Watched, lot: str) -> TradeRow:
    row = watched.views.trade(lot)
    assert row is not None
    return row


def listed(watched: Watched, **filters: object) -> list[str]:
    page = watched.views.trades(**filters)  # type: ignore[arg-type]
    assert page.total == len(page.items)
    assert page.as_of == watched.world.state.seq
    return [row.id for row in page.items]


def bought(watched: Watched, quantity: str = "10", price: str = "100") -> str:
    watched.world.wait(60)
    (draft,) = watched.world.order(quantity=quantity).orders
    watched.world.filled(draft.cl_ord_id, price=price)
    return draft.cl_ord_id


def sold(watched: Watched, quantity: str, price: str = "100") -> str:
    watched.world.wait(60)
    (draft,) = watched.world.order(Side.SELL, quantity=quantity).orders
    watched.world.filled(draft.cl_ord_id, price=price)
    return draft.cl_ord_id


def test_a_buy_is_pending_then_active_then_closed(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10", price="99.5").orders
    lot = draft.cl_ord_id
    pending = trade(watched, lot)
    placed_at = world.now
    world.filled(lot, "4", "99")
    active = trade(watched, lot)
    first_fill = world.now
    world.filled(lot, "6", "99.5")
    sold(watched, "10", "101")

    closed = trade(watched, lot)

    assert (pending.status, pending.bought, pending.ordered) == (
        TradeStatus.PENDING,
        0,
        fixed("10"),
    )
    assert (pending.hold, pending.opened_at_ns) == (draft.hold, placed_at)
    assert (active.status, active.bought, active.cost) == (
        TradeStatus.ACTIVE,
        fixed("4"),
        fixed("396"),
    )
    assert (active.opened_at_ns, active.ended_at_ns) == (first_fill, 0)
    assert (closed.status, closed.bought, closed.sold) == (
        TradeStatus.CLOSED,
        fixed("10"),
        fixed("10"),
    )
    assert (closed.cost, closed.proceeds) == (fixed("993"), fixed("1010"))
    assert closed.ended_at_ns == world.now
    assert closed.opened_at_ns == first_fill
    assert (closed.account, closed.client_id, closed.client_name) == ("A1", 1, "Client 1")
    assert (closed.instrument, closed.symbol, closed.product) == (
        "NSE:6",
        "INFY",
        Product.DELIVERY,
    )


def test_a_trade_knows_its_strategy(watched: Watched) -> None:
    lot = watched.world.bought("RED", "INFY")

    assert trade(watched, lot).strategy == "RED"


def test_a_sell_by_hand_falls_on_the_oldest_trades(watched: Watched) -> None:
    first, second, third = (bought(watched, "10", price) for price in ("100", "101", "102"))

    sold(watched, "15", "110")

    assert [trade(watched, lot).sold for lot in (first, second, third)] == [
        fixed("10"),
        fixed("5"),
        0,
    ]
    assert trade(watched, first).proceeds == fixed("1100")
    assert trade(watched, second).pnl.realized == fixed("45")
    assert trade(watched, second).pnl.remaining_cost == fixed("505")


def test_charges_of_both_sides_are_the_trade_s(watched: Watched) -> None:
    world = watched.world
    lot = bought(watched)
    (draft,) = world.order(Side.SELL).orders
    for cl_ord_id in (lot, draft.cl_ord_id):
        assert watched.order(cl_ord_id).charges == 0
    world.accepted(draft.cl_ord_id)
    report = ExecutionReport(
        draft.cl_ord_id, ExecType.TRADE, "B", "E9", fixed("10"), fixed("10"), fixed("103"), 250
    )
    world.do(c.BookReport(report))

    assert trade(watched, lot).charges == 250
    assert trade(watched, lot).pnl.realized == fixed("30") - 250


def test_a_buy_that_ends_without_a_fill_is_in_no_list(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10", price="99").orders
    world.accepted(draft.cl_ord_id)
    assert listed(watched) == [draft.cl_ord_id]

    world.report(draft.cl_ord_id, ExecType.REJECTED)

    assert listed(watched) == []
    gone = trade(watched, draft.cl_ord_id)
    assert (gone.status, gone.bought, gone.ordered, gone.hold) == (TradeStatus.CLOSED, 0, 0, 0)
    assert gone.ended_at_ns == world.now


def test_a_late_fill_makes_a_trade_of_it_after_all(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10", price="99").orders
    world.accepted(draft.cl_ord_id)
    world.report(draft.cl_ord_id, ExecType.CANCELED)
    assert listed(watched) == []

    world.filled(draft.cl_ord_id, "3", "99")

    assert listed(watched, status=TradeStatus.ACTIVE) == [draft.cl_ord_id]
    assert trade(watched, draft.cl_ord_id).bought == fixed("3")


def test_a_closed_trade_that_buys_more_is_active_again(watched: Watched) -> None:
    world = watched.world
    (draft,) = world.order(quantity="10", price="100").orders
    lot = draft.cl_ord_id
    world.filled(lot, "4", "100")
    sold(watched, "4")
    assert listed(watched, status=TradeStatus.CLOSED) == [lot]

    world.filled(lot, "6", "100")

    assert listed(watched, status=TradeStatus.CLOSED) == []
    row = trade(watched, lot)
    assert (row.status, row.ended_at_ns, row.pnl.remaining) == (TradeStatus.ACTIVE, 0, fixed("6"))


@pytest.fixture
def sliced(path: Path) -> Iterator[Watched]:
    """Of FROZEN at most ten go in one order."""
    made = Watched(path)
    frozen = msgspec.structs.replace(stock("9", "FROZEN"), freeze_quantity=fixed("10"))
    made.world.index = InstrumentIndex([*STOCKS, frozen])
    made.world.price("FROZEN", "100")
    yield made
    made.close()


def slices(watched: Watched, quantity: str = "25") -> list[str]:
    planned = watched.world.order(instrument="FROZEN", quantity=quantity, price="100")
    ids = [draft.cl_ord_id for draft in planned.orders]
    for cl_ord_id in ids:
        watched.world.accepted(cl_ord_id)
    return ids


def test_slices_wait_as_one_trade(sliced: Watched) -> None:
    first, *_ = slices(sliced)

    (row,) = sliced.views.trades().items

    assert (row.id, row.status, row.ordered) == (first, TradeStatus.PENDING, fixed("25"))
    assert row.hold == sliced.world.book().holds
    assert trade(sliced, first) == row
    assert listed(sliced, status=TradeStatus.PENDING) == [first]


def test_slices_are_one_trade_whichever_fills_first(sliced: Watched) -> None:
    first, second, third = slices(sliced)
    sliced.world.filled(third)
    assert listed(sliced) == [first]
    assert trade(sliced, first).bought == fixed("5")

    sliced.world.filled(first)
    sliced.world.filled(second)

    assert listed(sliced) == [first]
    assert trade(sliced, first).bought == fixed("25")
    assert [sliced.views.trade(one) for one in (second, third)] == [None, None]


def test_a_sell_of_their_lot_closes_that_trade_and_no_other(sliced: Watched) -> None:
    world = sliced.world
    other = world.order(instrument="FROZEN", quantity="5").orders[0].cl_ord_id
    world.filled(other)
    ids = slices(sliced)
    for cl_ord_id in ids:
        world.filled(cl_ord_id)

    for draft in world.exit(trade=ids[0]).orders:
        world.filled(draft.cl_ord_id)

    assert (trade(sliced, ids[0]).status, trade(sliced, other).sold) == (TradeStatus.CLOSED, 0)


def test_the_trade_is_the_first_slice_s_when_that_one_dies(sliced: Watched) -> None:
    world = sliced.world
    first, second, third = slices(sliced)
    world.report(first, ExecType.REJECTED)
    (waiting,) = sliced.views.trades().items
    assert (waiting.id, waiting.ordered) == (first, fixed("15"))
    assert trade(sliced, first).status is TradeStatus.PENDING

    world.filled(second, "4")
    assert listed(sliced) == [first]
    world.report(second, ExecType.CANCELED)
    world.report(third, ExecType.CANCELED)

    assert listed(sliced) == [first]
    assert trade(sliced, first).bought == fixed("4")


def test_slices_that_all_die_are_in_no_list(sliced: Watched) -> None:
    for cl_ord_id in (ids := slices(sliced)):
        sliced.world.report(cl_ord_id, ExecType.REJECTED)

    assert listed(sliced) == []
    assert trade(sliced, ids[0]).status is TradeStatus.CLOSED


def test_what_nobody_held_is_no_trade_and_is_covered_first(watched: Watched) -> None:
    world = watched.world
    lot = bought(watched)
    seller = sold(watched, "10")
    world.filled(seller, "5", "100")
    assert world.held("INFY") == fixed("-5")
    assert trade(watched, lot).sold == fixed("10")

    (draft,) = world.order(quantity="8").orders
    world.filled(draft.cl_ord_id, price="100")

    covering = trade(watched, draft.cl_ord_id)
    assert (covering.bought, covering.cost) == (fixed("3"), fixed("300"))
    assert world.held("INFY") == fixed("3")


def test_a_buy_that_only_covers_a_short_is_no_trade(watched: Watched) -> None:
    world = watched.world
    bought(watched)
    world.filled(sold(watched, "10"), "5", "100")

    (draft,) = world.order(quantity="5").orders
    world.filled(draft.cl_ord_id, "2", "100")
    world.filled(draft.cl_ord_id, "3", "100")

    assert draft.cl_ord_id not in listed(watched)
    assert world.held("INFY") == 0


def test_an_overfilled_sell_falls_on_other_trades(watched: Watched) -> None:
    first, second = bought(watched), bought(watched)
    seller = sold(watched, "10", "110")

    watched.world.filled(seller, "4", "110")

    assert trade(watched, first).sold == fixed("10")
    assert (trade(watched, second).sold, trade(watched, second).proceeds) == (
        fixed("4"),
        fixed("440"),
    )


def test_an_adopted_lot_is_a_trade(path: Path) -> None:
    lives, source = Lives(2), Records()
    source.append(*lives.people())
    opened_at = START - 30 * DAY
    for lot, cost in (("L1", fixed("900")), ("L2", None)):
        known = cost is not None
        terms = (fixed("10"), cost or 0, known, opened_at)
        source.append(LotAdopted(START, LOCAL, lot, "A1/P", "NSE:1", Product.DELIVERY, *terms))
    draft = OrderDraft(
        *("S1", "A1/P", "NSE:1", Side.SELL, Product.DELIVERY, OrdType.LIMIT, TimeInForce.DAY),
        *(fixed("15"), fixed("99"), 0),
        closes=(Closing("L1", fixed("10")), Closing("L2", fixed("5"))),
    )
    request = OrderRequest(
        1, "A1", "NSE:1", Side.SELL, *(Product.DELIVERY, OrdType.LIMIT, fixed("15"))
    )
    source.append(InstructionPlanned(START, "I1", LOCAL, request, START, (), (draft,)))
    report = ExecutionReport(
        "S1", ExecType.TRADE, "B", "E1", fixed("15"), fixed("15"), fixed("100")
    )
    source.append(
        OrderReported(START, "S1", OrdStatus.FILLED, fixed("15"), fixed("15"), report),
    )
    follow(path, source)
    views = Views(path)

    first, second = views.trade("L1"), views.trade("L2")

    assert first is not None
    assert second is not None
    assert (first.status, first.opened_at_ns) == (TradeStatus.CLOSED, opened_at)
    assert (first.client_id, first.strategy, first.bought) == (1, None, fixed("10"))
    assert first.pnl.realized == fixed("100")
    assert (second.cost_known, second.cost) == (False, 0)
    assert (second.pnl.remaining, second.pnl.realized) == (fixed("5"), 0)
    assert [row.realized for row in views.client_sums(1, 1)] == [fixed("100")]
    views.close()


def test_filters_are_combined(watched: Watched) -> None:
    world = watched.world
    world.account(2)
    mine = bought(watched)
    (draft,) = world.order(client=2, instrument="ACC").orders
    world.filled(draft.cl_ord_id)
    theirs = draft.cl_ord_id
    closed = bought(watched, "3")
    sold(watched, "10")
    (waiting,) = world.order(price="99").orders
    pending = waiting.cl_ord_id

    assert listed(watched) == [pending, closed, theirs, mine]
    assert listed(watched, client_id=1) == [pending, closed, mine]
    assert listed(watched, account="A2") == [theirs]
    assert listed(watched, instrument="NSE:6") == [pending, closed, mine]
    assert listed(watched, instrument="NSE:6", client_id=2) == []
    assert listed(watched, status=TradeStatus.PENDING) == [pending]
    assert listed(watched, status=TradeStatus.PENDING, client_id=2) == []
    assert listed(watched, status=TradeStatus.ACTIVE) == [closed, theirs]
    assert listed(watched, status=TradeStatus.ACTIVE, client_id=1) == [closed]
    assert listed(watched, status=TradeStatus.ACTIVE, account="A2", instrument="NSE:5") == [theirs]
    assert listed(watched, status=TradeStatus.CLOSED, client_id=1) == [mine]
    assert watched.views.trade("nobody") is None
    assert watched.views.trade(sold(watched, "1")) is None, "a sell is no trade"


def test_pages_meet_where_the_two_kinds_of_rows_do(watched: Watched) -> None:
    expected = []
    for number in range(6):
        if number % 2:
            (draft,) = watched.world.order(quantity=f"{number}", price="99").orders
            expected.append(draft.cl_ord_id)
        else:
            expected.append(bought(watched, f"{number + 1}"))
    expected.reverse()

    for skip in range(7):
        page = watched.views.trades(client_id=1, skip=skip, limit=2)
        assert [row.id for row in page.items] == expected[skip : skip + 2]
        assert page.total == 6


def test_sums_are_of_the_mode_of_the_primary_account(watched: Watched) -> None:
    world = watched.world
    world.account(2)
    bought(watched, "10", "100")
    sold(watched, "10", "103")

    sums = watched.views.client_sums(1, 2)

    assert [(row.client_id, row.realized) for row in sums] == [(1, fixed("30")), (2, 0)]
    assert all(0 < row.updated_at_ns < world.now for row in sums)
    assert watched.views.client_sums(5, 9) == ()


@pytest.mark.parametrize(("skip", "limit"), [(0, 0), (0, 1_001), (-1, 5)])
def test_a_page_has_bounds(watched: Watched, skip: int, limit: int) -> None:
    with pytest.raises(ValueError, match="is"):
        watched.views.trades(skip=skip, limit=limit)
