"""One seed, one story: people who never give up, brokers with moods, a process that keeps dying."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from phalanx.brokers.port import PlaceRequest
from phalanx.domain.events import decode_events
from phalanx.domain.orders import ExecutionReport
from phalanx.domain.time import MICROSECOND, SECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.state import State
from phalanx.journal.record import Tail, decode_row
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.clients import Clients
from phalanx.simulation.faults.fate import Fate, set_our_clock
from phalanx.simulation.faults.forgetting import Forgetting
from phalanx.simulation.faults.life import Life
from phalanx.simulation.faults.market import Market
from phalanx.simulation.faults.nights import Nights
from phalanx.simulation.faults.options import Options
from phalanx.simulation.faults.people import (
    a_list,
    a_round,
    accounts,
    cash_of,
    instruments,
    introduction,
)
from phalanx.simulation.faults.settling import Settling
from phalanx.simulation.faults.trace import Trace, What, event_text
from phalanx.simulation.invariants.brokers import Brokers
from phalanx.simulation.invariants.named import Invariant, Violation, holds
from phalanx.simulation.invariants.truth import Truth
from phalanx.simulation.invariants.writes import PAPER, Line, Request
from phalanx.simulation.loop import VirtualLoop
from phalanx.simulation.network import Network, Rates, Session
from phalanx.simulation.virtual import MIDNIGHT_IST, MONDAY_0915_IST
from phalanx.simulation.world import World

PLAY_S_MAX = 900
"""By then everybody has done his part, however often a process had to start."""


STORY_S_MAX = 4_000
"""By then it is over, its long waits included."""


QUICK_S, SLOW_S = 0.6, 4.0
"""At most so long between two moves of the market: while people are busy, and afterwards."""


INTRODUCED_S = 3
"""About so long until everybody is introduced."""


class Story:
    """Sets the scene, lets everybody play, and has the invariants looked at all the while."""

    def __init__(self, loop: VirtualLoop, options: Options, *, traced: bool = False) -> None:
        self.options = options
        self.loop = loop
        self._chance = Chance(f"commits {options.seed}")
        self.world = World(
            loop,
            instruments(),
            options.seed,
            commit_ns=self._commit_ns,
            rates=options.rates,
            kinds=options.kinds,
            written=self._see_write,
            starts_at=_beginning(options),
            pace=options.pace,
        )
        self.trace = Trace(self.world.clock.monotonic) if traced else None
        self.truth = Truth(self.world.disk, self.world.clock, self.world.kill_flag)
        self.brokers = Brokers(self.world.exchanges, self.truth.disk)
        self.life = Life(options.seed, self.world, self.truth, self.trace)
        self.market = Market(options.seed, self.world, self.trace)
        self.clients = Clients(options, self.world, self.life, self.truth, self.trace)
        self.nights = Nights(options.seed, self.world, self.life, _beginning(options))
        self._pace_s = QUICK_S
        self.violation: Violation | None = None
        for network in self.world.networks.values():
            network.on_write = partial(self._see_sent, network)
        self._store = self.world.disk.store
        self.world.disk.store = self._stored  # type: ignore[method-assign]
        if self.trace is not None:
            self._listen(self.trace)

    async def tell(self) -> None:
        """The whole story. Raises Violation."""
        telling = asyncio.ensure_future(self._tell())
        await asyncio.wait({telling}, timeout=STORY_S_MAX)
        with holds(Invariant.PROGRESS):
            assert telling.done(), "the story never ends"
        telling.result()

    async def _tell(self) -> None:
        try:
            await self._tell_all()
        except Violation:
            if not self.brokers.is_muddled():
                raise
            self.life.say("an order has the id of a lost one: nothing more can be said")
            self.violation = None

    async def _tell_all(self) -> None:
        await self._begin()
        market = asyncio.ensure_future(self._move())
        try:
            await self._play()
            await self._settle()
        finally:
            market.cancel()
        await self._end()

    async def _begin(self) -> None:
        """Everybody is introduced before anything goes wrong."""
        rates = self.options.rates
        self._rate(Rates())
        await self.life.begin()
        cash = cash_of(self.options)
        for account in accounts(self.options):
            if account.broker in self.world.exchanges:
                self.world.open_account(account.broker, account.id, cash[account.id])
        await self.clients.ask(introduction(self.options))
        await self.clients.ask(a_list)
        await self.world.wait(2)
        self._rate(rates)

    async def _play(self) -> None:
        """Everybody does his part, until nobody has anything left to do."""
        fate = Fate(self.options, self.world, self.life, self.market)
        parts = [self.clients.work() for _ in range(self.options.people)]
        parts += [fate.run()]
        parts += [self.nights.first()] if self.options.midnight else []
        playing = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait(playing, timeout=PLAY_S_MAX, return_when=asyncio.FIRST_EXCEPTION)
            self._judge()
            for one in playing:
                if one.done():
                    one.result()
            with holds(Invariant.PROGRESS):
                assert all(one.done() for one in playing), "somebody waits for ever"
        finally:
            for one in playing:
                one.cancel()

    async def _move(self) -> None:
        """The market, and what comes of it."""
        chance = Chance(f"moves {self.options.seed}")
        while True:
            await self.world.wait(chance.random() * self._pace_s)
            if self.life.up.is_set():
                self.market.move()
            self._witness(partial(self.brokers.check, self._living()))

    async def _settle(self) -> None:
        """No more faults: everything comes to rest."""
        self._rate(Rates())
        set_our_clock(self.world, max(0, self.world.clock.skew))
        for exchange in self.world.exchanges.values():
            # Behind the true time nobody could prove anything, for as long as it is behind.
            exchange.skew = max(-self.world.clock.skew, exchange.skew)
        self.life.may_cut_short = False
        self.life.spare()
        self.life.say("the faults are over")
        if self.life.down.is_set():
            await self.life.again()
        self._pace_s = SLOW_S
        if self.options.forgets:
            await Forgetting(self.world, self.life, self.truth, self.brokers).forget()
        await self._rest()
        if self.options.forgets:
            # Once a person has settled what was lost, trading goes on, under ids of its own.
            for request in a_round(self.options):
                await self.clients.ask(partial(c.Submit, request=request))
            await self._rest()

    async def _rest(self) -> None:
        """Until nothing is left to do, and then all books agree."""
        patient = self.options.patient
        settling = Settling(self.world, self.clients, self.market, self.brokers, patient=patient)
        await settling.settle()
        self._judge()
        desk = self.world.desk
        self.truth.check_quiet(desk)
        self.truth.check_rest(desk)
        self.brokers.check_rest(desk.state)

    async def _end(self) -> None:
        """Days later and after one more start all books agree still."""
        if self.options.midnight:
            await self.nights.later(self._rest)
        await self.life.stop()
        await self.life.begin()
        while self.world.desk.durable_seq < self.world.desk.state.seq:
            await self.world.wait(0.1)
        self.truth.check_rest(self.world.desk)
        self.truth.check_replay()
        await self.world.stop()
        with holds(Invariant.ADOPTED_ONCE):
            kills, ordered = self.truth.disk.kills, self.world.kill_flag.ordered
            assert all(kills[f"direct {id}"] == 1 for id in ordered), f"{ordered}, {kills}"
        with holds(Invariant.NO_FAULT):
            assert not self.loop.faults, self.loop.faults[0]

    def _witness(self, look: Callable[[], None]) -> None:
        """What does not hold must not be lost in the handler of whoever is at work just now."""
        try:
            look()
        except Violation as violation:
            self.violation = self.violation or violation

    def _judge(self) -> None:
        """What was seen where nobody could be told."""
        if self.violation is not None:
            raise self.violation
        self.brokers.check()

    def _rate(self, rates: Rates) -> None:
        for network in self.world.networks.values():
            network.rates = rates

    def _commit_ns(self) -> Nanoseconds:
        return self._chance.randint(1, self.options.commit_us) * MICROSECOND

    def _living(self) -> State | None:
        """The state of a process that has its doors open, if there is one."""
        return self.world.desk.state if self.life.up.is_set() else None

    def _see_sent(self, network: Network, request: Request, session: Session) -> None:
        """The kernel of a process took a request to one of the exchanges."""
        assert session.process.is_running, "a dead process writes"
        self._see_write(request, Line(network.exchange.kind, session.has_read(request.account)))

    def _see_write(self, request: Request, line: Line = PAPER) -> None:
        """The same of the process that runs, to whomever."""
        if self.trace is not None:
            key = request.cl_ord_id if isinstance(request, PlaceRequest) else request.request_id
            self.trace.add(What.WRITE, f"{type(request).__name__} {key} of {request.account}")
        self._witness(partial(self.truth.see_write, request, self.world.desk, line))
        self.life.wrote()

    def _stored(self, blob: bytes, after: Tail) -> None:
        """A record is durable."""
        self._store(blob, after)
        if self.trace is not None:
            record = decode_row(after.record, blob, is_last=True)
            for event in decode_events(record.body):
                self.trace.add(What.RECORD, f"{after.record}: {event_text(event)}")
        self._witness(self.truth.landed)
        self._witness(self.brokers.check_granted)
        self.life.stored(dispatches=self.truth.disk.dispatches)

    # --- for the trace ---------------------------------------------------------------------------

    def _listen(self, trace: Trace) -> None:
        def reported(report: ExecutionReport) -> None:
            named = f"{report.order_id} {report.cl_ord_id} {report.exec_id}"
            text = f"{report.exec_type.name} {named} cum {report.cum_quantity}"
            trace.add(What.REPORT, text)

        for exchange in self.world.exchanges.values():
            exchange.listeners.append(reported)


def _beginning(options: Options) -> Nanoseconds:
    """When by the wall clock, so that midnight comes while people are busy, if it comes."""
    if not options.midnight:
        return MONDAY_0915_IST
    return MIDNIGHT_IST - (INTRODUCED_S + options.lasts_s // 2) * SECOND


def begin(
    options: Options, stories: list[Story], *, traced: bool = False
) -> Callable[[VirtualLoop], Coroutine[Any, Any, None]]:
    """What `simulate` runs; the story is put into ``stories`` as soon as it is there."""

    def run(loop: VirtualLoop) -> Coroutine[Any, Any, None]:
        async def tell() -> None:
            story = Story(loop, options, traced=traced)
            stories.append(story)
            await story.tell()

        return tell()

    return run
