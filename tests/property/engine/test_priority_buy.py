"""What a priority_buy promises, checked against the slow and plain reading of it."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.allocation import Leftover, ListAllocation, ListMethod
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import PriorityBuyRequest, Selection
from phalanx.domain.instruments import Instrument
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import SCALE, Money, Quantity, multiply, whole
from phalanx.domain.orders import OrderDraft
from phalanx.domain.reasons import ReasonCode
from phalanx.engine.plans.selection import chosen
from phalanx.engine.pricing import affordable, hold_for
from phalanx.engine.risk import available_cash
from tests.engine_world import World, fixed
from tests.property.engine.desks import desks
from tests.property.engine.profile import profile

QUANTITY_MAX, VALUE_MAX = whole(200), whole(20_000)
SHARED = {ReasonCode.ZERO_QUANTITY, ReasonCode.BELOW_MIN_VALUE, ReasonCode.RANK_NOT_COVERED}
"""Reasons of stocks that had a share of the cash."""

requests = st.builds(
    ListAllocation,
    st.sampled_from(ListMethod),
    st.sampled_from([fixed("1"), whole(500), whole(3_000), fixed("12345.67")]),
    st.sampled_from(Leftover),
    st.sampled_from([0, 0, whole(300)]),
)


class Outcome:
    """One plan, with what the desk looked like before it."""

    def __init__(self, world: World, request: PriorityBuyRequest) -> None:
        self.world = world
        self.request = request
        state = world.state
        found = chosen(state, world.seed, request.selection, primary_only=True)
        assert isinstance(found, list)
        self.accounts = {account.id: account for account in found}
        self.cash = {a.id: available_cash(a, state.books[a.book]) for a in found}
        self.held = {a.id: self._held(a.client_id) for a in found}
        self.planned: InstructionPlanned = world.submit(request)
        self.limits = {f.key: f.protected_buy for f in self.planned.instruments}
        self.orders: dict[AccountId, dict[int, list[OrderDraft]]] = defaultdict(dict)
        for draft in self.planned.orders:
            account = state.books[draft.book].account
            self.orders[account].setdefault(draft.row, []).append(draft)
        self.skips: dict[AccountId, dict[int, ReasonCode]] = defaultdict(dict)
        for skip in self.planned.skips:
            assert skip.row not in self.skips[skip.account]
            self.skips[skip.account][skip.row] = skip.reason.code

    def _held(self, client: int) -> list[Instrument]:
        state = self.world.state
        keys = {
            position.instrument
            for book in state.books.values()
            if state.accounts[book.account].client_id == client
            for position in book.positions.values()
        }
        return [self.instrument(key) for key in sorted(keys)]

    def instrument(self, name: str) -> Instrument:
        found = self.world.index.resolve(name)
        assert found is not None
        return found

    def at(self, row: int) -> Instrument:
        return self.instrument(self.request.instruments[row - 1])

    def bought(self, account: AccountId) -> dict[int, Quantity]:
        """By row."""
        return {
            row: sum(draft.quantity for draft in drafts)
            for row, drafts in self.orders[account].items()
        }

    def cost(self, account: Account, row: int, quantity: Quantity) -> Money:
        return hold_for(account, self.limits[self.at(row).key], quantity)

    def sharing(self, account: AccountId) -> list[int]:
        """The rows that had a share of the cash, in their order."""
        skipped = [row for row, code in self.skips[account].items() if code in SHARED]
        return sorted([*self.orders[account], *skipped])


def is_same(one: Instrument, other: Instrument) -> bool:
    if one.isin and other.isin:
        return one.isin == other.isin
    return one.symbol == other.symbol


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    world = draw(desks())
    world.settings(quantity_max=QUANTITY_MAX, value_max=VALUE_MAX, orders_per_day_max=10**6)
    world.seed = draw(st.integers(0, 2**64 - 1))
    if draw(st.booleans()):
        world.limit(LimitLevel.CLIENT, "1", quantity_max=whole(30), position_max=whole(50))
    keys = [instrument.key for instrument in world.index]
    request = PriorityBuyRequest(
        instruments=(*draw(st.permutations(keys)), draw(st.sampled_from(keys))),
        allocation=draw(requests),
        max_new=draw(st.sampled_from([0, 0, 1, 3])),
        max_names=draw(st.sampled_from([0, 0, 2, 4])),
        selection=draw(
            st.sampled_from([Selection(), Selection(accounts=tuple(world.state.accounts))])
        ),
    )
    return Outcome(world, request)


@given(outcomes())
@profile(60)
def test_never_spends_more_than_the_cash_with_charges_at_the_limit_sent(outcome: Outcome) -> None:
    for account in outcome.accounts.values():
        orders = outcome.bought(account.id)
        cost = sum(outcome.cost(account, row, quantity) for row, quantity in orders.items())
        held = sum(d.hold for drafts in outcome.orders[account.id].values() for d in drafts)
        assert cost == held <= max(0, outcome.cash[account.id])
        book = outcome.world.state.books[account.book]
        assert not orders or book.cash - book.holds >= account.reserve


@given(outcomes())
@profile(60)
def test_buys_what_is_new_to_the_client_once(outcome: Outcome) -> None:
    new: dict[int, list[Instrument]] = defaultdict(list)
    for account in outcome.accounts.values():
        for row in outcome.orders[account.id]:
            one = outcome.at(row)
            assert not any(is_same(one, other) for other in outcome.held[account.id])
            assert not any(is_same(one, other) for other in new[account.client_id])
            new[account.client_id].append(one)


@given(outcomes())
@profile(60)
def test_keeping_the_rest_gives_each_new_stock_the_same_budget(outcome: Outcome) -> None:
    allocation = outcome.request.allocation
    if allocation.leftover is not Leftover.KEEP:
        return
    for account in outcome.accounts.values():
        sharing = outcome.sharing(account.id)
        if not sharing:
            continue
        budget = allocation.amount
        if allocation.method is ListMethod.EQUAL_SPLIT:
            budget = outcome.cash[account.id] // len(sharing)
        for row, quantity in outcome.bought(account.id).items():
            instrument = outcome.at(row)
            limit = outcome.limits[instrument.key]
            full = affordable(account, limit, budget, instrument.lot_size)
            assert quantity <= full
            assert quantity == full or not within_caps(outcome, account, row, quantity)


def within_caps(outcome: Outcome, account: Account, row: int, quantity: Quantity) -> bool:
    """Whether one more lot than ``quantity`` would be allowed."""
    instrument = outcome.at(row)
    more = quantity + instrument.lot_size
    most = QUANTITY_MAX
    if outcome.world.state.limits and account.client_id == 1:
        most = whole(30)
    value = outcome.limits[instrument.key] * more
    return more <= most and value <= VALUE_MAX * SCALE


@given(outcomes())
@profile(60)
def test_a_fixed_amount_passes_a_rank_over_only_when_it_is_not_covered(outcome: Outcome) -> None:
    allocation = outcome.request.allocation
    if allocation.method is ListMethod.EQUAL_SPLIT or allocation.leftover is not Leftover.KEEP:
        return
    for account in outcome.accounts.values():
        bought = outcome.bought(account.id)
        left = outcome.cash[account.id]
        for row in outcome.sharing(account.id):
            instrument = outcome.at(row)
            limit = outcome.limits[instrument.key]
            full = affordable(account, limit, allocation.amount, instrument.lot_size)
            code = outcome.skips[account.id].get(row)
            if row in bought:
                left -= outcome.cost(account, row, bought[row])
            elif code is ReasonCode.RANK_NOT_COVERED:
                assert outcome.cost(account, row, full) > left
            elif code is ReasonCode.ZERO_QUANTITY:
                assert not full
        assert left >= 0 or not bought


@given(outcomes())
@profile(60)
def test_no_lot_more_fits_once_the_rest_is_spent(outcome: Outcome) -> None:
    allocation = outcome.request.allocation
    splits = allocation.method is ListMethod.EQUAL_SPLIT
    if allocation.leftover is Leftover.KEEP or not splits or allocation.min_order_value:
        return
    for account in outcome.accounts.values():
        bought = outcome.bought(account.id)
        spent = sum(outcome.cost(account, row, quantity) for row, quantity in bought.items())
        lots = sum(quantity // outcome.at(row).lot_size for row, quantity in bought.items())
        # The cost of a lot of a fraction of a share is rounded up by less than two units.
        left = outcome.cash[account.id] - spent - 2 * lots
        for row in outcome.sharing(account.id):
            if within_caps(outcome, account, row, bought.get(row, 0)):
                assert outcome.cost(account, row, outcome.at(row).lot_size) + 2 > left


@given(outcomes())
@profile(60)
def test_sends_whole_lots_within_the_caps_by_rank(outcome: Outcome) -> None:
    request, planned = outcome.request, outcome.planned
    least = request.allocation.min_order_value
    for account in outcome.accounts.values():
        bought = outcome.bought(account.id)
        for row, quantity in bought.items():
            instrument = outcome.at(row)
            value = multiply(outcome.limits[instrument.key], quantity)
            assert quantity % instrument.lot_size == 0
            assert quantity <= QUANTITY_MAX
            assert least <= value <= VALUE_MAX
            for draft in outcome.orders[account.id][row]:
                assert not instrument.freeze_quantity or draft.quantity <= max(
                    instrument.freeze_quantity, instrument.lot_size
                )
        if request.max_new:
            assert len(bought) <= request.max_new
    order = list(outcome.accounts)
    ranks = [
        (draft.row, order.index(outcome.world.state.books[draft.book].account))
        for draft in planned.orders
    ]
    assert ranks == sorted(ranks)


@given(outcomes())
@profile(60)
def test_says_of_every_account_and_stock_what_became_of_it(outcome: Outcome) -> None:
    rows = set(range(1, len(outcome.request.instruments) + 1))
    for account in outcome.accounts:
        ordered, skipped = set(outcome.orders[account]), set(outcome.skips[account])
        assert not ordered & skipped
        if 0 in skipped:
            assert not ordered
        else:
            assert ordered | skipped == rows
    assert (outcome.planned.refusal is None) == bool(outcome.planned.orders)
