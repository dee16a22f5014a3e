"""Stopping in good order: what is decided is finished, what comes until the end is booked."""

import asyncio
from functools import partial

import pytest

from phalanx.brokers.port import Accepted, Unknown
from phalanx.desk.errors import Stopped
from phalanx.desk.recovery import rebuild
from phalanx.domain.accounts import RateLimit
from phalanx.domain.events import InstructionPlanned, OrderDoubted
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.engine.snapshot import state_hash
from phalanx.journal.errors import Failure, JournalFailed
from phalanx.journal.memory import FailPoint, MemoryJournal
from phalanx.journal.port import Snapshot
from tests.fakes.rig import Rig, on_virtual_time


@on_virtual_time
async def test_what_is_decided_is_durable_and_written_before_the_end(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    rig.commit_ns = 50_000_000
    asking = asyncio.create_task(desk.execute(rig.buy()))
    await asyncio.sleep(0)

    await desk.stop()

    assert len(rig.events(InstructionPlanned)) == 1
    assert len(rig.broker.placed) == 1
    assert (await asking).events


@on_virtual_time
async def test_what_a_broker_says_while_it_closes_is_booked(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    unanswered, working = (await rig.submit(rig.buy()))[0], await rig.bought()

    def last_words() -> None:
        rig.broker.tickets[unanswered].done(Unknown("closed before the answer"))
        rig.broker.fill(working, whole(10))

    rig.broker.on_close = last_words
    await desk.stop()

    state = rebuild(MemoryJournal(rig.disk))
    assert state.orders[unanswered].status is OrdStatus.IN_DOUBT
    assert state.orders[working].status is OrdStatus.FILLED
    assert len(rig.events(OrderDoubted)) == 1
    assert state_hash(state) == state_hash(desk.state)


@on_virtual_time
async def test_nothing_new_leaves_while_it_closes(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    (bought,) = await rig.submit(rig.signal(Side.BUY))
    rig.broker.tickets[bought].done(Accepted("B1"))
    await rig.submit(rig.signal(Side.SELL))
    rig.broker.on_close = partial(rig.broker.fill, bought, whole(1))
    placed = list(rig.broker.placed)

    await desk.stop()
    await rig.wait(5)

    assert rig.broker.placed == placed
    (child,) = desk.state.orders.keys() - {bought}
    assert desk.state.orders[child].status is OrdStatus.PENDING_NEW
    rig.journal.close()
    rig.broker.on_close = lambda: None
    await rig.start()
    await rig.wait()
    assert rig.broker.placed == [*placed, child]


@on_virtual_time
async def test_a_snapshot_is_kept_and_is_the_state(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    await rig.bought()

    await desk.stop()

    (snapshot,) = rig.disk.snapshots
    assert snapshot.seq == desk.state.seq
    assert snapshot.digest == state_hash(desk.state)


@on_virtual_time
async def test_it_may_be_called_twice_and_before_the_start(rig: Rig) -> None:
    await rig.build().stop()
    rig.crash()
    desk = await rig.start()

    await desk.stop()
    await desk.stop()

    assert (rig.broker.closed, rig.other.closed) == (2, 2)
    assert desk.stopped == "stopping"


@on_virtual_time
async def test_after_a_failure_the_brokers_are_closed_all_the_same(rig: Rig) -> None:
    desk = await rig.start()
    rig.journal.fail_next(FailPoint.UNSYNCED)
    with pytest.raises(Stopped):
        await rig.account()
    await rig.wait()
    assert desk.failed is not None
    assert desk.failed.done()

    await desk.stop()

    assert rig.broker.closed == 1
    assert desk.stopped is not None
    assert "injected" in desk.stopped


@on_virtual_time
async def test_a_failure_while_stopping_does_not_hang(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account()
    rig.journal.fail_next(FailPoint.BEFORE)
    asking = asyncio.create_task(desk.execute(rig.buy()))
    await asyncio.sleep(0)

    await desk.stop()

    assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], Exception)
    assert rig.broker.asked == []
    assert rig.broker.closed == 1


@on_virtual_time
async def test_a_broker_that_fails_to_close_and_a_full_disk_do_not_stop_the_stop(
    rig: Rig,
) -> None:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    desk = await rig.start()
    rig.broker.on_close = _fail

    def refuse(snapshot: Snapshot) -> None:
        raise JournalFailed(Failure.DISK_FULL, "no room")

    rig.journal.put_snapshot = refuse  # type: ignore[method-assign]
    await desk.stop()

    assert rig.other.closed == 1
    assert b'phalanx_faults_total{where="broker"} 1.0' in desk.metrics()
    assert b'phalanx_faults_total{where="snapshot"} 1.0' in desk.metrics()


def _fail() -> None:
    raise OSError("already gone")


@on_virtual_time
async def test_readers_are_cut_off_and_newcomers_too(rig: Rig) -> None:
    desk = await rig.start()
    reader = desk.stream.join(("orders",))

    await desk.stop()

    assert [message async for message in reader] == []
    late = desk.stream.join(("orders",))
    assert [message async for message in late] == []
    assert desk.stream.reader_count == 0


@on_virtual_time
async def test_a_killed_process_says_nothing_more(rig: Rig) -> None:
    desk = await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    await rig.submit(rig.buy())
    records = len(rig.records())

    rig.crash()
    rig.broker.fill(rig.broker.placed[0], whole(1))
    await rig.wait(10)
    await desk.stop()

    assert len(rig.records()) == records
    assert len(rig.broker.placed) == 1
    assert rig.broker.closed == 0
