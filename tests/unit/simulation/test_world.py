"""A world: one process after another over one disk; a crash leaves the disk and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from phalanx.desk.recovery import events_after
from phalanx.domain.accounts import Account, FillProfile
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.orders import OrdStatus, Side
from phalanx.engine.state import state_hash
from phalanx.journal.errors import JournalLocked
from phalanx.journal.memory import FailPoint, MemoryJournal
from phalanx.simulation.virtual import VirtualLoop, simulate
from phalanx.simulation.wire import Request
from phalanx.simulation.world import COMMIT_NS, TimedJournal, World, sample_instruments

PROFILES = {"somebody": {"ALPHA": ["INFY"]}}
SLOW = Account("", 0, fill_profile=FillProfile(fill_duration_ms=10_000, slices=10))
PAST_HALF_S = COMMIT_NS * 3 // 4 / 10**9


def play(story: Callable[[World], Awaitable[None]]) -> None:
    def begin(loop: VirtualLoop) -> Coroutine[Any, Any, None]:
        async def tell() -> None:
            await story(World(loop, sample_instruments(("INFY",))))

        return tell()

    simulate(begin)


def planned(world: World) -> int:
    journal = MemoryJournal(world.disk)
    return sum(isinstance(event, InstructionPlanned) for _, event in events_after(journal, 0))


def test_a_process_ends_and_the_next_one_knows_everything() -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES)
        await world.signal("ALPHA", Side.BUY, "INFY")
        await world.wait(0.1)
        digest, seq = state_hash(world.desk.state), world.desk.state.seq
        await world.stop()
        await world.start()
        assert digest != state_hash(world.desk.state)
        assert seq < world.desk.state.seq
        (order,) = world.desk.state.orders.values()
        assert order.status is OrdStatus.FILLED

    play(story)


@pytest.mark.parametrize(
    ("wait_s", "landed", "there"),
    [(0, False, 0), (0, True, 1), (PAST_HALF_S, False, 1), (PAST_HALF_S, True, 1)],
    ids=["early", "early and landed", "late", "late and landed"],
)
def test_a_crash_in_the_middle_of_an_append(wait_s: float, landed: bool, there: int) -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES)
        asking = asyncio.ensure_future(world.signal("ALPHA", Side.BUY, "INFY"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await world.wait(wait_s)
        world.crash(landed=landed)
        await world.wait(1)
        assert not asking.done()
        asking.cancel()

        assert planned(world) == there
        await world.start()
        assert len(world.desk.state.orders) == there

    play(story)


def test_a_crash_stops_the_broker_of_the_dead_process() -> None:
    async def story(world: World) -> None:
        await world.start()
        await world.import_profiles(PROFILES, account=SLOW)
        await world.signal("ALPHA", Side.BUY, "INFY")
        await world.wait(1)
        dead = world.desk
        world.crash()
        seq, records = dead.state.seq, len(world.disk.blobs)
        await world.wait(15)
        assert (dead.state.seq, len(world.disk.blobs)) == (seq, records)
        await world.start()
        await world.wait(60)
        (order,) = world.desk.state.orders.values()
        assert order.status is OrdStatus.FILLED

    play(story)


def test_two_processes_cannot_live_at_once() -> None:
    async def story(world: World) -> None:
        await world.start()
        first = world.desk
        with pytest.raises(JournalLocked):
            await world.start()
        assert world.desk is first

    play(story)


def test_what_was_written_is_heard_over_all_processes() -> None:
    written: list[Request] = []

    def begin(loop: VirtualLoop) -> Coroutine[Any, Any, None]:
        async def tell() -> None:
            world = World(loop, sample_instruments(("INFY",)), written=written.append)
            await world.start()
            await world.import_profiles(PROFILES, account=SLOW)
            await world.signal("ALPHA", Side.BUY, "INFY")
            world.crash()
            await world.start()
            await world.signal("ALPHA", Side.SELL, "INFY")
            await world.wait(1)

        return tell()

    simulate(begin)
    assert len(written) >= 1
    assert len({request.cl_ord_id for request in written}) == len(written)


def test_a_commit_takes_its_time() -> None:
    async def story(world: World) -> None:
        journal = TimedJournal(world.disk, world._timer, lambda: 10**9)
        journal.acquire()
        before = world.clock.monotonic()
        await journal.append(b"\xdd\x00\x00\x00\x01\xc0", 1, bytes(16))
        assert 0.99 < (world.clock.monotonic() - before) / 10**9 < 1.01
        journal.kill(landed=True)
        assert len(world.disk.blobs) == 1
        assert world.disk.holder is None

    play(story)


def test_a_journal_that_failed_lands_nothing_later() -> None:
    async def story(world: World) -> None:
        await world.start()
        world.journal.fail_next(FailPoint.BEFORE)
        asking = asyncio.ensure_future(world.import_profiles(PROFILES))
        await world.wait(1)
        records = len(world.disk.blobs)
        world.crash(landed=True)
        assert len(world.disk.blobs) == records
        assert asking.exception() is not None

    play(story)
