"""The people of a story: they ask until they are answered, always under the same key, and remember."""

import asyncio
from typing import Any

import msgspec

from phalanx.desk.desk import Executed
from phalanx.desk.errors import DeskError, Overloaded
from phalanx.domain.accounts import AccountId
from phalanx.domain.instructions import Door, Origin, WaitsFor
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.life import Life
from phalanx.simulation.faults.options import Options
from phalanx.simulation.faults.trace import Trace, What, command_text
from phalanx.simulation.faults.wishes import Make, Wishes
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.invariants.truth import Truth
from phalanx.simulation.loop import Killed
from phalanx.simulation.world import World

TRIES_MAX = 300

READS_PERCENT = 15
"""How often somebody has a book read, so that readings come at other times than the desk's own."""

WAVERS_PERCENT = 6
"""How often somebody changes an order there and back before what he came for."""

WAVERS_LOOKS_MAX = 20

DECIDES_PERCENT, APPROVES_PERCENT = 60, 70
"""How often somebody looks at what waits for approval before the next wish, and approves one of it."""

SELF_PERCENT = 10
"""How often that is the one who asked; then it must be refused."""

CHECKER = "checker"

KILLS_PERCENT = 6
"""How often somebody puts a kill in the same moment in which somebody else wants something."""


class Clients:
    """Draws what they want, asks for it, and checks every answer."""

    def __init__(
        self, options: Options, world: World, life: Life, truth: Truth, trace: Trace | None
    ) -> None:
        self._chance = Chance(f"clients {options.seed}")
        self._checker = Chance(f"checker {options.seed}")
        self._options = options
        self._world = world
        self._life = life
        self._truth = truth
        self._trace = trace
        self._wishes = Wishes(self._chance, world)
        self._left = options.wishes
        self._numbers = 0
        self.answered = 0

    async def work(self) -> None:
        """One of them: wish after wish, until all wishes of the story are fulfilled or refused."""
        pace = 2 * self._options.lasts_s * self._options.people / self._options.wishes
        while self._left > 0:
            self._left -= 1
            await self._world.wait(self._chance.random() * pace)
            await self._life.up.wait()
            make = self._wishes.next()
            if make is None:
                continue
            if self._chance.happens(READS_PERCENT):
                self._read(self._chance.choice(list(self._world.desk.state.accounts)))
            if self._options.checked:
                await self._decide()
            if self._chance.happens(WAVERS_PERCENT):
                await self._waver()
            if self._chance.happens(KILLS_PERCENT):
                await asyncio.gather(self.ask(make), self._kill_for_a_while())
            else:
                await self.ask(make)

    async def _decide(self) -> None:
        """Another person approves or declines something that waits for that."""
        chance = self._checker
        held = self._world.desk.state.held.values()
        waiting = [one.id for one in held if one.waits_for is WaitsFor.APPROVAL]
        if not waiting or not chance.happens(DECIDES_PERCENT):
            return
        instruction = chance.choice(waiting)
        command = c.Approve if chance.happens(APPROVES_PERCENT) else c.Decline
        actor = "local" if chance.happens(SELF_PERCENT) else CHECKER
        decided = await self.ask(
            lambda origin: command(msgspec.structs.replace(origin, actor=actor), instruction)
        )
        with holds(Invariant.APPROVED_FIRST):
            assert decided is None or actor == CHECKER, f"{instruction} was decided by who asked"

    async def _waver(self) -> None:
        """Somebody changes an order and at once changes it back, while somebody has its book read: a
        reading of before the first change shows just what the second one asks for.
        """
        found = self._wishes.there_and_back()
        if found is None:
            return
        account, cl_ord_id, there, back = found
        self._read(account)
        if self._chance.happens(50):
            await asyncio.gather(self.ask(there), self._kill_for_a_while())
        else:
            await self.ask(there)
        for _ in range(WAVERS_LOOKS_MAX):
            await self._world.wait(0.05)
            order = self._world.desk.state.orders.get(cl_ord_id)
            if order is None or order.request is None:
                break
        network = self._world.networks.get(self._world.desk.state.accounts[account].broker)
        if network is not None and self._chance.happens(50):
            network.lag(account)
        self._read(account)
        await self.ask(back)
        self._read(account)

    def _read(self, account: AccountId) -> None:
        reading = self._world.ask(lambda desk: desk.reconciler.reconcile([account]))
        asyncio.ensure_future(reading).add_done_callback(_unheard)

    async def _kill_for_a_while(self) -> None:
        """Somebody stops something, and lifts that again a moment later."""
        await self.ask(self._wishes.kill())
        await self._world.wait(self._chance.random())
        await self._life.up.wait()
        lift = self._wishes.lift()
        if lift is not None:
            await self.ask(lift)

    async def ask(self, make: Make) -> Executed | None:
        """Ask until there is an answer; None: it was refused."""
        self._numbers += 1
        key = f"k{self._numbers}"
        command = make(Origin("local", Door.INSTRUCTIONS, key, key, key.encode()))
        self._say(What.COMMAND, key, command)
        for _ in range(TRIES_MAX):
            await self._life.up.wait()
            answers = await self._try(command)
            if answers:
                self._say(What.ANSWER, key, *answers)
                return await self._take(key, make, answers)
            await self._world.wait(0.05)
        with holds(Invariant.PROGRESS):
            raise AssertionError(f"{key} was asked {TRIES_MAX} times and never answered")

    async def _try(self, command: c.Command) -> list[Executed | Refused]:
        """The answers of one attempt, sometimes of two at once; none when the process died, was too
        busy, or took longer than somebody's patience.
        """
        twice = self._chance.happens(15)
        asking = [
            asyncio.ensure_future(self._world.ask(lambda desk: desk.execute(command)))
            for _ in range(2 if twice else 1)
        ]
        patience = self._chance.choice((0.001, 5.0, 5.0, 5.0, 5.0))
        await asyncio.wait(asking, timeout=patience)
        answers: list[Executed | Refused] = []
        for one in asking:
            if not one.done():
                one.add_done_callback(_unheard)
                continue
            try:
                answers.append(one.result())
            except Refused as refused:
                answers.append(refused)
            except Overloaded:
                self._world.faults["turned_away"] += 1
            except (Killed, DeskError):
                continue
        return answers

    async def _take(
        self, key: str, make: Make, answers: list[Executed | Refused]
    ) -> Executed | None:
        self._truth.catch_up()
        given = [one for one in answers if isinstance(one, Executed)]
        for answer in given:
            self.answered += 1
            if answer.events:
                self._truth.acknowledge(key, answer.events[0])
        if not given:
            return None
        if self._chance.happens(10) and given[0].events:
            await self._reuse(key, make)
        return given[0]

    async def _reuse(self, key: str, make: Make) -> None:
        """The same key for something else: that is never carried out."""
        other = make(Origin("local", Door.INSTRUCTIONS, key, key, b"something else"))
        for answer in await self._try(other):
            with holds(Invariant.ONE_PER_KEY):
                assert isinstance(answer, Refused), f"{key} was taken for something else"
                assert answer.code == "IDEMPOTENCY_KEY_REUSED"

    def _say(self, what: What, key: str, *said: c.Command | Executed | Refused) -> None:
        if self._trace is not None:
            self._trace.add(what, f"{key} {' | '.join(map(_short, said))}")


def _unheard(answer: "asyncio.Future[Any]") -> None:
    """Nobody waits for this answer any more, whatever it is."""
    if not answer.cancelled():
        answer.exception()


def _short(said: c.Command | Executed | Refused) -> str:
    match said:
        case Refused():
            return f"refused: {said}"
        case Executed():
            first = type(said.events[0]).__name__ if said.events else "nothing"
            return f"{'again ' if said.replayed else ''}{first} at {said.seq}"
        case _:
            return command_text(said)
