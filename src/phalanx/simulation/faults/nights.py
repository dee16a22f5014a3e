"""Midnight: once while people are busy, and twice more when everything rests.

At the first one what works expires, and brokers go on showing the day that has ended. What they show and
we have not read would be gone with it: then only positions could tell, and what to do about it is for a
person to say. So their books begin the new day once everything rests. The next day they begin before our
own day rolls or after it, and on the third there is nothing left to remember.
"""

from collections.abc import Awaitable, Callable, Sequence

from phalanx.domain.time import DAY, SECOND, Nanoseconds
from phalanx.simulation.exchange import StubExchange
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.life import Life
from phalanx.simulation.invariants.truth import check_memory
from phalanx.simulation.virtual import MIDNIGHT_IST
from phalanx.simulation.world import World


class Nights:
    """The nights of a story that begins at ``begins_at`` by the wall clock."""

    def __init__(self, seed: int, world: World, life: Life, begins_at: Nanoseconds) -> None:
        self._chance = Chance(f"nights {seed}")
        self._world = world
        self._life = life
        self._midnight = MIDNIGHT_IST - begins_at

    async def first(self) -> None:
        """Wait until midnight: what works expires."""
        await self._world.wait(max(0, self._midnight - self._world.clock.monotonic()) / SECOND)
        for exchange in self._world.exchanges.values():
            exchange.end_day()
        self._life.say("it is midnight")

    async def later(self, rest: Callable[[], Awaitable[None]]) -> None:
        """Two days pass, and ``rest`` sees each time that nothing is taken for what it is not.

        Raises Violation.
        """
        exchanges = list(self._world.exchanges.values())
        self._begin_day(exchanges)
        await rest()
        for exchange in exchanges:
            exchange.end_day()
        early = [exchange for exchange in exchanges if self._chance.happens(50)]
        self._begin_day(early)
        await rest()
        self._pass_a_day()
        await rest()
        self._begin_day([exchange for exchange in exchanges if exchange not in early])
        self._pass_a_day()
        await rest()
        check_memory(self._world.desk.state)

    def _pass_a_day(self) -> None:
        self._world.clock.skew += DAY
        self._life.say("a day later")

    def _begin_day(self, exchanges: Sequence[StubExchange]) -> None:
        for exchange in exchanges:
            exchange.begin_day()
            self._life.say(f"{exchange.name} begins a new day's book")
