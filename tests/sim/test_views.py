"""The views of a story's journal say what its engine says, records of dead processes included."""

from collections import Counter
from pathlib import Path
from typing import Any

from phalanx.domain.accounts import book_id
from phalanx.engine.state import State, position_key
from phalanx.journal.memory import MemoryJournal
from phalanx.views.follower import Follower
from phalanx.views.queries import LIMIT_MAX, Views
from phalanx.views.rows import InstructionRow
from tests.sim.story import Story, run

SEEDS = range(12)


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
            _compare_positions(views, story.world.desk.state)
        finally:
            views.close()
            follower.close()


def _compare_orders(views: Views, state: State) -> None:
    shown: dict[str, tuple[Any, ...]] = {}
    while len(page := views.orders(skip=len(shown), limit=LIMIT_MAX).items):
        for row in page:
            terms = (row.status, row.quantity, row.limit, row.cum_quantity, row.filled_value)
            shown[row.cl_ord_id] = (*terms, row.charges, row.order_id, row.instruction_id)
    assert shown == {
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


def _compare_positions(views: Views, state: State) -> None:
    held: Counter[tuple[str, str]] = Counter()
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
