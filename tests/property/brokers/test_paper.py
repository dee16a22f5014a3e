"""Whatever happens in whatever order: no fill beyond its limit, none too many, each only once."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from phalanx.brokers.paper.fills import filled_quantity, next_slice, slice_count
from phalanx.brokers.port import Accepted, PlaceRequest, Refused
from phalanx.domain.accounts import FillProfile
from phalanx.domain.numbers import Price, format_fixed, parse_fixed, whole
from phalanx.domain.orders import ExecType, OrdType, Side, TimeInForce
from phalanx.domain.time import MILLISECOND
from tests.fakes.desk import RecordingTicket
from tests.fakes.paper import ACCOUNT, FUTURE, SHARE, PaperWorld, order, restored

IDS = [f"AA{number:08}" for number in range(4)]
TICK = SHARE.tick_size

PROFILES = st.builds(
    FillProfile,
    ack_delay_ms=st.sampled_from([0, 0, 1, 20]),
    fill_duration_ms=st.sampled_from([0, 0, 1, 50]),
    filled_bps=st.sampled_from([10_000, 10_000, 5_000, 1, 0]),
    slices=st.integers(0, 7),
    slippage_bps=st.sampled_from([0, 1, 50, 500]),
    reject_bps=st.sampled_from([0, 0, 3_000]),
    seed=st.integers(0, 3),
)
# Prices around 100 rupees, on the tick.
PRICES = st.integers(1_950, 2_050).map(lambda ticks: format_fixed(ticks * TICK))
IDENTIFIERS = st.sampled_from(IDS)


@dataclass(frozen=True)
class Place:
    request: PlaceRequest


@dataclass(frozen=True)
class Cancel:
    cl_ord_id: str


@dataclass(frozen=True)
class Replace:
    cl_ord_id: str
    quantity: int
    limit: str


@dataclass(frozen=True)
class FillByHand:
    cl_ord_id: str
    quantity: int
    price: str


@dataclass(frozen=True)
class Move:
    price: str


@dataclass(frozen=True)
class Wait:
    milliseconds: int


Action: TypeAlias = Place | Cancel | Replace | FillByHand | Move | Wait

ACTIONS = st.one_of(
    st.builds(
        Place,
        st.builds(
            order,
            IDENTIFIERS,
            st.sampled_from(Side),
            st.integers(1, 200),
            PRICES,
            st.sampled_from(OrdType),
            instrument=st.sampled_from([SHARE.key, FUTURE.key]),
            time_in_force=st.sampled_from(TimeInForce),
            stop=PRICES,
        ),
    ),
    st.builds(Cancel, IDENTIFIERS),
    st.builds(Replace, IDENTIFIERS, st.integers(0, 200), PRICES),
    st.builds(FillByHand, IDENTIFIERS, st.integers(1, 200), PRICES),
    st.builds(Move, PRICES),
    st.builds(Wait, st.sampled_from([0, 1, 10, 1_000])),
)


@dataclass
class Trace:
    """What happened in one run."""

    world: PaperWorld
    placed: dict[str, PlaceRequest] = field(default_factory=dict)
    prices: list[Price] = field(default_factory=lambda: [whole(100)])
    tickets: list[RecordingTicket] = field(default_factory=list)

    def do(self, action: Action, number: int) -> None:
        world = self.world
        match action:
            case Place(request):
                self.placed.setdefault(request.cl_ord_id, request)
                self.tickets.append(world.place(request))
            case Cancel(cl_ord_id):
                self.tickets.append(world.cancel(cl_ord_id))
            case Replace(cl_ord_id, quantity, limit):
                ticket = world.replace(cl_ord_id, quantity, limit, f"R{number}")
                self.tickets.append(ticket)
            case FillByHand(cl_ord_id, quantity, price):
                world.broker.fill_by_hand(
                    cl_ord_id, whole(quantity), parse_fixed(price), f"H{number}"
                )
            case Move(price):
                self.prices.append(parse_fixed(price))
                world.price(price, SHARE.key)
                world.price(price, FUTURE.key)
            case Wait(milliseconds):
                world.clock.advance(milliseconds * MILLISECOND)


async def _run(profile: FillProfile, actions: list[Action]) -> Trace:
    trace = Trace(PaperWorld(profile, charge_bps=3))
    await trace.world.broker.connect()
    for number, action in enumerate(actions):
        trace.do(action, number)
    trace.world.clock.advance(10_000 * MILLISECOND)
    return trace


def _assert_order_is_sound(trace: Trace, cl_ord_id: str) -> None:
    """One order's reports, in the order they came, against the terms that held at each."""
    request = trace.placed[cl_ord_id]
    side, quantity, limit = request.side, request.quantity, request.limit
    reports = trace.world.reports.of(cl_ord_id)
    totals = [0] + [report.cum_quantity for report in reports]
    assert all(before <= after for before, after in pairwise(totals))
    assert len({report.exec_id for report in reports}) == len(reports)
    for before, report in zip(totals, reports, strict=False):
        assert report.cum_quantity - before == report.last_quantity
        if report.exec_type is ExecType.REPLACED:
            quantity, limit = report.quantity, report.price
        assert report.cum_quantity <= quantity
        if report.exec_type is ExecType.TRADE:
            assert report.last_quantity > 0
            by_hand = report.text == "by hand"
            assert by_hand or report.exec_id == f"{cl_ord_id}-{report.cum_quantity}"
            assert report.last_price <= limit if side is Side.BUY else report.last_price >= limit
    for report in reports[:-1]:
        assert report.exec_type is not ExecType.CANCELED
    trades = [report for report in reports if report.exec_type is ExecType.TRADE]
    if request.ord_type in {OrdType.STOP, OrdType.STOP_LIMIT} and trades:
        stop = request.stop_price
        reached = [price >= stop if side is Side.BUY else price <= stop for price in trace.prices]
        assert any(reached) or trades[0].text == "by hand"


@settings(max_examples=500)
@given(PROFILES, st.lists(ACTIONS, max_size=30))
async def test_no_order_of_events_breaks_an_order(
    profile: FillProfile, actions: list[Action]
) -> None:
    trace = await _run(profile, actions)

    for cl_ord_id in trace.placed:
        _assert_order_is_sound(trace, cl_ord_id)
    for ticket in trace.tickets:
        assert ticket.calls == ["admit", "written", "done"]
        assert isinstance(ticket.outcome, Accepted | Refused)
    broker = trace.world.broker
    assert len(broker._answers) == trace.world.steps == 0
    book = await broker.book(ACCOUNT)
    for shown in book.orders:
        trades = [trade for trade in book.trades if trade.order_id == shown.order_id]
        assert sum(trade.quantity for trade in trades) == shown.cum_quantity
    matcher = broker._matcher
    waiting = [*matcher._waiting.values(), *matcher._stops.values()]
    assert sum(map(len, waiting)) <= len(broker._book.working)


@given(PROFILES, st.lists(ACTIONS, max_size=30))
async def test_the_same_seed_gives_the_same_trace(
    profile: FillProfile, actions: list[Action]
) -> None:
    first, second = await _run(profile, actions), await _run(profile, actions)

    assert first.world.log == second.world.log


@given(PROFILES, st.permutations(IDS))
async def test_an_orders_fate_does_not_depend_on_the_others(
    profile: FillProfile, identifiers: list[str]
) -> None:
    async def fates(cl_ord_ids: list[str]) -> dict[str, list[object]]:
        places: list[Action] = [Place(order(cl_ord_id)) for cl_ord_id in cl_ord_ids]
        trace = await _run(profile, places)
        return {cl_ord_id: [*trace.world.reports.of(cl_ord_id)] for cl_ord_id in cl_ord_ids}

    together = await fates(identifiers)

    for cl_ord_id in identifiers:
        assert (await fates([cl_ord_id]))[cl_ord_id] == together[cl_ord_id]


@given(PROFILES, st.integers(1, 200), st.integers(0, 120))
async def test_a_crash_loses_no_fill_and_makes_none(
    profile: FillProfile, quantity: int, crash_ms: int
) -> None:
    world = PaperWorld(profile)
    await world.broker.connect()
    request = order(quantity=quantity)
    ticket = world.place(request)
    world.clock.advance(crash_ms * MILLISECOND)
    await world.broker.close()

    journaled = world.reports.of(request.cl_ord_id)
    filled = journaled[-1].cum_quantity if journaled else 0
    took = [outcome for outcome in ticket.outcomes if isinstance(outcome, Accepted)]
    broker = world.new_broker()
    if took and filled < request.quantity:
        broker.restore([restored(request, filled // whole(1))])
    await broker.connect()
    world.clock.advance(10_000 * MILLISECOND)

    trades = world.reports.of(request.cl_ord_id)
    expected = filled_quantity(request.quantity, SHARE.lot_size, profile.filled_bps)
    assert sum(trade.last_quantity for trade in trades) == (expected if took else 0)
    assert len({trade.exec_id for trade in trades}) == len(trades)


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(-1, 200), st.integers(0, 10_000))
def test_slices_sum_to_the_filled_share(units: int, lot: int, slices: int, bps: int) -> None:
    lot_size = whole(lot)
    rest = total = filled_quantity(whole(units), lot_size, bps)
    parts = []
    for left in range(slice_count(total, lot_size, slices), 0, -1):
        parts.append(next_slice(rest, left, lot_size))
        rest -= parts[-1]

    assert rest == 0
    assert sum(parts) == total <= whole(units)
    assert all(part > 0 for part in parts)
    assert all(part % lot_size == 0 for part in parts[:-1])
    assert len(parts) <= max(1, slices)
