"""The gate: the last look, in the same synchronous block as the write.

In this round a class in the desk's process, asked through ``Ticket.admit``; nothing else lets a
byte out. It repeats what must still be true at that instant, whatever was checked before.
"""

from phalanx.desk.ports import KillFlag
from phalanx.domain.kills import stopping
from phalanx.domain.orders import TERMINAL, OrdStatus, RequestKind
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import Clock, Nanoseconds
from phalanx.engine.priced import cap_refusal
from phalanx.engine.risk import kill_refusal, lessens_risk
from phalanx.engine.state import Order, State

_SENT = OrdStatus.SENT


class Gate:
    """Checks epoch, life, deadline, the account, kills and caps. Closed: nothing leaves any more."""

    __slots__ = ("_clock", "_epoch", "_flag", "_state", "closed")

    def __init__(self, state: State, clock: Clock, epoch: int, flag: KillFlag) -> None:
        self._state = state
        self._clock = clock
        self._epoch = epoch
        self._flag = flag
        self.closed = False

    def admit_order(self, order: Order) -> Reason | None:
        """Whether a new order may be written now; the reason is why not."""
        if order.status is not _SENT:
            return Reason(ReasonCode.NEVER_SENT, (order.status.name,))
        reason = self._admit(order.deadline)
        if reason is not None:
            return reason
        reduces = order.draft.reduce_only
        if not reduces:
            reason = self._stopped(order)
        settings = self._state.settings
        reason = reason or cap_refusal(settings, order.quantity, order.limit, reduces=reduces)
        if reason is None and order.request is not None and order.is_canceling:
            # Asked for between the dispatch and now: it need not go out to be cancelled.
            return Reason(ReasonCode.CANCELED_BEFORE_SENT)
        return reason

    def admit_request(self, order: Order) -> Reason | None:
        """Whether a cancel or replace may be written now. A replace is new risk like
        an order, unless it only lessens it.
        """
        request = order.request
        if request is None or order.status in TERMINAL:
            return Reason(ReasonCode.NEVER_SENT, (order.status.name,))
        reason = self._admit(request.deadline)
        if reason is not None or request.kind is RequestKind.CANCEL:
            return reason
        if lessens_risk(order, request.quantity, request.limit):
            return None
        settings = self._state.settings
        return self._stopped(order) or cap_refusal(
            settings, request.quantity, request.limit, reduces=False
        )

    def _admit(self, deadline: Nanoseconds) -> Reason | None:
        if self.closed:
            return Reason(ReasonCode.DESK_STOPPING)
        if self._state.epoch != self._epoch:
            return Reason(ReasonCode.STALE_EPOCH)
        if self._clock.now() > deadline:
            return Reason(ReasonCode.SEND_DEADLINE)
        return None

    def _stopped(self, order: Order) -> Reason | None:
        """Switched off or killed since it was planned, by the journal or past it."""
        state = self._state
        draft = order.draft
        account = state.accounts[state.books[draft.book].account]
        if not account.enabled:
            return Reason(ReasonCode.ACCOUNT_DISABLED, (account.id,))
        strategy = draft.strategy
        if self._flag.is_raised():
            scope = stopping(self._flag.keys(), account, strategy)
            if scope is not None:
                return Reason(ReasonCode.KILL_DIRECT, (str(scope),))
        return kill_refusal(state, account, strategy)
