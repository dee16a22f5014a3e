"""The life of a story's processes: one after another over one disk, until one may stay."""

import asyncio

from phalanx.desk.errors import DeskError
from phalanx.journal.errors import JournalFailed, JournalLocked
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.trace import Trace, What
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.invariants.truth import Truth
from phalanx.simulation.loop import Killed, Process
from phalanx.simulation.world import Landing, World

STARTS_MAX = 200
"""So many processes in a row that cannot even start are one too many."""


class Life:
    """Starts, kills, pauses and stops the process of a world; ``up`` is set while one has its doors open."""

    def __init__(self, seed: int, world: World, truth: Truth, trace: Trace | None) -> None:
        self._chance = Chance(f"life {seed}")
        self._world = world
        self._truth = truth
        self._trace = trace
        self._steps_left = 0
        self._writes_left = 0
        self._at_record = 0
        self._pauses_at_dispatch = False
        self.up = asyncio.Event()
        self.down = asyncio.Event()
        self.deaths = 0
        self.may_cut_short = True

    async def begin(self) -> None:
        """Start a process, and another for as long as starting is cut short."""
        for _ in range(STARTS_MAX):
            self.down.clear()
            if await self._start():
                self._truth.begin(self._world.desk)
                self.up.set()
                self.say("a process has its doors open")
                return
            await self._world.wait(self._chance.choice((0, 0.1)))
        with holds(Invariant.PROGRESS):
            raise AssertionError(f"{STARTS_MAX} processes could not start")

    async def _start(self) -> bool:
        starting = asyncio.ensure_future(self._world.start())
        if self.may_cut_short and self.deaths and self._chance.happens(20):
            await asyncio.sleep(0)
            self.kill_at_step(self._chance.randint(1, 150))
        try:
            await starting
        except Killed:
            return False
        except (DeskError, JournalFailed) as failure:
            self.say(f"it could not start: {failure}")
            self.kill()
            return False
        self.spare()
        return not self.down.is_set()

    # --- death -----------------------------------------------------------------------------------

    def kill(self, landing: Landing | None = None) -> None:
        """The process is dead from here on; what it was writing may have reached the disk."""
        if self.down.is_set():
            return
        landing = landing or self._chance.choice(list(Landing))
        self.deaths += 1
        self.up.clear()
        self.down.set()
        self.spare()
        self.say(f"killed; what was being written: {landing.value}")
        self._world.kill(landing)

    def kill_at_step(self, count: int) -> None:
        """The process dies before so many more of its steps."""
        self._steps_left = count
        self._world.process.on_step = self._step

    def kill_at_write(self, count: int) -> None:
        """The process dies in the middle of its so-many-th write to a broker from now on."""
        self._writes_left = count

    def kill_at_record(self, count: int) -> None:
        """The process dies when its so-many-th record from now on is durable and nobody was told."""
        self._at_record = count

    def stored(self, *, dispatches: bool) -> None:
        """A record is durable; ``dispatches``: it allows orders to be written."""
        if self._at_record:
            self._at_record -= 1
            if not self._at_record:
                self.kill()
        if dispatches and self._pauses_at_dispatch:
            self._pauses_at_dispatch = False
            self._world.pause()

    def spare(self) -> None:
        """Nothing happens to it that was not meant to by now."""
        self._steps_left = self._writes_left = 0
        self._at_record = 0
        self._pauses_at_dispatch = False

    def wrote(self) -> None:
        """A request has left the process."""
        if self._writes_left:
            self._writes_left -= 1
            if not self._writes_left:
                self.kill()

    def _step(self, process: Process) -> None:
        if self._steps_left and process is self._world.process:
            self._steps_left -= 1
            if not self._steps_left:
                self.kill()

    async def dead_or(self, seconds: float) -> bool:
        """Wait until the process is dead, at most so long; whether it is."""
        try:
            await asyncio.wait_for(self.down.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def again(self) -> None:
        """Dead, if it is not yet, and after a moment the next one."""
        self.kill()
        await self._world.wait(self._chance.choice((0, 0.1, 1.0, 4.0)))
        await self.begin()

    # --- other ends ------------------------------------------------------------------------------

    async def stop(self) -> None:
        """A stop in good order."""
        self.up.clear()
        self.down.set()
        self.say("stops in good order")
        await self._world.stop()

    async def pause(self, seconds: float) -> None:
        """SIGSTOP, perhaps between a record and the orders that it allows; and SIGCONT so much later."""
        self._pauses_at_dispatch = self._chance.happens(70)
        if self._pauses_at_dispatch:
            await self.dead_or(3)
            self._pauses_at_dispatch = False
        if self.down.is_set():
            return
        self._world.pause()
        self.say(f"paused for {seconds:.1f} s")
        await self._world.wait(seconds)
        self._world.resume()
        self.say("resumed")

    async def refused(self) -> None:
        """Another process is started on the same data: it is refused."""
        with holds(Invariant.ONE_WRITER):
            try:
                await self._world.start()
            except JournalLocked:
                return
            except Killed:
                assert self.down.is_set(), "killed by nobody"
                return
            raise AssertionError("a second process has the journal too")

    def say(self, text: str) -> None:
        """One more step of the trace."""
        if self._trace is not None:
            self._trace.add(What.FATE, text)
