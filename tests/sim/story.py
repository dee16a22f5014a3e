"""Stories of every kind of instruction over paper, beside `simulate faults`, whose brokers are outside
and lie: one seed, one story, of clients that never give up, a broker with moods, a process that
keeps dying.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from phalanx.desk.desk import Desk, Executed
from phalanx.desk.errors import DeskError
from phalanx.desk.previews import Previewed
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.orders import OrdStatus
from phalanx.domain.time import MICROSECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.journal.memory import FailPoint
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.invariants.truth import UNRESOLVED, Truth
from phalanx.simulation.paper_link import FaultPlan, Request
from phalanx.simulation.virtual import VirtualLoop, simulate
from phalanx.simulation.world import Landing, World
from tests.sim.people import KEYS, populate, story_instruments
from tests.sim.requests import on_tick
from tests.sim.wishes import Make, Wishes

CLIENTS = 3
ACTIONS = 16
CRASHES_MAX = 4
LIFE_S = 5.0
"""About how long the clients are busy, and so where the crashes fall."""

Ask = Callable[[Desk], Awaitable[Executed]]


class Story:
    """Runs itself and lets the truth look on."""

    def __init__(self, loop: VirtualLoop, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World(
            loop,
            story_instruments(),
            seed,
            commit_ns=self._commit_ns(),
            plan=self._plan(),
            written=self._see_write,
        )
        self.truth = Truth(self.world.disk, self.world.clock)
        self.wishes = Wishes(self.chance, self.world, self._ask, self._alive_again, self._preview)
        self.violation: BaseException | None = None
        self._alive = asyncio.Event()
        self._dying: asyncio.Future[None] = loop.create_future()
        self._numbers = 0
        self._writes_left = 0
        """After so many writes the process dies, if not zero."""
        self.answered = 0
        self.deaths = 0

    async def tell(self) -> None:
        await self._live()
        await populate(self.world, self.chance)
        clients = [asyncio.create_task(self._client()) for _ in range(CLIENTS)]
        fate = asyncio.create_task(self._fate())
        market = asyncio.create_task(self._market())
        await asyncio.wait({*clients, fate}, return_when=asyncio.FIRST_EXCEPTION)
        for task in (fate, *clients):
            if task.done():
                task.result()
        market.cancel()
        await self._wind_down()
        await self.world.stop()
        self._say()

    # --- the world -------------------------------------------------------------------------------

    def _commit_ns(self) -> Callable[[], Nanoseconds]:
        slowest = self.chance.choice((1, 200, 5_000, 100_000))
        return lambda: self.chance.randint(1, slowest) * MICROSECOND

    def _plan(self) -> FaultPlan:
        if self.chance.random() < 0.4:
            return FaultPlan()
        return FaultPlan(*(self.chance.choice((0, 300, 2_000)) for _ in range(3)))

    async def _market(self) -> None:
        """Prices move, whoever is alive to see it."""
        while True:
            await self.world.wait(self.chance.random() * 0.5)
            await self._alive.wait()
            key = self.chance.choice(KEYS)
            quote = self.world.quotes.get(key)
            assert quote is not None
            last = on_tick(quote.last, self.chance.choice((-150, -50, 50, 150)))
            now = self.world.clock.now()
            self.world.quotes.put(
                key, Quote(last, quote.reference_close, now, QuoteSource.SIMULATED)
            )

    def _see_write(self, request: Request) -> None:
        """The broker's side of the wire: what is wrong there must not be lost in somebody's handler."""
        try:
            self.truth.see_write(request, self.world.desk)
        except AssertionError as violation:
            self.violation = self.violation or violation
        if self._writes_left:
            self._writes_left -= 1
            if not self._writes_left:
                self._fall()

    def _say(self) -> None:
        if self.violation is not None:
            raise self.violation

    # --- life and death --------------------------------------------------------------------------

    async def _live(self) -> None:
        """Start, and start again for as long as starting is cut short."""
        while True:
            self._dying = asyncio.get_running_loop().create_future()
            unresolved = [] if self.world.disk.tail is None else self.truth.unresolved()
            starting = asyncio.create_task(self.world.start())
            cut_short = self.deaths and self.chance.random() < 0.3
            timeout = self.chance.random() * 0.01 if cut_short else None
            await _first_of(starting, self._dying, timeout)
            if starting.done() and not self._dying.done():
                await starting
                self.truth.begin(self.world.desk)
                self._check_resolved(unresolved)
                self._alive.set()
                return
            await self._die(starting)

    def _check_resolved(self, unresolved: list[str]) -> None:
        """On paper nothing can arrive late: what was in doubt before is known once the doors open."""
        state = self.world.desk.state
        with holds(Invariant.SETTLED):
            for cl_ord_id in unresolved:
                assert state.orders[cl_ord_id].status not in UNRESOLVED, f"{cl_ord_id} is in doubt"
            for order in state.open_orders():
                assert order.request is None or not order.request.in_doubt
        with holds(Invariant.OPEN):
            assert not self.world.desk.closed

    async def _die(self, starting: "asyncio.Task[Any] | None" = None) -> None:
        self._fall()
        if starting is not None:
            starting.cancel()
            with suppress(asyncio.CancelledError, DeskError):
                await starting
        await self.world.wait(self.chance.choice((0, 0.1, 1.0)))

    def _fall(self) -> None:
        """The process is dead from here on, perhaps in the middle of writing a fan-out."""
        if not self._dying.done():
            self.deaths += 1
            self._alive.clear()
            self._dying.set_result(None)
            self.world.kill(self.chance.choice((Landing.LOST, Landing.DURABLE)))

    async def _fate(self) -> None:
        for _ in range(self.chance.randint(0, CRASHES_MAX)):
            if self.chance.random() < 0.3:
                self._writes_left = self.chance.randint(1, 12)
            await asyncio.wait({self._dying}, timeout=self.chance.random() * LIFE_S / 2)
            self._writes_left = 0
            self._say()
            if self.chance.random() < 0.2:
                await self._break_the_disk()
            elif self.chance.random() < 0.2 and not self._dying.done():
                await self._begin_again()
                continue
            else:
                await self._die()
            self._say()
            await self._live()

    async def _begin_again(self) -> None:
        """A stop in good order and another start, which asks about whatever is in doubt."""
        self._alive.clear()
        self._dying.set_result(None)
        await self.world.stop()
        self.deaths += 1
        await self._live()

    async def _break_the_disk(self) -> None:
        self.world.journal.fail_next(self.chance.choice(list(FailPoint)))
        failed = self.world.desk.failed
        assert failed is not None
        await _first_of(failed, self._dying, 2)
        await self._die()

    # --- the clients -----------------------------------------------------------------------------

    async def _client(self) -> None:
        for _ in range(ACTIONS):
            await self.world.wait(self.chance.random() * 2 * LIFE_S / ACTIONS)
            await self.wishes.next()
            while self.wishes.fired:
                previewed, planned, refuse = self.wishes.fired.pop()
                self.truth.check_fired(previewed, planned, refuse=refuse)

    async def _alive_again(self) -> None:
        await self._alive.wait()

    async def _preview(self, command: c.Submit) -> Previewed | None:
        """A preview, if this process lives to tell."""
        asking = asyncio.create_task(self.world.desk.preview(command))
        await _first_of(asking, self._dying, None)
        if not asking.done():
            asking.cancel()
            return None
        try:
            return await asking
        except (DeskError, Refused):
            return None

    async def _ask(self, make: Make, *, token: str = "", refuse: bool = False) -> Executed | None:
        """Ask until there is an answer, always under the same key, sometimes twice at once."""
        self._numbers += 1
        key = f"k{self._numbers}"
        command = make(Origin("local", Door.INSTRUCTIONS, key, key, key.encode()))

        def ask(desk: Desk) -> Awaitable[Executed]:
            if token:
                assert isinstance(command, c.Submit)
                return desk.fire(command, token, refuse=refuse)
            return desk.execute(command)

        while True:
            await self._alive.wait()
            twice = self.chance.random() < 0.2
            answers = await self._try([ask] * (2 if twice else 1))
            self.truth.catch_up()
            self._say()
            for answer in answers:
                if isinstance(answer, Executed):
                    self._answered(key, answer)
            if answers:
                return answers[0] if isinstance(answers[0], Executed) else None

    async def _try(self, asks: Sequence[Ask]) -> list[Executed | Refused]:
        """The answers of one attempt; none when the process died, or the client lost patience."""
        asking = [asyncio.ensure_future(ask(self.world.desk)) for ask in asks]
        impatient = self.chance.random() < 0.1
        timeout = self.chance.random() * 0.001 if impatient else None
        everybody = asyncio.gather(*asking, return_exceptions=True)
        await _first_of(everybody, self._dying, timeout)
        if not everybody.done():
            everybody.cancel()
            with suppress(asyncio.CancelledError):
                await everybody
            return []
        answers: list[Executed | Refused] = []
        for outcome in everybody.result():
            if isinstance(outcome, DeskError):
                await self.world.wait(0.01)
            elif isinstance(outcome, Executed | Refused):
                answers.append(outcome)
            else:
                raise outcome
        return answers

    def _answered(self, key: str, answer: Executed) -> None:
        self.answered += 1
        if answer.events:
            self.truth.acknowledge(key, answer.events[0])

    # --- the end ---------------------------------------------------------------------------------

    async def _wind_down(self) -> None:
        """No more crashes: everything comes to its end, by itself or by a cancel."""
        for kill in list(self.world.desk.state.kills.values()):
            await self.world.desk.execute(c.LiftKill(Origin("local", Door.KILL), kill.scope))
        self.world.clock.skew = max(0, self.world.clock.skew)
        await self.world.wait(120)
        await self._begin_again()
        await self.world.wait(5)
        self.truth.check_quiet(self.world.desk)
        for _ in range(20):
            left = list(self.world.desk.state.open_orders())
            if not left:
                break
            for order in left:
                with suppress(Refused):
                    origin = Origin("local", Door.ORDERS)
                    await self.world.desk.execute(c.CancelOrder(origin, order.draft.cl_ord_id))
            await self.world.wait(20)
            if any(order.status is OrdStatus.IN_DOUBT for order in left):
                await self._begin_again()
        await self.world.desk.durable(self.world.desk.state.seq)
        self._say()
        self.truth.check_rest(self.world.desk)
        self.truth.check_replay()


async def _first_of(
    one: "asyncio.Future[Any]", other: "asyncio.Future[Any]", timeout_s: float | None
) -> None:
    """Wait until either is done, or so long."""
    await asyncio.wait({one, other}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


def run(seed: int) -> Story:
    """Tell one story to its end. Raises AssertionError when something that must hold did not."""

    def begin(loop: VirtualLoop) -> Coroutine[Any, Any, Story]:
        async def tell() -> Story:
            story = Story(loop, seed)
            await story.tell()
            return story

        return tell()

    return simulate(begin)
