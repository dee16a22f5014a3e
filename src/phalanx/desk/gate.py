"""The gate: the last look, in the same synchronous block as the write.

In this round a class in the desk's process, asked through ``Ticket.admit``; nothing else lets a
byte out. It repeats what must still be true at that instant, whatever was checked before.
"""

from phalanx.domain.numbers import multiply
from phalanx.domain.orders import TERMINAL, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Clock, Nanoseconds
from phalanx.engine.risk import kill_refusal
from phalanx.engine.state import Order, State


class Gate:
    """Checks epoch, life, deadline, kills and hard caps. Closed means: nothing leaves any more."""

    __slots__ = ("_clock", "_epoch", "_state", "closed")

    def __init__(self, state: State, clock: Clock, epoch: int) -> None:
        self._state = state
        self._clock = clock
        self._epoch = epoch
        self.closed = False

    def admit_order(self, order: Order) -> Reason | None:
        """Whether a new order may be written now; the reason is why not."""
        state = self._state
        if order.status is not OrdStatus.SENT:
            return Reason(ReasonCode.NEVER_SENT, (order.status.name,))
        reason = self._admit(order.deadline)
        if reason is not None:
            return reason
        if state.kills and not order.draft.reduce_only:
            reason = kill_refusal(state, state.accounts[state.book_of(order).account])
            if reason is not None:
                return reason
        return self._cap(order)

    def admit_request(self, order: Order) -> Reason | None:
        """Whether a cancel or replace may be written now."""
        request = order.request
        if request is None or order.status in TERMINAL:
            return Reason(ReasonCode.NEVER_SENT, (order.status.name,))
        return self._admit(request.deadline)

    def _admit(self, deadline: Nanoseconds) -> Reason | None:
        if self.closed or self._state.epoch != self._epoch:
            return Reason(ReasonCode.STALE_EPOCH)
        if self._clock.now() > deadline:
            return Reason(ReasonCode.SEND_DEADLINE)
        return None

    def _cap(self, order: Order) -> Reason | None:
        settings = self._state.settings
        if order.quantity > settings.quantity_max:
            return Reason(ReasonCode.QUANTITY_CAP, (order.quantity, settings.quantity_max))
        value = multiply(order.limit, order.quantity)
        if value > settings.value_max and not order.draft.reduce_only:
            return Reason(ReasonCode.VALUE_CAP, (value, settings.value_max))
        return None
