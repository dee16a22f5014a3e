"""The views of a story's journal say what its engine says, records of dead processes included."""

from collections import Counter
from pathlib import Path
from typing import Any

from phalanx.domain.accounts import book_id
from phalanx.domain.events import BreakClosed, BreakFiled, ForeignFillBooked, decode_events
from phalanx.engine.state import State, position_key
from phalanx.journal.memory import MemoryJournal
from phalanx.simulation.faults.options import draw
from phalanx.simulation.faults.story import Story as FaultStory
from phalanx.simulation.faults.story import begin
from phalanx.simulation.virtual import simulate
from phalanx.views.break_list import BreakFilters
from phalanx.views.follower import Follower
from phalanx.views.queries import LIMIT_MAX, Views
from phalanx.views.rows import InstructionRow, TradeOrigin, TradeStatus
from tests.sim.story import Story, run

SEEDS = range(12)
FAULTY_SEEDS = range(24)


def test_the_views_say_what_the_engine_says(tmp_path: Path) -> None:
    for seed in SEEDS:
        path = tmp_path / f"{seed}.db"
        story = run(seed)
        follower = Follower(path, MemoryJournal(story.world.disk))
        views = Views(path)
        try:
            for _ in follower.advance():
                pass
            _compare_orders(views, story.world.desk.state)
            _compare_instructions(views, story)
            _compare_positions(views, follower, story.world.desk.state)
        finally:
            views.close()
            follower.close()


def test_the_views_say_what_the_engine_says_of_books_that_differ(tmp_path: Path) -> None:
    """Lying networks, sessions that die, trades from outside: the stories of `simulate faults`."""
    kinds: Counter[type] = Counter()
    for seed in FAULTY_SEEDS:
        stories: list[FaultStory] = []
        simulate(begin(draw(seed), stories))
        (story,) = stories
        path = tmp_path / f"{seed}.db"
        source = MemoryJournal(story.world.disk)
        follower = Follower(path, source)
        views = Views(path)
        try:
            for _ in follower.advance():
                pass
            state = story.world.desk.state
            _compare_orders(views, state)
            _compare_positions(views, follower, state)
            _compare_outside(views, state)
            _compare_breaks(views, state)
        finally:
            views.close()
            follower.close()
        kinds.update(
            type(event) for record in source.scan() for event in decode_events(record.body)
        )
    assert {ForeignFillBooked, BreakFiled, BreakClosed} <= set(kinds)


def _compare_outside(views: Views, state: State) -> None:
    """What was bought outside and is still held is a trade that holds just that."""
    held = {
        lot.id: (lot.remaining, lot.cost)
        for book in state.books.values()
        for lot in book.all_lots()
        if lot.id.startswith("EXT-")
    }
    for lot, terms in held.items():
        trade = views.trade(lot)
        assert trade is not None
        assert (trade.pnl.remaining, trade.pnl.remaining_cost) == terms
        assert (trade.origin, trade.strategy) == (TradeOrigin.OUTSIDE, None)
    active = views.trades(status=TradeStatus.ACTIVE, limit=LIMIT_MAX).items
    assert {trade.id for trade in active if trade.origin is TradeOrigin.OUTSIDE} == held.keys()


def _compare_breaks(views: Views, state: State) -> None:
    shown = views.breaks(BreakFilters(is_open=True), limit=LIMIT_MAX)
    assert shown.total == len(state.breaks)
    assert {
        row.id: (row.account, row.kind, row.ours, row.theirs, row.owner, row.deadline_ns)
        for row in shown.items
    } == {
        one.id: (one.account, one.kind, one.ours, one.theirs, one.owner, one.deadline)
        for one in state.breaks.values()
    }


def _compare_orders(views: Views, state: State) -> None:
    shown: dict[str, tuple[Any, ...]] = {}
    while len(page := views.orders(skip=len(shown), limit=LIMIT_MAX).items):
        for row in page:
            terms = (row.status, row.quantity, row.limit, row.cum_quantity, row.filled_value)
            shown[row.cl_ord_id] = (*terms, row.charges, row.order_id, row.instruction_id)
    # Orders that left memory stay in the views.
    assert {key: row for key, row in shown.items() if key in state.orders} == {
        key: (
            order.status,
            order.quantity,
            order.limit,
            order.cum_quantity,
            order.filled_value,
            order.charges,
            order.order_id,
            order.instruction_id,
        )
        for key, order in state.orders.items()
    }


def _compare_instructions(views: Views, story: Story) -> None:
    """Every one that was planned, or ended before it could be, is there once."""
    shown: list[InstructionRow] = []
    while len(page := views.instructions(skip=len(shown), limit=LIMIT_MAX).items):
        shown += page
    assert {row.id for row in shown} == story.truth.disk.instructions.keys()
    assert len(shown) == len(story.truth.disk.instructions)
    for row in shown:
        known = story.world.desk.state.instructions.get(row.id)
        if known is not None:
            assert (row.status, row.orders, row.open_orders) == (known.status, known.orders, 0)


def _compare_positions(views: Views, follower: Follower, state: State) -> None:
    """What the trades hold, and what was sold beyond all of it."""
    held: Counter[tuple[str, str]] = Counter()
    shorts: Any = follower._connection.execute(
        "SELECT account, mode, instrument, product, quantity FROM shorts"
    )
    for account, mode, instrument, product, quantity in shorts:
        held[book_id(account, mode), position_key(instrument, product)] -= quantity
    skip = 0
    while len(page := views.trades(skip=skip, limit=LIMIT_MAX).items):
        skip += len(page)
        for trade in page:
            place = position_key(trade.instrument, trade.product)
            held[book_id(trade.account, trade.mode), place] += trade.pnl.remaining
    assert {place: quantity for place, quantity in held.items() if quantity} == {
        (book.id, place): position.quantity
        for book in state.books.values()
        for place, position in book.positions.items()
    }
