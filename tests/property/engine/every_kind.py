"""Rules for baskets, shares, priority lists, fills by hand, what waits for its time, and what a desk
changes beside: groups, lists and limits. A machine that faces a broker takes them in.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from phalanx.domain.allocation import Allocation, Leftover, ListAllocation, ListMethod, Method
from phalanx.domain.events import InstructionHeld
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    ExitRequest,
    InstructionRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import Quantity, whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, fixed
from tests.property.engine.encounter import Encounter

_T = TypeVar("_T")

NAMES = ["INFY", "LOTS25", "COIN"]
PRODUCTS = [Product.DELIVERY, Product.DELIVERY, Product.INTRADAY, Product.MTF]
PRICES = ["", "99", "101.5"]
STRATEGIES = ["RED", "BLUE", "GREEN"]
AMOUNTS = {
    Method.EQUAL_QUANTITY: whole(50),
    Method.FIXED_QUANTITY: whole(25),
    Method.MULTIPLIER: whole(25),
    Method.EQUAL_CASH: whole(6_000),
    Method.FIXED_CASH: whole(2_600),
    Method.PERCENT_OF_CASH: 500,
    Method.PERCENT_OF_NET_VALUE: 500,
    Method.PERCENT_OF_POSITION: 5_000,
}
A_COMMAND_NS = MILLISECOND
"""How far the world's clock moves with each command."""
GROUP, LIST = "core", "first"


class Line(NamedTuple):
    """One row of a basket, drawn."""

    client: int
    name: str
    side: Side
    lots: int
    price: str
    product: Product


LINES = st.lists(
    st.builds(
        Line,
        st.integers(1, 2),
        st.sampled_from(NAMES),
        st.sampled_from(Side),
        st.integers(1, 20),
        st.sampled_from(PRICES),
        st.sampled_from(PRODUCTS),
    ),
    min_size=1,
    max_size=4,
)
LIMITS = [
    Limit(LimitLevel.GLOBAL, quantity_max=whole(30)),
    Limit(LimitLevel.ACCOUNT, "A1", position_max=whole(80)),
    Limit(LimitLevel.CLIENT, "2", value_max=whole(4_000)),
    Limit(LimitLevel.STRATEGY, "RED", orders_per_day_max=60),
    Limit(LimitLevel.ACCOUNT, "A2", restricted=("NSE:8",)),
]


def picked(pick: int, items: Sequence[_T]) -> list[_T]:
    """One of them, or none where there is none."""
    return [items[pick % len(items)]] if items else []


def quantity_of(name: str, lots: int) -> Quantity:
    """So many lots of 25, or of one."""
    return whole(lots * 25 if name == "LOTS25" else lots)


def basket(lines: Sequence[Line]) -> BatchRequest:
    """A basket of these lines."""
    return BatchRequest(
        tuple(
            BatchRow(
                line.client,
                "",
                line.name,
                line.side,
                line.product,
                OrdType.LIMIT if line.price else OrdType.MARKET,
                quantity_of(line.name, line.lots),
                fixed(line.price or "0"),
            )
            for line in lines
        )
    )


def buying(
    method: ListMethod, leftover: Leftover, max_new: int, *, kept: bool
) -> InstructionRequest:
    """A priority_buy that leaves most of the cash: a list of its own, or the kept one."""
    allocation = ListAllocation(method, whole(700), leftover)
    own = () if kept else tuple(NAMES)
    return PriorityBuyRequest(LIST if kept else "", own, allocation, max_new)


class EveryKind(RuleBasedStateMachine):
    """Instructions of every kind. ``encounter`` is made by the machine that takes these rules in."""

    encounter: Encounter

    @rule(lines=LINES)
    def batch(self, lines: list[Line]) -> None:
        self._submit(basket(lines))

    @rule(
        name=st.sampled_from(NAMES),
        side=st.sampled_from(Side),
        method=st.sampled_from(list(AMOUNTS)),
        grouped=st.booleans(),
    )
    def allocate(self, name: str, side: Side, method: Method, *, grouped: bool) -> None:
        request = AllocatedRequest(
            name,
            side,
            Product.DELIVERY,
            OrdType.MARKET,
            Allocation(method, AMOUNTS[method]),
            selection=Selection(groups=(GROUP,) if grouped else ()),
        )
        self._submit(request)

    @rule(
        method=st.sampled_from(ListMethod),
        leftover=st.sampled_from(Leftover),
        max_new=st.integers(0, 2),
        kept=st.booleans(),
    )
    def priority_buy(
        self, method: ListMethod, leftover: Leftover, max_new: int, *, kept: bool
    ) -> None:
        self._submit(buying(method, leftover, max_new, kept=kept))

    @rule(
        request=st.one_of(
            st.builds(
                SignalRequest,
                st.sampled_from(STRATEGIES),
                st.sampled_from(NAMES),
                st.sampled_from(Side),
            ),
            st.builds(ExitRequest, st.sampled_from(["", *NAMES])),
            st.builds(basket, LINES),
        ),
        seconds=st.sampled_from([1, 5, 60]),
    )
    def hold(self, request: InstructionRequest, seconds: int) -> None:
        """For later; the clock moves on before it is asked for."""
        fire_at = self.encounter.world.now + seconds * SECOND
        (held,) = self.encounter.tell(c.Submit(LOCAL, request, fire_at=fire_at))
        assert isinstance(held, InstructionHeld)

    @precondition(lambda self: self.encounter.world.state.held)
    @rule(wait=st.booleans())
    def release(self, *, wait: bool) -> None:
        """Whatever is due is planned under its own id, or ends; what is not due waits on."""
        if wait:
            first = min(held.fire_at for held in self.encounter.world.state.held.values())
            self.encounter.world.now = max(self.encounter.world.now, first)
        world = self.encounter.world
        for held in list(world.state.held.values()):
            is_due = world.now + A_COMMAND_NS >= held.fire_at
            events = self.encounter.tell(c.Release(held.id))
            assert len(events) == is_due
            assert (held.id in world.state.held) != is_due
            assert all(getattr(event, "instruction_id", "") == held.id for event in events)

    @precondition(lambda self: self.encounter.known())
    @rule(pick=st.integers(0, 1_000), halves=st.integers(1, 2))
    def order_hand_fill(self, pick: int, halves: int) -> None:
        """All that is left, or half of it."""
        for order in picked(pick, self.encounter.known()):
            lot_size = self.encounter.lot_size(order)
            part = max(order.leaves_quantity * halves // 2 // lot_size, 1) * lot_size
            self.encounter.attempt(c.FillByHand(LOCAL, order.draft.cl_ord_id, part))

    @precondition(lambda self: self.encounter.world.state.hand_fills)
    @rule()
    def do_hand_fills(self) -> None:
        """The broker does what is ordered, again where its report is still under way."""
        for exec_id, fill in self.encounter.world.state.hand_fills.items():
            self.encounter.broker.fill_by_hand(fill.cl_ord_id, fill.quantity, fill.price, exec_id)

    @rule(multiplier=st.sampled_from(["0.5", "1", "3"]), alone=st.booleans())
    def change_group(self, multiplier: str, *, alone: bool) -> None:
        others = () if alone else (Member("A2"),)
        members = (Member("A1", fixed(multiplier)), *others)
        self.encounter.tell(c.PutGroups(LOCAL, (Group(GROUP, members),)))

    @rule(names=st.permutations(NAMES), count=st.integers(1, 3))
    def change_list(self, names: Sequence[str], count: int) -> None:
        keys = tuple(self.encounter.world.key(name) for name in names[:count])
        self.encounter.tell(c.PutLists(LOCAL, (PriorityList(LIST, keys),)))

    @rule(limit=st.sampled_from(LIMITS))
    def put_limit(self, limit: Limit) -> None:
        self.encounter.tell(c.PutLimits(LOCAL, (limit,)))

    @precondition(lambda self: self.encounter.world.state.limits)
    @rule()
    def lift_limits(self) -> None:
        limits = self.encounter.world.state.limits.values()
        removed = tuple((limit.level, limit.name) for limit in limits)
        self.encounter.tell(c.PutLimits(LOCAL, removed=removed))

    def _submit(self, request: InstructionRequest) -> None:
        self.encounter.world.seed += 1
        self.encounter.tell(c.Submit(LOCAL, request))
