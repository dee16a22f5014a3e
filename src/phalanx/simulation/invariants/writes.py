"""The kernel takes a request: was that allowed?"""

from collections import defaultdict
from collections.abc import Callable

import msgspec

from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.desk.ports import KillFlag, NoKillFlag
from phalanx.domain.accounts import AccountId
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope
from phalanx.domain.orders import ClOrdId, OrderDraft, OrdStatus, Side
from phalanx.domain.time import MILLISECOND, Nanoseconds
from phalanx.engine.state import State
from phalanx.simulation.invariants.disk import Disk
from phalanx.simulation.invariants.named import Invariant, holds

Request = PlaceRequest | CancelRequest | ReplaceRequest


_IN_FLIGHT = frozenset({OrdStatus.SENT, OrdStatus.IN_DOUBT})


class Line(msgspec.Struct, frozen=True, gc=False):
    """What a request goes over. ``kind``: the broker's, None for paper. ``has_read``: the account's book
    came over it since it is up.
    """

    kind: BrokerKind | None = None
    has_read: bool = True


PAPER = Line()


class Writes:
    """Sees every request that leaves a process; ``monotonic`` is the world's time, ``flag`` its kill flag.

    ``landed`` is told when records reach the disk, so that deadlines can be counted without the
    wall clock, which somebody may set.
    """

    def __init__(
        self,
        disk: Disk,
        monotonic: Callable[[], Nanoseconds],
        flag: KillFlag = NoKillFlag(),  # noqa: B008  it has no state
    ) -> None:
        self._disk = disk
        self._flag = flag
        self._monotonic = monotonic
        self._times: dict[AccountId, list[Nanoseconds]] = defaultdict(list)
        self._landed: dict[str, Nanoseconds] = {}
        self.written: dict[str, ClOrdId] = {}
        """Every order and request that was written, with the order that it is about."""

    def landed(self) -> None:
        """Records have reached the disk: their dispatches count from here at the latest."""
        self._disk.follow()
        if self._disk.fresh:
            self._landed.update(dict.fromkeys(self._disk.fresh, self._monotonic()))
            self._disk.fresh.clear()

    def see(self, request: Request, state: State, line: Line = PAPER) -> None:
        """A request is taken by the kernel, from a process whose state is this one. Raises Violation."""
        self.landed()
        key = request.cl_ord_id if isinstance(request, PlaceRequest) else request.request_id
        with holds(Invariant.DISPATCH_FIRST):
            dispatched = self._disk.dispatched.get(key)
            assert dispatched is not None, f"{key} was written without a dispatch on the disk"
        with holds(Invariant.WRITTEN_ONCE):
            assert key not in self.written, f"{key} was written twice"
            self.written[key] = request.cl_ord_id
            late = self._monotonic() - self._landed[key] - dispatched
            assert late <= 0, f"{key} was written {late} ns after its send deadline"
            self._check_limit(request.account, state)
        if isinstance(request, CancelRequest):
            return
        with holds(Invariant.READ_FIRST):
            assert line.has_read, f"{key} was written before the book of {request.account} was read"
        draft = self._disk.drafts[request.cl_ord_id]
        with holds(Invariant.STOPPED_BY_KILL):
            if self._adds_risk(request, state):
                stopped = self._is_killed(state, draft, request.account)
                assert not stopped, f"{key} was written under a kill"
        if isinstance(request, PlaceRequest) and line.kind is BrokerKind.NO_TAG:
            with holds(Invariant.ONE_IN_FLIGHT):
                other = self._in_flight_with(draft, state)
                assert other is None, f"{key} was written while {other} is in flight"

    def _adds_risk(self, request: PlaceRequest | ReplaceRequest, state: State) -> bool:
        """A new order that is no exit; new terms that are more, or at a worse price."""
        order = state.orders[request.cl_ord_id]
        if order.draft.reduce_only or isinstance(request, PlaceRequest):
            return not order.draft.reduce_only
        worse = request.limit - order.limit
        return request.quantity > order.quantity or (
            worse > 0 if order.draft.side is Side.BUY else worse < 0
        )

    def _is_killed(self, state: State, draft: OrderDraft, account: AccountId) -> bool:
        """By a kill that stands, or that was ordered past the desk and is not adopted yet."""
        scopes = [kill.scope for kill in state.kills.values()]
        if self._flag.is_raised():
            raised = self._flag.read()
            scopes += [kill.scope for kill in raised.kills] if raised is not None else [EVERYBODY]
        return any(is_over(scope, state, draft, account) for scope in scopes)

    def _in_flight_with(self, draft: OrderDraft, state: State) -> str | None:
        """Another order of the same account, instrument and side that was written and has no answer."""
        mine = (draft.book, draft.instrument, draft.side)
        for order in state.open_orders():
            other = order.draft
            if order.status not in _IN_FLIGHT or other.cl_ord_id not in self.written:
                continue
            if (other.book, other.instrument, other.side) == mine and (
                other.cl_ord_id != draft.cl_ord_id
            ):
                return other.cl_ord_id
        return None

    def _check_limit(self, account: AccountId, state: State) -> None:
        limit = state.accounts[account].rate_limit
        times = self._times[account]
        times.append(self._monotonic())
        if limit.count and len(times) > limit.count:
            window = times[-1] - times[-1 - limit.count]
            assert window >= limit.window_ms * MILLISECOND, f"{account} is above its limit"


def is_over(scope: KillScope, state: State, draft: OrderDraft, account_id: AccountId) -> bool:
    """Whether a kill of that scope stands over an order of that account."""
    account = state.accounts[account_id]
    names = {
        KillLevel.ALL: "",
        KillLevel.BROKER: account.broker,
        KillLevel.STRATEGY: draft.strategy,
        KillLevel.CLIENT: str(account.client_id),
        KillLevel.ACCOUNT: account.id,
    }
    return names[scope.level] == scope.name
