"""Recovery: the state of any moment, from a snapshot or without, and never from a bad one."""

import hashlib
from typing import Any

import msgspec
import pytest

from phalanx.desk.recovery import event_at, events_after, rebuild, recover, restore_snapshot
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Product, Side
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from phalanx.engine.state import State
from phalanx.journal.errors import NoSuchSeq
from phalanx.journal.memory import MemoryJournal
from phalanx.journal.port import Snapshot
from tests.fakes.rig import INFY, ORIGIN, Rig, on_virtual_time, play


async def a_day(rig: Rig) -> list[tuple[int, int, bytes]]:
    """Some history with a snapshot in the middle; (seq, time, hash) after each command."""
    await rig.start()
    await rig.account()
    moments = []
    for step in range(6):
        order = await rig.bought()
        rig.broker.fill(order, whole(10))
        await rig.wait(1)
        if step == 2:
            rig.desk.keep_snapshot()
        moments.append((rig.state.seq, rig.state.time, state_hash(rig.state)))
    return moments


@on_virtual_time
async def test_any_past_moment_can_be_rebuilt_by_seq(rig: Rig) -> None:
    reader = MemoryJournal(rig.disk)
    for seq, _, digest in await a_day(rig):
        assert state_hash(rebuild(reader, until_seq=seq)) == digest
        assert state_hash(rebuild(reader, until_seq=seq, use_snapshot=False)) == digest


@on_virtual_time
async def test_any_past_moment_can_be_rebuilt_by_time(rig: Rig) -> None:
    reader = MemoryJournal(rig.disk)
    for seq, time, digest in await a_day(rig):
        found = rebuild(reader, until_time=time)
        assert (found.seq, state_hash(found)) == (seq, digest)


@on_virtual_time
async def test_a_moment_in_the_middle_of_a_record_is_one_too(rig: Rig) -> None:
    await a_day(rig)
    reader = MemoryJournal(rig.disk)
    replayed = State()
    for seq, event in events_after(reader, 0):
        apply(replayed, event)
        assert state_hash(rebuild(reader, until_seq=seq)) == state_hash(replayed)
        assert rebuild(reader, until_seq=seq, use_snapshot=False).seq == seq


@on_virtual_time
async def test_before_everything_there_is_nothing(rig: Rig) -> None:
    await a_day(rig)
    reader = MemoryJournal(rig.disk)

    assert rebuild(reader, until_seq=0) == State()
    assert rebuild(reader, until_time=0) == State()


@on_virtual_time
async def test_a_snapshot_and_its_tail_are_the_whole_replay(rig: Rig) -> None:
    moments = await a_day(rig)
    reader = MemoryJournal(rig.disk)
    (snapshot,) = reader.snapshots()
    assert 0 < snapshot.seq < moments[-1][0]

    assert state_hash(rebuild(reader)) == moments[-1][2]
    assert state_hash(rebuild(reader, use_snapshot=False)) == moments[-1][2]


@on_virtual_time
async def test_what_is_recovered_says_how_much_of_it_was_replayed(rig: Rig) -> None:
    digest = (await a_day(rig))[-1][2]
    reader = MemoryJournal(rig.disk)
    (snapshot,) = reader.snapshots()

    state, replayed = recover(reader)
    assert (state_hash(state), replayed) == (digest, state.seq - snapshot.seq)

    rig.disk.snapshots = [spoil(snapshot, "a wrong digest")]
    state, replayed = recover(reader)
    assert (state_hash(state), replayed) == (digest, state.seq)


def spoil(snapshot: Snapshot, how: str) -> Snapshot:
    changed: dict[str, dict[str, Any]] = {
        "another version": {"version": snapshot.version + 1},
        "a wrong digest": {"digest": bytes(32)},
        "a flipped byte": {"blob": snapshot.blob[:-1] + bytes([snapshot.blob[-1] ^ 1])},
        "half of it": {"blob": snapshot.blob[: len(snapshot.blob) // 2]},
    }
    return msgspec.structs.replace(snapshot, **changed[how])


@pytest.mark.parametrize(
    "how", ["another version", "a wrong digest", "a flipped byte", "half of it"]
)
def test_a_bad_snapshot_is_as_good_as_none(how: str) -> None:
    async def story(rig: Rig) -> None:
        digest = (await a_day(rig))[-1][2]
        rig.disk.snapshots = [spoil(found, how) for found in rig.disk.snapshots]

        assert restore_snapshot(rig.disk.snapshots[0]) is None
        assert state_hash(rebuild(MemoryJournal(rig.disk))) == digest

    play(story)


@on_virtual_time
async def test_a_snapshot_that_is_no_state_or_another_moments_is_ignored(rig: Rig) -> None:
    await a_day(rig)
    (snapshot,) = rig.disk.snapshots
    for blob in (b"\x93\x01\x02\x03", b"", encode_state(State(seq=snapshot.seq - 1))):
        digest = hashlib.sha256(blob).digest()
        assert restore_snapshot(msgspec.structs.replace(snapshot, blob=blob, digest=digest)) is None
    assert decode_state(snapshot.blob).seq == snapshot.seq


@on_virtual_time
async def test_events_can_be_read_back_one_by_one(rig: Rig) -> None:
    await a_day(rig)
    reader = MemoryJournal(rig.disk)
    everything = list(events_after(reader, 0))

    assert [seq for seq, _ in everything] == list(range(1, rig.state.seq + 1))
    assert [event_at(reader, seq) for seq, _ in everything] == [e for _, e in everything]
    assert list(events_after(reader, 7)) == everything[7:]
    for seq in (0, rig.state.seq + 1):
        with pytest.raises(NoSuchSeq):
            event_at(reader, seq)


@on_virtual_time
async def test_no_snapshot_is_kept_while_something_is_on_its_way(rig: Rig) -> None:
    await rig.start()
    rig.desk.handle(c.PutKill(ORIGIN))

    rig.desk.keep_snapshot()

    assert rig.disk.snapshots == []


@on_virtual_time
async def test_everything_that_is_kept_survives_a_snapshot_and_a_replay(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.subscribe("A1")
    execute = rig.desk.execute
    await execute(c.PutGroups(ORIGIN, (Group("core", (Member("A1", whole(2)),)),)))
    await execute(c.PutLists(ORIGIN, (PriorityList("nifty", (INFY,), ("INFY",)),)))
    await execute(c.PutLimits(ORIGIN, (Limit(LimitLevel.GROUP, "core", restricted=(INFY,)),)))
    lot = c.AdoptedLot("A1/P", INFY, Product.DELIVERY, whole(5), None, 1, "INFY")
    await execute(c.AdoptLots(ORIGIN, (lot,)))
    fire_at = rig.clock.now() + 3_600 * SECOND
    await execute(msgspec.structs.replace(rig.signal(Side.BUY), fire_at=fire_at))
    await rig.desk.stop()
    digest = state_hash(rig.state)
    reader = MemoryJournal(rig.disk)

    (snapshot,) = reader.snapshots()
    assert snapshot.seq == rig.state.seq
    assert state_hash(rebuild(reader)) == digest
    assert state_hash(rebuild(reader, use_snapshot=False)) == digest
    found = rebuild(reader)
    assert list(found.groups) == ["core"]
    assert list(found.lists) == ["nifty"]
    assert list(found.limits) == ["group/core"]
    assert [held.fire_at for held in found.held.values()] == [fire_at]
    assert not next(found.books["A1/P"].all_lots()).cost_known
