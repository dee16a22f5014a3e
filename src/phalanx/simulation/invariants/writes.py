"""The kernel takes a request: was that allowed?"""

from collections import defaultdict
from collections.abc import Callable

from phalanx.brokers.port import CancelRequest, PlaceRequest, ReplaceRequest
from phalanx.domain.accounts import AccountId
from phalanx.domain.kills import KillLevel
from phalanx.domain.orders import OrderDraft
from phalanx.domain.time import MILLISECOND, Nanoseconds
from phalanx.engine.state import State
from phalanx.simulation.invariants.disk import Disk
from phalanx.simulation.invariants.named import Invariant, holds

Request = PlaceRequest | CancelRequest | ReplaceRequest


class Writes:
    """Sees every request that leaves a process; ``monotonic`` is the world's time.

    ``landed`` is told when records reach the disk, so that deadlines can be counted without the
    wall clock, which somebody may set.
    """

    def __init__(self, disk: Disk, monotonic: Callable[[], Nanoseconds]) -> None:
        self._disk = disk
        self._monotonic = monotonic
        self._times: dict[AccountId, list[Nanoseconds]] = defaultdict(list)
        self._landed: dict[str, Nanoseconds] = {}
        self.written: set[str] = set()

    def landed(self) -> None:
        """Records have reached the disk: their dispatches count from here at the latest."""
        self._disk.follow()
        if self._disk.fresh:
            self._landed.update(dict.fromkeys(self._disk.fresh, self._monotonic()))
            self._disk.fresh.clear()

    def see(self, request: Request, state: State) -> None:
        """A request is taken by the kernel, from a process whose state is this one. Raises Violation."""
        self.landed()
        key = request.cl_ord_id if isinstance(request, PlaceRequest) else request.request_id
        with holds(Invariant.DISPATCH_FIRST):
            dispatched = self._disk.dispatched.get(key)
            assert dispatched is not None, f"{key} was written without a dispatch on the disk"
        with holds(Invariant.WRITTEN_ONCE):
            assert key not in self.written, f"{key} was written twice"
            self.written.add(key)
            late = self._monotonic() - self._landed[key] - dispatched
            assert late <= 0, f"{key} was written {late} ns after its send deadline"
            self._check_limit(request.account, state)
        if isinstance(request, PlaceRequest):
            draft = self._disk.drafts[request.cl_ord_id]
            with holds(Invariant.STOPPED_BY_KILL):
                stopped = not draft.reduce_only and is_killed(state, draft, request.account)
                assert not stopped, f"{key} was written under a kill"

    def _check_limit(self, account: AccountId, state: State) -> None:
        limit = state.accounts[account].rate_limit
        times = self._times[account]
        times.append(self._monotonic())
        if limit.count and len(times) > limit.count:
            window = times[-1] - times[-1 - limit.count]
            assert window >= limit.window_ms * MILLISECOND, f"{account} is above its limit"


def is_killed(state: State, draft: OrderDraft, account_id: AccountId) -> bool:
    """Whether a kill stands over an order of that account."""
    account = state.accounts[account_id]
    names = {
        KillLevel.ALL: "",
        KillLevel.BROKER: account.broker,
        KillLevel.STRATEGY: draft.strategy,
        KillLevel.CLIENT: str(account.client_id),
        KillLevel.ACCOUNT: account.id,
    }
    return any(names[kill.scope.level] == kill.scope.name for kill in state.kills.values())
