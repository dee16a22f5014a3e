"""How far orders came before they were written, as far as this process knows it: their hops."""

from collections import OrderedDict
from collections.abc import Iterable

from phalanx.domain.instructions import InstructionId
from phalanx.domain.orders import ClOrdId, Hops, OrderDraft
from phalanx.domain.time import Nanoseconds
from phalanx.engine.state import Order, State

PLANNED_MAX = 4_096
"""How many instructions' planning instants are kept for the hops of orders that wait."""


class Ways:
    """Instants of orders that were not written yet; all of them are of this process's clock."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waited: dict[ClOrdId, Nanoseconds] = {}
        self._held: dict[ClOrdId, Nanoseconds] = {}
        self._planned: OrderedDict[InstructionId, Nanoseconds] = OrderedDict()
        self._children: set[ClOrdId] = set()
        # Monotonic instants of another process mean nothing in this one.
        self._of_another_process = frozenset(state.instructions)

    def __bool__(self) -> bool:
        """Whether anything is kept of orders that are not at their end."""
        return bool(self._waited or self._children or self._held)

    def planned(self, instruction_id: InstructionId, now: Nanoseconds) -> None:
        """The instruction was planned now."""
        self._planned[instruction_id] = now
        if len(self._planned) > PLANNED_MAX:
            self._planned.popitem(last=False)

    def follow(self, children: Iterable[OrderDraft]) -> None:
        """These follow from a fill or an end: the instruction's own instants say nothing of them."""
        self._children.update(child.cl_ord_id for child in children)

    def waited(self, cl_ord_id: ClOrdId, duration_ns: Nanoseconds) -> None:
        """So much more of its time went into waiting for its turn."""
        if duration_ns:
            self._waited[cl_ord_id] = self._waited.get(cl_ord_id, 0) + duration_ns

    def held(
        self, instruction_id: InstructionId, cl_ord_ids: Iterable[ClOrdId], now: Nanoseconds
    ) -> None:
        """These stood in their undo window from their planning until now."""
        planned = self._planned.get(instruction_id)
        if planned is not None:
            self._held.update(dict.fromkeys(cl_ord_ids, now - planned))

    def again(self, cl_ord_id: ClOrdId, hops: Hops) -> None:
        """It was not written: what is known of its way is told when it is."""
        self.waited(cl_ord_id, hops.waited)
        if hops.held:
            self._held[cl_ord_id] = hops.held

    def forget(self, cl_ord_id: ClOrdId) -> None:
        """The order ended unsent: nobody will ask for its way."""
        self._waited.pop(cl_ord_id, None)
        self._children.discard(cl_ord_id)
        if self._held:
            self._held.pop(cl_ord_id, None)

    def hops(self, order: Order, committed: Nanoseconds) -> Hops:
        """How far an order came that is being written; of a child of a late fill only the end."""
        cl_ord_id, instruction_id = order.draft.cl_ord_id, order.instruction_id
        received = planned = 0
        if cl_ord_id in self._children:
            self._children.discard(cl_ord_id)
        elif instruction_id not in self._of_another_process:
            received = self._state.instructions[instruction_id].received
            planned = self._planned.get(instruction_id, 0)
        waited = self._waited.pop(cl_ord_id, 0)
        held = self._held.pop(cl_ord_id, 0) if self._held else 0
        return Hops(
            received=received, planned=planned, held=held, committed=committed, waited=waited
        )
