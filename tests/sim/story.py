"""One seed, one story: clients that never give up, a broker with moods, a process that keeps dying."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from phalanx.desk.desk import Executed
from phalanx.desk.errors import DeskError
from phalanx.domain.accounts import Account, FillProfile, RateLimit
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import Door, OrderRequest, Origin, SignalRequest
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import SCALE, whole
from phalanx.domain.orders import OrdType, Product, Side, TimeInForce
from phalanx.domain.time import HOUR, MICROSECOND, SECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.journal.memory import FailPoint
from phalanx.simulation.virtual import VirtualLoop, simulate
from phalanx.simulation.wire import FaultPlan, Request
from phalanx.simulation.world import World, sample_instruments
from tests.sim.truth import Truth

NAMES = ("INFY", "TCS")
STRATEGIES = ("ALPHA", "BETA")
CLIENTS = 3
ACTIONS = 16
CRASHES_MAX = 4
LIFE_S = 5.0
"""About how long the clients are busy, and so where the crashes fall."""


class Story:
    """Runs itself and lets the truth look on."""

    def __init__(self, loop: VirtualLoop, seed: int) -> None:
        self.chance = random.Random(seed)
        self.truth = Truth()
        self.world = World(
            loop,
            sample_instruments(NAMES),
            seed,
            commit_ns=self._commit_ns(),
            plan=self._plan(),
            written=self._see_write,
        )
        self.truth.watch(self.world)
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
        await self._populate()
        clients = [asyncio.create_task(self._client()) for _ in range(CLIENTS)]
        fate = asyncio.create_task(self._fate())
        await asyncio.wait({*clients, fate}, return_when=asyncio.FIRST_EXCEPTION)
        for task in (fate, *clients):
            if task.done():
                task.result()
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

    def _account(self) -> Account:
        pick = self.chance.choice
        profile = FillProfile(
            ack_delay_ms=pick((0, 0, 1, 40, 700)),
            fill_duration_ms=pick((0, 0, 20, 900)),
            filled_bps=pick((10_000, 10_000, 6_000, 0)),
            slices=pick((1, 1, 3, 5)),
            slippage_bps=pick((0, 10)),
            reject_bps=pick((0, 0, 1_500)),
        )
        limit = pick((RateLimit(), RateLimit(2, 500, 1), RateLimit(2, 1_500), RateLimit(1, 100)))
        return Account("", 0, charge_bps=pick((0, 7)), rate_limit=limit, fill_profile=profile)

    async def _populate(self) -> None:
        for number in range(self.chance.randint(1, 4)):
            profile = {
                name: list(NAMES)[: self.chance.choice((1, 2, 2))]
                for name in self.chance.sample(STRATEGIES, self.chance.choice((1, 2, 2)))
            }
            await self.world.import_profiles({f"user {number}": profile}, account=self._account())

    def _see_write(self, request: Request) -> None:
        """The broker's side of the wire: what is wrong there must not be lost in somebody's handler."""
        try:
            self.truth.see_write(request)
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
                self.truth.begin(unresolved)
                self._alive.set()
                return
            await self._die(starting)

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
            self.world.crash(landed=self.chance.random() < 0.5)

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
            action = self.chance.choices(
                (
                    self._signal,
                    self._order,
                    self._cancel,
                    self._replace,
                    self._kill,
                    self._price,
                    self._skew,
                ),
                (24, 12, 9, 9, 3, 6, 1),
            )[0]
            await action()

    async def _signal(self) -> None:
        side = self.chance.choice((Side.BUY, Side.SELL))
        request = SignalRequest(self.chance.choice(STRATEGIES), self.chance.choice(NAMES), side)
        expires_s = self.chance.choice((None, None, 1))
        await self._ask(lambda origin: c.Submit(origin, request, expires_s=expires_s))

    async def _order(self) -> None:
        pick = self.chance.choice
        await self._alive.wait()
        accounts = list(self.world.desk.state.accounts)
        name = pick(NAMES)
        quote = self.world.quotes.get(f"NSE:{NAMES.index(name) + 1}")
        assert quote is not None
        limit = pick((OrdType.MARKET, OrdType.LIMIT, OrdType.LIMIT))
        price = 0 if limit is OrdType.MARKET else _on_tick(quote.last, pick((-200, 0, 200)))
        request = OrderRequest(
            0,
            pick(accounts),
            name,
            pick((Side.BUY, Side.BUY, Side.SELL)),
            Product.DELIVERY,
            limit,
            whole(self.chance.randint(1, 20)),
            price,
            pick((TimeInForce.DAY, TimeInForce.DAY, TimeInForce.IOC)),
        )
        await self._ask(lambda origin: c.Submit(origin, request))

    async def _cancel(self) -> None:
        cl_ord_id = await self._some_open_order()
        if cl_ord_id is not None:
            await self._ask(lambda origin: c.CancelOrder(origin, cl_ord_id))

    async def _replace(self) -> None:
        cl_ord_id = await self._some_open_order()
        if cl_ord_id is not None:
            asked = self.world.desk.state.orders[cl_ord_id]
            quantity = max(whole(1), asked.quantity + whole(self.chance.randint(-5, 5)))
            price = None
            if asked.draft.ord_type is OrdType.LIMIT:
                price = _on_tick(asked.limit, self.chance.choice((-50, 0, 50)))
            await self._ask(lambda origin: c.ReplaceOrder(origin, cl_ord_id, quantity, price))

    async def _kill(self) -> None:
        await self._ask(lambda origin: c.PutKill(origin, ""))
        await self.world.wait(self.chance.random())
        await self._ask(lambda origin: c.LiftKill(origin, ""))

    async def _price(self) -> None:
        await self._alive.wait()
        key = f"NSE:{self.chance.randint(1, len(NAMES))}"
        quote = self.world.quotes.get(key)
        assert quote is not None
        last = _on_tick(quote.last, self.chance.choice((-150, 150)))
        self.world.quotes.put(
            key, Quote(last, quote.reference_close, self.world.clock.now(), QuoteSource.CLOSE)
        )

    async def _skew(self) -> None:
        """Somebody sets the wall clock."""
        self.world.clock.skew = self.chance.choice((-HOUR, -SECOND, 0, SECOND, 40 * SECOND))

    async def _some_open_order(self) -> str | None:
        await self._alive.wait()
        found = [o.draft.cl_ord_id for o in self.world.desk.state.open_orders()]
        return self.chance.choice(found) if found else None

    async def _ask(self, make: Callable[[Origin], c.Command]) -> Executed | None:
        """Ask until there is an answer, always under the same key, sometimes twice at once."""
        self._numbers += 1
        key = f"k{self._numbers}"
        origin = Origin("local", Door.INSTRUCTIONS, key, key, key.encode())
        command = make(origin)
        while True:
            await self._alive.wait()
            twice = self.chance.random() < 0.2
            answers = await self._try([command] * (2 if twice else 1))
            self.truth.replica.catch_up()
            self._say()
            for answer in answers:
                if isinstance(answer, Executed):
                    self._answered(key, answer)
            if answers:
                return answers[0] if isinstance(answers[0], Executed) else None

    async def _try(self, commands: Sequence[c.Command]) -> list[Executed | Refused]:
        """The answers of one attempt; none when the process died, or the client lost patience."""
        asking = [asyncio.create_task(self.world.desk.execute(command)) for command in commands]
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
        first = answer.events[0] if answer.events else None
        if isinstance(first, InstructionPlanned):
            self.truth.acknowledge(key, first.instruction_id)

    # --- the end ---------------------------------------------------------------------------------

    async def _wind_down(self) -> None:
        """No more crashes: everything comes to its end, by itself or by a cancel."""
        with suppress(Refused):
            await self.world.desk.execute(c.LiftKill(Origin("local", Door.KILL), ""))
        await self.world.wait(120)
        await self._begin_again()
        for _ in range(20):
            left = list(self.world.desk.state.open_orders())
            if not left:
                break
            for order in left:
                with suppress(Refused):
                    origin = Origin("local", Door.ORDERS)
                    await self.world.desk.execute(c.CancelOrder(origin, order.draft.cl_ord_id))
            await self.world.wait(20)
        await self.world.desk.durable(self.world.desk.state.seq)
        self._say()
        self.truth.check_rest()


async def _first_of(
    one: "asyncio.Future[Any]", other: "asyncio.Future[Any]", timeout_s: float | None
) -> None:
    """Wait until either is done, or so long."""
    await asyncio.wait({one, other}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)


def _on_tick(price: int, basis_points: int) -> int:
    tick = SCALE // 20
    return (price + price * basis_points // 10_000) // tick * tick


def run(seed: int) -> Story:
    """Tell one story to its end. Raises AssertionError when something that must hold did not."""

    def begin(loop: VirtualLoop) -> Coroutine[Any, Any, Story]:
        async def tell() -> Story:
            story = Story(loop, seed)
            await story.tell()
            return story

        return tell()

    return simulate(begin)
