"""The disk of a world: what is left of a torn write is no record, and what was lost can be put back."""

import pytest

from phalanx.journal.memory import MemoryJournal
from phalanx.journal.record import START
from phalanx.simulation.disk import Landing, SimulatedDisk, TimedJournal
from phalanx.simulation.virtual import Process, ProcessTimer, VirtualLoop, VirtualTimer, simulate

BODY = b"\xdd\x00\x00\x00\x01\xc0"


async def write(disk: SimulatedDisk, count: int) -> None:
    journal = MemoryJournal(disk)
    journal.acquire()
    for number in range(count):
        await journal.append(BODY, 1, bytes([number]) * 16)
    journal.close()


def torn_record(disk: SimulatedDisk) -> int:
    """The number of the record that is half written, zero mostly."""
    return 0 if disk.torn is None else disk.torn[0]


@pytest.mark.parametrize("share", [0, 1, 128, 255])
def test_whatever_was_written_of_a_torn_record_is_dropped(share: int) -> None:
    async def story(loop: VirtualLoop) -> None:
        disk, process = SimulatedDisk(), Process(loop, "p")
        await write(disk, 2)
        journal = TimedJournal(disk, ProcessTimer(process), lambda: 10**9)
        journal.acquire()
        asking = process.ask(lambda: journal.append(BODY, 1, bytes([share]) * 16))
        await VirtualTimer(loop).sleep(10**8)
        process.kill()
        journal.kill(Landing.TORN)
        assert asking.done()
        assert torn_record(disk) == 3
        TimedJournal(disk, ProcessTimer(process), lambda: 0).acquire()
        assert torn_record(disk) == 0
        assert len(disk.blobs) == 2

    simulate(story)


def test_a_whole_record_that_was_taken_for_a_torn_one_is_noticed() -> None:
    async def story(_: VirtualLoop) -> None:
        disk = SimulatedDisk()
        await write(disk, 1)
        disk.torn = (1, disk.blobs[1])
        with pytest.raises(AssertionError, match="passes for a record"):
            disk.recover()

    simulate(story)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_lost_tail_ends_at_a_record_and_comes_back_whole(lost: int) -> None:
    async def story(_: VirtualLoop) -> None:
        disk = SimulatedDisk()
        await write(disk, 3)
        before = (disk.tail, disk.anchor, dict(disk.blobs))
        restore = disk.lose_tail(lost, with_anchor=True)
        reader = MemoryJournal(disk)
        assert reader.tail().record == 3 - lost
        assert reader.tail().chain == (
            START.chain if lost == 3 else reader.record_at(3 - lost).chain
        )
        restore()
        assert (disk.tail, disk.anchor, disk.blobs) == before

    simulate(story)


def test_no_more_is_lost_than_there_is() -> None:
    async def story(_: VirtualLoop) -> None:
        disk = SimulatedDisk()
        await write(disk, 1)
        for count in (0, 2):
            with pytest.raises(AssertionError):
                disk.lose_tail(count)

    simulate(story)
