"""A basket or an allocation never sells more than there is, and never spends more than there is."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import AllocatedRequest, BatchRequest, BatchRow, Selection
from phalanx.domain.numbers import SCALE, whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine.risk import available_cash
from phalanx.engine.state import position_key
from tests.engine_world import World
from tests.property.engine.desks import desks
from tests.property.engine.profile import profile

PRODUCTS = [Product.DELIVERY, Product.MTF]


class Before:
    """What each book may spend and sell, before a plan."""

    def __init__(self, world: World) -> None:
        state = world.state
        self.cash = {
            a.book: available_cash(a, state.books[a.book]) for a in state.accounts.values()
        }
        self.sellable = {
            (book.id, key): position.sellable
            for book in state.books.values()
            for key, position in book.positions.items()
        }
        self.lots = {
            book.id: {lot.id: lot.available for lot in book.all_lots()}
            for book in state.books.values()
        }

    def check(self, planned: InstructionPlanned) -> None:
        """Assert that the plan keeps within it."""
        spent: Counter[str] = Counter()
        sold: Counter[tuple[str, str]] = Counter()
        for draft in planned.orders:
            if draft.side is Side.BUY:
                spent[draft.book] += draft.hold
                continue
            key = (draft.book, position_key(draft.instrument, draft.product))
            sold[key] += draft.quantity
            assert sold[key] <= self.sellable[key]
            assert sum(part.quantity for part in draft.closes) == draft.quantity
            for part in draft.closes:
                left = self.lots[draft.book]
                older = [lot for lot in self._lots_of(planned, key) if lot < part.lot]
                assert all(not left[lot] for lot in older), "an older lot is not closed yet"
                left[part.lot] -= part.quantity
                assert left[part.lot] >= 0
        for book, amount in spent.items():
            assert amount <= self.cash[book]

    def _lots_of(self, planned: InstructionPlanned, key: tuple[str, str]) -> list[str]:
        """Ids are counted up, so the lesser one is the older lot."""
        book, position = key
        return [
            part.lot
            for draft in planned.orders
            if (draft.book, position_key(draft.instrument, draft.product)) == (book, position)
            for part in draft.closes
        ]


@st.composite
def baskets(draw: st.DrawFn) -> tuple[World, BatchRequest]:
    world = draw(desks())
    world.seed = draw(st.integers(0, 2**64 - 1))
    accounts = st.sampled_from(list(world.state.accounts))
    stocks = st.sampled_from(list(world.index))
    rows = []
    for _ in range(draw(st.integers(1, 12))):
        instrument = draw(stocks)
        price = draw(st.sampled_from([0, 0, 1]))
        last = world.quotes[instrument.key].last
        rows.append(
            BatchRow(
                0,
                draw(accounts),
                instrument.key,
                draw(st.sampled_from(Side)),
                draw(st.sampled_from(PRODUCTS)),
                OrdType.LIMIT if price else OrdType.MARKET,
                draw(st.integers(1, 30)) * instrument.lot_size,
                price * last,
            )
        )
    return world, BatchRequest(tuple(rows))


@given(baskets())
@profile(100)
def test_a_basket_keeps_within_what_each_book_has(drawn: tuple[World, BatchRequest]) -> None:
    world, request = drawn
    before = Before(world)

    planned = world.submit(request)

    before.check(planned)
    rows = {draft.row for draft in planned.orders}
    skipped = [skip.row for skip in planned.skips]
    assert sorted([*rows, *skipped]) == list(range(1, len(request.rows) + 1))


@st.composite
def allocations(draw: st.DrawFn) -> tuple[World, AllocatedRequest]:
    world = draw(desks())
    world.seed = draw(st.integers(0, 2**64 - 1))
    method = draw(st.sampled_from(Method))
    amount = draw(st.integers(0, 20_000))
    accounts = list(world.state.accounts)
    quantities = st.lists(
        st.tuples(st.sampled_from(accounts), st.integers(0, 50 * SCALE)), min_size=1, max_size=4
    )
    allocation = Allocation(
        method,
        amount if method.value.startswith("percent") else whole(amount),
        tuple(draw(quantities)),
    )
    everybody = draw(st.booleans())
    request = AllocatedRequest(
        draw(st.sampled_from([instrument.key for instrument in world.index])),
        draw(st.sampled_from(Side)),
        draw(st.sampled_from(PRODUCTS)),
        OrdType.MARKET,
        allocation,
        selection=Selection() if everybody else Selection(accounts=tuple(accounts)),
    )
    return world, request


@given(allocations())
@profile(100)
def test_an_allocation_keeps_within_what_each_book_has(
    drawn: tuple[World, AllocatedRequest],
) -> None:
    world, request = drawn
    before = Before(world)

    planned = world.submit(request)

    before.check(planned)
    ordered = {world.state.books[draft.book].account for draft in planned.orders}
    skipped = [skip.account for skip in planned.skips]
    assert not ordered & set(skipped)
    assert len(skipped) == len(set(skipped))
    bought = sum(draft.quantity for draft in planned.orders)
    if request.allocation.method is Method.EQUAL_QUANTITY:
        assert bought <= request.allocation.amount
