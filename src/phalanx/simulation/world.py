"""A world: one disk, its brokers, and one process of ours after another, all from one seed.

The disk, the kill flag and the stub brokers' exchanges outlive every process, so a world can kill its
process and start another; the paper broker lives and dies with the process, as it does in a server.
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from phalanx.brokers.paper import CAPABILITIES, PaperBroker, restored_orders
from phalanx.brokers.port import Broker
from phalanx.desk.desk import Desk, Executed, Ports
from phalanx.desk.pace import Pace
from phalanx.desk.recovery import rebuild
from phalanx.desk.startup import open_accounts, take_over
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.instructions import Door, Origin, SignalRequest
from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    instrument_key,
    known_instrument,
)
from phalanx.domain.numbers import SCALE, Money, whole
from phalanx.domain.orders import Side
from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.engine.commands import ImportProfiles, Submit
from phalanx.engine.ids import desk_id
from phalanx.market.quotes import QuoteBoard
from phalanx.simulation.archive import DiskArchive
from phalanx.simulation.disk import COMMIT_NS, Landing, SimulatedDisk, TimedJournal
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.kill_flag import SimulatedKillFlag
from phalanx.simulation.loop import Process, VirtualLoop
from phalanx.simulation.network import Network, Rates, Request
from phalanx.simulation.paper_link import FaultPlan, PaperLink
from phalanx.simulation.simulated_broker import SimulatedBroker, stub_name
from phalanx.simulation.virtual import (
    MONDAY_0915_IST,
    ProcessTimer,
    SeededRandom,
    VirtualClock,
    VirtualTimer,
)

__all__ = ["COMMIT_NS", "ORIGIN", "Landing", "TimedJournal", "World", "sample_instruments"]

T = TypeVar("T")

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


class World:
    """One process after another over one disk, with a stub exchange of each of ``kinds``.

    ``written`` hears of every request that any of the processes wrote to the paper broker; those to
    the exchanges are the networks' ``on_write``. ``faults`` counts what went wrong on the way to them.
    ``process``, ``journal``, ``desk`` and ``quotes`` are of the process that started last.
    """

    def __init__(  # noqa: PLR0913  one for each thing that differs from world to world
        self,
        loop: VirtualLoop,
        index: InstrumentIndex,
        seed: int = 0,
        *,
        commit_ns: Callable[[], Nanoseconds] = lambda: COMMIT_NS,
        plan: FaultPlan = FaultPlan(),  # noqa: B008  frozen
        written: Callable[[Request], None] = lambda _: None,
        rates: Rates = Rates(),  # noqa: B008  frozen
        kinds: Sequence[BrokerKind] = (),
        starts_at: Nanoseconds = MONDAY_0915_IST,
        pace: Pace = Pace(),  # noqa: B008  frozen
    ) -> None:
        self.clock = VirtualClock(loop, starts_at)
        self.disk = SimulatedDisk()
        self.kill_flag = SimulatedKillFlag()
        self.faults: Counter[str] = Counter()
        self.exchanges = {
            stub_name(kind): StubExchange(stub_name(kind), kind, self.clock) for kind in kinds
        }
        self.networks = {
            name: Network(loop, exchange, f"{seed} {name}", rates, self.faults)
            for name, exchange in self.exchanges.items()
        }
        self._loop = loop
        self._timer = VirtualTimer(loop)
        self._random = SeededRandom(seed)
        self._chance = random.Random(seed)
        self._index = index
        self._seed = seed
        self._commit_ns = commit_ns
        self._pace = pace
        self._plan = plan
        self._written = written
        self._starts = 0
        self._prices: dict[InstrumentKey, Quote] = {}
        self.process: Process
        self.journal: TimedJournal
        self.desk: Desk
        self.quotes: QuoteBoard

    # --- life and death --------------------------------------------------------------------------

    async def start(self) -> Desk:
        """A new process takes the journal over, reconciles, and opens its doors.

        ``process``, ``journal`` and ``desk`` are the new ones as soon as it has the journal. Raises
        the journal's errors, JournalLocked while another process lives or is paused; Stopped; Killed.
        One that could not open its doors has the journal until it is killed.
        """
        self._starts += 1
        process = Process(self._loop, f"process {self._starts}")
        try:
            brokers, paper = process.run(self._begin, process)
        except Exception:
            process.kill()
            raise
        await process.ask(partial(self._open, self.desk, brokers, paper))
        return self.desk

    async def stop(self) -> None:
        """The process ends in good order. Raises Killed when it is killed meanwhile."""
        await self.process.ask(self.desk.stop)
        self.journal.close()
        self.process.kill()

    def kill(self, landing: Landing = Landing.LOST) -> None:
        """The process dies: nothing of it runs on, and what was not durable had not happened.

        ``landing``: what became of the record that was being written.
        """
        self.process.kill()
        self.journal.kill(landing)
        # Who still holds it, and calls it past its process, is turned away.
        self.desk.abandon()

    def pause(self) -> None:
        """SIGSTOP: its lock, its connections and what it was doing stay as they are."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    # --- from outside ----------------------------------------------------------------------------

    async def ask(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        """Ask the process something, as over a connection.

        Raises what it raises, and Killed when it dies meanwhile; whoever stops waiting has hung up,
        and the work goes on.
        """
        return await self.process.ask(partial(work, self.desk))

    async def import_profiles(
        self,
        profiles: Mapping[str, Mapping[str, Sequence[str]]],
        cash: Money = OPENING_CASH,
        account: Account | None = None,
    ) -> Executed:
        """Clients, accounts, strategies and subscriptions."""
        command = ImportProfiles(ORIGIN, profiles, cash, account)
        return await self.ask(lambda desk: desk.execute(command))

    async def signal(self, strategy: str, side: Side, instrument: str) -> Executed:
        """A signal through the desk, from its first byte to its durable plan."""
        request = SignalRequest(strategy, instrument, side)
        received = self.clock.monotonic()
        return await self.ask(lambda desk: desk.execute(Submit(ORIGIN, request, received=received)))

    def open_account(self, broker: str, account: AccountId, cash: Money = OPENING_CASH) -> None:
        """An account at a stub exchange, whose own ledger begins with so much money."""
        self.exchanges[broker].open(account, cash)

    def put_quote(self, key: InstrumentKey, quote: Quote) -> None:
        """The feed says something, to whichever process listens; the next one is told too."""
        self._prices[key] = quote
        if self.process.alive:
            self._loop.call_soon(self.quotes.put, key, quote, context=self.process.context)

    async def wait(self, seconds: float) -> None:
        """Let virtual time pass."""
        await self._timer.sleep(int(seconds * SECOND))

    # --- the disk --------------------------------------------------------------------------------

    @property
    def disk_full(self) -> bool:
        """Nothing can be written any more."""
        return self.disk.full

    @disk_full.setter
    def disk_full(self, full: bool) -> None:
        self.disk.full = full

    def lose_tail(self, records: int, *, with_anchor: bool = False) -> Callable[[], None]:
        """See `SimulatedDisk.lose_tail`; only while no process has the journal."""
        assert self.disk.holder is None, "a process has the journal"
        return self.disk.lose_tail(records, with_anchor=with_anchor)

    # --- inside ----------------------------------------------------------------------------------

    def _begin(self, process: Process) -> tuple[dict[str, Broker], PaperBroker]:
        """The process up to where it has the journal and has read it."""
        timer = ProcessTimer(process)
        journal = TimedJournal(self.disk, timer, self._commit_ns)
        tail = journal.acquire()
        try:
            state = rebuild(journal)
        except Exception:
            journal.close()
            raise
        quotes = QuoteBoard(self._instrument, self._seed)
        paper = PaperBroker(quotes, self._instrument, self._account, timer, self.clock)
        brokers: dict[str, Broker] = {
            CAPABILITIES.name: PaperLink(paper, self._written, self._plan, self._chance)
        }
        brokers.update({name: SimulatedBroker(net, process) for name, net in self.networks.items()})
        archive = DiskArchive(self.disk)
        ports = Ports(
            journal, self.clock, timer, self._random, brokers, quotes.get, archive, self.kill_flag
        )
        self.process, self.journal, self.quotes = process, journal, quotes
        self.desk = Desk(state, tail, ports, self._index, pace=self._pace)
        for key, quote in self._prices.items():
            quotes.put(key, quote)
        return brokers, paper

    async def _open(self, desk: Desk, brokers: Mapping[str, Broker], paper: PaperBroker) -> None:
        """From a desk that has read its journal to one with its doors open."""
        await take_over(desk, "simulation", desk_id(self._random.bits(32)))
        paper.restore(restored_orders(desk.state))
        await open_accounts(desk, brokers)
        desk.admit()

    def _instrument(self, key: InstrumentKey) -> Instrument | None:
        return known_instrument(self._index, self.desk.state.local_instruments, key)

    def _account(self, account: AccountId) -> Account | None:
        return self.desk.state.accounts.get(account)
