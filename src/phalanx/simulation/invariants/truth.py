"""What a process and its disk must never break, judged by the disk and the wire alone."""

from collections import Counter, defaultdict

import msgspec

from phalanx.desk.desk import Desk
from phalanx.desk.ports import KillFlag, NoKillFlag
from phalanx.desk.previews import Previewed
from phalanx.desk.recovery import rebuild
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.events import Event, InstructionPlanned
from phalanx.domain.orders import OrderDraft, OrdStatus
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import Clock
from phalanx.engine.snapshot import state_hash
from phalanx.engine.state import State, position_key
from phalanx.journal.memory import MemoryDisk, MemoryJournal
from phalanx.simulation.invariants.boards import check_boards
from phalanx.simulation.invariants.disk import Disk, Place
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.invariants.replica import Replica
from phalanx.simulation.invariants.state import check_state
from phalanx.simulation.invariants.writes import PAPER, Line, Request, Writes

RECORDS_PER_LOOK = 4
"""So often the whole state is looked at while records come; of each event the ledgers are."""

UNRESOLVED = frozenset({OrdStatus.SENT, OrdStatus.IN_DOUBT})


class Truth:
    """Sees every write, and looks at the whole when asked to. All raise Violation."""

    def __init__(
        self,
        disk: MemoryDisk,
        clock: Clock,
        flag: KillFlag = NoKillFlag(),  # noqa: B008  it has no state
    ) -> None:
        self._memory = disk
        self._clock = clock
        self._flag = flag
        self.disk = Disk(disk)
        self.writes = Writes(self.disk, clock.monotonic, flag)
        self._records = 0
        self.replica: Replica
        self.acknowledged: dict[str, Event] = {}
        """The first event of every idempotency key that was answered."""

    def see_write(self, request: Request, desk: Desk, line: Line = PAPER) -> None:
        """The kernel takes a request of this process."""
        self.writes.see(request, desk.state, line)

    def forget(self) -> None:
        """What was acknowledged is lost, and no process can know it: from here on the disk as it is counts."""
        self.disk = Disk(self._memory)
        self.writes = Writes(self.disk, self._clock.monotonic, self._flag)
        self.acknowledged.clear()
        self.writes.landed()

    def landed(self) -> None:
        """A record has reached the disk."""
        self.writes.landed()
        self._records += 1
        if self._records % RECORDS_PER_LOOK == 0:
            check_state(self.disk.state)

    def acknowledge(self, key: str, first: Event) -> None:
        """A caller was told; asked again it must be told the same, and the disk must hold it."""
        with holds(Invariant.ONE_PER_KEY):
            known = self.acknowledged.setdefault(key, first)
            assert known == first, f"{key} was answered with {known} and {first}"
        self.writes.landed()
        self._check_answer(key, first)

    def check_fired(self, previewed: Previewed, fired: InstructionPlanned, *, refuse: bool) -> None:
        """What is fired is what was previewed, account by account, but for those that moved."""
        before, after = _by_account(previewed.planned), _by_account(fired)
        moved = {s.account for s in fired.skips if s.reason.code is ReasonCode.MOVED}
        expected = {account: drafts for account, drafts in before.items() if account not in moved}
        with holds(Invariant.PLANNED_ONCE):
            assert not (refuse and moved), "all or nothing"
            assert not moved & after.keys()
            assert expected == after, "fired was something else than was previewed"

    def unresolved(self) -> list[str]:
        """The orders that are sent, or in doubt, as the disk has them now."""
        self.writes.landed()
        return [o.draft.cl_ord_id for o in self.disk.state.open_orders() if o.status in UNRESOLVED]

    def begin(self, desk: Desk) -> None:
        """A process has opened its doors: somebody reads its stream from here on."""
        self.replica = Replica(desk.stream)
        self.check(desk)

    def check(self, desk: Desk) -> None:
        """At any time between two turns of the loop, of a process that runs."""
        self.writes.landed()
        for key, first in self.acknowledged.items():
            self._check_answer(key, first)
        check_state(desk.state)
        durable = self.disk.state
        with holds(Invariant.POSITIONS):
            self.disk.ledger.check(durable)
        self._check_promises(durable)
        with holds(Invariant.TOLD):
            assert desk.durable_seq <= durable.seq, "said to be durable, and is not on the disk"
            assert desk.stream.seq <= durable.seq, "shown, and not on the disk"
            assert desk.state.seq >= durable.seq, "another process's events are on the disk"
        if durable.seq == desk.state.seq:
            with holds(Invariant.REPLAY):
                assert state_hash(durable) == state_hash(desk.state), "replay differs"
        if durable.seq == desk.state.seq == desk.stream.seq:
            with holds(Invariant.NO_GAP):
                check_boards(desk._boards, durable)
                self.replica.check()

    def catch_up(self) -> None:
        """A reader of the stream takes in what has come."""
        with holds(Invariant.NO_GAP):
            self.replica.catch_up()

    def check_replay(self) -> None:
        """The disk replays, with its snapshots and without, to what was followed event by event."""
        with holds(Invariant.REPLAY):
            followed = state_hash(self.disk.state)
            for use_snapshot in (True, False):
                replayed = rebuild(MemoryJournal(self._memory), use_snapshot=use_snapshot)
                assert state_hash(replayed) == followed, f"snapshot {use_snapshot}: it differs"

    def check_quiet(self, desk: Desk) -> None:
        """Enough time has passed: what waited for its time was planned or has ended, and fills that
        people ordered were reported.
        """
        with holds(Invariant.PROGRESS):
            assert not desk.state.held, "held for ever"
            assert not desk.state.hand_fills, "fills by hand that nobody does"

    def check_rest(self, desk: Desk) -> None:
        """Nothing is open any more, but for what is in doubt with a break that says so."""
        self.check(desk)
        state = desk.state
        with holds(Invariant.SETTLED):
            assert desk.durable_seq == state.seq
            told = {one.subject for one in state.breaks.values()}
            left = {o.draft.cl_ord_id: o.status.name for o in state.open_orders()}
            unsaid = {k: s for k, s in left.items() if not (s == "IN_DOUBT" and k in told)}
            assert not unsaid, f"never ended: {unsaid}"
        if not left:
            with holds(Invariant.HOLDS):
                for book in state.books.values():
                    assert (book.holds, book.open_orders, book.doubts) == (0, 0, {})
        self._check_lots(state)
        check_idle(desk)

    def _check_answer(self, key: str, first: Event) -> None:
        with holds(Invariant.ACKNOWLEDGED):
            assert self.disk.firsts.get(key) == first, f"the answer to {key} is lost"

    def _check_promises(self, durable: State) -> None:
        """What is held waits or was planned once; what buys set aside is there."""
        waiting = {key for key in self.disk.held if key not in self.disk.instructions}
        executions = self.disk.executions
        with holds(Invariant.PLANNED_ONCE):
            assert durable.held.keys() == waiting
        with holds(Invariant.BOOKED_ONCE):
            assert all(count <= 1 for count in executions.by_hand.values())
        # What buys a short back is set aside whatever there is.
        reducing = Counter[str]()
        for order in durable.open_orders():
            if order.draft.reduce_only:
                reducing[order.draft.book] += order.hold
        with holds(Invariant.CASH):
            for book in durable.books.values():
                slack = executions.count(book.id) + book.open_orders + reducing[book.id]
                slack += executions.spent_outside(book.id)
                assert book.holds <= max(0, book.cash + slack), f"{book.id} set too much aside"

    def _check_lots(self, state: State) -> None:
        lots: Counter[Place] = Counter()
        for book in state.books.values():
            for lot in book.all_lots():
                lots[book.id, lot.strategy, lot.instrument, lot.product] += lot.remaining
        outside = self.disk.executions.outside
        with holds(Invariant.LOTS):
            for place in {**lots, **self.disk.filled}:
                book_id, _, instrument, product = place
                if (book_id, position_key(instrument, product)) in outside:
                    continue  # of whom somebody outside sold is not for us to say
                wanted = self.disk.filled[place]
                assert lots[place] == wanted, f"{place}: {lots[place]} in lots, {wanted} bought"


def check_fail_stop(journal: MemoryJournal, desk: Desk) -> None:
    """A process whose journal has failed takes nothing any more, and whoever runs it knows why."""
    with holds(Invariant.FAIL_STOP):
        if journal._failure is not None:
            assert desk.stopped is not None, "its journal failed, and it goes on"
            assert desk.failed is not None, "it began without saying how it will end"
            assert desk.failed.done(), "its journal failed, and nobody was told"


def check_idle(desk: Desk) -> None:
    """Nobody waits in a lane, no place in a window is taken for ever, nothing is remembered in vain."""
    firing = desk.firing
    with holds(Invariant.IDLE):
        for lane in firing.turns:
            assert not lane, f"somebody waits in {lane.account}"
            assert lane.window._pending == 0, f"{lane.account} leaked a place"
        assert not firing.is_busy(), "somebody is still on the way"


def check_memory(state: State) -> None:
    """Days after everything came to rest: no broker can mean by now what was remembered for its sake."""
    with holds(Invariant.IDLE):
        assert not state.orders, f"remembered for ever: {list(state.orders)}"


def _by_account(planned: InstructionPlanned) -> dict[AccountId, list[OrderDraft]]:
    """Every account's orders, without their ids."""
    found: dict[AccountId, list[OrderDraft]] = defaultdict(list)
    for draft in planned.orders:
        bare = msgspec.structs.replace(draft, cl_ord_id="", lot="")
        found[split_book(draft.book)[0]].append(bare)
    return found
