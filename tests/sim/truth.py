"""What a seeded story must never break, judged by the disk and the wire alone."""

from collections import Counter, defaultdict

import msgspec

from phalanx.brokers.port import PlaceRequest
from phalanx.desk.previews import Previewed
from phalanx.desk.recovery import rebuild
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.events import Event, InstructionPlanned
from phalanx.domain.orders import OrderDraft, OrdStatus
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import MILLISECOND, Nanoseconds
from phalanx.engine.state import State, state_hash
from phalanx.journal.memory import MemoryJournal
from phalanx.simulation.wire import Request
from phalanx.simulation.world import World
from tests.engine_invariants import check_state
from tests.fakes.boards import check_boards
from tests.fakes.replica import Replica
from tests.sim.disk import Disk, Place

_UNRESOLVED = frozenset({OrdStatus.SENT, OrdStatus.IN_DOUBT})


class Truth:
    """Sees every write, and looks at the whole when asked to."""

    def __init__(self) -> None:
        self.world: World
        self.disk: Disk
        self.replica: Replica
        self.acknowledged: dict[str, Event] = {}
        """The first event of every idempotency key that was answered."""
        self.written: set[str] = set()
        self._times: dict[AccountId, list[Nanoseconds]] = defaultdict(list)

    def watch(self, world: World) -> None:
        self.world = world
        self.disk = Disk(world.disk)

    def see_write(self, request: Request) -> None:
        """The kernel takes a request: was that allowed?"""
        self.disk.follow()
        is_order = isinstance(request, PlaceRequest)
        key = request.cl_ord_id if is_order else request.request_id  # type: ignore[union-attr]
        assert key not in self.written, f"{key} was written twice"
        self.written.add(key)
        assert key in self.disk.dispatched, f"{key} was written without a dispatch on the disk"
        state = self.world.desk.state
        if is_order and not self.disk.drafts[request.cl_ord_id].reduce_only:
            assert not {"", request.account} & state.kills.keys(), f"{key} was written under a kill"
        limit = state.accounts[request.account].rate_limit
        times = self._times[request.account]
        times.append(self.world.clock.monotonic())
        if limit.count and len(times) > limit.count:
            window = times[-1] - times[-1 - limit.count]
            assert window >= limit.window_ms * MILLISECOND, f"{request.account} is above its limit"

    def acknowledge(self, key: str, first: Event) -> None:
        """A caller was told; asked again it must be told the same."""
        known = self.acknowledged.setdefault(key, first)
        assert known == first, f"{key} was answered with {known} and {first}"

    def check_fired(self, previewed: Previewed, fired: InstructionPlanned, *, refuse: bool) -> None:
        """What is fired is what was previewed, account by account, but for those that moved."""
        before, after = _by_account(previewed.planned), _by_account(fired)
        moved = {s.account for s in fired.skips if s.reason.code is ReasonCode.MOVED}
        assert not (refuse and moved), "all or nothing"
        assert not moved & after.keys()
        expected = {account: drafts for account, drafts in before.items() if account not in moved}
        assert expected == after, "fired was something else than was previewed"

    def unresolved(self) -> list[str]:
        """The orders that are sent, or in doubt, as the disk has them now."""
        state = rebuild(_reader(self.world))
        return [o.draft.cl_ord_id for o in state.open_orders() if o.status in _UNRESOLVED]

    def begin(self, unresolved: list[str]) -> None:
        """A process has opened its doors: what was in doubt before is known now."""
        state = self.world.desk.state
        for cl_ord_id in unresolved:
            assert state.orders[cl_ord_id].status not in _UNRESOLVED, f"{cl_ord_id} is in doubt"
        for order in state.open_orders():
            assert order.request is None or not order.request.in_doubt
        assert not self.world.desk.closed
        self.replica = Replica(self.world.desk.stream)
        self.check()

    def check(self) -> None:
        """At any time between two turns of the loop."""
        self.disk.follow()
        for key, first in self.acknowledged.items():
            assert self.disk.firsts.get(key) == first, f"the answer to {key} is lost"
        assert all(count == 1 for count in self.disk.instructions.values())
        assert all(count <= 1 for count in self.disk.hand_fills.values())
        check_state(self.world.desk.state)
        durable = rebuild(_reader(self.world))
        assert state_hash(durable) == state_hash(rebuild(_reader(self.world), use_snapshot=False))
        check_state(durable)
        self.disk.ledger.check(durable)
        self._check_promises(durable)
        if durable.seq == self.world.desk.state.seq == self.world.desk.stream.seq:
            assert state_hash(durable) == state_hash(self.world.desk.state), "replay differs"
            check_boards(self.world.desk._boards, durable)
            self.replica.check()

    def _check_promises(self, durable: State) -> None:
        """What is held waits or was planned once; what buys set aside is there."""
        waiting = {key for key in self.disk.held if key not in self.disk.instructions}
        assert durable.held.keys() == waiting
        for book in durable.books.values():
            rounded = self.disk.fills(book.id) + book.open_orders
            assert book.holds <= book.cash + rounded, f"{book.id} has set more aside than it has"

    def check_quiet(self) -> None:
        """Enough time has passed: what waited for its time was planned or has ended, and fills that
        people ordered were reported.
        """
        state = self.world.desk.state
        assert not state.held, "held for ever"
        assert not state.hand_fills, "fills by hand that nobody does"

    def check_rest(self) -> None:
        """Nothing is open any more."""
        self.check()
        state = self.world.desk.state
        assert self.world.desk.durable_seq == state.seq
        left = {o.draft.cl_ord_id: o.status.name for o in state.open_orders()}
        assert not left, f"never ended: {left}"
        for book in state.books.values():
            assert (book.holds, book.open_orders, book.doubts) == (0, 0, {})
        lots: Counter[Place] = Counter()
        for book in state.books.values():
            for lot in book.all_lots():
                lots[book.id, lot.strategy, lot.instrument, lot.product] += lot.remaining
        expected = {key: quantity for key, quantity in self.disk.filled.items() if quantity}
        assert lots == expected, "the open lots are not what was bought and not sold"
        check_idle(self.world)


def check_idle(world: World) -> None:
    """Nobody waits in a lane, no place in a window is taken for ever, nothing is remembered in vain."""
    firing = world.desk.firing
    for lane in firing.turns:
        assert not lane, f"somebody waits in {lane.account}"
        assert lane.window._pending == 0, f"{lane.account} leaked a place"
    assert not firing._queued
    assert not firing._queued_requests
    assert not firing._unanswered
    assert not firing._waited
    assert not firing._children


def _by_account(planned: InstructionPlanned) -> dict[AccountId, list[OrderDraft]]:
    """Every account's orders, without their ids."""
    found: dict[AccountId, list[OrderDraft]] = defaultdict(list)
    for draft in planned.orders:
        bare = msgspec.structs.replace(draft, cl_ord_id="", lot="")
        found[split_book(draft.book)[0]].append(bare)
    return found


def _reader(world: World) -> MemoryJournal:
    return MemoryJournal(world.disk)
