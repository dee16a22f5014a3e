"""Group commit: groups, order, durable futures, and what a failure does to everybody."""

import asyncio

import pytest

from phalanx.desk.commit import GROUP_BYTES_MAX, Group, GroupCommit
from phalanx.desk.errors import Stopped
from phalanx.domain.events import DayRolled, Event, KillPut, decode_events, encode_event
from phalanx.domain.instructions import Door, Origin
from phalanx.journal.errors import JournalFailed
from phalanx.journal.memory import FailPoint, MemoryJournal
from phalanx.journal.port import Tail
from phalanx.simulation.virtual import SeededRandom

ORIGIN = Origin("local", Door.KILL)


class SlowJournal(MemoryJournal):
    """Every append waits until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.acquire()
        self.gates: list[asyncio.Event] = []

    async def append(self, body: bytes, count: int, batch_id: bytes) -> Tail:
        gate = asyncio.Event()
        self.gates.append(gate)
        await gate.wait()
        return await super().append(body, count, batch_id)


class Bench:
    """A group commit over a journal, and what it released."""

    def __init__(self, journal: MemoryJournal) -> None:
        self.journal = journal
        self.released: list[Group] = []
        self.seq = 0
        self.commit = GroupCommit(journal, SeededRandom(0), 0, self._release)
        self.task = asyncio.create_task(self.commit.run())

    async def _release(self, group: Group) -> None:
        self.released.append(group)

    def add(self, *events: Event) -> "asyncio.Future[None]":
        self.commit.add(self.seq + 1, events, [encode_event(event) for event in events])
        self.seq += len(events)
        return self.commit.durable(self.seq)

    def records(self) -> list[int]:
        """How many events each record on the disk has."""
        return [len(decode_events(record.body)) for record in self.journal.scan()]

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def fast() -> Bench:
    journal = MemoryJournal()
    journal.acquire()
    return Bench(journal)


def day(number: int = 1) -> Event:
    return DayRolled(1, number)


def large(size: int) -> Event:
    return KillPut(1, ORIGIN, "", "x" * size)


async def test_what_is_decided_in_one_turn_is_one_record() -> None:
    bench = fast()

    await asyncio.gather(bench.add(day()), bench.add(day(), day()), bench.add(day()))

    assert bench.records() == [4]
    assert [group.last_seq for group in bench.released] == [4]
    assert bench.commit.durable_seq == 4
    assert bench.commit.waiting_bytes == 0
    await bench.close()


async def test_while_one_group_is_synced_the_next_is_collected() -> None:
    journal = SlowJournal()
    bench = Bench(journal)
    first = bench.add(day())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    second, third = bench.add(day()), bench.add(day())
    journal.gates[0].set()
    await first

    assert bench.records() == [1]
    assert not second.done()
    await asyncio.sleep(0)
    journal.gates[1].set()
    await third
    assert bench.records() == [1, 2]
    await bench.close()


async def test_a_group_stops_taking_commands_at_one_mebibyte() -> None:
    bench = fast()
    size = GROUP_BYTES_MAX * 2 // 5

    await asyncio.gather(*(bench.add(large(size)) for _ in range(5)))

    assert bench.records() == [2, 2, 1]
    await bench.close()


async def test_one_command_is_one_record_whatever_its_size() -> None:
    bench = fast()

    small, huge, after = (
        bench.add(day()),
        bench.add(*(large(GROUP_BYTES_MAX) for _ in range(3))),
        bench.add(day()),
    )
    await asyncio.gather(small, huge, after)

    assert bench.records() == [1, 3, 1]
    await bench.close()


async def test_futures_are_done_in_order_and_only_when_their_event_is_durable() -> None:
    bench = fast()
    done: list[str] = []
    bench.add(day()).add_done_callback(lambda _: done.append("b"))
    bench.add(day()).add_done_callback(lambda _: done.append("c"))
    early = bench.commit.durable(1)
    early.add_done_callback(lambda _: done.append("a"))

    await bench.commit.durable(2)
    await asyncio.sleep(0)

    assert done == ["b", "a", "c"]
    await bench.close()


async def test_what_is_durable_already_needs_no_waiting() -> None:
    bench = fast()
    await bench.add(day())

    assert bench.commit.durable(1).done()
    assert bench.commit.durable(0).done()
    await bench.close()


async def test_it_is_released_before_anybody_is_answered() -> None:
    bench = fast()
    seen: list[int] = []
    future = bench.add(day())
    future.add_done_callback(lambda _: seen.append(len(bench.released)))

    await future
    await asyncio.sleep(0)

    assert seen == [1]
    await bench.close()


async def test_a_waiter_that_went_away_harms_nobody() -> None:
    bench = fast()
    gone, stays = bench.add(day()), bench.add(day())
    gone.cancel()

    await stays

    assert bench.records() == [2]
    await bench.close()


@pytest.mark.parametrize("point", FailPoint)
async def test_a_failed_append_stops_everybody_for_good(point: FailPoint) -> None:
    bench = fast()
    await bench.add(day())
    bench.journal.fail_next(point)

    waiters = [bench.add(day()), bench.add(large(GROUP_BYTES_MAX)), bench.commit.durable(9)]
    outcomes = await asyncio.gather(*waiters, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Stopped] * 3
    assert all("injected" in str(outcome) for outcome in outcomes)
    assert [group.last_seq for group in bench.released] == [1]
    assert bench.commit.durable_seq == 1
    await asyncio.sleep(0)
    assert isinstance(bench.task.exception(), JournalFailed)


async def test_after_a_failure_nothing_is_taken_and_nobody_waits() -> None:
    bench = fast()
    bench.journal.fail_next(FailPoint.BEFORE)
    with pytest.raises(Stopped):
        await bench.add(day())

    with pytest.raises(Stopped, match="injected"):
        await bench.add(day())

    assert bench.commit.waiting_bytes == 0
    assert bench.commit.durable(0).done()
    bench.task.exception()


async def test_the_first_failure_is_the_one_that_is_told() -> None:
    bench = fast()
    waiting = bench.add(day())
    bench.commit.fail(Stopped("first"))
    bench.commit.fail(Stopped("second"))

    with pytest.raises(Stopped, match="first"):
        await waiting
    await bench.close()


async def test_a_journal_that_counts_otherwise_is_a_failure() -> None:
    bench = fast()
    bench.seq = 5

    with pytest.raises(Stopped, match="journal at 1, desk at 6"):
        await bench.add(day())
    assert isinstance(bench.task.exception(), AssertionError)
