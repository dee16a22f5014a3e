"""Whatever becomes of orders, and whichever left memory: what an instruction counts of them is what the
journal says of all that it ever had.
"""

from collections import defaultdict

from hypothesis.stateful import invariant

from phalanx.domain.events import (
    Event,
    InstructionPlanned,
    OrderEnded,
    OrderReported,
    OrdersRetired,
)
from phalanx.domain.numbers import multiply
from phalanx.domain.orders import OrderDraft
from phalanx.engine.apply.value import value_of
from tests.property.engine.profile import profile
from tests.property.engine.test_honest_broker import HonestBroker


class ValueAtRisk(HonestBroker):
    """``planned``: of each instruction the value of its orders that open risk, as drafted; ``filled``: of
    each such order what it filled; ``gone``: of each instruction what those filled that left memory.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        self.planned: defaultdict[str, int] = defaultdict(int)
        self.filled: defaultdict[str, int] = defaultdict(int)
        self.gone: defaultdict[str, int] = defaultdict(int)
        self.owner: dict[str, str] = {}

    @invariant()
    def sums_are_what_a_look_at_every_order_gives(self) -> None:
        state = self.world.state
        for event in self.world.journal[self.taken :]:
            self._take(event)
        self.taken = len(self.world.journal)
        at_risk = defaultdict(int, self.gone)
        for order in state.orders.values():
            at_risk[order.instruction_id] += value_of(order)
        for instruction in state.instructions.values():
            assert instruction.value_planned == self.planned[instruction.id]
            assert instruction.value_at_risk == at_risk[instruction.id]

    def _take(self, event: Event) -> None:
        match event:
            case InstructionPlanned():
                for draft in event.orders:
                    self._place(draft, event.instruction_id)
            case OrderReported():
                if event.cl_ord_id in self.owner:
                    value = multiply(event.report.last_price, event.last_quantity)
                    self.filled[event.cl_ord_id] += value
            case OrdersRetired():
                for cl_ord_id in event.cl_ord_ids:
                    if cl_ord_id in self.owner:
                        self.gone[self.owner[cl_ord_id]] += self.filled[cl_ord_id]
            case _:
                pass
        if isinstance(event, OrderReported | OrderEnded):
            assert all(draft.reduce_only for draft in event.children), "whatever follows closes"

    def _place(self, draft: OrderDraft, instruction: str) -> None:
        if not draft.reduce_only:
            self.planned[instruction] += multiply(draft.limit, draft.quantity)
            self.owner[draft.cl_ord_id] = instruction


TestValueAtRisk = ValueAtRisk.TestCase
TestValueAtRisk.settings = profile(examples=40)
