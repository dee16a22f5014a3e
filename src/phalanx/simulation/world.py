"""A world: a desk with its paper broker, quotes and a journal in memory, all from one seed.

The journal outlives a desk, so a world can crash its process and start it again.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from phalanx.brokers.paper import CAPABILITIES, PaperBroker, restored_orders
from phalanx.desk.desk import Desk, Executed, Ports
from phalanx.desk.recovery import rebuild
from phalanx.desk.startup import open_accounts, take_over
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.instructions import Door, Origin, SignalRequest
from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    instrument_key,
    known_instrument,
)
from phalanx.domain.numbers import SCALE, Money, whole
from phalanx.domain.orders import Side
from phalanx.domain.time import MICROSECOND, SECOND, Nanoseconds, Timer
from phalanx.engine.commands import ImportProfiles, Submit
from phalanx.engine.ids import desk_id
from phalanx.journal.errors import JournalFailed
from phalanx.journal.memory import FailPoint, MemoryDisk, MemoryJournal
from phalanx.journal.port import Tail
from phalanx.market.quotes import QuoteBoard
from phalanx.simulation.virtual import (
    ProcessTimer,
    SeededRandom,
    VirtualClock,
    VirtualLoop,
    VirtualTimer,
)
from phalanx.simulation.wire import FaultPlan, Request, Wire

ORIGIN = Origin("local", Door.DESK)
OPENING_CASH = whole(1_000_000)


def sample_instruments(
    names: Sequence[str], aliases: Mapping[str, str] | None = None
) -> InstrumentIndex:
    """A small exchange: lot 1, tick 0.05."""
    return InstrumentIndex(
        (
            Instrument(instrument_key("NSE", str(n)), "NSE", str(n), name, "EQ", SCALE, SCALE // 20)
            for n, name in enumerate(names, 1)
        ),
        aliases,
    )


COMMIT_NS: Nanoseconds = 200 * MICROSECOND


class TimedJournal(MemoryJournal):
    """A journal in memory whose commits take virtual time, so that groups form as on a disk."""

    def __init__(
        self, disk: MemoryDisk, timer: Timer, commit_ns: Callable[[], Nanoseconds]
    ) -> None:
        super().__init__(disk)
        self._timer = timer
        self._commit_ns = commit_ns
        self._under_way: tuple[bytes, int, bytes] | None = None

    async def append(self, body: bytes, count: int, batch_id: bytes) -> Tail:
        """Half the time before the record is durable, half of it after."""
        commit_ns = self._commit_ns()
        self._under_way = (body, count, batch_id)
        await self._timer.sleep(commit_ns // 2)
        self._under_way = None
        tail = await super().append(body, count, batch_id)
        await self._timer.sleep(commit_ns // 2)
        return tail

    def kill(self, *, landed: bool) -> None:
        """The process dies. A record on its way may have landed, and then its anchor was not written."""
        if landed and self._under_way is not None:
            self.fail_next(FailPoint.ANCHOR)
            with suppress(JournalFailed):
                super().append(*self._under_way).send(None)
        self.crash()


class World:
    """One process after another over one disk. ``start`` and ``crash`` may alternate.

    ``written`` hears of every request that any of the processes wrote to the broker.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        index: InstrumentIndex,
        seed: int = 0,
        *,
        commit_ns: Callable[[], Nanoseconds] = lambda: COMMIT_NS,
        plan: FaultPlan = FaultPlan(),  # noqa: B008  frozen
        written: Callable[[Request], None] = lambda _: None,
    ) -> None:
        self.clock = VirtualClock(loop)
        self.disk = MemoryDisk()
        self._timer = VirtualTimer(loop)
        self._random = SeededRandom(seed)
        self._chance = random.Random(seed)
        self._index = index
        self._seed = seed
        self._commit_ns = commit_ns
        self._plan = plan
        self._written = written
        self._process: ProcessTimer
        self.journal: TimedJournal
        self.desk: Desk
        self.quotes: QuoteBoard

    async def start(self) -> Desk:
        """A new process takes the journal over, reconciles, and opens its doors."""
        self._process = timer = ProcessTimer(self._timer)
        self.journal = journal = TimedJournal(self.disk, timer, self._commit_ns)
        tail = journal.acquire()
        state = rebuild(journal)
        self.quotes = QuoteBoard(self._instrument, self._seed)
        paper = PaperBroker(self.quotes, self._instrument, self._account, timer, self.clock)
        brokers = {CAPABILITIES.name: Wire(paper, self._written, self._plan, self._chance)}
        ports = Ports(journal, self.clock, timer, self._random, brokers, self.quotes.get)
        self.desk = desk = Desk(state, tail, ports, self._index)
        await take_over(desk, "simulation", desk_id(self._random.bits(32)))
        paper.restore(restored_orders(desk.state))
        for broker in brokers.values():
            broker.listen(desk.report)
            await broker.connect()
        await open_accounts(desk, brokers)
        desk.admit()
        return desk

    async def stop(self) -> None:
        """The process ends in good order."""
        await self.desk.stop()
        self.journal.close()

    def crash(self, *, landed: bool = False) -> None:
        """The process dies: nothing of it runs on, and what was not durable had not happened.

        ``landed``: the record that was being written is on the disk all the same, unacknowledged.
        """
        self.desk.abandon()
        self._process.kill()
        self.journal.kill(landed=landed)

    async def import_profiles(
        self,
        profiles: Mapping[str, Mapping[str, Sequence[str]]],
        cash: Money = OPENING_CASH,
        account: Account | None = None,
    ) -> Executed:
        """Clients, accounts, strategies and subscriptions."""
        return await self.desk.execute(ImportProfiles(ORIGIN, profiles, cash, account))

    async def signal(self, strategy: str, side: Side, instrument: str) -> Executed:
        """A signal through the desk, from its first byte to its durable plan."""
        request = SignalRequest(strategy, instrument, side)
        received = self.clock.monotonic()
        return await self.desk.execute(Submit(ORIGIN, request, received=received))

    async def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        await self._timer.sleep(int(seconds * SECOND))

    def _instrument(self, key: InstrumentKey) -> Instrument | None:
        return known_instrument(self._index, self.desk.state.local_instruments, key)

    def _account(self, account: AccountId) -> Account | None:
        return self.desk.state.accounts.get(account)
