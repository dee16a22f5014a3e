"""The desk: the one place where commands become events, events become durable, and orders go out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

from phalanx.brokers.port import Broker
from phalanx.desk.boards import Boards
from phalanx.desk.commit import Group, GroupCommit
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.firing import Firing
from phalanx.desk.gate import Gate
from phalanx.desk.recovery import event_at
from phalanx.desk.stream import Stream
from phalanx.desk.telemetry import Telemetry
from phalanx.domain.accounts import AccountId
from phalanx.domain.events import Event
from phalanx.domain.instructions import Origin
from phalanx.domain.instruments import InstrumentIndex, InstrumentKey, Quote
from phalanx.domain.orders import ExecutionReport, Side
from phalanx.domain.time import MILLISECOND, Clock, Random, Timer
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.context import Context
from phalanx.engine.decide import decide
from phalanx.engine.idempotency import first_use
from phalanx.engine.state import SNAPSHOT_VERSION, State, encode_state, state_hash
from phalanx.journal.port import Journal, Snapshot, Tail

WAITING_BYTES_MAX = 16 << 20
"""Decided and not yet durable: beyond this new risk is turned away with 503."""

WAITING_BYTES_HARD_MAX = 2 * WAITING_BYTES_MAX
"""Cancels, exits and kills still pass up to here."""

TICK_NS = 250 * MILLISECOND


class Ports(msgspec.Struct, frozen=True):
    """The outside, as the desk meets it; wired in ``bootstrap`` or by a simulation."""

    journal: Journal
    clock: Clock
    timer: Timer
    random: Random
    brokers: Mapping[str, Broker]
    quote: Callable[[InstrumentKey], Quote | None]


class Executed(msgspec.Struct, frozen=True):
    """What a command came to. ``replayed``: its idempotency key was used before, and ``events`` are
    the first event of that first time, read back.
    """

    events: tuple[Event, ...]
    seq: int
    replayed: bool = False


class Readiness(msgspec.Struct, frozen=True):
    """Whether the desk takes instructions, and which accounts do not, with why."""

    ready: bool
    seq: int
    epoch: int
    accounts: Mapping[AccountId, str]
    stopped: str | None = None


class Desk:
    """One engine, one journal, one event loop.

    ``state`` belongs to the desk: others read it on the loop's thread, and answer from it only
    after ``durable(state.seq)``.
    """

    def __init__(
        self, state: State, tail: Tail, ports: Ports, instruments: InstrumentIndex
    ) -> None:
        assert state.seq == tail.seq, f"state at {state.seq}, journal at {tail.seq}"
        self.state = state
        self.instruments = instruments
        self.clock = ports.clock
        self.quote = ports.quote
        self.telemetry = Telemetry()
        self.closed: dict[AccountId, str] = {}
        self.stopped: str | None = "starting"
        self._ports = ports
        self._tail = tail
        self._capabilities = {name: broker.capabilities for name, broker in ports.brokers.items()}
        self._commit = GroupCommit(ports.journal, ports.random, state.seq, self._released)
        self._gate = Gate(state, ports.clock, tail.epoch)
        self.firing = Firing(
            state, ports.brokers, self._gate, ports.clock, ports.timer, self.handle
        )
        self._boards = Boards(state, self._symbol)
        self._observers: list[Callable[[Sequence[Event], int], None]] = []
        self._tasks: list[asyncio.Task[None]] = []
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

    def observe(self, observer: Callable[[Sequence[Event], int], None]) -> None:
        """Tell ``observer(events, last seq)`` of every durable group, on the loop; it must return at once."""
        self._observers.append(observer)

    def begin(self) -> None:
        """Start committing. Commands are handled from here on; the doors open with ``admit``."""
        self.failed = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._commit.run(), name="commit")
        task.add_done_callback(self._commit_ended)
        self._tasks.append(task)

    def admit(self) -> None:
        """Open the doors, let the lanes go, and begin to tick."""
        self.stopped = None
        self.firing.pump()
        self._tasks.append(asyncio.create_task(self._tick(), name="tick"))

    async def execute(self, command: c.Command) -> Executed:
        """Decide a door's command now and return once it is durable.

        Raises Refused (nothing journaled), Overloaded and Stopped (nothing decided; but a Stopped
        raised while waiting leaves the outcome to the idempotency key after a restart).
        """
        if self.stopped is not None:
            raise Stopped(self.stopped)
        origin = getattr(command, "origin", None)
        if isinstance(origin, Origin):
            seq = first_use(self.state, origin)
            if seq is not None:
                await self._commit.durable(seq)
                return Executed((event_at(self._ports.journal, seq),), seq, replayed=True)
        self._check_load(command)
        events = self._decide(command)
        seq = self.state.seq
        await self._commit.durable(seq)
        return Executed(tuple(events), seq)

    def handle(self, command: c.Command) -> None:
        """Decide a command of the desk's own: a report, a timer, a turn. Nobody waits for it."""
        if not self._gate.closed:
            self._decide(command)

    def report(self, report: ExecutionReport) -> None:
        """A broker says something; the listener of every broker."""
        self.handle(c.BookReport(report))

    async def durable(self, seq: int) -> None:
        """Wait until event ``seq`` is on disk. Raises Stopped if it never will be."""
        await self._commit.durable(seq)

    def readiness(self) -> Readiness:
        """For ``/health/ready``."""
        return Readiness(
            self.stopped is None, self.durable_seq, self.epoch, dict(self.closed), self.stopped
        )

    def metrics(self) -> bytes:
        """For ``/metrics``."""
        telemetry = self.telemetry
        telemetry.waiting_bytes.set(self._commit.waiting_bytes)
        telemetry.open_orders.set(len(self.state.orders))
        telemetry.readers.set(self.stream.reader_count)
        telemetry.waiting_orders.set(self.firing.waiting_count())
        telemetry.seq.set(self.durable_seq)
        return telemetry.render()

    def use_instruments(self, instruments: InstrumentIndex) -> None:
        """A new master is in force for the decisions from here on."""
        self.instruments = instruments

    def open_account(self, account: AccountId) -> None:
        """The account is reconciled: it takes instructions and its lane moves."""
        self.closed.pop(account, None)
        self.firing.open(account)

    async def stop(self) -> None:
        """Close the doors, finish what is decided, keep a snapshot. Safe to call twice."""
        was_open = self.stopped is None or self.stopped == "starting"
        self.stopped = self.stopped or "stopping"
        for task in self._tasks[1:]:
            task.cancel()
        if was_open and self.failed is not None and not self.failed.done():
            with suppress(Stopped):
                await self._commit.durable(self.state.seq)
            self._gate.closed = True
            for broker in self._ports.brokers.values():
                await broker.close()
            with suppress(Stopped):
                await self._commit.durable(self.state.seq)
                self.keep_snapshot()
        self._gate.closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.stream.close()

    def keep_snapshot(self) -> None:
        """Store the state as of the journal's tail. Blocks on the disk: only at start and stop."""
        tail = self._ports.journal.tail()
        if tail.seq != self.state.seq:
            return
        blob = encode_state(self.state)
        digest = state_hash(self.state)
        self._ports.journal.put_snapshot(
            Snapshot(tail.seq, tail.record, tail.chain, digest, SNAPSHOT_VERSION, blob)
        )

    def _decide(self, command: c.Command) -> list[Event]:
        """Decide, apply, and decide what follows at once: all of it goes into one record."""
        first_seq = self.state.seq + 1
        decided: list[Event] = []
        todo = [command]
        for current in todo:
            events = decide(self.state, current, self._context(current))
            for event in events:
                apply(self.state, event)
            decided += events
            todo += self.firing.after(current, events)
        if decided:
            self._commit.add(first_seq, decided)
        return decided

    def _context(self, command: c.Command) -> Context:
        seed = self._ports.random.bits(32) if type(command) is c.Submit else 0
        now = self.clock.now()
        # A wall clock that was set back must not make events go back in time.
        now = max(now, self.state.time)
        return Context(now, self.instruments, self.quote, self._capabilities, seed, self.closed)

    def _check_load(self, command: c.Command) -> None:
        waiting = self._commit.waiting_bytes
        if waiting < WAITING_BYTES_MAX:
            return
        if waiting >= WAITING_BYTES_HARD_MAX or not _only_lessens_risk(command):
            raise Overloaded

    def _released(self, group: Group) -> None:
        self.firing.released(group.events)
        self.telemetry.committed(group.events)
        self._boards.publish(group.events, group.last_seq)
        for observer in self._observers:
            observer(group.events, group.last_seq)

    def _commit_ended(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled():
            return
        failure = task.exception()
        if failure is None:
            return
        self._gate.closed = True
        self.stopped = str(failure)
        self.stream.close()
        if self.failed is not None and not self.failed.done():
            self.failed.set_result(failure)

    async def _tick(self) -> None:
        while True:
            self.handle(c.Tick())
            self.firing.expire(max(self.clock.now(), self.state.time))
            await self._ports.timer.sleep(TICK_NS)

    def _symbol(self, key: InstrumentKey) -> str:
        found = self.instruments.get(key) or self.state.local_instruments.get(key)
        return found.symbol if found is not None else key


def _only_lessens_risk(command: c.Command) -> bool:
    match command:
        case c.CancelOrder() | c.PutKill():
            return True
        case c.Submit(request=request):
            return request.side is Side.SELL
        case _:
            return False
