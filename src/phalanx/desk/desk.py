"""The desk: the one place where commands become events, events become durable, and orders go out."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from phalanx.desk.answers import Executed, Readiness
from phalanx.desk.clock import SteadyClock
from phalanx.desk.commit import Group, GroupCommit
from phalanx.desk.decisions import Decisions
from phalanx.desk.direct_kills import DirectKills
from phalanx.desk.errors import Stopped
from phalanx.desk.faults import Faults
from phalanx.desk.firing.firing import Firing
from phalanx.desk.firing.gate import Gate
from phalanx.desk.held import HeldInstructions
from phalanx.desk.intake import Intake
from phalanx.desk.pace import Pace
from phalanx.desk.ports import Ports
from phalanx.desk.previews import Previewed, Previews
from phalanx.desk.reconciling.adoption import Adoption
from phalanx.desk.reconciling.late_reports import LateReports
from phalanx.desk.reconciling.opening import Opening
from phalanx.desk.reconciling.reconciler import INTERVAL_NS, Reconciler
from phalanx.desk.recovery import event_at, events_at, keep_snapshot
from phalanx.desk.settled import Settled, SettledOrders
from phalanx.desk.showing.audience import Audience, Observer
from phalanx.desk.showing.boards import Boards
from phalanx.desk.showing.stream import Stream
from phalanx.desk.telemetry import Telemetry
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import Event
from phalanx.domain.instructions import InstructionRequest, Origin
from phalanx.domain.instruments import InstrumentIndex, InstrumentKey, known_symbol
from phalanx.domain.orders import ClOrdId, ExecutionReport
from phalanx.domain.time import MILLISECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.context import Context
from phalanx.engine.idempotency import first_use
from phalanx.engine.state import State
from phalanx.journal.errors import JournalFailed
from phalanx.journal.port import Tail

__all__ = ["Desk", "Executed", "Ports", "Readiness"]

TICK_NS = 250 * MILLISECOND

_PLANS = frozenset({c.Submit, c.Release, c.Approve})

STARTING = "starting"
STOPPING = "stopping"


class Desk:
    """One engine, one journal, one event loop.

    ``state`` belongs to the desk: others read it on the loop's thread, and answer from it only
    after ``durable(state.seq)``.
    """

    def __init__(
        self,
        state: State,
        tail: Tail,
        ports: Ports,
        instruments: InstrumentIndex,
        reconcile_interval_ns: Nanoseconds = INTERVAL_NS,
        pace: Pace = Pace(),  # noqa: B008  frozen
    ) -> None:
        assert state.seq == tail.seq, f"state at {state.seq}, journal at {tail.seq}"
        self.state = state
        self.instruments = instruments
        self.clock = SteadyClock(ports.clock, state.time)
        self.timer, self.quote, self.calendar = ports.timer, ports.quote, ports.calendar
        self.telemetry = telemetry = Telemetry(self.clock.monotonic)
        self.closed: dict[AccountId, str] = {}
        self.stopped: str | None = STARTING
        self._ports, self.brokers = ports, ports.brokers
        self._writes_at_once = pace.writes_per_turn
        self._tail = tail
        self.capabilities = {name: broker.capabilities for name, broker in ports.brokers.items()}
        self._commit = GroupCommit(ports.journal, ports.random, state.seq, self._released)
        self._intake = Intake(self._commit, ports.brokers.values(), ports.timer, pace)
        gate = Gate(state, self.clock, tail.epoch, ports.kill_flag)
        self.firing = Firing(
            state, ports.brokers, gate, self.clock, ports.timer, self.handle, self.closed
        )
        self._faults = Faults(state, self.telemetry, self._distrust, self._die)
        self._opening = Opening(self.closed, self.firing)
        self._decisions = Decisions(state, self.firing, self._commit, self._context, self._die)
        self._late = LateReports(
            state, ports.archive, ports.timer, self._decide_own, self._read_soon, self._faults.say
        )
        self.reconciler = self._make_reconciler(reconcile_interval_ns)
        self._settled = SettledOrders(ports.timer)
        self._boards = Boards(
            state, self._symbol, telemetry.ended, self._settled.answered, telemetry.answered
        )
        self._previews = Previews(state, self.clock, ports.random)
        self._held = HeldInstructions(state, self.clock, ports.timer, self.handle, self._intake)
        self._direct_kills = DirectKills(
            ports.kill_flag, state, self.handle, lambda: self.durable_seq, self._faults
        )
        self._audience = Audience(self.telemetry, self._boards, self._faults.say)
        self._tasks: list[asyncio.Task[None]] = []
        self._dead = self._stopping = False
        self.failed: asyncio.Future[BaseException] | None = None

    @property
    def stream(self) -> Stream:
        """The event stream's topics and readers."""
        return self._boards.stream

    @property
    def durable_seq(self) -> int:
        """The last event on disk."""
        return self._commit.durable_seq

    @property
    def epoch(self) -> int:
        """This process's term."""
        return self._tail.epoch

    def observe(self, observer: Observer) -> None:
        """Tell ``observer(events, last seq)`` of every durable group, on the loop; it must return at once."""
        self._audience.observe(observer)

    def begin(self) -> None:
        """Start committing. Commands are handled from here on; the doors open with ``admit``."""
        self.failed = asyncio.get_running_loop().create_future()
        self._ports.journal.listen(self._die)
        self.run(self._commit.run(), "commit")

    def admit(self) -> None:
        """Open the doors and begin to tick. Raises Stopped when the desk had to stop meanwhile."""
        if self._dead or self.stopped != STARTING:
            raise Stopped(self.stopped)
        self.stopped = None
        self.run(self._tick(), "tick")
        self._held.open()

    async def execute(self, command: c.Command) -> Executed:
        """Decide a door's command now and return once it is durable.

        Raises Refused (nothing journaled), Overloaded and Stopped (nothing decided; but a Stopped
        raised while waiting leaves the outcome to the idempotency key after a restart).
        """
        first = await self._turn(command)
        if first is not None:
            return first
        return await self._answer(self._decide(command))

    def execute_at_once(self, command: c.Command) -> Executed | None:
        """Decide a door's command now, for who tells nobody before ``durable(seq)``. None: nothing was
        decided, because it has to wait for its turn or repeats a key; ``execute`` it.

        Raises Refused, Overloaded and Stopped: nothing journaled.
        """
        self._check_open()
        if self._first_seq(command) is not None or not self._intake.passes(command):
            return None
        events = tuple(self._decide(command))
        return Executed(events, self.state.seq)

    def read_back(self, executed: Executed, count: int) -> tuple[Event, ...]:
        """The first ``count`` events of a command, also where ``executed`` is a repeat of it."""
        if not executed.replayed:
            return executed.events[:count]
        return events_at(self._ports.journal, executed.seq, count)

    async def preview(self, command: c.Submit, asked: object = None) -> Previewed:
        """What the instruction would come to now, once what it was reckoned from is durable; nothing
        of it is journaled. ``asked``: what somebody asked for, where the command was made of it.
        Raises Refused, Overloaded and Stopped like ``execute``: it plans as much.
        """
        self._check_open()
        await self._intake.turn(command)
        self._check_open()
        previewed = self._previews.make(command, self._context(command), asked)
        await self._commit.durable(self.state.seq)
        return previewed

    def previewed(self, token: str, actor: str, asked: object) -> InstructionRequest | None:
        """The request that ``actor`` had previewed under ``token`` when they ``asked`` the same."""
        return self._previews.request_of(token, actor, asked)

    async def fire(self, command: c.Submit, token: str, *, refuse: bool) -> Executed:
        """Execute just what was previewed under ``token``, once; accounts that moved are left out.

        Raises like ``execute``, and Refused ``PREVIEW_EXPIRED``, ``PREVIEW_MISMATCH``, and with
        ``refuse`` (all or nothing) ``MOVED``; then the token stays good.
        """
        first = await self._turn(command)
        if first is not None:
            return first
        context = self._previews.pinned(command, token, self._context(command), refuse=refuse)
        events = self._decide(command, context)
        self._previews.forget(token)
        return await self._answer(events)

    async def settled(
        self,
        cl_ord_ids: Sequence[ClOrdId],
        within_ns: Nanoseconds,
        *,
        ended: Sequence[ClOrdId] = (),
    ) -> Mapping[ClOrdId, Settled]:
        """How these durable orders stand once their brokers have answered for each, and each of ``ended``
        is at its end or in doubt; or the time is over.
        """
        board = self._boards.orders
        return await self._settled.wait(board, cl_ord_ids, within_ns, ended=ended)

    def handle(self, command: c.Command) -> None:
        """Decide a command of the desk's own: a report, a timer, a turn. Nobody waits for it, and
        whatever is wrong with it is nobody else's business: see ``Faults.turned_away``.
        """
        if self._dead:
            return
        try:
            self._decide(command)
        except Stopped:
            return
        except Exception as failure:  # noqa: BLE001  the caller is a broker or a timer
            instead = self._faults.turned_away(command, failure)
            if instead is not None:
                self.handle(instead)

    def report(self, report: ExecutionReport) -> None:
        """A broker says something; the listener of every broker. What fits no order in memory is not lost:
        it is looked up, or its account's book is read.
        """
        if not report.cl_ord_id:
            cl_ord_id = self._decisions.order_ids.find(report.account, report.order_id)
            report = msgspec.structs.replace(report, cl_ord_id=cl_ord_id)
        if report.cl_ord_id in self.state.orders:
            self.handle(c.BookReport(report))
        else:
            self._late.report(report)

    def session(self, account: AccountId, why: str) -> None:
        """An account is in reach of its broker or not; the listener of every broker's sessions."""
        self.reconciler.session(account, why)

    def durable(self, seq: int) -> "asyncio.Future[None]":
        """To wait until event ``seq`` is on disk; it raises Stopped if that will never be."""
        return self._commit.durable(seq)

    def readiness(self) -> Readiness:
        """For ``/health/ready``."""
        trouble = self._direct_kills.trouble
        is_ready, closed = self.stopped is None, dict(self.closed)
        return Readiness(is_ready, self.durable_seq, self.epoch, closed, self.stopped, trouble)

    def metrics(self) -> bytes:
        """For ``/metrics``."""
        telemetry = self.telemetry
        telemetry.waiting_bytes.set(self._commit.waiting_bytes)
        telemetry.open_orders.set(sum(book.open_orders for book in self.state.books.values()))
        telemetry.readers.set(self.stream.reader_count)
        telemetry.waiting_commands.set(len(self._intake))
        telemetry.waiting_orders.set(self.firing.waiting_count())
        telemetry.seq.set(self.durable_seq)
        return telemetry.render()

    def use_instruments(self, instruments: InstrumentIndex) -> None:
        """A new master is in force for the decisions from here on."""
        self.instruments = instruments

    def run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do this beside everything else until the desk stops; when it fails, the desk does."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._done)
        self._tasks.append(task)

    def adopt_direct_kills(self) -> None:
        """Make kills that were ordered past this process its own; until then the gate goes by them."""
        self._direct_kills.look()

    async def stop(self) -> None:
        """Close the doors, finish what is decided, keep a snapshot. Safe to call twice."""
        if self._stopping:
            return
        self._stopping = True
        self.stopped = self.stopped if self.stopped not in {None, STARTING} else STOPPING
        for task in self._tasks[1:]:
            task.cancel()
        self._end_reconciling()
        self._held.close()
        self._intake.close(self.stopped)
        self._settled.close()
        if not self._dead:
            with suppress(Stopped):
                # What is decided still goes out; what comes back until the end is still booked.
                await self._commit.durable(self.state.seq)
        self.firing.close()
        for broker in self._ports.brokers.values():
            try:
                await broker.close()
            except Exception as failure:  # noqa: BLE001  the others are to be closed all the same
                self._faults.say("broker", failure)
        if not self._dead:
            await self._finish()
        self._dead = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._commit.fail(Stopped(self.stopped))
        self.stream.close()

    def abandon(self) -> None:
        """Stop dead, as a killed process does: no answer, no flush. For simulations."""
        self.stopped = "abandoned"
        self._stopping = self._dead = True
        self._end_reconciling()
        self.firing.close()
        for task in self._tasks:
            task.cancel()

    def keep_snapshot(self) -> None:
        """Store the state as of the journal's tail. Blocks on the disk: only at start and stop."""
        keep_snapshot(self._ports.journal, self.state)

    def _make_reconciler(self, interval_ns: Nanoseconds) -> Reconciler:
        adoption = Adoption(self.state, self.clock, self._decide_own, self._late, self._faults.say)
        return Reconciler(
            self.state,
            self._ports,
            self.clock,
            self._opening,
            adoption,
            self._all_durable,
            interval_ns,
        )

    def _decide_own(self, command: c.Command) -> None:
        """Decide a command of the desk's own, for somebody who wants to know. Raises Stopped, and
        whatever is wrong with it; then nothing of it was applied.
        """
        if self._dead:
            raise Stopped(self.stopped)
        self._decide(command)

    def _decide(self, command: c.Command, context: Context | None = None) -> list[Event]:
        """Decide and apply, with what follows at once; raises like ``Decisions.decide``."""
        events = self._decisions.decide(command, context)
        self.reconciler.accounts_put(events)
        return events

    def _distrust(self, account: AccountId, why: str) -> None:
        self.reconciler.distrust(account, why)

    def _read_soon(self, account: AccountId) -> None:
        self.reconciler.read_soon(account)

    async def _all_durable(self) -> None:
        await self._commit.durable(self.state.seq)

    def _end_reconciling(self) -> None:
        self.reconciler.close()
        self._late.close()

    def _check_open(self) -> None:
        if self.stopped is not None:
            raise Stopped(self.stopped)

    async def _turn(self, command: c.Command) -> Executed | None:
        """Return when the command may be decided; or what the same key led to before."""
        self._check_open()
        seq = self._first_seq(command)
        if seq is None and await self._intake.turn(command):
            # Meanwhile the desk may have stopped, or another of the same key have had its turn.
            self._check_open()
            seq = self._first_seq(command)
        if seq is None:
            return None
        await self._commit.durable(seq)
        return Executed((event_at(self._ports.journal, seq),), seq, replayed=True)

    def _first_seq(self, command: c.Command) -> int | None:
        """The event that the same key led to before. Raises Refused ``IDEMPOTENCY_KEY_REUSED``."""
        origin = getattr(command, "origin", None)
        return first_use(self.state, origin) if isinstance(origin, Origin) else None

    async def _answer(self, events: Sequence[Event]) -> Executed:
        """What was just decided, once it (and all that it saw) is durable."""
        seq = self.state.seq
        await self._commit.durable(seq)
        return Executed(tuple(events), seq)

    def _context(self, command: c.Command) -> Context:
        seed = self._ports.random.bits(32) if type(command) in _PLANS else 0
        now = self.clock.now()
        picture = (self.instruments, self.quote, self.capabilities, seed, self.closed)
        return Context(now, *picture, calendar=self.calendar)

    async def _released(self, group: Group) -> None:
        """Durable: write what it allows, then let everybody see it. Showing must not stop orders."""
        for _ in self.firing.wire.released(group.events, self._writes_at_once):
            await self._ports.timer.sleep(0)
        self._held.released(group.events)
        self.reconciler.released(group.events)
        self._audience.show(group.events, group.last_seq)
        self._intake.look_soon()

    def _die(self, failure: BaseException) -> None:
        """Nothing is decided, written or answered any more."""
        if self._dead:
            return
        self._dead = True
        self.stopped = str(failure) or repr(failure)
        self._end_reconciling()
        self.firing.close()
        self._commit.fail(failure)
        self._intake.close(self.stopped)
        self._settled.close()
        self.stream.close()
        if self.failed is not None and not self.failed.done():
            self.failed.set_result(failure)

    async def _finish(self) -> None:
        with suppress(Stopped):
            await self._commit.durable(self.state.seq)
            try:
                self.keep_snapshot()
            except JournalFailed as failure:
                self._faults.say("snapshot", failure)

    def _done(self, task: "asyncio.Task[None]") -> None:
        """A task of the desk's own that fails ends the desk."""
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._die(failure)

    async def _tick(self) -> None:
        while True:
            self.adopt_direct_kills()
            self.handle(c.Tick())
            self.firing.expire(self.clock.now())
            self.firing.wire.doubt_unanswered()
            self._intake.look()
            await self._ports.timer.sleep(TICK_NS)

    def _symbol(self, key: InstrumentKey) -> str:
        return known_symbol(self.instruments, self.state.local_instruments, key)
