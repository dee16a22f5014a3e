"""Everything that goes wrong by itself: crashes, pauses, disks, brokers, clocks; each at its moment."""

from collections.abc import Awaitable, Callable
from functools import partial

from phalanx.domain.kills import DirectKill
from phalanx.domain.time import HOUR, SECOND, Nanoseconds
from phalanx.journal.errors import JournalCorrupt
from phalanx.journal.memory import FailPoint
from phalanx.simulation.faults.chance import Chance
from phalanx.simulation.faults.life import Life
from phalanx.simulation.faults.market import Market
from phalanx.simulation.faults.options import Options
from phalanx.simulation.faults.wishes import some_scope
from phalanx.simulation.invariants.named import Invariant, holds
from phalanx.simulation.invariants.truth import check_fail_stop
from phalanx.simulation.network import Network
from phalanx.simulation.world import World

Blow = Callable[[], Awaitable[None]]


class Fate:
    """Draws when what happens, and lets it happen, one after the other."""

    def __init__(self, options: Options, world: World, life: Life, market: Market) -> None:
        self._chance = Chance(f"fate {options.seed}")
        self._world = world
        self._life = life
        self._market = market
        kinds: tuple[tuple[int, str, Blow], ...] = (
            (options.crashes, "crash", self._crash),
            (options.disk_faults, "disk", self._break_the_disk),
            (options.pauses, "pause", self._pause),
            (options.second_starts, "second", self._second_start),
            (options.stops, "stop", self._stop),
            (options.lost_tails, "tail", self._lose_the_tail),
            (options.incidents, "incident", self._incident),
            (options.jumps, "jump", self._jump),
            (options.direct_kills, "kill", self._kill_past_the_desk),
            (options.outside, "outside", partial(self._at_once, market.trade_outside)),
            (options.rejections, "reject", partial(self._at_once, market.reject_later)),
        )
        self._blows = sorted(
            (
                (Chance(f"{options.seed} {name} {number}").random() * options.lasts_s, name, blow)
                for count, name, blow in kinds
                for number in range(count)
            ),
            key=lambda one: one[:2],
        )

    async def run(self) -> None:
        """All of it, each at its time or as soon as a process is there again."""
        begun = self._world.clock.monotonic()
        for at, _, blow in self._blows:
            left = at - (self._world.clock.monotonic() - begun) / SECOND
            if left > 0:
                await self._world.wait(left)
            await blow()
            if self._life.down.is_set():
                await self._life.again()

    async def _at_once(self, act: Callable[[], None]) -> None:
        act()

    async def _crash(self) -> None:
        """At any instant, at any step, in the middle of a write, or just behind a record."""
        how = self._chance.choice(("now", "step", "step", "write", "record"))
        if how == "step":
            self._life.kill_at_step(self._chance.randint(1, 200))
        elif how == "write":
            self._life.kill_at_write(self._chance.randint(1, 4))
        elif how == "record":
            self._life.kill_at_record(self._chance.randint(1, 4))
        if how == "now" or not await self._life.dead_or(1.0):
            self._life.kill()
        await self._life.again()

    async def _break_the_disk(self) -> None:
        """An append fails: full disk, failed sync, lost anchor. The process must stop by itself."""
        journal, desk = self._world.journal, self._world.desk
        if self._chance.happens(30):
            self._life.say("the disk is full")
            self._world.disk_full = True
        else:
            point = self._chance.choice(list(FailPoint))
            self._life.say(f"the next append fails: {point.value}")
            self._world.journal.fail_next(point)
        await self._life.dead_or(1.0)
        check_fail_stop(journal, desk)
        self._world.disk_full = False
        await self._life.again()

    async def _pause(self) -> None:
        seconds = self._chance.choice((0.2, 2.0, 8.0, 40.0))
        await self._life.pause(seconds)

    async def _kill_past_the_desk(self) -> None:
        """`kill --direct`: whether the process lives, is stopped by a signal, or is dead."""
        pick = self._chance.choice
        flag, how = self._world.kill_flag, pick(("alive", "torn", "paused", "dead"))
        number = len(flag.ordered) + 1
        scope = some_scope(self._chance, self._world.desk.state)
        now, cancels = self._world.clock.now(), self._chance.happens(50)
        if how == "paused":
            self._world.pause()
        elif how == "dead":
            self._life.kill()
        flag.is_torn = how == "torn"
        flag.order(DirectKill(f"K{number}", scope, "somebody", "", now, cancels))
        self._life.say(f"a kill past the desk ({how}): {scope}")
        await self._world.wait(pick((0, 0.3, 1.0)))
        flag.is_torn = False
        if how == "paused" and not self._life.down.is_set():
            self._world.resume()

    async def _second_start(self) -> None:
        """While one runs, or is stopped by a signal."""
        paused = self._chance.happens(50)
        if paused:
            self._world.pause()
        self._life.say("a second process is started")
        await self._life.refused()
        if paused:
            self._world.resume()

    async def _stop(self) -> None:
        await self._life.stop()
        await self._life.begin()

    async def _lose_the_tail(self) -> None:
        """Acknowledged records are gone from the disk and their anchor says so: nobody may start."""
        self._life.kill()
        tail, anchor = self._world.disk.tail, self._world.disk.anchor
        assert tail is not None
        assert anchor is not None
        restore = self._world.lose_tail(tail.record - anchor.record + 1)
        self._life.say("the last record is lost")
        with holds(Invariant.ACKNOWLEDGED):
            try:
                await self._world.start()
            except JournalCorrupt:
                pass
            else:
                raise AssertionError("it started without a record that was acknowledged")
        restore()
        await self._life.again()

    async def _incident(self) -> None:
        """At one of the brokers."""
        networks = list(self._world.networks.values())
        if not networks:
            return
        network = self._chance.choice(networks)
        what = self._chance.choice((self._reset, self._restart, self._kill_token))
        self._life.say(f"{network.exchange.name}: {what.__name__.strip('_')}")
        what(network)

    def _reset(self, network: Network) -> None:
        network.reset()

    def _restart(self, network: Network) -> None:
        keeps = self._chance.happens(50)
        network.restart(self._chance.choice((100, 3_000)), keep_reports=keeps)

    def _kill_token(self, network: Network) -> None:
        network.kill_token()

    async def _jump(self) -> None:
        """Somebody sets our wall clock, or a broker's, or whoever all of them listen to is set."""
        by = self._chance.choice((-HOUR, -SECOND, SECOND, 40 * SECOND))
        exchanges = list(self._world.exchanges.values())
        if exchanges and self._chance.happens(30):
            self._chance.choice(exchanges).skew += by
        elif self._chance.happens(50):
            self._world.clock.skew += by
        else:
            set_our_clock(self._world, by)
        self._life.say(f"a wall clock jumps by {by / SECOND:.0f} s")


def set_our_clock(world: World, skew: Nanoseconds) -> None:
    """Our wall clock is so far from the true time; the brokers' are what they were."""
    before, world.clock.skew = world.clock.skew, skew
    for exchange in world.exchanges.values():
        exchange.skew -= skew - before
